"""Checkpoints as others wrap them: a file of each format, and classes that nobody has here."""

import io
import pickle
import sys
from types import ModuleType

from lg_tracker_ros.reading.layouts import LAYOUTS, unwrapped
from lg_tracker_ros.reading.stand_ins import stand_in
from lg_tracker_ros.reading.state_dicts import read_state_dict
import numpy as np
import pytest
import torch

TENSORS = {'conv1.weight': torch.arange(24.0).reshape(2, 3, 2, 2), 'conv1.bias': torch.ones(2)}
PARTS = {'features.features.conv1.weight': 'backbone.conv1.weight',
         'features.downsample.downsample.0.weight': 'neck.downsample.downsample.0.weight',
         'rpn_model.cls.head.0.weight': 'rpn_head.cls.head.0.weight',
         'mask_model.mask.head.3.bias': 'mask_head.head.3.bias',
         'refine_model.v0.0.weight': 'refine_head.v0.0.weight'}
GROUPED = {f'layer{i}.{part}.weight': torch.full((2,), 10.0 * i + part)
           for i in range(1, 6) for part in (0, 1)}
ROW = {f'features.{n}.weight': value
       for n, value in zip((0, 1, 4, 5, 8, 9, 11, 12, 14, 15), GROUPED.values())}
HEAD = {'rpn_head.cls.head.0.weight': torch.ones(3)}


def of(whose, state):
    """Put ``whose`` before every name."""
    return {whose + name: value for name, value in state.items()}


TORCH = {
    'SiamMask': ({'epoch': 20, 'arch': 'custom', 'best_acc': 0.5,
                  'state_dict': {f'module.{name}': torch.full((2,), float(i))
                                 for i, name in enumerate(PARTS)}},
                 {name: torch.full((2,), float(i)) for i, name in enumerate(PARTS.values())}),
    'PySOT in training, AlexNet': (
        {'epoch': 35, 'state_dict': {**of('backbone.', GROUPED), **HEAD},
         'optimizer': {'state': {}, 'param_groups': []}}, {**of('backbone.', ROW), **HEAD}),
    'the same, plain': ({**of('module.module.backbone.', GROUPED), **of('module.module.', HEAD)},
                        {**of('backbone.', ROW), **HEAD}),
    'its AlexNet alone': ({'state_dict': of('module.', GROUPED)}, ROW),
    'its AlexNet alone, plain': (GROUPED, ROW),
    'PySOT, mmdetection, train fit': ({'state_dict': TENSORS, 'meta': {'epoch': 1}}, TENSORS),
    'pytracking': ({'net': TENSORS, 'epoch': 50, 'net_type': 'DiMPnet'}, TENSORS),
    'video_analyst': ({'model_state_dict': TENSORS, 'epoch': 19}, TENSORS),
    'MDNet, RT-MDNet': ({'shared_layers': TENSORS}, TENSORS),
    'plain': ({f'module.{name}': value for name, value in TENSORS.items()}, TENSORS),
}


def same(found, wanted):
    """Whether two state dicts have the same names and values."""
    return found.keys() == wanted.keys() and all(torch.equal(found[k], wanted[k]) for k in wanted)


def test_every_format_of_the_table_is_tried():
    assert {*TORCH, '.mat', "MDNet's .mat"} == set(LAYOUTS)


@pytest.mark.parametrize('old', [False, True], ids=['zip', 'before 1.6'])
@pytest.mark.parametrize('name', TORCH)
def test_each_format_gives_its_state_dict(tmp_path, name, old):
    data, wanted = TORCH[name]
    path = tmp_path / 'model.pth'
    torch.save(data, path, _use_new_zipfile_serialization=not old)
    assert same(read_state_dict(path), wanted)


