"""Exported networks: those that ship, those that are kept, and files that are no use."""

from dataclasses import replace
import hashlib
import inspect
import os
import sys

from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.engine import compile_network, EngineConfig, exporting
from lg_tracker_ros.factory import make_local, make_redetector
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.training.ship import SHIP
import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip('onnxruntime')
IMAGE = np.arange(4 * 6 * 7, dtype=np.uint8).reshape(1, 4, 6, 7)
POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 715210\n'


class Net(nn.Module):
    """A convolution."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(4, 16, 3)

    def forward(self, x):
        """Convolve."""
        return self.conv(x.float())


@pytest.fixture
def exports(monkeypatch):
    """Count the exports."""
    pytest.importorskip('onnx')
    made = []
    export = torch.onnx.export

    known = 'dynamo' in inspect.signature(export).parameters

    def counted(net, *args, dynamo=None, **kwargs):
        made.append(type(net).__name__)
        assert dynamo is False
        return export(net, *args, dynamo=dynamo, **kwargs)

    def counted_by_old(net, *args, **kwargs):
        made.append(type(net).__name__)
        return export(net, *args, **kwargs)
    counted_by_old.__signature__ = inspect.signature(export)
    monkeypatch.setattr(torch.onnx, 'export', counted if known else counted_by_old)
    return made


def run(net, **folders):
    """Compile for ONNX Runtime and run once."""
    engine = EngineConfig('cpu', 'onnx', threads=1, **folders)
    return compile_network(net, [IMAGE], engine)(IMAGE)[0]


def test_weights_that_ship_need_no_export(monkeypatch):
    """What ships is whole, computes what the modules compute, and ``onnx`` isn't asked for."""
    monkeypatch.setitem(sys.modules, 'onnx', None)
    engine = EngineConfig('auto', threads=1, shipped=SHIPPED_NETWORKS).resolve()
    assert engine.engine == 'onnx' or engine.device != 'cpu'
    engine = replace(engine, device='cpu', engine='onnx')
    for tracker, redetector in SHIP:
        settings = Settings(tracker=tracker, redetector=redetector)
        make_local(settings, engine)
        make_redetector(settings, engine)
    # and nothing ships that is of other weights
    assert len(list(SHIPPED_NETWORKS.glob('*.onnx'))) == 14
    sums = dict(line.split()[::-1] for line in
                (SHIPPED_NETWORKS / 'SHA256SUMS').read_text().splitlines())
    assert sums == {p.name: hashlib.sha256(p.read_bytes()).hexdigest()
                    for p in SHIPPED_NETWORKS.iterdir() if p.name != 'SHA256SUMS'}


def test_other_weights_without_onnx_are_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ValueError, match=r'^Net with these weights .*pip install onnx, or use e'):
        run(Net())


def test_without_onnx_and_without_what_ships_torch_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setitem(sys.modules, 'onnx', None)
    assert EngineConfig().resolve().engine == 'torch'


def test_a_network_is_exported_once(exports, tmp_path):
    first = run(Net(), cache=tmp_path / 'new')
    np.testing.assert_allclose(first, Net()(torch.from_numpy(IMAGE)).detach(), rtol=1e-4)
    np.testing.assert_array_equal(run(Net(), cache=tmp_path / 'new'), first)
    assert exports == ['Net']
    # other weights are another network; both are kept
    assert not np.array_equal(run(Net(1), cache=tmp_path / 'new'), first)
    assert exports == ['Net', 'Net'] and len(list((tmp_path / 'new').iterdir())) == 2
    # and without a folder to keep it in nothing is written
    assert np.array_equal(run(Net()), first) and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('damage', [
    lambda whole, other: b'', lambda whole, other: whole[:len(whole) // 2],
    lambda whole, other: POINTER, lambda whole, other: other], ids=[
        'empty', 'cut', 'pointer of Git LFS', 'of other code'])
def test_a_damaged_file_is_made_anew(exports, tmp_path, damage):
    first = run(Net(), cache=tmp_path)
    file, = tmp_path.iterdir()
    whole = file.read_bytes()
    run(Net(1), cache=tmp_path)
    other, = set(tmp_path.iterdir()) - {file}
    file.write_bytes(damage(whole, other.read_bytes()))
    np.testing.assert_array_equal(run(Net(), cache=tmp_path), first)
    assert file.read_bytes() == whole and len(exports) == 3


def test_a_folder_that_cannot_be_written_is_done_without(exports, tmp_path):
    (tmp_path / 'file').touch()
    assert run(Net(), cache=tmp_path / 'file' / 'networks').shape == (1, 16, 4, 5)


def test_the_oldest_go(monkeypatch, tmp_path):
    monkeypatch.setattr(exporting, 'KEPT', 2)
    for age, name in enumerate('abcd'):
        exporting.keep(tmp_path / f'{name}.onnx', b'')
        os.utime(tmp_path / f'{name}.onnx', (age, age))
    assert sorted(p.name for p in tmp_path.iterdir()) == ['c.onnx', 'd.onnx']


def test_an_exporter_from_before_the_argument_dynamo(monkeypatch):
    """That of PyTorch 2.1 to 2.4 knows no ``dynamo``."""
    pytest.importorskip('onnx')
    export = torch.onnx.export
    known = inspect.signature(export).parameters
    new = {'dynamo': False} if 'dynamo' in known else {}

    def old(model, args, f, *, opset_version, input_names, output_names, dynamic_axes):
        return export(model, args, f, opset_version=opset_version, input_names=input_names,
                      output_names=output_names, dynamic_axes=dynamic_axes, **new)
    monkeypatch.setattr(torch.onnx, 'export', old)
    assert run(Net()).shape == (1, 16, 4, 5)


def test_weights_that_two_networks_share_ship_once(exports, tmp_path):
    first = run(Net(), cache=tmp_path / 'kept')
    model, = (tmp_path / 'kept').iterdir()
    name = exporting.file_name(Net(), [IMAGE], ()).shipped
    exporting.pack({name: model.read_bytes(), 'Twin.onnx': model.read_bytes()}, tmp_path / 'a')
    assert {p.name for p in (tmp_path / 'a').iterdir()} == {
        name, 'Twin.onnx', 'weights.bin', 'SHA256SUMS'}
    assert (tmp_path / 'a' / 'weights.bin').stat().st_size == 4 * 16 * 4 * 9
    np.testing.assert_array_equal(run(Net(), shipped=tmp_path / 'a'), first)
    assert exports == ['Net']
