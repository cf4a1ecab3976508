"""A search's threads: rows of a batch at the same time, the same bits, no more than asked for."""

import importlib.util
import threading

from helpers.clip import first_box, frames
from lg_tracker_ros.engine import config, EngineConfig, onnx_runtime
from lg_tracker_ros.engine.onnx_runtime import at_once
from lg_tracker_ros.factory import make_local, make_redetector
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box, Region
import numpy as np
import pytest

needs_onnx = pytest.mark.skipif(importlib.util.find_spec('onnxruntime') is None,
                                reason='needs onnxruntime')


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    """Let the machine have four."""
    monkeypatch.setattr(config, '_cores', lambda: 4)


def test_rows_run_at_the_same_time_and_come_back_in_their_order():
    meet = threading.Barrier(2, timeout=30)

    def run(images, shared):
        meet.wait()  # broken unless there are two
        assert images.shape == (1, 3) and shared.shape == (1, 3)
        return [images + shared, images.sum(1)]
    images = np.arange(12).reshape(4, 3)
    sums, totals = at_once(run, (1,), 2)(images, np.full((1, 3), 100))
    np.testing.assert_array_equal(sums, images + 100)
    np.testing.assert_array_equal(totals, [3, 12, 21, 30])


def test_one_row_and_one_thread_stay_in_the_callers():
    seen = []

    def run(images):
        seen.append((threading.current_thread(), len(images)))
        return [images]
    at_once(run, (), 2)(np.zeros((1, 3)))
    at_once(run, (), 1)(np.zeros((5, 3)))
    assert seen == [(threading.current_thread(), 1), (threading.current_thread(), 5)]


def test_what_goes_wrong_in_a_row_is_told():
    def run(images):
        if images[0]:
            raise ValueError('bad row')
        return [images]
    with pytest.raises(ValueError, match='bad row'):
        at_once(run, (), 2)(np.array([0, 1, 0]))


def test_all_networks_share_their_threads():
    def run(images):
        return [np.array([threading.get_ident()])]
    seen = {int(i) for _ in range(5) for i in at_once(run, (), 2)(np.zeros((8, 3)))[0]}
    assert 1 <= len(seen) <= 2 and threading.get_ident() not in seen


@needs_onnx
@pytest.mark.parametrize('asked, at_the_same_time', [
    ({'threads': 1, 'search_threads': 2}, 2),
    ({'threads': 1, 'search_threads': 64}, 4),  # no more than there are cores
    ({'threads': 2, 'search_threads': 4}, 2),
    ({'threads': 2, 'search_threads': 2}, 1),
    ({'threads': 1}, 1),
    ({'threads': 0, 'search_threads': 2}, 1),  # all cores, for everything
    ({'threads': 1, 'search_threads': 2, 'engine': 'torch'}, 1)])
def test_what_runs_at_the_same_time_shares_the_threads(asked, at_the_same_time):
    assert EngineConfig('cpu', **{'engine': 'onnx'} | asked).resolve().at_once == at_the_same_time


@pytest.fixture
def sessions(monkeypatch):
    """Note each session's threads, and whether they spin."""
    made, options = [], onnx_runtime._options

    def noted(ort, engine):
        result = options(ort, engine)
        made.append((result.intra_op_num_threads,
                     result.get_session_config_entry('session.intra_op.allow_spinning')))
        return result
    monkeypatch.setattr(onnx_runtime, '_options', noted)
    return made


@needs_onnx
def test_no_network_takes_more_threads_than_it_was_given(sessions):
    settings = Settings(engine='onnx', device='cpu')
    assert (settings.threads, settings.search_threads) == (1, 2)
    make_local(settings, settings.engine_config())
    make_redetector(settings, settings.engine_config())
    assert [threads for threads, _ in sessions] == [1] * 5  # templates, places, looks; image


@needs_onnx
@pytest.mark.parametrize('threads, spin', [(0, '1'), (1, '0'), (3, '0')])
def test_threads_spin_where_all_cores_are_theirs(sessions, threads, spin):
    settings = Settings(engine='onnx', device='cpu', tracker='ncc', threads=threads)
    make_local(settings, settings.engine_config())
    assert sessions and set(sessions) == {(threads, spin)}


@needs_onnx
def test_a_search_s_threads_change_no_bit():
    images, box = frames(4), first_box()
    box = Box(float(box.x), float(box.y), float(box.w), float(box.h))
    found = []
    for search_threads in (1, 4):
        settings = Settings(engine='onnx', device='cpu', search_threads=search_threads)
        engine = settings.engine_config()
        local, redetector = make_local(settings, engine), make_redetector(settings, engine)
        local.init(images[0], box)
        redetector.init(images[0], box)
        seen = redetector.propose(images[2:4], (box.w, box.h), 5)
        places = [Region(b) for b in (box, *seen.boxes)]
        found.append((seen.attention.tobytes(), seen.boxes, local.track(images[3], places)))
    one, several = found
    assert len(one[1]) > 1 and one == several
