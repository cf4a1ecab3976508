"""What ``bench`` times is what it says: the steps of a tracker that has lost its target."""

from helpers.clip import first_box, frames
from lg_tracker_ros import bench
from lg_tracker_ros.bench import LEARNERS, learning_rows, lost_steps, search_rows, WARM_UP
from lg_tracker_ros.cli import main
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.online import ONLINE_MODULES
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


def test_a_lost_target_is_timed_with_one_search_thread_and_with_two():
    table = search_rows(frames(WARM_UP + 2), first_box(),
                        Settings(tracker='ncc', redetector='correlation'))
    assert list(table) == [f'search_threads {count}: {name}' for count in (1, 2)
                           for name in ('GLOBAL', 'the frame after it')]
    assert all(times.shape == (2,) and times.min() > 0 for times in table.values())


def test_what_learns_is_timed_on_its_first_frame_in_a_step_and_while_it_learns():
    table = learning_rows(frames(WARM_UP + 1), first_box(), ['thor'])
    assert list(table) == ['thor: first frame', 'thor: local tracker, 1 region', 'thor: learning']
    assert all(times.shape == (1,) and times.min() > 0 for times in table.values())
    assert LEARNERS.keys() - ONLINE_MODULES.keys() < LOCAL_TRACKERS.keys()


@pytest.mark.parametrize('count', ['0', '-1', '3'])
def test_too_few_frames_are_refused(count, capsys):
    assert main(['bench', '--frames', count, '--no-node']) == 1
    assert 'expected more than 3 frames' in capsys.readouterr().err


def test_an_installation_has_no_clip_and_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bench, 'CLIP', tmp_path / 'video.mp4')
    assert main(['bench', '--no-node']) == 1
    assert 'not in an installation; give --video FILE and --box' in capsys.readouterr().err