@pytest.fixture
def layers():
    """Make MatConvNet's layers: a struct each, weights in a cell, h x w x in x out."""
    pytest.importorskip('scipy')
    rng = np.random.default_rng(0)
    shapes = {0: (7, 7, 3, 4), 4: (5, 5, 4, 6), 8: (3, 3, 6, 5), 9: (1, 1, 5, 1)}
    made = np.empty((1, 10), object)
    for i in range(10):
        layer = {'type': 'relu', 'name': f'layer{i}'}
        if i in shapes:
            cell = np.empty((1, 2), object)
            cell[0, 0] = rng.random(shapes[i], np.float32)
            cell[0, 1] = rng.random((1, shapes[i][3]), np.float32)
            layer['weights'] = cell
        made[0, i] = layer
    return made


def test_vgg_m_of_matconvnet_has_the_names_of_mdnet(tmp_path, layers):
    from scipy.io import savemat
    for packed in (False, True):
        savemat(tmp_path / 'vgg.mat', {'layers': layers, 'classes': 'x'}, do_compression=packed)
        found = read_state_dict(tmp_path / 'vgg.mat')
        assert set(found) == {f'{n}.{kind}' for n in ('conv1.0', 'conv2.0', 'conv3.0', '9')
                              for kind in ('weight', 'bias')}
        theirs = layers[0, 4]['weights']
        assert found['conv2.0.weight'].shape == (6, 4, 5, 5)
        assert found['conv2.0.weight'][5, 3, 1, 2] == float(theirs[0, 0][1, 2, 3, 5])
        assert np.array_equal(found['conv2.0.bias'].numpy(), theirs[0, 1][0])


def test_mdnet_of_an_older_matconvnet_has_its_own_layers_too(tmp_path):
    """Filters and biases instead of weights, all of it in ``net``."""
    pytest.importorskip('scipy')
    from scipy.io import savemat
    rng, made = np.random.default_rng(0), np.empty((1, 17), object)
    for i in range(17):
        made[0, i] = {'type': 'relu', 'name': f'layer{i}'}
    for i in (0, 4, 8, 10, 13, 16):
        made[0, i] |= {'filters': rng.random((3, 3, 2, 4) if i < 13 else (1, 1, 2, 4), np.float32),
                       'biases': rng.random((1, 4), np.float32)}
    savemat(tmp_path / 'mdnet.mat', {'net': {'layers': made}})
    found = read_state_dict(tmp_path / 'mdnet.mat')
    names = ('conv1.0', 'conv2.0', 'conv3.0', 'fc4.0', 'fc5.1', '16')
    assert list(found) == [f'{n}.{kind}' for n in names for kind in ('weight', 'bias')]
    assert found['fc4.0.weight'].shape == (4, 2, 3, 3)
    assert found['fc5.1.weight'][3, 1, 0, 0] == made[0, 13]['filters'][0, 0, 1, 3]
    assert np.array_equal(found['fc4.0.bias'].numpy(), made[0, 10]['biases'][0])


def test_what_is_no_network_of_matconvnet_is_refused_in_one_line(tmp_path, layers):
    from scipy.io import savemat
    path = tmp_path / 'a.mat'
    savemat(path, {'layers': np.zeros((1000, 1000))}, do_compression=True)
    with pytest.raises(ValueError, match=r'a\.mat .* unpacks to more than 16 times') as e:
        read_state_dict(path)
    assert '\n' not in str(e.value)
    for content in (b'', b'nonsense' * 40):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='is not a readable network of MatConvNet'):
            read_state_dict(path)
    savemat(path, {'layers': layers[:, :2]})
    with pytest.raises(ValueError, match='holds no state dict'):
        read_state_dict(path)


def test_without_scipy_it_is_said_what_is_missing(tmp_path, monkeypatch):
    (tmp_path / 'a.mat').write_bytes(b'x')
    for name in ('scipy', 'scipy.io'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r'a\.mat .*takes SciPy: pip install scipy'):
        read_state_dict(tmp_path / 'a.mat')


class Trap:
    """Its code must never run while a file is read."""

    def __init__(self, *args):
        """Take what a framework's class does."""
        self.args = args

    def __setstate__(self, state):
        """Tell that code ran."""
        raise AssertionError('executed')


