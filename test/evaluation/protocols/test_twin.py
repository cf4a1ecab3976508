"""The kind ``twin``: labels, looks and lives of the look-alike, and what is claimed on it."""

import json

import cv2
from helpers.absences import grey, round_and_round, SIZE, stretches
from lg_tracker_ros.cli import main
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.protocols.absent import build, plans
from lg_tracker_ros.evaluation.protocols.absent_plan import BETWEEN, KINDS, plan, Twin, UnfitError
from lg_tracker_ros.evaluation.protocols.twin import draw, outline, recolour
from lg_tracker_ros.evaluation.protocols.twin_plan import APART, plan_twin
import numpy as np
import pytest

TARGET = np.array([180, 60, 180], np.uint8)  # BGR: a purple on grey and green
SEEDS = range(16)
SAME = {'hue': 0.0, 'saturation': 1.0, 'brightness': 1.0}


def sequence(folder, name='a', count=200, masks=False):
    """Make a sequence of a target whose left half is purple and whose right half is white."""
    truth = round_and_round(count)
    images, cuts = ([folder / f'{name}{what}{i:04d}.png' for i in range(count)]
                    for what in ('', 'mask'))
    for path, cut, box in zip(images, cuts, truth):
        image = np.full((SIZE[1], SIZE[0], 3), (60, 110, 60), np.uint8)
        mask = np.zeros(image.shape[:2], np.uint8)
        x, y, w, h = box.astype(int)
        image[y:y + h, x:x + w] = TARGET
        image[y:y + h, x + w // 2:x + w] = 250
        mask[y:y + h, x:x + w // 2] = 7  # its left half only
        cv2.imwrite(str(path), image)
        if masks:
            cv2.imwrite(str(cut), mask)
    return LabelledSequence(name, truth, np.zeros(count, bool), tuple(images),
                            masks=tuple(cuts) if masks else ())


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Plan twins of many seeds for one sequence."""
    folder = tmp_path_factory.mktemp('source')
    source, other = sequence(folder), grey(folder=folder)
    return source, other, [plan_twin(source, [other], seed, SIZE) for seed in SEEDS]


def test_absences_are_those_of_the_kind_without_a_twin(made):
    source, other, found = made
    for seed, p in zip(SEEDS, found):
        way, kind = p.tags
        base = plan(source, [other], seed, kind, SIZE)
        np.testing.assert_array_equal(p.truth, base.truth)
        np.testing.assert_array_equal(p.absent, base.absent)
        np.testing.assert_array_equal(p.cut, base.cut)
        assert p.name == 'a-twin' and way in ('stays', 'comes')
    assert {p.tags for p in found} == {(way, kind) for way in ('stays', 'comes')
                                       for kind in ('cut-away', 'jump')}


def test_it_stays_or_comes_and_leaves_before_with_or_after(made):
    ends = set()
    for p in made[2]:
        labelled = np.isfinite(p.twin.labels(p.size)[:, 0])
        for a, b in stretches(p.absent):
            assert labelled[a:b].any(), 'in every absence'
            if p.tags[0] == 'stays':
                assert labelled[a - BETWEEN:a + 1].all()
            else:
                assert not labelled[a - 1:a + 1].any()
            ends.add('after' if labelled[b] else 'with' if labelled[b - 1] else 'before')
            if labelled[b]:
                assert labelled[b:b + BETWEEN // 2].all()
    assert ends == {'before', 'with', 'after'}


def test_it_is_another_moment_clear_of_the_target_and_moves_smoothly(made):
    for p in made[2]:
        drawn = p.twin.frames >= 0
        assert (drawn == np.isfinite(p.twin.boxes[:, 0])).all()
        assert (np.abs(p.twin.frames - p.first - np.arange(len(drawn)))[drawn] >= APART).all()
        for a, b in stretches(drawn):
            again = np.flatnonzero(np.diff(p.twin.frames[a:b]) != 1) + a + 1
            assert not p.absent[again].any() and p.absent[again - 1].all(), (
                'time runs forward for it, too; it begins anew at a cut only')
        both = drawn & np.isfinite(p.truth[:, 0])
        apart = np.abs((p.twin.boxes - p.truth)[both, :2] + (p.twin.boxes - p.truth)[both, 2:] / 2)
        assert (apart >= .5 * (p.twin.boxes + p.truth)[both, 2:]).any(axis=1).all()
        labels = p.twin.labels(p.size)
        whole = np.isclose(labels, p.twin.boxes).all(axis=1)
        within = whole[1:] & whole[:-1] & (np.diff(p.twin.frames) == 1)
        steps = np.abs(np.diff(p.twin.boxes[:, :2], axis=0))[within]
        assert np.median(steps) < 1 and whole[drawn].mean() > .5
        share = p.twin.boxes[drawn, 2] / 16
        assert .8 < share.min() and share.max() < 1.25, 'about as large as the target'
        seen = np.nan_to_num(labels)
        assert (seen[:, :2] >= 0).all() and (seen[:, :2] + seen[:, 2:] <= np.array(p.size)).all()


def test_one_seed_is_one_plan_and_the_look_differs_between_seeds(made):
    source, other, found = made
    again = plan_twin(source, [other], 3, SIZE)
    np.testing.assert_array_equal(again.twin.boxes, found[3].twin.boxes)
    looks = {(p.twin.hue, p.twin.saturation, p.twin.brightness) for p in found}
    assert len(looks) == len(found)
    assert all(abs(h) >= 6 and abs(s - 1) >= .2 and abs(v - 1) >= .2 for h, s, v in looks)


def test_pictures_show_the_twin_where_its_labels_say(made, tmp_path):
    source, other, found = made
    for way in ('stays', 'comes'):
        p = next(p for p in found if p.tags == (way, 'cut-away'))
        folder = build(p, source, [other], tmp_path / way)
        back, = read_dataset(tmp_path / way)
        assert (back.protocol, back.attributes) == ('twin', ('twin', way, 'cut-away'))
        np.testing.assert_allclose(back.others, p.twin.labels(p.size), atol=.005)
        assert json.loads((folder / 'protocol.json').read_text())['twin']['hue'] == p.twin.hue
        for i, frame in enumerate(back.frames()):
            if not back.absent[i]:
                continue
            changed = np.abs(frame.image.astype(int) - 128).max(axis=2) > 40
            if np.isnan(back.others[i, 0]):
                assert changed.mean() < .01
                continue
            x, y, w, h = back.others[i]
            ys, xs = np.nonzero(changed)
            assert x - 3 <= xs.min() and xs.max() <= x + w + 3
            assert y - 3 <= ys.min() and ys.max() <= y + h + 3
        assert build(p, source, [other], tmp_path / way) == folder, 'the same one is left'
        (folder / 'twin.txt').write_text('')
        with pytest.raises(ValueError, match='a-twin was built otherwise'):
            build(p, source, [other], tmp_path / way)


def test_it_is_mirrored_recoloured_and_cut_softly(tmp_path):
    source = cv2.imread(str(sequence(tmp_path, count=1).images[0]))
    taken, box = round_and_round(1)[0], np.array([40., 30, 32, 24])
    ground = np.full((100, 100, 3), 128, np.uint8)
    drawn = draw(ground, box, source, taken, Twin(np.zeros((0, 4)), np.zeros(0), **SAME))
    assert drawn[42, 48].tolist() == [250] * 3, 'white is on the left now'
    np.testing.assert_allclose(drawn[42, 64], TARGET, atol=3)
    assert (drawn[:, :35] == 128).all() and (drawn[:25] == 128).all()
    edge = outline(box, np.zeros(2), (100, 100))
    assert edge[42, 56] == 1 and 0 < edge[42, 40] < 1 and edge[30, 40] == 0, 'round corners'
    other = recolour(np.full((1, 1, 3), TARGET), Twin(box[None], np.zeros(1), 10, .7, .75))[0, 0]
    assert max(other) == 135 and np.ptp(other) == pytest.approx(.75 * .7 * 120, abs=2)
    assert other[0] < other[2], 'a redder purple'
    beyond = draw(ground, np.array([200., 30, 32, 24]), source, taken,
                  Twin(np.zeros((0, 4)), np.zeros(0), **SAME))
    assert (beyond == 128).all()


def test_masks_are_used_where_there_are_any(tmp_path):
    s = sequence(tmp_path, count=1, masks=True)
    drawn = draw(np.full((100, 100, 3), 128, np.uint8), np.array([40., 30, 32, 24]),
                 cv2.imread(str(s.images[0])), s.truth[0],
                 Twin(np.zeros((0, 4)), np.zeros(0), **SAME), cv2.imread(str(s.masks[0]), 0))
    assert (drawn[42, 44:48] == 128).all(), 'the white half is no part of it'
    np.testing.assert_allclose(drawn[42, 64], TARGET, atol=6)


def test_it_must_be_asked_for(made, tmp_path):
    source, other, _ = made
    assert {p.kind for p in plans(source, [other], 1, KINDS, True, 200)} == set(KINDS)
    p, = plans(source, [other], 1, ('twin',), False, 200)
    assert p.twin is not None
    assert all(plan(source, [other], 1, kind, SIZE).twin is None for kind in KINDS)


def test_no_place_is_said():
    large = LabelledSequence('big', np.tile([2.0, 2, 196, 146], (200, 1)), np.zeros(200, bool),
                             video='x')
    with pytest.raises(UnfitError, match=r'big: no window of .*; big: no unrelated sequence'):
        plan_twin(large, [], 1, SIZE)


def test_the_twin_is_read_and_what_is_claimed_on_it_is_reported(made, tmp_path, capsys):
    source, other, found = made
    p = next(p for p in found if p.tags[0] == 'stays')
    build(p, source, [other], tmp_path / 'data')
    assert main(['eval', 'run', '--data', str(tmp_path / 'data'), '--trackers', 'opencv_kcf',
                 '--out', str(tmp_path / 'out')]) == 0
    assert main(['eval', 'report', str(tmp_path / 'out'), '--no-pictures']) == 0
    text = (tmp_path / 'out/report.md').read_text()
    assert '\nWith a look-alike:\n' in text and '| on the twin' in text
    figures = json.loads((tmp_path / 'out/report.json').read_text())['opencv_kcf']['mean']
    assert 0 <= figures['claimed_on_twin'] <= 1 and 0 <= figures['wrong_twin'] <= 1
    (tmp_path / 'data/a-twin/twin.txt').write_text('1,2,3,4\n' * 200)
    assert main(['eval', 'run', '--data', str(tmp_path / 'data'), '--trackers', 'opencv_kcf',
                 '--out', str(tmp_path / 'out')]) == 1
    assert 'holds other labels for a-twin' in capsys.readouterr().err
    (tmp_path / 'data/a-twin/twin.txt').write_text('1,2,3,0\n' * 200)
    with pytest.raises(ValueError, match=r'twin\.txt:1: w and h must be positive'):
        read_dataset(tmp_path / 'data')
    (tmp_path / 'data/a-twin/twin.txt').write_text('1,2,3,4\n')
    with pytest.raises(ValueError, match='1 boxes of a look-alike but 200 labels'):
        read_dataset(tmp_path / 'data')
