"""DROL on hosts: the host alone at weight 0, what is learned, and when."""

from copy import copy, deepcopy
from dataclasses import replace
from functools import lru_cache

from helpers.clip import first_box, frames, truth
from helpers.fakes import ScriptedLook
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.engine import EngineConfig, onnx_runtime
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.online.classifier import ClassifierConfig
from lg_tracker_ros.local.online.drol import _Seen, Drol, DrolConfig
from lg_tracker_ros.local.online.host import Host
from lg_tracker_ros.local.online.thor import Thor
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.recognition.calibrated import calibrated
from lg_tracker_ros.recognition.confidence import platt
from lg_tracker_ros.recognition.recogniser import OnlineRecogniser
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, LocalTracker, OnlineTracker, Region, TrackerOutput
import numpy as np
import pytest
import torch

from .hosts import LITE, pair

pytestmark = pytest.mark.rounding

QUICK = ClassifierConfig(channels=16, steps=3, iterations=5)


@lru_cache
def clip():
    """Decode what these tests need."""
    return frames(14)


@lru_cache
def host():
    """Open the tracker that ships."""
    return LOCAL_TRACKERS['pixelwise'].host('', LITE, EngineConfig('cpu', 'torch', threads=1))


@lru_cache
def started():
    """Start DROL on the clip, with a small classifier."""
    made = Drol(host(), DrolConfig(classifier=QUICK))
    made.init(clip()[0], first_box())
    return made


def drol(**values):
    """Give a copy of it as it was after the first frame: what it learns replaces what it knew."""
    made = copy(started())
    made.classifier, made.config = copy(made.classifier), replace(made.config, **values)
    made._seen = {}
    return made


@pytest.mark.parametrize('name', ['pixelwise', 'siamfcpp', 'siamrpnpp'])
def test_weight_0_gives_the_boxes_of_the_host(name):
    """Bit for bit, whatever the classifier learned; and with weight 1 it has its say."""
    plain, opened = pair(name)
    quick = ClassifierConfig(channels=4, steps=1, iterations=1)
    around = [Region(first_box()), Region(Box(30, 40, 50, 60))]
    plain.init(clip()[0], first_box())
    want = plain.track(clip()[1], around)
    module = Drol(opened, DrolConfig(weight=0.0, classifier=quick))
    assert isinstance(module, OnlineTracker)
    module.init(clip()[0], first_box())
    assert module.track(clip()[1], around) == want
    module.config = replace(module.config, weight=1.0)
    assert module.track(clip()[1], around) != want


def test_in_onnx_runtime_the_boxes_are_the_same():
    """And its networks are among those that ship: nothing is exported at start."""
    around = [Region(first_box()), Region(Box(30, 40, 50, 60))]
    engine = EngineConfig('cpu', 'onnx', threads=1, shipped=SHIPPED_NETWORKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_runtime, 'export', None)
        made = LOCAL_TRACKERS['pixelwise'].host('', LITE, engine)
    found = []
    for opened in (host(), made):
        thor = Thor(opened)
        thor.init(clip()[0], first_box())
        found.append(thor.track(clip()[1], around))
    for want, got in zip(*found):
        assert got.score == pytest.approx(want.score, abs=1e-3)
        assert iou(got.box, want.box) > 0.99


def test_another_host_exports_too():
    opened = pair('siamfcpp')[1]
    engine = EngineConfig('cpu', 'onnx', threads=1)
    module = type(opened.net)(deepcopy(opened.net.module))
    exported = Host(opened.selector, module, engine)
    crop = opened.selector.cut_template(clip()[0].image, first_box(), (0, 0, 0))
    around = [Region(first_box()), Region(Box(30, 40, 50, 60))]
    maps = []
    for h in (opened, exported):
        template, _ = h.template(crop, first_box())
        maps.append(h.match(h.search(clip()[1], around, (0, 0, 0)), template))
    for want, got in zip(*maps):
        np.testing.assert_allclose(got, want, rtol=1e-2, atol=1e-3 * np.abs(want).max())


def test_a_light_host_starts_with_fewer_steps():
    assert host().light and Drol(host()).classifier.config.steps == 2
    assert Drol(pair('siamrpnpp')[1]).classifier.config.steps == 6


