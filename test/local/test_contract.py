"""What every local tracker must do wherever it looks: a few on the CPU, all on a GPU."""

from helpers import contract, published
from helpers.clip import first_box, read_by_opencv, truth
from helpers.contract import BOXES, flat, followed, near, PLACES, sane
from helpers.lively import drawn
from lg_tracker_ros.checkpoint import FOLDER
from lg_tracker_ros.evaluation.tables.hosts import every_host
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box, OnlineTracker, Region
import numpy as np
import pytest

HOSTS = {name: needs for name, needs in every_host().items() if not name.startswith('opencv_')}
QUICK = ('pixelwise', 'ncc', 'dimp_lite')


def settings(host, device, file):
    """Make the settings of a host, in PyTorch; ``file`` gives the path of its weights."""
    name, *given = host.split('@')
    given = dict(text.split('=') for text in given)
    if HOSTS[host]:
        given['tracker_weights'] = str(file(host))
    return Settings(tracker=name, redetector='none', recognition='first_look', device=device,
                    engine='torch', threads=1, **given)


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Write a file for a host, once for those that take the same one."""
    return published.written(tmp_path_factory, drawn)


@pytest.fixture(scope='module')
def clip():
    """As many frames as are looked at."""
    return read_by_opencv(contract.LEARNED + 2)


@pytest.fixture(scope='module', params=contract.cases(QUICK, HOSTS))
def case(request, file):
    """Make a tracker on the device, and another one on the CPU."""
    yield from contract.make_case(request, make_local, settings, file)


def test_there_is_no_target_before_init(case, clip):
    for tracker in (case.part, case.elsewhere):
        with pytest.raises(RuntimeError, match='call init first'):
            tracker.track(clip[0], [Region(first_box())])


@pytest.fixture(scope='module')
def found(case, clip):
    """Follow the first target."""
    return followed(case.part, clip, first_box(), case.learned)


def test_it_looks_anywhere(case, found, clip):
    sane(found, clip[0])
    images = [f.image.copy() for f in clip[:2]]
    for box in BOXES[1:]:
        case.part.init(clip[0], box)
        sane([flat(case.part.track(clip[1], [Region(box), PLACES[1]]))], clip[0])
    assert case.part.track(clip[1], []) == []
    assert all((f.image == image).all() for f, image in zip(clip, images))


def test_it_does_the_same_again(case, found, clip):
    """Another target meanwhile, and all that it learned of it, is forgotten."""
    followed(case.part, clip, Box(200, 100, 50, 60), 2)
    for mine, before in zip(followed(case.part, clip, first_box(), case.learned), found):
        np.testing.assert_array_equal(mine, before)
    if isinstance(case.part, OnlineTracker):
        np.testing.assert_array_equal(found[2], found[0])  # once what it learned is disowned


def test_another_one_does_as_much_on_the_cpu(case, found, clip):
    theirs = followed(case.elsewhere, clip, first_box(), case.learned)
    if case.device == 'cpu':
        for mine, other in zip(found, theirs):
            np.testing.assert_array_equal(mine, other)
    else:
        near(found[0], theirs[0], 0.05, 1e-3, 'before it learned')
        near(found[1], theirs[1], 0.05, 1e-3, 'after it learned')


def test_a_batch_is_one_by_one(case, clip):
    case.part.init(clip[0], first_box())
    regions = [Region(Box(*truth()[5])), *PLACES]
    together = flat(case.part.track(clip[5], regions))
    alone = np.concatenate([flat(case.part.track(clip[5], [r])) for r in regions])
    near(together, alone, 0.05, 1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize('host', [name for name, needs in HOSTS.items() if needs])
def test_another_file_is_refused_in_a_line(host, gpu):
    given = settings(host, gpu, lambda _: FOLDER / 'tanet_lite.safetensors')
    with pytest.raises(ValueError, match=r'^[^\n]*tanet_lite.safetensors[^\n]*$') as e:
        make_local(given, given.engine_config())
    assert len(str(e.value)) <= 300
