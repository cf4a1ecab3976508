"""Files that others wrote: hostile ones by hand, and damaged ones by a small fuzzer."""

from collections import OrderedDict
from dataclasses import fields
import io
import json
import os
import pickle
from random import Random
import struct
import zipfile

from lg_tracker_ros.checkpoint import confidence_of, count_heads, load_checkpoint
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.parameters.as_yaml import as_yaml
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.reading import read_yaml
from lg_tracker_ros.reading.notes import trained_on
from lg_tracker_ros.reading.pickles import OPERATIONS
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.rows import COLUMNS
from lg_tracker_ros.training.loop.checkpoints import read_run
from lg_tracker_ros.words.lines import LONGEST
import pytest
import torch
from torch import nn

safetensors = pytest.importorskip('safetensors.torch')
OURS = [f.name for f in fields(NodeOptions)]


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def _saved(data, old=False):
    file = io.BytesIO()
    torch.save(data, file, _use_new_zipfile_serialization=not old)
    return file.getvalue()


def _rezipped(change, data=None, packed=zipfile.ZIP_STORED):
    """Write a checkpoint's zip anew; ``change`` takes name and content."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_saved(data or _net().state_dict()))) as old, \
            zipfile.ZipFile(file, 'w', packed) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return file.getvalue()


def _with_pickle(pickled):
    return _rezipped(lambda name, data: pickled if name.endswith('data.pkl') else data)


def _doubled(make, last):
    """Pickle containers of which each holds the one before it twice, 60 times."""
    steps = [b'h' + bytes([i]) + b'h' + bytes([i]) + make + b'q' + bytes([i + 1])
             for i in range(60)]
    return b'\x80\x02}q\xff)q\x00' + b''.join(steps) + last + b'.'


def _lists_from_outside():
    """Pickle 40 empty lists, and only then fill each with the next, twice."""
    made = b''.join(b']q' + bytes([i]) for i in range(40))
    return b'\x80\x02' + made + b''.join(
        b'h' + bytes([i]) + b'(' + (b'h' + bytes([i + 1])) * 2 + b'e' for i in range(39)) + b'.'


def _header(text, tail=b''):
    return len(text).to_bytes(8, 'little') + text + tail


def _inner(items):
    """Make a state dict's pickle whose one tensor wants ``items`` floats of storage 0."""
    pickled = zipfile.ZipFile(io.BytesIO(_saved({'0.bias': torch.zeros(4)}))).read(
        'archive/data.pkl')
    assert pickled.count(b'K\x04tq') == 1
    return pickled.replace(b'K\x04tq', b'J' + struct.pack('<i', items) + b'tq')


WEIGHTS = {
    'tuples.pt': (lambda: _with_pickle(_doubled(b'\x86', b'h\xffh<K\x01s')), 'again and again'),
    'lists.pt': (lambda: _with_pickle(_lists_from_outside()), 'again and again'),
    'message.pt': (lambda: _with_pickle(_doubled(b'\x86', b'h<)R')), 'again and again'),
    'circle.pt': (lambda: _with_pickle(b'\x80\x02]q\x00h\x00a.'), 'nested more than 100 deep'),
    'deep.pt': (lambda: _with_pickle(b'\x80\x02})' + b'\x85' * 10**5 + b'K\x01s.'),
                'more than 100 deep'),
    'other.pt': (lambda: _with_pickle(b'\x80\x02N0N.'), 'operation POP'),
    'many.pt': (lambda: _with_pickle(b'\x80\x02' + b'N' * (OPERATIONS + 1) + b'.'),
                f'more than {OPERATIONS} operations'),
    'code.pt': (lambda: _with_pickle(pickle.dumps(print, 2)), 'it names __builtin__.print'),
    'bytes.pt': (lambda: _with_pickle(b'\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.'),
                 'it names builtins.bytearray'),
    'beyond.pt': (lambda: _with_pickle(_inner(2**31 - 1)), 'tensors want 8589934588 bytes'),
    'old.pt': (lambda: _saved({'0.bias': torch.zeros(4)}, old=True).replace(
        b'K\x04N', b'J\xff\xff\xff\x7fN'), 'it says 8589934588 bytes of tensors'),
    'packed.pt': (lambda: _rezipped(lambda _, data: data, {'x': torch.zeros(10**6)},
                                    zipfile.ZIP_DEFLATED), 'its zip packs files'),
    'view.pt': (lambda: _saved({'x': torch.zeros(1).expand(10**10)}), 'holds x, no plain tensor'),
    'sparse.pt': (lambda: _saved({'x': torch.zeros(2).to_sparse()}), 'it names torch'),
    'empty.pt': (lambda: b'', 'is not a readable checkpoint'),
    'header.safetensors': (lambda: (1 << 60).to_bytes(8, 'little') + b'{}', 'it says a header'),
    'nested.safetensors': (lambda: _header(b'[' * 10**6), 'RecursionError'),
    'offsets.safetensors': (lambda: _header(
        b'{"x":{"dtype":"F32","shape":[5000000000],"data_offsets":[0,20000000000]}}'),
        'is not a readable safetensors file'),
    'type.safetensors': (lambda: _header(
        b'{"x":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}', b'0'),
        'x is of type F8_E4M3, expected one of F64, F32'),
    'list.safetensors': (lambda: _header(b'[]'), 'no JSON object'),
    'word.safetensors': (lambda: _header(b'{"__metadata__":3}'), 'no JSON object'),
    'heads.safetensors': (lambda: safetensors.save(
        {f'heads.{i}.scale': torch.tensor(8.0) for i in range(3000)}), 'holds 3000 heads'),
    'key.safetensors': (lambda: safetensors.save({'k\n' * 10**5: torch.zeros(1)}), 'missing key'),
}