def test_levels_of_different_channels_give_the_first_one():
    """Else their mean (resnet50_lt has 128, 256 and 512 channels)."""
    maps = [torch.full((1, channels, 2, 2), float(channels)) for channels in (3, 5)]
    net = pair('siamrpnpp')[1].net
    assert net.learnable(maps) is maps[0]
    assert torch.equal(net.learnable([maps[0], maps[0] + 2]), maps[0] + 1)


def test_it_follows_learns_and_forgets():
    """Thirty samples at first, one for each plain accepted frame, none without ``update``."""
    tracker = drol()
    assert len(tracker.classifier.weights) == 30
    box, overlaps = first_box(), []
    for i in range(1, 14):
        output = tracker.track(clip()[i], [Region(Box(5, 5, 40, 60)), Region(box)])[1]
        tracker.update(clip()[i], output, [])
        box = output.box
        overlaps.append(iou(box, Box(*truth()[i])))
    assert np.mean(overlaps) > 0.6
    assert 35 <= len(tracker.classifier.weights) <= 43
    crop = host().selector.cut(clip()[13].image, box, (0, 0, 0)).image
    z = tracker.classifier.extract(host().learnable(host().features([crop])))
    learned = tracker.classifier.respond(z)
    tracker.disown()
    assert len(tracker.classifier.weights) == 30
    assert not torch.equal(tracker.classifier.respond(z), learned)


def test_nothing_is_learned_of_a_box_that_it_did_not_find():
    tracker = drol()
    tracker.track(clip()[1], [Region(first_box())])
    tracker.update(clip()[1], TrackerOutput(Box(1, 2, 30, 40), 1.0, 1.0), [])
    assert len(tracker.classifier.weights) == 30


def test_nothing_is_learned_while_the_target_is_lost():
    """The whole tracker, on a picture that goes grey: frames that it doesn't believe."""
    module = drol()
    settings = Settings(redetector='none', recognition='first_look', threads=1)
    whole = make_local(settings, settings.engine_config())
    module.init = lambda frame, box: None  # it has seen the first frame
    local = calibrated(module, whole._look, whole.confidence)
    tracker = LongTermTracker(local, None, settings.search())
    tracker.init(clip()[0], first_box())
    for frame in clip()[1:4]:
        tracker.step([frame])
    known = len(module.classifier.weights)
    assert known > 30
    grey = Frame(np.full_like(clip()[0].image, 128), 0, clip()[0].camera)
    seen = [tracker.step([grey])[0].visible for _ in range(4)]
    assert not any(seen)
    assert len(module.classifier.weights) == known


def test_the_short_term_template_is_taken_where_it_is_clearly_better():
    """Same place, score better by the gain: its box and score; else the first one's."""
    tracker = drol(period=2, clear=-1.0, gain=-1.0, agree=0.0)
    plain = drol(period=2, clear=-1.0, gain=-1.0, agree=1.1)
    for i in (1, 2):
        for t in (tracker, plain):
            t.update(clip()[i], t.track(clip()[i], [Region(Box(*truth()[i]))])[0], [])
    ask = [Region(Box(*truth()[3]))]
    short, first = tracker.track(clip()[3], ask)[0], plain.track(clip()[3], ask)[0]
    assert short != first
    assert iou(short.box, first.box) > 0.6


def test_an_operators_word_reaches_it():
    """What the recogniser is told is told to the tracker under it."""
    module = drol()
    module.init = lambda frame, box: None  # it has seen the first frame
    look = ScriptedLook(lambda box: np.array([1, 0, 0], np.float32))
    whole = OnlineRecogniser(module, look, platt(1.0, 1.0, 0.0))
    whole.init(clip()[0], first_box())
    output = whole.track(clip()[1], [Region(first_box())])[0]
    whole.update(clip()[1], output, [])
    assert len(module.classifier.weights) == 31
    whole.disown()
    assert len(module.classifier.weights) == 30


