"""Calibration: the constants that made the data come back, and the command on real episodes."""

from dataclasses import replace
import json

import cv2
from lg_tracker_ros.checkpoint import confidence_of, FOLDER
from lg_tracker_ros.cli import main
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.reading.notes import trained_on
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.recognition.confidence import Confidence, platt
from lg_tracker_ros.training.calibration.fit import (
    balanced,
    fit_confidence,
    judge_confidence,
    write_confidence,
)
from lg_tracker_ros.training.calibration.observations import (
    as_table,
    elsewhere,
    Evidence,
    Moment,
    PATIENCE,
    recorded,
    watch,
)
from lg_tracker_ros.training.data.media import held_out as held
from lg_tracker_ros.training.networks.validation import area_under_roc
from lg_tracker_ros.types import Box, TrackerOutput
from lg_tracker_ros.words.lines import LONGEST
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.rounding

TRUE = platt(0.8, 6.0, -2.0)
PICTURE = np.zeros((100, 100, 3), np.uint8)


def drawn(n, seed=0):
    """Draw rows of evidence whose hits follow TRUE."""
    rng = np.random.default_rng(seed)
    score, look = rng.uniform(0.02, 0.98, n), rng.uniform(-0.2, 0.9, n)
    score = np.log(score / (1 - score))
    right = rng.random(n) < [TRUE({'score': s, 'look': a}) for s, a in zip(score, look)]
    return np.stack([score, look, np.where(right, 0.8, 0.1), np.ones(n)], axis=1)


def test_the_constants_come_back():
    rows = drawn(40_000)
    found = fit_confidence(rows, np.ones(len(rows)))
    assert found.weights['score'] == pytest.approx(TRUE.weights['score'], abs=0.08)
    assert found.weights['look'] == pytest.approx(TRUE.weights['look'], abs=0.35)
    assert found.offset == pytest.approx(TRUE.offset, abs=0.15)
    auc, ece = judge_confidence(found, drawn(20_000, seed=1))
    assert auc == pytest.approx(judge_confidence(TRUE, drawn(20_000, seed=1))[0], abs=0.002)
    assert ece < 0.015
    # twice as sure as it may be: the error shows
    assert judge_confidence(platt(1.6, 12.0, -4.0), drawn(20_000, seed=1))[1] > 0.05


def test_a_tracker_that_is_always_right_cannot_be_calibrated():
    rows = drawn(50)
    rows[:, 2] = 0.9
    with pytest.raises(ValueError, match='50 of 50 boxes are right: nothing to tell apart'):
        fit_confidence(rows, np.ones(50))


def test_what_was_recorded_weighs_three_quarters():
    one, two = (Evidence({'score': s, 'look': a}, iou, here)
                for s, a, iou, here in ((0.5, 0.5, 1.0, True), (0.2, 0.1, -1.0, False)))
    rows, weight = balanced({'generated': [one], 'recorded': [two] * 5, 'filmed': [two]})
    assert rows[:, 2].tolist() == [1, *[-1] * 6] and rows[:, 3].tolist() == [1, *[0] * 6]
    assert weight == pytest.approx([0.125, *[0.15] * 5, 0.125])
    assert as_table([]).shape == (0, 4)


def test_evidence_that_speaks_against_itself_is_left_out():
    rows = drawn(20_000)
    rows[:, 0] *= -1
    found = fit_confidence(rows, np.ones(len(rows)))
    assert found.weights['score'] == 0 and found.weights['look'] > 3


@pytest.mark.exact
def test_real_sequences_are_recorded(tmp_path):
    """Frames from the first label on; one without a label is not clear, an absent one is."""
    (tmp_path / 'walk/images').mkdir(parents=True)
    for i in range(4):
        cv2.imwrite(str(tmp_path / f'walk/images/{i}.png'), np.full((40, 50, 3), i, np.uint8))
    lines = ['nan,nan,nan,nan', '5,6,20,20', 'nan,nan,nan,nan', '7,6,20,20']
    (tmp_path / 'walk/groundtruth.txt').write_text('\n'.join(lines))
    (source, episode), = recorded(read_dataset(tmp_path))
    assert source == 'recorded' and [m.image[0, 0, 0] for m in episode] == [1, 2, 3]
    assert [m.box and m.box.x for m in episode] == [5, None, 7]
    assert [m.clear for m in episode] == [True, True, True]


