"""Files of any content: read, or refused with a ValueError of one line that names the file."""

import json

from helpers.properties import assert_one_line, cheap, damaged
from hypothesis import given
from hypothesis import strategies as st
from lg_tracker_ros.parameters.reading import read_yaml
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.guard import reading
from lg_tracker_ros.reading.pickles import check_checkpoint
from lg_tracker_ros.reading.plain import read_object, read_yaml_file
from lg_tracker_ros.reading.tensors import read_metadata, read_safetensors
from lg_tracker_ros.words.lines import one_line
import pytest
import torch

TENSORS = {'a': torch.arange(6.).reshape(2, 3), 'b.c': torch.ones(2, dtype=torch.int64)}
values = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
                      lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
                          st.text(max_size=5), inner, max_size=3)), max_leaves=8)


def safetensors():
    header, data = {'__metadata__': {'note': 'x'}}, b''
    for name, kind in (('a', 'F32'), ('b.c', 'I64')):
        raw = TENSORS[name].numpy().tobytes()
        header[name] = {'dtype': kind, 'shape': list(TENSORS[name].shape),
                        'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, 'little') + text + data


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Give a path that each example writes to."""
    return tmp_path_factory.mktemp('readers') / 'file'


def read(reader, file, content):
    """Read, or check how it is refused; returns None then."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode(
        'utf-8', 'surrogatepass'))
    try:
        return reader(file)
    except ValueError as e:
        assert_one_line(e)
        assert str(e).startswith(str(file))


def test_safetensors_damaged(file):
    whole = safetensors()
    assert all((read(read_safetensors, file, whole)[k] == v).all() for k, v in TENSORS.items())

    @cheap
    @given(damaged(whole))
    def check(data):
        tensors = read(read_safetensors, file, data)
        if tensors is not None:  # no more numbers than there are bytes
            assert sum(t.numel() * t.element_size() for t in tensors.values()) <= 2 * len(data)
        metadata = read(read_metadata, file, data)
        assert metadata is None or isinstance(metadata, dict)
    check()


@pytest.mark.parametrize('zipped', [True, False])
def test_checkpoints_damaged(file, zipped):
    torch.save(TENSORS, file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()

    def check_guarded(path):
        with reading(path, 'a checkpoint'):
            return check_checkpoint(path)
    assert read(check_guarded, file, whole) == set()

    @cheap
    @given(damaged(whole))
    def check(data):
        foreign = read(check_guarded, file, data)
        assert foreign is None or all(isinstance(name, str) for name in foreign)
    check()


@cheap
@given(content=st.one_of(values.map(json.dumps), st.text(), st.binary(max_size=50)))
def test_objects_of_json(file, content):
    data = read(read_object, file, content)
    assert data is None or isinstance(data, dict)


yamls = st.one_of(
    values.map(json.dumps), st.text(), st.binary(max_size=50),
    st.text('ab:- \n#&*[]{}"\'0.!|>%', max_size=60),
    st.tuples(st.sampled_from(('/**', '/lg_tracker', '/a/*', 'lg_tracker', '*')),
              st.dictionaries(st.sampled_from(('beta1', 'beta2', 'tracker', 'rules', 'x')), values,
                              max_size=3)).map(
        lambda p: json.dumps({p[0]: {'ros__parameters': p[1]}})))


@cheap
@given(content=yamls)
def test_files_of_parameters(file, content):
    read(read_yaml_file, file, content)
    settings = read(read_yaml, file, content)
    assert settings is None or isinstance(settings, Settings)


@cheap
@given(st.text(), st.integers(1, 400))
def test_a_message_is_one_line(text, most):
    line = one_line(text, most)
    assert len(line) <= most and '\n' not in line and (not line or line.isprintable())
    assert one_line(line, most) == line