@pytest.mark.parametrize('name', ['drol', 'thor'])
def test_the_parameter_builds_it_and_says_where_it_cannot(name):
    settings = Settings(online_module=name, redetector='none', threads=1)
    local = make_local(settings, settings.engine_config())
    assert type(local.tracker).__name__.lower() == name
    assert isinstance(local.tracker, LocalTracker)
    with pytest.raises(RuntimeError, match='call init first'):
        local.tracker.track(clip()[0], [Region(first_box())])
    with pytest.raises(ValueError, match='for the trackers pixelwise, siamfcpp, siamrpnpp only, '
                                         "tracker is 'ncc'"):
        Settings(online_module=name, tracker='ncc')
    with pytest.raises(ValueError, match='engine must be auto, torch or onnx, got'):
        Settings(online_module=name, engine='tensorrt')


def test_the_parameters_of_its_table_reach_it():
    settings = Settings(online_module='drol', online_weight=0.2, online_attention='none',
                        online_template_frames=0, redetector='none', threads=1)
    config = make_local(settings, settings.engine_config()).tracker.config
    assert (config.weight, config.attention, config.period) == (0.2, 'none', 0)
    assert Drol(host(), config).classifier.config.attention == 'none'


@pytest.mark.parametrize('name', ['pixelwise', 'siamrpnpp'])
def test_the_hosts_penalty_is_not_on_what_stands_beside_its_score(name):
    """Written out, as in the published code: penalty, then the mixture, then the window."""
    selector, rng = pair(name)[1].selector, np.random.default_rng(0)
    crop = selector.cut(clip()[0].image, first_box(), (0, 0, 0))
    cells = len(selector.points) ** 2
    count = cells * (5 if name == 'siamrpnpp' else 1)
    scores, beside = rng.uniform(0.1, 1, (2, count))
    geometry = rng.uniform(10, 90, (4, count))
    constants = getattr(selector, 'constants', None) or selector.config
    share = constants.window
    window = selector.rank(crop, first_box(), scores * 0, geometry) / share
    plain = selector.rank(crop, first_box(), scores, geometry)
    penalty = (plain - share * window) / (scores * (1 - share))
    assert penalty.min() < 0.9 and penalty.max() <= 1 + 1e-6
    selector = copy(selector)
    selector.online_window = 0.25
    found = selector.rank(crop, first_box(), scores, geometry, beside, 0.8)
    want = (0.2 * penalty * scores + 0.8 * beside) * 0.75 + 0.25 * window
    assert found == pytest.approx(want, abs=1e-6)


def test_a_response_is_read_where_the_middle_of_the_filter_lies():
    """Its side is even: of four cells in the middle the map is as high on either side."""
    tracker = drol()
    tracker.classifier._filter = torch.ones_like(tracker.classifier._filter)
    z = torch.zeros(1, QUICK.channels, 16, 16)
    z[:, :, 7:9, 7:9] = 1
    online = tracker._rescaled(tracker.classifier.respond(z))[0]
    cells = len(host().selector.points)
    online = online.reshape(cells, cells)
    assert online.max() == 1 and online[0, 0] < 0.1
    np.testing.assert_allclose(online, online[::-1, ::-1], atol=1e-5)
    # and a label's middle is where such a filter answers
    label = tracker._label(16, 128, 128, 64, 64)
    assert label[8, 8] == 1


def test_no_template_is_made_of_a_frame_with_a_rival():
    """As in the published code."""
    output, crop = TrackerOutput(first_box(), 1.0, 1.0), host().selector.cut(
        clip()[1].image, first_box(), (0, 0, 0))
    z = started().classifier.extract(host().learnable(host().features([crop.image])))
    rows, cols = np.ogrid[:16, :16]

    def bump(row, col):
        return np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 2).astype(np.float32)
    for response, made in ((bump(8, 8), True), (bump(8, 8) + 0.9 * bump(1, 1), False)):
        tracker = drol(period=1)
        tracker._seen = {clip()[1].camera: [_Seen(output, crop, z, response)]}
        tracker.update(clip()[1], output, [])
        assert (tracker._short is not None) == made


def test_without_a_period_there_is_no_second_template():
    with_it, without = drol(period=1, clear=-1.0), drol(period=0, clear=-1.0)
    for t in (with_it, without):
        t.update(clip()[1], t.track(clip()[1], [Region(Box(*truth()[1]))])[0], [])
    assert with_it._short is not None and without._short is None
