"""What every re-detector must do with any target: on the CPU those that ship, on a GPU all."""

from helpers import contract, published
from helpers.clip import read_by_opencv
from helpers.contract import BOXES, proposed
from helpers.lively import drawn
from lg_tracker_ros.checkpoint import FOLDER
from lg_tracker_ros.factory import make_redetector
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect import REDETECTORS
import numpy as np
import pytest

NAMES = [name for name in REDETECTORS if name != 'none']
READY = [name for name in NAMES if all(p.is_file() for p in REDETECTORS[name].files(''))]


def settings(name, device, file):
    """Make the settings of a re-detector, in PyTorch; ``file`` gives the path of its weights."""
    given = '' if name in READY else str(file(name))
    return Settings(redetector=name, redetector_weights=given, device=device, engine='torch',
                    threads=1)


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Write a file for a name, once for those that take the same one."""
    return published.written(tmp_path_factory, drawn)


@pytest.fixture(scope='module')
def clip():
    """As many frames as are looked at."""
    return read_by_opencv(12)


@pytest.fixture(scope='module', params=contract.cases(READY, NAMES))
def case(request, file):
    """Make a re-detector on the device, and another one on the CPU."""
    yield from contract.make_case(request, make_redetector, settings, file)


def test_there_is_no_target_before_init(case, clip):
    if case.name == 'saliency':
        return  # it asks of no target
    with pytest.raises(RuntimeError, match='call init first'):
        case.part.propose(clip[:case.part.history], (30, 60), 3)


@pytest.fixture(scope='module')
def found(case, clip):
    """Search for each target."""
    return [proposed(case.part, clip, box) for box in BOXES]


def test_it_searches_for_anything(case, found):
    assert any(len(boxes) for boxes, _, _ in found[0])
    for boxes, scores, attention in (p for ps in found for p in ps):
        assert len(boxes) <= 5 and len(scores) == len(boxes)
        assert np.isfinite(boxes).all() and (boxes[:, 2:] > 0).all()
        assert np.isfinite(attention).all() and attention.dtype == np.float32
        assert ((0 <= scores) & (scores <= 1)).all()
        assert (0 <= attention).all() and (attention <= 1).all()


def test_it_does_the_same_again(case, found, clip):
    for box, before in zip(BOXES, found):
        for mine, theirs in zip(proposed(case.part, clip, box), before):
            for a, b in zip(mine, theirs):
                np.testing.assert_array_equal(a, b)


def test_another_one_does_as_much_on_the_cpu(case, found, clip):
    exactly = case.device == 'cpu'
    for box, before in zip(BOXES, found):
        for mine, theirs in zip(before, proposed(case.elsewhere, clip, box)):
            for (a, b, off) in zip(mine, theirs, (0.05, 1e-3, 1e-3)):
                assert a.shape == b.shape
                np.testing.assert_allclose(a, b, rtol=0, atol=0 if exactly else off)


@pytest.mark.gpu
@pytest.mark.parametrize('name', [name for name in NAMES if name not in READY])
def test_another_file_is_refused_in_a_line(name, gpu):
    given = settings(name, gpu, lambda _: FOLDER / 'pixelwise.safetensors')
    with pytest.raises(ValueError, match=r'^[^\n]*pixelwise.safetensors[^\n]*$') as e:
        make_redetector(given, given.engine_config())
    assert len(str(e.value)) <= 300
