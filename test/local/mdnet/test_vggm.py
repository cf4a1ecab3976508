"""VGG-M and what MDNet learned behind it: equations, names, files."""

from helpers.vggm import lrn, shared, write_mat, write_pth, written_out
from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.local.mdnet.vggm import (
    PY_MDNET,
    read_start,
    RT_MDNET,
    Shared,
    VGG_M,
    VggM,
)
from lg_tracker_ros.reading.state_dicts import read_state_dict
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.usefixtures('one_thread')
NORMS = {'VGG-M': VGG_M, 'MDNet in Python': PY_MDNET, 'RT-MDNet': RT_MDNET}


@pytest.fixture(scope='module')
def net():
    return shared()


@pytest.mark.parametrize('name', NORMS)
def test_normalisation_is_its_equation(name):
    # of values at which its constants tell
    x = 300 * np.random.default_rng(0).random((2, 7, 3, 4))
    found = NORMS[name](torch.from_numpy(x)).numpy()
    assert found == pytest.approx(lrn(x, NORMS[name]), rel=1e-10)


def test_normalisations_have_the_authors_constants():
    """Of a single channel of value v, between zeros."""
    x, v = torch.zeros(1, 9, 1, 1, dtype=torch.double), 200.0
    x[0, 4] = v
    for norm, wanted in ((VGG_M, (2 + 1e-4 * v ** 2) ** 0.75),
                         (PY_MDNET, (1 + 1e-4 * v ** 2 / 2) ** 0.75),
                         (RT_MDNET, (2 + 1e-4 * v ** 2) ** 0.75)):
        assert float(norm(x)[0, 4]) == pytest.approx(v / wanted)
    # which neighbours count: two on each side, the one after it, none
    ones = torch.eye(9, dtype=torch.double)[4][None, :, None, None] * v + 1e-9
    reach = [[i - 4 for i in range(9) if norm(ones)[0, i] < 0.999 * 1e-9 / norm.k ** 0.75]
             for norm in (VGG_M, PY_MDNET, RT_MDNET)]
    assert reach == [[-2, -1, 1, 2], [1], []]


@pytest.mark.parametrize('dense, norm, size', [
    (False, VGG_M, (107, 107)), (False, PY_MDNET, (107, 107)), (True, RT_MDNET, (99, 123))])
def test_maps_equal_the_equations(net, dense, norm, size):
    layers = VggM(norm, dense).eval()
    layers.load_state_dict({k: v for k, v in net.state_dict().items() if k[:4] == 'conv'})
    pixels = torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8)
    with torch.no_grad():
        found = layers(pixels).numpy()
        assert layers.first(pixels).shape[1] == 96
    wanted = written_out(layers, pixels, norm, dense)
    # dense: a cell each 8 pixels, the last of which sees pixels up to the border
    assert found.shape[2:] == (tuple((s - 75) // 8 + 1 for s in size) if dense else (3, 3))
    assert found == pytest.approx(wanted, abs=1e-5 * wanted.max())


def test_parameters_are_those_of_published_files(net):
    assert {k: tuple(v.shape) for k, v in net.state_dict().items() if 'weight' in k} == {
        'conv1.0.weight': (96, 3, 7, 7), 'conv2.0.weight': (256, 96, 5, 5),
        'conv3.0.weight': (512, 256, 3, 3), 'fc4.0.weight': (512, 4608),
        'fc5.1.weight': (512, 512)}
    assert all(f'{k[:-6]}bias' in net.state_dict() for k in net.state_dict() if 'weight' in k)


@pytest.mark.parametrize('kind', ['python', 'matlab', 'vgg-m'])
def test_every_layout_gives_the_same_weights(tmp_path, net, kind):
    if kind == 'python':
        path = write_pth(tmp_path / 'mdnet.pth', net)
    else:
        pytest.importorskip('scipy')
        path = write_mat(tmp_path / 'net.mat', net, kind == 'matlab')
    state = net.state_dict()
    for again in (False, True):
        start = read_start(path)
        for name, value in start.net.state_dict().items():
            assert torch.equal(value.flatten(1) if 'fc' in name and 'weight' in name else value,
                               state[name])
        chance = torch.Generator().manual_seed(0)
        layers = start.head((0.0, 0.5, 0.5), chance).layers
        for layer, name in zip(layers, () if kind == 'vgg-m' else ('fc4.0', 'fc5.1')):
            assert torch.equal(layer.weight, state[f'{name}.weight'])
            assert torch.equal(layer.bias, state[f'{name}.bias'])
        if kind == 'vgg-m':  # drawn: deviation .01, biases .1
            assert float(layers[0].weight.detach().std()) == pytest.approx(0.01, rel=0.01)
            assert (layers[0].bias == 0.1).all()
        x = torch.rand(1, 9, 2, 2) * 300
        assert torch.equal(start.net._norm(x), (PY_MDNET if kind == 'python' else VGG_M)(x))
        if not again:  # what train calibrate writes beside it says the same
            torch.save(read_state_dict(path), tmp_path / 'calibrated.pth')
            path = tmp_path / 'calibrated.pth'


def test_layers_of_mdnet_are_left_where_all_is_learned_anew(tmp_path, net):
    start = read_start(write_pth(tmp_path / 'mdnet.pth', net), VGG_M, begun=False)
    assert start.layers == [] and not isinstance(start.net, Shared)


def test_a_file_that_does_not_fit_is_refused_with_its_key(tmp_path, net):
    state = {**net.state_dict(), 'conv2.0.weight': torch.zeros(256, 96, 3, 3)}
    torch.save({'shared_layers': state}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'conv2.0.weight expected shape \(256, 96, 5, 5\)'):
        read_start(tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'missing key conv1\.0\.weight'):
        torch.save({'fc.weight': torch.zeros(2, 2)}, tmp_path / 'other.pth')
        read_start(tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'missing key fc5\.1\.bias'):
        torch.save({k: v for k, v in net.state_dict().items() if k != 'fc5.1.bias'},
                   tmp_path / 'other.pth')
        load_checkpoint(Shared(VGG_M, False, False), tmp_path / 'other.pth')