def test_area_under_roc_by_hand():
    # pairs: .9 beats both, .5 beats .1 and ties with .5
    assert area_under_roc(np.array([0.9, 0.5]), np.array([0.1, 0.5])) == 3.5 / 4
    assert area_under_roc(np.zeros(0), np.ones(2)) == 0


class Stuck:
    """A tracker that finds what it looked for where it looked."""

    def __init__(self):
        """Note where it is sent."""
        self.places = []

    def init(self, frame, box):
        """Start."""
        self.places = [box]

    def track(self, frame, regions):
        """Stay."""
        self.places.append(regions[0].box)
        return [TrackerOutput(r.box, 0.5, 0.4, {'score': 0.4, 'look': 0.3}) for r in regions]


def test_a_lost_tracker_is_put_back_and_unclear_frames_are_left_out():
    here, there = Box(10, 10, 20, 20), Box(70, 70, 20, 20)
    moments = [Moment(PICTURE, here), *[Moment(PICTURE, there)] * (PATIENCE + 1),
               Moment(PICTURE, None), Moment(PICTURE, there, clear=False)]
    tracker = Stuck()
    found = [e for _, e in watch(np.random.default_rng(0), {'x': tracker}, moments) if e.followed]
    # one less: the last frame is not clear
    assert [e.iou for e in found] == [0] * PATIENCE + [1, -1]
    assert all(e.cues == {'score': 0.4, 'look': 0.3} for e in found)
    # where it lost the target, then put back onto it
    assert tracker.places[PATIENCE] == tracker.places[1]
    assert tracker.places[PATIENCE + 1] == there
    with pytest.raises(ValueError, match='begins with its target in view'):
        next(watch(np.random.default_rng(0), {}, [Moment(PICTURE, None)]))


class Learner(Stuck):
    """One that is sure in every other frame, and notes what it is told to learn."""

    def track(self, frame, regions):
        """Stay; wherever else it is sent it is sure, too."""
        sure = 0.9 if len(self.places) % 2 else 0.2
        found = super().track(frame, regions)
        return [replace(o, confidence=sure if not i else 0.9) for i, o in enumerate(found)]

    def update(self, frame, accepted, rejected):
        """Note what was accepted."""
        self.learned.append((accepted.box, list(rejected)))

    def miss(self, frame):
        """Note that nothing was."""
        self.learned.append(None)


def test_a_tracker_that_learns_does_so_from_its_own_decisions():
    """Right or wrong: the target has left, and what is sure of itself is learned all the same."""
    here = Box(10, 10, 20, 20)
    tracker = Learner()
    tracker.learned = []
    list(watch(np.random.default_rng(0), {'x': tracker},
               [Moment(PICTURE, here), *[Moment(PICTURE, None)] * 4]))
    place = tracker.places[0]
    assert tracker.learned == [(place, []), None] * 2


def test_candidates_are_look_alikes_the_targets_surroundings_or_anything():
    rng = np.random.default_rng(0)
    box, other = Box(10, 10, 20, 20), Box(60, 60, 22, 22)
    moment = Moment(PICTURE, box, (other, Box(11, 11, 20, 20)))
    places = [elsewhere(rng, moment, box) for _ in range(300)]
    # the second look-alike overlaps the target: it is no mistake to find it there
    assert 180 < sum(p == other for p in places) < 240