@pytest.fixture
def foreign(monkeypatch):
    """Make a training framework's package with a class and a function, while it is needed."""
    module = ModuleType('ltr.admin.settings')
    for part in ('ltr', 'ltr.admin'):
        monkeypatch.setitem(sys.modules, part, ModuleType(part))
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def rebuild(*args):
        raise AssertionError('executed')
    for thing in (Trap, rebuild):
        monkeypatch.setattr(thing, '__module__', module.__name__, raising=False)
        thing.__qualname__ = thing.__name__
        setattr(module, thing.__name__, thing)
    return module


class Reduced:
    """Is pickled as a call of ``what``."""

    def __init__(self, what, *args):
        """Take the callable and its arguments."""
        self.what = what, args

    def __reduce__(self):
        """Call it."""
        return self.what


@pytest.mark.parametrize('installed', [False, True])
@pytest.mark.parametrize('old', [False, True], ids=['zip', 'before 1.6'])
def test_foreign_classes_are_left_out_and_never_run(tmp_path, foreign, monkeypatch, old,
                                                    installed):
    path = tmp_path / 'DiMP.pth.tar'
    data = {'net': TENSORS, 'constructor': foreign.Trap(1, 'x'), 'stats': [foreign.Trap()] * 2,
            'settings': {'of': Reduced(foreign.rebuild, 3)},
            'best': Reduced(np.float64(0.5).__reduce__()[0], np.dtype('f8'), b'\x00' * 8)}
    torch.save(data, path, _use_new_zipfile_serialization=not old)
    if not installed:  # as on a robot; with it no code of it may run either
        for name in ('ltr', 'ltr.admin', 'ltr.admin.settings'):
            monkeypatch.delitem(sys.modules, name)
    assert same(read_state_dict(path), TENSORS)
    assert 'ltr' not in sys.modules or installed


@pytest.mark.parametrize('what', [eval, exec, pickle.loads, io.open, sys.exit, torch.hub.load])
def test_what_wants_code_of_python_or_pytorch_to_run_is_refused(tmp_path, what):
    path = tmp_path / 'a.pth'
    torch.save({'net': TENSORS, 'x': Reduced(what, 'print(1)')}, path)
    with pytest.raises(ValueError, match=r'it names .*, expected tensors and plain') as e:
        read_state_dict(path)
    assert '\n' not in str(e.value) and str(path) in str(e.value)


def test_weights_inside_a_foreign_class_are_no_weights(tmp_path, foreign):
    path = tmp_path / 'a.pth'
    torch.save({'net': foreign.Trap(TENSORS)}, path)
    with pytest.raises(ValueError, match='holds no state dict'):
        read_state_dict(path)
    torch.save({'net': {**TENSORS, 'meter': foreign.Trap()}}, path)
    with pytest.raises(ValueError, match='holds no state dict'):
        read_state_dict(path)


def test_older_pytorch_says_what_it_can_not_leave_out(tmp_path, foreign, monkeypatch):
    path = tmp_path / 'a.pth'
    torch.save({'net': TENSORS, 'settings': foreign.Trap()}, path)
    monkeypatch.delattr(torch.serialization, 'safe_globals')
    with pytest.raises(ValueError, match=r'names ltr\.admin\.settings\.Trap: .* PyTorch 2\.5'):
        read_state_dict(path)


def test_a_stand_in_takes_anything_and_keeps_nothing():
    kind = stand_in('a.b.C')
    assert (kind.__module__, kind.__qualname__) == ('a.b', 'C')
    made = kind.__new__(kind, 1, 2)
    made.__init__(3, x=4)
    made.__setstate__({'x': 5})
    assert not vars(made)


def test_names_change_only_where_every_prefix_occurs():
    half = {'features.features.0.weight': torch.zeros(1), 'rpn_model.x': torch.zeros(1)}
    assert unwrapped({'state_dict': half}).keys() == half.keys()
    assert unwrapped([1, 2]) == [1, 2]