def _read_weights(path):
    trained_on(path)
    confidence_of(str(path), '')
    count_heads(path)
    if path.suffix == '.pt':
        read_run(path)
    load_checkpoint(_net(), path)


def _refusal(read, path):
    """Return the message for a file that must be refused, which must be one short line."""
    with pytest.raises(ValueError) as e:
        read(path)
    text = str(e.value)
    assert path.name in text and len(text) <= LONGEST and text.isprintable(), text
    return text


@pytest.mark.parametrize('name', WEIGHTS)
def test_hostile_weights_are_refused_in_one_line(tmp_path, name):
    make, words = WEIGHTS[name]
    (tmp_path / name).write_bytes(make())
    read = read_state_dict if name.endswith('.pt') else _read_weights
    assert words in _refusal(read, tmp_path / name)


def test_what_torch_saves_passes(tmp_path):
    """Both forms, with an optimiser, shared values, a half and plain values beside."""
    net = _net()
    optimiser = torch.optim.Adam(net.parameters())
    net(torch.zeros(2, 3, 4, 4)).sum().backward()
    optimiser.step()
    rest = {'optimizer': optimiser.state_dict(), 'epoch': 3, 'twice': [(1, 'a')] * 50,
            'text': 'x' * 300, 'big': 2**70, 'none': [None, True, 0.5, {1, 2}],
            'size': torch.Size((1,))}
    for old in (False, True):
        for state in (net.state_dict(), OrderedDict((k, v.half() if v.is_floating_point() else v)
                                                    for k, v in net.state_dict().items())):
            (tmp_path / 'a.pt').write_bytes(_saved({'state_dict': state, **rest}, old))
            other = _net()
            load_checkpoint(other, tmp_path / 'a.pt')
            for key, value in other.state_dict().items():
                assert torch.equal(value, state[key].to(value.dtype)), key


@pytest.mark.parametrize('name, value, words', [
    ('0.bias', torch.tensor([0, 0, float('nan'), 0]), '0.bias has values that are NaN or inf'),
    ('0.bias', torch.tensor([0, 0, float('-inf'), 0]), '0.bias has values that are NaN'),
    ('1.running_var', torch.tensor([1e300] * 4, dtype=torch.float64), '1.running_var has values'),
    ('1.weight', torch.ones(4, dtype=torch.int32), '1.weight expected torch.float32, actual '
     'torch.int32'),
    ('1.weight', torch.ones(4, dtype=torch.complex64), 'actual torch.complex64'),
    ('1.num_batches_tracked', torch.tensor(1.5), '1.num_batches_tracked expected torch.int64')])
@pytest.mark.parametrize('suffix', ['pt', 'safetensors'])
def test_values_that_are_no_weights_are_refused_by_name(tmp_path, suffix, name, value, words):
    state = {**_net().state_dict(), name: value}
    path = tmp_path / f'a.{suffix}'
    path.write_bytes(_saved(state) if suffix == 'pt' else safetensors.save(state))
    net = _net()
    assert words in _refusal(lambda p: load_checkpoint(net, p), path)
    assert torch.equal(net.state_dict()['0.weight'], _net().state_dict()['0.weight'])


