"""What every local tracker and re-detector must do, tried on the bundled real clip."""

from functools import lru_cache

import cv2
from helpers.clip import first_box, frames, truth
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.checkpoint import check_sum, FOLDER, shared_backbone
from lg_tracker_ros.factory import build_tracker, make_local, make_redetector
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.opencv import csrt, OpenCVTracker
from lg_tracker_ros.local.spec import BACKBONES
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.recognition.calibrated import CalibratedTracker
from lg_tracker_ros.recognition.confidence import logit, platt
from lg_tracker_ros.recognition.look import Look
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Kind, LocalTracker, Redetector, Region
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.rounding

NEED_FILES = {s.name for s in LOCAL_TRACKERS.values()
              if s.external or not all(p.is_file() for p in s.files('', 'efficientnet_lite0'))}
READY = sorted(set(LOCAL_TRACKERS) - NEED_FILES)


@pytest.fixture(scope='module')
def clip():
    """Decode the clip once."""
    return frames()


@lru_cache
def make(name):
    """Build a local tracker as a user's settings do, once: ``init`` starts it anew."""
    settings = Settings(tracker=name, redetector='none', threads=1)
    return make_local(settings, settings.engine_config())


@lru_cache
def make_finder(name):
    """Build a re-detector likewise."""
    settings = Settings(redetector=name, threads=1)
    return make_redetector(settings, settings.engine_config())


# how much of the target each holds over the first 30 frames; the box of kcf and ncc never grows,
# and mil, whose features are drawn at random, loses this target by itself
@pytest.mark.parametrize('name, least', [
    ('pixelwise', 0.7), ('dimp_lite', 0.7), ('ncc', 0.6), ('opencv_csrt', 0.6),
    ('opencv_kcf', 0.5)])
def test_follows_a_real_target(clip, name, least):
    """Mean IoU over the first 30 frames, the local tracker alone."""
    tracker = make(name)
    assert isinstance(tracker, LocalTracker)
    box = first_box()
    tracker.init(clip[0], box)
    overlaps, confidences = [], []
    for frame, row in zip(clip[1:30], truth()[1:30]):
        output = tracker.track(frame, [Region(box)])[0]
        box = output.box
        overlaps.append(iou(box, Box(*row)))
        confidences.append(output.confidence)
    assert np.mean(overlaps) > least
    assert all(0 <= c <= 1 for c in confidences)
    assert np.mean(confidences) > 0.5


@pytest.mark.parametrize('name', READY)
def test_confidence_tells_absence(clip, name):
    """In frames without the target the confidence is lower than where it is seen."""
    tracker = make(name)
    tracker.init(clip[0], first_box())
    seen = tracker.track(clip[1], [Region(Box(*truth()[1]))])[0].confidence
    absent = [tracker.track(clip[i], [Region(Box(150, 100, 60, 130))])[0].confidence
              for i in range(60, 90, 6)]
    assert seen > 0.6
    assert np.mean(absent) < seen - 0.25


@pytest.mark.parametrize('name', READY)
def test_leaves_the_image_alone_and_can_start_anew(clip, name):
    """No tracker draws into the frame, and a second init forgets the first."""
    tracker = make(name)
    image = clip[0].image.copy()
    tracker.init(clip[0], Box(300, 20, 40, 60))
    tracker.init(clip[0], first_box())
    output = tracker.track(clip[1], [Region(first_box())])[0]
    assert iou(output.box, Box(*truth()[1])) > 0.5
    assert (clip[0].image == image).all()


@pytest.mark.parametrize('name', sorted(NEED_FILES))
def test_missing_weights_are_one_line(name):
    """A tracker whose file isn't there says which file it wants."""
    with pytest.raises((ValueError, OSError)) as e:
        make(name)
    assert '\n' not in str(e.value)
    assert 'weights' in str(e.value)


@pytest.mark.exact
def test_no_target_is_an_error(clip):
    """Tracking before init is a programmer's mistake, said as such."""
    with pytest.raises(RuntimeError, match='call init first'):
        make.__wrapped__('opencv_csrt').track(clip[0], [Region(first_box())])


@pytest.mark.parametrize('box', [
    Box(100, 100, 8, 8), Box(-30, -20, 80, 80), Box(0, 0, 384, 288), Box(340, 250, 80, 70),
    Box(50, 50, 4, 120)])
def test_extreme_targets(clip, box):
    """Tiny, whole-image, overlapping and needle-like targets give a box near their own."""
    tracker = make('pixelwise')
    tracker.init(clip[0], box)
    output = tracker.track(clip[0], [Region(box)])[0]
    assert np.isfinite([output.box.x, output.box.y, output.box.w, output.box.h]).all()
    assert 0 <= output.box.cx <= 384 and 0 <= output.box.cy <= 288
    assert 0.3 < output.box.w / box.w < 3 and 0.3 < output.box.h / box.h < 3


