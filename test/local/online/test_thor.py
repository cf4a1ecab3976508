"""THOR on hosts: one template is the host, which templates last, when the short ones go."""

from functools import lru_cache

from helpers.clip import first_box, frames, truth
from lg_tracker_ros.crops import mean_color
from lg_tracker_ros.local.online.thor import modulated, Thor, ThorConfig, tukey
from lg_tracker_ros.recognition.diversity import log_volume
from lg_tracker_ros.types import Box, OnlineTracker, Region
import numpy as np
import pytest

from .hosts import pair

pytestmark = pytest.mark.rounding


@lru_cache
def clip():
    """Decode what these tests need."""
    return frames(12)


@pytest.mark.parametrize('name', ['pixelwise', 'siamfcpp', 'siamrpnpp'])
def test_one_template_is_the_host(name):
    """Bit for bit, after updates, too."""
    plain, opened = pair(name)
    thor = Thor(opened, ThorConfig(recent=0, lasting=1, every=1, bound=-1.0))
    assert isinstance(thor, OnlineTracker)
    around = [Region(first_box()), Region(Box(30, 40, 50, 60))]
    for tracker in (plain, thor):
        tracker.init(clip()[0], first_box())
    for frame in clip()[1:3]:
        want, got = plain.track(frame, around), thor.track(frame, around)
        assert got == want
        thor.update(frame, got[0], got[1:])
    assert len(thor.lasting) == 1 and not thor.recent


def test_one_template_is_a_published_host():
    """Up to rounding: the same weights in another grouping of its network."""
    plain, opened = pair('alexnet_published')
    thor = Thor(opened, ThorConfig(recent=0, lasting=1))
    around = [Region(first_box()), Region(Box(30, 40, 50, 60))]
    for tracker in (plain, thor):
        tracker.init(clip()[0], first_box())
    for want, got in zip(plain.track(clip()[1], around), thor.track(clip()[1], around)):
        assert got.score == pytest.approx(want.score, abs=1e-4)
        assert (got.box.x, got.box.y, got.box.w, got.box.h) == pytest.approx(
            (want.box.x, want.box.y, want.box.w, want.box.h), abs=1e-2)


def test_the_volume_never_falls_and_the_first_stays():
    _, opened = pair('pixelwise')
    thor = Thor(opened, ThorConfig(recent=2, lasting=3, every=1, bound=-10.0))
    thor.init(clip()[0], first_box())
    first, volumes, changes = thor.lasting[0], [], 0
    for i in range(1, 12):
        before = thor.lasting
        output = thor.track(clip()[i], [Region(Box(*truth()[i]))])[0]
        thor.update(clip()[i], output, [])
        changes += thor.lasting != before
        assert thor.lasting[0] is first and len(thor.lasting) <= 3 and len(thor.recent) <= 2
        if len(set(thor.lasting)) == 3:
            volumes.append(log_volume(np.stack([k.vector for k in thor.lasting])))
    assert (np.diff(volumes) >= 0).all() and volumes[-1] > volumes[0]
    assert 2 < changes < 11
    thor.disown()
    assert set(thor.lasting) == set(thor.recent) == {first}


def test_templates_are_cut_in_time_and_only_of_the_target():
    """Every third accepted frame; one unlike the lasting ones doesn't last."""
    _, opened = pair('pixelwise')
    thor = Thor(opened, ThorConfig(every=3, bound=0.9999, agree=0.0))
    thor.init(clip()[0], first_box())
    for i in range(1, 7):
        thor.update(clip()[i], thor.track(clip()[i], [Region(Box(*truth()[i]))])[0], [])
        thor.miss(clip()[i])
        assert len(set(thor.recent) - set(thor.lasting)) == i // 3
    assert len(set(thor.lasting)) == 1
    # slots that nothing took yet hold the first frame's template
    assert len(thor.lasting) == 4 and thor.recent[0] is thor.lasting[0]


def test_short_term_templates_that_disagree_go():
    """The long-term box is taken then, and the next template that is cut begins anew."""
    _, opened = pair('pixelwise')
    strict, loose = (Thor(opened, ThorConfig(every=1, agree=agree)) for agree in (1.1, 0.0))
    for thor in (strict, loose):
        thor.init(clip()[0], first_box())
        for i in range(1, 4):
            thor.update(clip()[i], thor.track(clip()[i], [Region(Box(*truth()[i]))])[0], [])
    assert len(set(strict.recent)) == 1 and len(set(loose.recent)) == 3
    assert len(strict.recent) == 3


def test_only_the_frame_of_which_a_template_is_cut_says_whether_they_go():
    """As in the published code: what disagreed in a frame before is forgotten."""
    _, opened = pair('pixelwise')
    thor = Thor(opened, ThorConfig(every=2))
    thor.init(clip()[0], first_box())
    for i, agree in ((1, 1.1), (2, 0.0)):
        thor.config = ThorConfig(every=2, agree=agree)
        thor.update(clip()[i], thor.track(clip()[i], [Region(Box(*truth()[i]))])[0], [])
    assert [k is thor.lasting[0] for k in thor.recent] == [True, True, False]


def test_templates_are_weighed_when_penalties_and_window_have_had_their_say():
    _, opened = pair('siamrpnpp')
    thor, around = Thor(opened, ThorConfig(recent=1, lasting=1, every=1, agree=0.0)), first_box()
    thor.init(clip()[0], around)
    thor.update(clip()[1], thor.track(clip()[1], [Region(around)])[0], [])
    templates = [*thor.lasting, *thor.recent]
    assert templates[0] is not templates[1]
    searched = opened.search(clip()[2], [Region(around)], mean_color(clip()[0].image))
    crop, cells, picks = searched.crops[0], len(opened.selector.points) ** 2, []
    maps = [[m[0] for m in opened.match(searched, k.template)] for k in templates]
    ranks = modulated(np.stack([opened.selector.rank(crop, around, *m) for m in maps]), cells,
                      [1, 1])
    picks = [opened.selector.pick(clip()[2], crop, around, *m, r) for m, r in zip(maps, ranks)]
    found, = thor.track(clip()[2], [Region(around)])
    assert found.box == picks[1].output.box and found.score == picks[0].output.score


def test_maps_are_weighed_by_where_they_agree():
    """Written out: means over two anchors, templates weighed by their maxima and how often."""
    first, second = np.random.default_rng(0).random((2, 2, 3))
    each = [(m[0] + m[1]) / 2 for m in (first, second)]
    mean = 3 * each[0].max() * each[0] + each[1].max() * each[1]
    found = modulated(np.stack([first.ravel(), second.ravel()]), 3, [3, 1])
    for row, m in zip(found, (first, second)):
        assert row.reshape(2, 3) == pytest.approx(m * mean / mean.max())


def test_tukeys_window():
    """By its definition: 0 at both ends, a cosine, flat in the middle; Hann's at taper 1."""
    assert tukey(4, 0.0).tolist() == [1, 1, 1, 1]
    assert tukey(7, 1.0) == pytest.approx(np.hanning(7))
    w = tukey(41, 0.5)
    assert (w[10:31] == 1).all() and w[:10] == pytest.approx(w[:30:-1])
    assert w[:10] == pytest.approx((1 - np.cos(np.pi * np.arange(10) / 10)) / 2)