@pytest.mark.parametrize('note', ['[1, NaN, 1]', '[1, 1e400, 1]', '[1, -Infinity, 1]', '"123"',
                                  '[1, 2]', '[true, 1, 1]', '{"a": 1}', f'[1, 1, {"9" * 400}]',
                                  '[[' * 10**5])
def test_constants_of_the_confidence_are_three_numbers(tmp_path, note):
    path = tmp_path / 'a.safetensors'
    path.write_bytes(safetensors.save({'x': torch.zeros(1)}, {'confidence': note}))
    _refusal(lambda p: confidence_of(str(p), ''), path)


PARAMETERS = {
    'circle.yaml': ('a: &a {b: *a}', 'aliases'),
    'laughs.yaml': ('a0: &a0 [x]\n' + ''.join(
        f'a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n' for i in range(1, 60)), 'line 2: aliases'),
    'deep.yaml': ('[' * 10**5, 'RecursionError'),
    'huge.yaml': ('beta1: ' + '9' * 400, 'OverflowError'),
    'digits.yaml': ('beta2: ' + '9' * 10**5, 'is not a readable YAML file'),
    'hex.yaml': ('beta2: 0x' + 'f' * 10**5, 'is not a valid set of parameters'),
    'day.yaml': ('beta2: 2026-99-99', 'is not a readable YAML file'),
    'key.yaml': ('[a]: 1', 'is not a readable YAML file'),
    'tag.yaml': ('a: !!python/object/apply:os.system [ls]', 'could not determine a constructor'),
    'long.yaml': ('#' * (1 << 19), 'expected at most 262144 bytes'),
    'latin.yaml': (b'tracker: \xe4', 'is not a readable YAML file'),
}


@pytest.mark.parametrize('name', PARAMETERS)
def test_hostile_parameters_are_refused_in_one_line(tmp_path, name):
    text, words = PARAMETERS[name]
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert words in _refusal(lambda p: read_yaml(p, OURS), tmp_path / name)


def test_a_fifo_is_no_file_of_parameters(tmp_path):
    os.mkfifo(tmp_path / 'a.yaml')
    assert 'no regular file' in _refusal(read_yaml, tmp_path / 'a.yaml')


HEAD = ','.join(COLUMNS) + '\n'


def _results(folder):
    """Write results of two frames; returns the files."""
    out = folder / 'out'
    (out / 'ncc').mkdir(parents=True)
    labels = {'s': {'truth': [[1.0, 2.0, 3.0, 4.0], None], 'absent': [1], 'attributes': ['fast'],
                    'source': 'x/s', 'protocol': 'plain', 'path': '/s', 'marks': []}}
    files = {
        out / 'dataset.json': json.dumps(labels),
        out / 'ncc/s.csv': '\n'.join([','.join(COLUMNS), '0,0.0,1,2,3,4,0.9,1,LOCAL,5.0',
                                      '1,0.1,nan,nan,nan,nan,0.1,0,LOCAL,5.0', '']),
        out / 'ncc/s.json': json.dumps({'settings': {}, 'stages': {'local': [None, 2.0]}})}
    for path, text in files.items():
        path.write_text(text)
    return out, files


