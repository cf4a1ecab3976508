"""What docs/python.md says of the tracker in a program of one's own."""

from concurrent.futures import ThreadPoolExecutor
import copy
from dataclasses import replace
from pathlib import Path
import pickle
import re

from helpers.clip import first_box, frames, VIDEO
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.tracker import Settings
import numpy as np
import pytest

PAGE = Path(__file__).resolve().parents[1] / 'docs/python.md'
SETTINGS = Settings(beta2=0)  # the whole image is searched, too
FRAMES = frames(5)
SHARED = {}


@pytest.fixture
def tracker():
    """Return one that follows since the first frame."""
    return begun(build_tracker(SETTINGS, SHARED))


def begun(tracker, frame=FRAMES[0]):
    """Let it begin anew; returns it."""
    tracker.init(frame, first_box())
    return tracker


def found(tracker, moments):
    """Return what is found in each frame, without the times."""
    return [(t.box, t.confidence, t.mode) for f in moments for t in tracker.step([f])]


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / 'video.mp4').symlink_to(VIDEO)
    monkeypatch.chdir(tmp_path)
    code, = re.findall(r'```python\n(.*?)```', PAGE.read_text(), re.S)
    exec(compile(code, str(PAGE), 'exec'), {})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [int(r[0]) for r in rows] == list(range(1, 8)) and {len(r) for r in rows} == {6}


def test_trackers_run_in_several_threads(tracker):
    alone = found(tracker, FRAMES[1:])
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda t: found(begun(t), FRAMES[1:]),
                                [tracker, build_tracker(SETTINGS, SHARED)]))
    assert both == [alone, alone]


def test_a_copy_goes_on_by_itself(tracker):
    tracker.step(FRAMES[1:2])
    twin = copy.deepcopy(tracker)
    first = found(tracker, FRAMES[2:])
    begun(tracker, FRAMES[4])
    assert found(twin, FRAMES[2:]) == first


def test_what_it_gives_can_be_sent_to_another_process(tracker):
    track, = tracker.step(FRAMES[1:2])
    assert pickle.loads(pickle.dumps(track)).box == track.box
    assert pickle.loads(pickle.dumps(SETTINGS)) == SETTINGS


def test_ctrl_c_in_a_frame_leaves_a_tracker_that_goes_on(tracker, monkeypatch):
    def interrupt(*unused):
        raise KeyboardInterrupt
    for part, method in ((tracker.local, 'track'), (tracker.redetector, 'propose')):
        with monkeypatch.context() as patch:
            patch.setattr(part, method, interrupt)
            with pytest.raises(KeyboardInterrupt):
                tracker.step(FRAMES[1:2])
    assert all(box is not None for box, _, _ in found(tracker, FRAMES[2:]))


@pytest.mark.parametrize('lay', [
    lambda a: np.ascontiguousarray(a[::-1, ..., ::-1])[::-1, ..., ::-1],
    lambda a: np.frombuffer(a.tobytes('F'), np.uint8).reshape(a.shape, order='F')],
    ids=['upside down, colours turned', 'columns first, read-only'])
def test_images_may_lie_in_memory_in_any_order(lay, tracker):
    usual = found(tracker, FRAMES[1:3])
    laid = [replace(f, image=lay(f.image)) for f in FRAMES[:3]]
    assert found(begun(tracker, laid[0]), laid[1:]) == usual