@pytest.mark.exact
def test_command_calibrates_the_shipped_weights(tmp_path, capsys):
    """Held-out stamps over photographs; the constants go into the header of a copy."""
    rng = np.random.default_rng(0)
    names = [n for n in (f's{i}' for i in range(200)) if held(n)][:6]
    yy, xx = np.mgrid[:90, :70]
    for name in names:
        image = cv2.resize(rng.integers(0, 256, (9, 7, 4), np.uint8), (70, 90))
        image[..., 3] = np.where(((xx - 35) / 34) ** 2 + ((yy - 45) / 44) ** 2 < 1, 255, 0)
        (tmp_path / 'stamps').mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / 'stamps' / f'{name}.png'), image)
    stills = tmp_path / 'stills'
    (stills / 'images').mkdir(parents=True)
    photos = [n for n in (f'p{i}.jpg' for i in range(200)) if held(n)][:3]
    for name in photos:
        cv2.imwrite(str(stills / 'images' / name),
                    cv2.resize(rng.integers(0, 256, (24, 32, 3), np.uint8), (480, 360)))
    (stills / 'instances.json').write_text(json.dumps({
        'images': [{'id': i, 'file_name': n} for i, n in enumerate(photos)],
        'annotations': [{'image_id': i, 'category_id': 1, 'bbox': [40 + 90 * k, 60, 70, 120]}
                        for i in range(3) for k in range(3)],
        'categories': [{'id': 1, 'name': 'thing'}]}))
    weights = tmp_path / 'mine.safetensors'
    weights.write_bytes((FOLDER / 'pixelwise.safetensors').read_bytes())
    command = ['train', 'calibrate', 'pixelwise', '--data', str(stills), str(tmp_path / 'stamps'),
               '--weights', str(weights), '--episodes', '0.02']
    assert main([*command, '--without', 'Theirs']) == 1
    assert '--without Theirs: no stills of that data set' in capsys.readouterr().err
    assert main([*command, '--write']) == 0
    out = capsys.readouterr().out
    found = Confidence(*confidence_of(str(weights), ''))
    assert f"'pixelwise': {found}" in out and set(found.weights) == {'score', 'look'}
    assert '| pixelwise | generated ' in out and '| pixelwise | photographed' in out
    assert 'filmed' not in out
    assert trained_on(weights) == trained_on(FOLDER / 'pixelwise.safetensors')
    assert confidence_of('', 'missing.safetensors') is None


def test_a_published_file_gets_a_calibrated_one_beside_it(tmp_path, caplog):
    """It is told as uncalibrated, once; what is written isn't, and holds the same weights."""
    tell_once.cache_clear()
    state = read_state_dict(FOLDER / 'pixelwise.safetensors')
    path = tmp_path / 'published.pth'
    torch.save({'net': {f'module.{k}': v for k, v in state.items()}, 'epoch': 3}, path)

    def made(weights):
        settings = Settings(redetector='none', threads=1, tracker_weights=str(weights))
        return make_local(settings, settings.engine_config())
    for _ in range(2):
        assert made(path).confidence == LOCAL_TRACKERS['pixelwise'].confidence
    line, = caplog.messages
    assert f'{path} is not calibrated' in line and len(line) <= LONGEST
    assert 'train calibrate pixelwise --backbone efficientnet_lite0 --weights FILE --write' in line
    fitted = platt(0.5, 2.0, -1.0)
    written = write_confidence(path, fitted)
    assert written == tmp_path / 'published.safetensors'
    assert made(written).confidence == fitted and len(caplog.messages) == 1
    found = read_state_dict(written)
    assert found.keys() == state.keys() and all(torch.equal(found[k], state[k]) for k in state)
    with pytest.raises(ValueError, match=r'published\.safetensors is there already'):
        write_confidence(path, fitted)
    torch.save({'network': 'pixelwise', 'config': {}, 'step': 1, 'state_dict': state}, path)
    with pytest.raises(ValueError, match=r'train export makes a \.safetensors'):
        write_confidence(path, fitted)


@pytest.mark.parametrize('words, message', [
    (['pixelwise', 'ncc', '--weights', 'x.safetensors'], '--weights is for one tracker'),
    (['pixelwise', '--write'], '--write needs --weights')])
def test_what_does_not_go_together_is_said(tmp_path, capsys, words, message):
    assert main(['train', 'calibrate', *words, '--data', str(tmp_path)]) == 1
    assert message in capsys.readouterr().err