@pytest.mark.parametrize('name, text, words', [
    ('dataset.json', '[]', 'it holds list'),
    ('dataset.json', '{"s": 1}', 'TypeError'),
    ('dataset.json', '{"s": {}}', "KeyError: 'truth'"),
    ('dataset.json', '[' * 10**6, 'RecursionError'),
    ('dataset.json', '{"s": {"truth": [[1, 2]], "absent": [], "attributes": [], "marks": []}}',
     'cannot reshape'),
    ('dataset.json', '{"s": {"truth": [[1,2,3,4]], "absent": [9], "attributes": [], "marks": []}}',
     'absent frames that are none of 0..0'),
    ('dataset.json', '{"s": {"truth": [[1,2,3,4]], "absent": [-1]}}', 'none of 0..0'),
    ('dataset.json', '{"s": {"truth": [[1,2,-3,0]], "absent": []}}', 's has a box without'),
    ('ncc/s.csv', 'x' * 10**6, 'field larger than field limit'),
    ('ncc/s.csv', ','.join(COLUMNS) + '\n0,0,1,2,3,4,nan,1,LOCAL,5',
     's.csv:2: confidence must be'),
    ('ncc/s.csv', ','.join(COLUMNS) + '\n0,0,1,2,3,4,.5,1,WHAT,5', 's.csv:2: mode must be'),
    ('ncc/s.csv', HEAD, 'it ends early, with frame -1 of 0..1'),
    ('ncc/s.csv', HEAD + '0,0,1,2,3,4,.5,1,LOCAL,5\n', 'it ends early, with frame 0 of 0..1'),
    ('ncc/s.csv', HEAD + '1,0,1,2,3,4,.5,1,LOCAL,5\n', 's.csv:2: expected one frame after'),
    ('ncc/s.csv', HEAD + '0,0,1,2,3,4,.5,1,LOCAL,5\n' * 2,
     's.csv:3: expected one frame after another of 0..1, the first at most 0, got 0 after 0'),
    ('ncc/s.csv', HEAD + '0,0,inf,2,3,4,.5,1,LOCAL,5\n', 's.csv:2: expected a box'),
    ('ncc/s.csv', HEAD + '0,0,nan,2,3,4,.5,1,LOCAL,5\n', 's.csv:2: expected a box'),
    ('ncc/s.csv', HEAD + '0,0,1\n', 's.csv:2: expected 10 columns, got 3'),
    ('ncc/s.json', '3', 'it holds int'),
    ('ncc/s.json', '{"stages": {"local": [1]}}', 'its stages should have 2 numbers each'),
    ('ncc/s.json', '{"stages": [1]}', 'AttributeError')])
def test_damaged_results_are_told_with_the_file(tmp_path, name, text, words):
    out, _ = _results(tmp_path)
    assert read_records(out)['ncc']['s'].claimed.tolist() == [True, False]
    (out / name).write_text(text)
    with pytest.raises(ValueError) as e:
        read_records(out)
    assert str(out / name) in str(e.value) and words in str(e.value)
    assert len(str(e.value)) <= LONGEST


def _mutated(data, random):
    """Damage some bytes: cut, flip, fill, double or insert."""
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        at = random.randrange(len(data) or 1)
        kind = random.randrange(5)
        if kind == 0:
            del data[at:at + random.choice((1, 8, 10**6))]
        elif kind == 1 and data:
            data[at % len(data)] ^= 1 << random.randrange(8)
        elif kind == 2:
            data[at:at + 8] = random.choice((b'\xff' * 8, bytes(8), b'\x7f' + b'\xff' * 7))
        elif kind == 3:
            data[at:at] = data[at:at + random.choice((4, 64))] * random.choice((1, 50))
        else:
            data[at:at] = random.choice((b'[', b'{', b'"', b'\n', b'9' * 5000, b'NaN', b'&a *a',
                                         b'\x00', b'\x85', b'1e999', b':', b'-', b','))
    return bytes(data)


def test_damaged_files_say_no_more_than_their_name(tmp_path):
    """Fourteen mutants of each of eight files: read, or refused in one line with the name."""
    random = Random(16)
    out, results = _results(tmp_path)
    notes = {'trained_on': '["x/*"]', 'confidence': '[1, 2, 3]'}
    state = _net().state_dict()
    run = {'network': 'x', 'config': {}, 'step': 1, 'state_dict': state}
    seeds = {'a.safetensors': (safetensors.save(state, notes), _read_weights),
             'a.pt': (_saved(run), _read_weights), 'b.pt': (_saved(run, old=True), _read_weights),
             'c.pt': (_inner(4), None),
             'a.yaml': (as_yaml().encode(), lambda p: read_yaml(p, OURS)),
             **{str(p.relative_to(tmp_path)): (text.encode(), lambda p: read_records(out))
                for p, text in results.items()}}
    refusals = 0
    for name, (seed, read) in seeds.items():
        for number in range(14):
            data = _mutated(seed, random)
            path = tmp_path / name
            path.write_bytes(data if read else _with_pickle(data))
            try:
                (read or read_state_dict)(path)
            except (ValueError, OSError) as e:
                refusals += 1
                text = str(e)
                assert name in text and len(text) <= LONGEST and text.isprintable(), (number, text)
        path.write_bytes(seed)
    assert refusals > 60  # the mutants do harm
