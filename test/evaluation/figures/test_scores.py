"""``eval scores``: the maps and templates of an online module, as it runs."""

import argparse

import cv2
from helpers.clip import shorter
from lg_tracker_ros.crops import Crop
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.evaluation.experiments.trackers import make_runner
from lg_tracker_ros.evaluation.figures import scores
from lg_tracker_ros.evaluation.figures.watching import Made, watched
from lg_tracker_ros.types import Box
import numpy as np
import pytest

pytestmark = pytest.mark.rounding
DROL = 'pixelwise+none@online_module=drol'
FRAMES = 7


def test_what_is_watched_is_what_runs(tmp_path):
    s = read_dataset(shorter(tmp_path, FRAMES))[0]
    log = scores.watch(DROL, s, [2, 6])
    plain = make_runner(DROL)
    for i, frame in enumerate(s.frames()):
        track = plain.step(frame) if i else plain.init(frame, Box(*s.truth[0]))
        if i not in (2, 6):
            assert i not in log.scored
            continue
        seen = log.scored[i]
        assert seen.box == track.box, 'nothing changes by watching'
        assert seen.host.shape == seen.fused.shape == (len(log.points),) * 2
        assert 0 <= seen.host.min() and seen.host.max() <= 1
        assert np.abs(seen.host - seen.fused).max() > 0.1
        y, x = np.unravel_index(int(seen.fused.argmax()), seen.fused.shape)
        cx, cy = (scores.in_crop(seen.crop, track.box)[i] + scores.in_crop(
            seen.crop, track.box)[i + 2] / 2 for i in (0, 1))
        assert np.hypot(log.points[x] - cx, log.points[y] - cy) < 40, 'px of the crop'
    first, *others = log.made
    assert (first.frame, first.of) == (0, 0)
    for later in others:
        assert later.of <= later.frame < later.of + 5, 'the best of the last five frames'
        assert later.frame % 5 == 0
    assert others

    image = scores.maps_sheet(DROL, log, s)
    assert image.shape == (20 + 260 + 2 * (20 + 242), 2 * 242, 3)


def test_a_map_lies_where_its_points_are():
    values = np.zeros((5, 5), np.float32)
    values[1, 3] = 1
    got = scores.spread(Crop(np.zeros((100, 100, 3), np.uint8), 0, 0, 50), values,
                        np.array([30., 40, 50, 60, 70]))
    assert got.shape == (100, 100)
    assert got[40, 60] == 1 and got[40, 55] == pytest.approx(0.5, abs=0.02)
    assert got[:30].max() == got[:, :50].max() == 0


def test_templates_in_rows(tmp_path):
    made = [Made(5 * i, 5 * i - 1, np.full((127, 127, 3), 10 * i, np.uint8)) for i in range(20)]
    image = scores.templates_sheet(made)
    assert image.shape == (2 * (127 + 20), 8 * 129, 3)
    assert image[60, 60, 0] == 0 and image[200, -60, 0] == 190, 'the first and the last'
    assert scores.templates_sheet(made[:1]).shape == (147, 129, 3)


def run(*words):
    parser = argparse.ArgumentParser()
    scores.add_arguments(parser)
    return scores.run(parser.parse_args(list(map(str, words))))


def test_command_line(tmp_path, capsys):
    data = shorter(tmp_path / 'data', 3)
    name = 'pixelwise+none@online_module=thor'
    assert run('--data', data, '--out', tmp_path, '--tracker', name, '--at', '2') == 0
    printed = capsys.readouterr().out.split()
    assert printed == [f'{tmp_path}/_scores/{name}/short_{kind}.jpg'
                       for kind in ('templates', 'maps')]
    assert cv2.imread(printed[1]).shape[1] == 242, 'one frame'
    with pytest.raises(ValueError, match=r"--at must be frames of short, 1 to 2, got '3'"):
        run('--data', data, '--out', tmp_path, '--at', '3')
    for name in ('ncc+none', 'opencv_mil'):
        with pytest.raises(ValueError, match=r'has no online module; expected one as in default@'):
            watched(name, frozenset())