# share of the frames after the return in which a proposal's centre lies on the target
@pytest.mark.parametrize('name, least', [('tanet_lite', 0.8), ('correlation', 0.4)])
def test_redetectors_find_the_target(clip, name, least):
    """Recall at 3 over the frames after the return, learned from frame 0 alone."""
    redetector = make_finder(name)
    assert isinstance(redetector, Redetector)
    redetector.init(clip[0], first_box())
    hits = []
    for i in range(100, 160, 3):
        x, y, w, h = truth()[i]
        found = redetector.propose(clip[i - redetector.history + 1:i + 1], (w, h), 3)
        assert len(found.boxes) <= 3
        assert 0 <= found.attention.min() and found.attention.max() <= 1
        assert all((b.w, b.h) == (w, h) for b in found.boxes)
        hits.append(any(x <= b.cx <= x + w and y <= b.cy <= y + h for b in found.boxes))
    assert np.mean(hits) >= least


def above(frame):
    """Return the frame's upper half, as if the camera looked up, where nobody walks."""
    image = cv2.resize(frame.image[:frame.height // 2], (frame.width, frame.height))
    return Frame(image, frame.stamp, frame.camera)


@pytest.mark.parametrize('local', ['pixelwise', 'opencv_csrt'])
def test_long_term_tracker_loses_and_finds(clip, local):
    """Plug and play: the target leaves, is searched globally, and is found again."""
    tracker = LongTermTracker(make(local), make_finder('tanet_lite'), Settings().search())
    # whether this clip's look-alike is believed while she is away is decided by rounding, so the
    # camera doesn't see it
    before, away, after = range(30, 46), range(60, 84), range(101, 121)

    def right(i):
        box = tracker.step([clip[i]])[0].box
        return box is not None and iou(box, Box(*truth()[i])) > 0.5
    tracker.init(clip[before[0]], Box(*truth()[before[0]]))
    assert np.mean([right(i) for i in before[1:]]) > 0.8
    gone = [tracker.step([above(clip[i])])[0] for i in away]
    assert np.mean([t.visible for t in gone]) <= 0.15
    assert any(t.mode.name == 'GLOBAL' for t in gone)
    assert any(right(i) for i in after)


@pytest.mark.parametrize('name', BACKBONES)
def test_backbones_are_for_those_that_take_any(name):
    """A backbone that its tracker can't take is refused."""
    takers = [s.name for s in LOCAL_TRACKERS.values() if name in s.backbones]
    assert takers
    if name != 'efficientnet_lite0':
        trackers = f'tracker{"s" * (len(takers) > 1)} {" and ".join(takers)}'
        with pytest.raises(ValueError, match=f'is for the {trackers} only, tracker is'):
            Settings(backbone=name)
    for tracker in takers:
        assert Settings(tracker=tracker, backbone=name).backbone == name


def test_first_box_is_checked(clip):
    """Tiny boxes and boxes outside are refused, and what was tracked goes on."""
    tracker = LongTermTracker(make('pixelwise'), None, Settings().search())
    tracker.init(clip[0], first_box())
    for box, words in ((Box(10, 10, 3, 30), 'too small'), (Box(370, 10, 100, 30), 'only 14%')):
        with pytest.raises(ValueError, match=words):
            tracker.init(clip[1], box)
    track = tracker.step([clip[1]])[0]
    assert iou(track.box, Box(*truth()[1])) > 0.6


def test_two_cameras_one_target(clip):
    """The target leaves camera a and is found in camera b; a's frames then cost nothing."""
    tracker = build_tracker(Settings(threads=1))

    def seen_by(camera, frame):
        return Frame(frame.image, frame.stamp, camera)
    tracker.init(seen_by('a', clip[0]), first_box())
    for frame in clip[1:20]:
        tracker.step([seen_by('a', frame), seen_by('b', clip[70])])
    assert tracker.camera == 'a' and not tracker.wants('b')
    tracks = []
    for i in range(110, 140):
        tracks += tracker.step([seen_by('a', clip[60 + i % 30]), seen_by('b', clip[i])])
    assert tracker.camera == 'b' and not tracker.wants('a')
    # until 2 beta2 frames have failed, a look-alike in camera a may be taken for the target
    assert sum(t.visible and t.camera == 'a' for t in tracks) <= 10
    assert [t.camera for t in tracks if t.visible][-15:] == ['b'] * 15
    assert iou(tracks[-1].box, Box(*truth()[139])) > 0.4


class Drifting:
    """A black box that goes right by a quarter of the image in each frame, whatever it sees."""

    seen = 0

    def init(self, image, box):
        """Begin at ``box``."""
        self.x, self.rest = box[0], box[1:]

    def update(self, image):
        """Drift on."""
        self.x += 96
        Drifting.seen = max(Drifting.seen, image.shape[1])
        return True, (self.x, *self.rest)

    def getTrackingScore(self):  # noqa: N802
        """Sure of it."""
        return 1.0


def test_a_black_box_that_drifts_is_brought_back(clip):
    """The image moved after it would grow without end (VitTrack: 7 GB on a real sequence)."""
    tracker = OpenCVTracker(Drifting)
    box = first_box()
    tracker.init(clip[0], box)
    for frame in clip[1:60]:
        found = tracker.track(frame, [Region(box)])[0].box
        assert found.cx == pytest.approx(min(box.cx + 96, frame.width), abs=1)
    assert clip[0].width < Drifting.seen <= 2 * clip[0].width


def test_a_learning_black_box_is_not_led_away_by_proposals(clip):
    """CSRT itself looks only where it is followed, whatever the order of the regions."""
    here, there = Region(first_box()), Region(Box(10, 10, 60, 120), Kind.PROPOSAL)
    followed = []
    for first, second in (([here], [here]), ([there, here], [here]), ([there], [there, here])):
        tracker = csrt()
        tracker.init(clip[0], first_box())
        tracker.track(clip[1], first)
        followed.append(tracker.track(clip[2], second)[-1].box)
    assert followed[0] == followed[1]
    # a frame in which it was sought elsewhere alone has taught it nothing
    alone = csrt()
    alone.init(clip[0], first_box())
    assert followed[2] == alone.track(clip[2], [here])[0].box


def test_a_recognizer_keeps_the_boxes_and_calibrates(clip):
    """Any tracker's boxes and scores pass through; confidence is the logistic of both."""
    settings = Settings(redetector='none', threads=1)
    plain = LOCAL_TRACKERS['ncc'].build('', settings.backbone, settings.engine_config())
    look = Look(shared_backbone(), settings.engine_config())
    whole = CalibratedTracker(plain, look, platt(2.0, 3.0, -1.0))
    whole.init(clip[0], first_box())
    around = [Region(first_box()), Region(Box(10, 10, 60, 120))]
    got, bare = whole.track(clip[1], around), plain.track(clip[1], around)
    assert [(o.box, o.score) for o in got] == [(o.box, o.score) for o in bare]
    assert got[0].cues['look'] > 0.7 and got[0].cues['look'] > got[1].cues['look']
    for o in got:
        odds = 2 * np.log(o.score / (1 - o.score)) + 3 * o.cues['look'] - 1
        assert o.confidence == pytest.approx(1 / (1 + np.exp(-odds)))
    assert whole.track(clip[1], []) == []


def test_confidence_has_no_overflow_and_its_ends():
    """A score of 0 or 1 is no certainty, and huge constants don't break it."""
    def said(c, score, look):
        return c({'score': logit(score), 'look': look})
    c = platt(1.0, 0.0, 0.0)
    assert said(c, 0.8, 0.0) == pytest.approx(0.8)
    assert said(c, 0.0, 0.0) == pytest.approx(1e-6)
    assert said(c, 1.0, 0.0) == pytest.approx(1 - 1e-6)
    assert said(platt(1e9, 1e9, 0.0), 0.0, -1.0) < 1e-20


@pytest.mark.exact
def test_weights_may_bring_their_own_constants(tmp_path):
    """The header's constants go before the table's; what isn't three numbers is one line."""
    shipped = load_file(FOLDER / 'pixelwise.safetensors')
    for note, wrong in (('[1, 2, 3]', False), ('[1, "x"]', True)):
        path = tmp_path / 'mine.safetensors'
        save_file(shipped, path, {'confidence': note})
        settings = Settings(tracker_weights=str(path), redetector='none', threads=1)
        if wrong:
            with pytest.raises(ValueError, match="'confidence' in its header should be three"):
                make_local(settings, settings.engine_config())
        else:
            tracker = make_local(settings, settings.engine_config())
            assert tracker.confidence == platt(1.0, 2.0, 3.0)


@pytest.mark.exact
def test_shipped_weights_are_whole(tmp_path):
    """Every file that ships has its checksum; a flipped bit is refused in one line."""
    lines = (FOLDER / 'SHA256SUMS').read_text().splitlines()
    assert sorted(line.split()[1] for line in lines) == sorted(
        p.name for p in FOLDER.glob('*.safetensors'))
    for path in FOLDER.glob('*.safetensors'):
        check_sum(path)
    assert sum(p.stat().st_size for p in FOLDER.iterdir() if p.is_file()) < 25e6
    (tmp_path / 'SHA256SUMS').write_text((FOLDER / 'SHA256SUMS').read_text())
    data = bytearray((FOLDER / 'pixelwise.safetensors').read_bytes())
    data[-1] ^= 1
    (tmp_path / 'pixelwise.safetensors').write_bytes(data)
    with pytest.raises(ValueError, match=r'is not what SHA256SUMS beside it says: damaged'):
        make_local(Settings(tracker_weights=str(tmp_path)), Settings().engine_config())
