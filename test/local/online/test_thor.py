"""THOR on hosts: one template is the host, which templates last, when the short ones go."""

from functools import lru_cache

from helpers.clip import first_box, frames, truth
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
        if len(thor.lasting) == 3:
            volumes.append(log_volume(np.stack([k.vector for k in thor.lasting])))
    assert (np.diff(volumes) >= 0).all() and volumes[-1] > volumes[0]
    assert 2 < changes < 11
    thor.disown()
    assert thor.lasting == (first,) and not thor.recent


def test_templates_are_cut_in_time_and_only_of_the_target():
    """Every third accepted frame; one unlike the lasting ones doesn't last."""
    _, opened = pair('pixelwise')
    thor = Thor(opened, ThorConfig(every=3, bound=0.9999, agree=0.0))
    thor.init(clip()[0], first_box())
    for i in range(1, 7):
        thor.update(clip()[i], thor.track(clip()[i], [Region(Box(*truth()[i]))])[0], [])
        thor.miss(clip()[i])
        assert len(thor.recent) == i // 3
    assert len(thor.lasting) == 1


def test_short_term_templates_that_disagree_go():
    """The long-term box is taken then, and the next template that is cut begins anew."""
    _, opened = pair('pixelwise')
    strict, loose = (Thor(opened, ThorConfig(every=1, agree=agree)) for agree in (1.1, 0.0))
    for thor in (strict, loose):
        thor.init(clip()[0], first_box())
        for i in range(1, 4):
            thor.update(clip()[i], thor.track(clip()[i], [Region(Box(*truth()[i]))])[0], [])
    assert len(strict.recent) == 1 and len(loose.recent) == 3


def test_maps_are_weighed_by_where_they_agree():
    maps = np.array([[.8, .2, .1], [.2, .4, .1]], np.float32)
    mean = (.8 * maps[0] + .4 * maps[1]) / 1.2
    assert modulated(maps) == pytest.approx(maps * mean / mean.max())
    assert (modulated(maps[:1]) == maps[:1]).all()


def test_tukeys_window():
    """Flat in the middle; half of it up at half of the taper; a Hann window at taper 1."""
    assert tukey(4, 0.0).tolist() == [1, 1, 1, 1]
    assert tukey(2, 1.0) == pytest.approx([.5, .5])
    w = tukey(40, 0.5)
    assert (w[10:30] == 1).all() and w[:10] == pytest.approx(w[:29:-1])
    assert (np.diff(w[:10]) > 0).all()
