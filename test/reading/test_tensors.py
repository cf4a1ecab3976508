"""The safetensors container, compared with the library that defines it."""

import json

from lg_tracker_ros.reading.tensors import read_metadata, read_safetensors, TYPES
import pytest
import torch


def test_every_type_is_read_as_the_library_reads_it(tmp_path):
    save_file = pytest.importorskip('safetensors.torch').save_file
    torch.manual_seed(0)
    tensors = {name: (torch.rand(2, 3) * 100 - 20).to(kind) for name, kind in TYPES.items()}
    tensors |= {'scalar': torch.tensor(2.5), 'empty': torch.empty(0, 4), 'one': torch.ones(1)}
    path = tmp_path / 'a.safetensors'
    save_file(tensors, path, {'step': '7'})
    read = read_safetensors(path)
    assert read.keys() == tensors.keys() and read_metadata(path) == {'step': '7'}
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype and torch.equal(read[name], tensor), name


def test_a_tensor_is_its_own_and_can_be_written(tmp_path):
    entry = {'dtype': 'U8', 'shape': [2], 'data_offsets': [0, 2]}
    text = json.dumps({'a': entry}).encode()
    path = tmp_path / 'a.safetensors'
    path.write_bytes(len(text).to_bytes(8, 'little') + text + b'\x01\x02')
    first, second = read_safetensors(path)['a'], read_safetensors(path)['a']
    first += 1
    assert first.tolist() == [2, 3] and second.tolist() == [1, 2]


@pytest.mark.parametrize('entry, words', [
    ({'shape': [3]}, 'says 3 bytes of tensors, and has 2'),
    ({'shape': [1]}, r'a of shape \[1\] says it lies at 0 to 2'),
    ({'shape': [-1, -2]}, r'a of shape \[-1, -2\] says'),
    ({'data_offsets': [1, 3]}, 'says it lies at 1 to 3'),
    ({'data_offsets': [-1, 1]}, 'says it lies at -1 to 1'),
    ({'dtype': 'F8'}, 'a is of type F8, expected one of F64'),
    ({'shape': 'x'}, 'is not a readable safetensors file'),
    ({'data_offsets': [0]}, 'is not a readable safetensors file')])
def test_what_does_not_fit_is_told_in_one_line(tmp_path, entry, words):
    text = json.dumps({'a': {'dtype': 'U8', 'shape': [2], 'data_offsets': [0, 2], **entry}})
    path = tmp_path / 'a.safetensors'
    path.write_bytes(len(text).to_bytes(8, 'little') + text.encode() + b'\x01\x02')
    with pytest.raises(ValueError, match=words) as e:
        read_safetensors(path)
    assert str(e.value).startswith(str(path)) and '\n' not in str(e.value)
