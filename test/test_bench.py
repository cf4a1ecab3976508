"""What ``bench`` times is what it says: the steps of a tracker that has lost its target."""

from helpers.clip import first_box, frames
from lg_tracker_ros.bench import lost_steps
from lg_tracker_ros.cli import main
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Mode
import pytest


def test_the_steps_of_a_lost_tracker_take_turns():
    pictures = frames(3)
    steps = lost_steps(pictures[0], first_box(), Settings(tracker='ncc', redetector='correlation'))
    tracks = [step(f)[0] for f in pictures[1:] for step in steps.values()]
    assert [t.mode for t in tracks] == [Mode.GLOBAL, Mode.LOCAL] * 2
    assert [t.visible for t in tracks] == [False] * 4
    assert [len(t.found) for t in tracks] == [1, 3] * 2  # places looked at


@pytest.mark.parametrize('count', ['0', '-1', '3'])
def test_too_few_frames_are_refused(count, capsys):
    assert main(['bench', '--frames', count, '--no-node']) == 1
    assert 'expected more than 3 frames' in capsys.readouterr().err
