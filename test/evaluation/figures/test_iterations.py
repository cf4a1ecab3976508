"""``eval iterations``: attention of MDNet's kin on the first frame."""

import argparse

import cv2
from helpers.clip import first_box, frames, shorter
from lg_tracker_ros.evaluation.experiments.trackers import make_runner
from lg_tracker_ros.evaluation.figures import iterations
from lg_tracker_ros.types import Box, Frame, Region
import numpy as np
import pytest

pytestmark = pytest.mark.rounding


def test_dats_loss_makes_attention_even():
    frame = Frame(frames(1)[0].image)
    plain, even = (iterations.watch(f'{name}+none', frame, first_box())
                   for name in ('mdnet_lite', 'dat_lite'))
    assert list(plain) == list(even) == list(iterations.AT)
    assert plain[0].uneven == even[0].uneven, 'nothing is learned yet'
    assert even[50].uneven < 0.7 * plain[50].uneven
    for seen in (plain[50], even[50]):
        assert seen.values.shape == (3, 3) and seen.whole
        assert seen.values.max() == 1 and seen.values.min() >= 0
    assert np.abs(plain[50].values - plain[0].values).max() > 0.02


def test_nothing_changes_by_watching(monkeypatch):
    frame, box = Frame(frames(1)[0].image), first_box()
    plain, watched = (make_runner('mdnet_lite+none') for _ in range(2))
    plain.init(frame, box)
    monkeypatch.setattr(iterations, 'make_runner', lambda name: watched)
    iterations.watch('mdnet_lite+none', frame, box)
    one, two = (runner.tracker.local.tracker.track(frame, [Region(box)])[0]
                for runner in (plain, watched))
    assert one == two


def test_what_attention_is_of():
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:30, 40:60] = 200
    assert (iterations.patch(image, Box(40, 20, 20, 10), True) == 200).all()
    context = iterations.patch(image, Box(40, 20, 20, 10), False)
    assert context.shape[:2] == (13, 26), '16/107 of each side around it'
    assert context[0].max() < 200 and context[6, 13, 0] == 200


def test_command_line(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    iterations.add_arguments(parser)
    words = ['--data', str(shorter(tmp_path / 'data', 2)), '--out', str(tmp_path)]
    assert iterations.run(parser.parse_args([*words, '--trackers', 'mdnet_lite+none'])) == 0
    path = tmp_path / '_iterations' / 'short.jpg'
    assert capsys.readouterr().out.split() == [str(path)]
    assert cv2.imread(str(path)).shape == (20 + 200, 6 * 182, 3), 'the target, then five maps'
    with pytest.raises(ValueError, match=r'ncc\+none learns no classifier whose attention'):
        iterations.run(parser.parse_args([*words, '--trackers', 'ncc+none']))
