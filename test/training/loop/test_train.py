"""The training loop: the same weights again, in pieces, in two processes; and what goes wrong."""

from dataclasses import dataclass, replace
from functools import partial
import json
import multiprocessing
import os
from pathlib import Path
import signal
import socket
import sys

from lg_tracker_ros.checkpoint import read_note, read_state_dict, trained_on
from lg_tracker_ros.cli import main
from lg_tracker_ros.local.pixelwise import count_heads
from lg_tracker_ros.training.export import export
from lg_tracker_ros.training.loop import fit as run_module
from lg_tracker_ros.training.loop.checkpoints import config_of, read_run, save, set_values
from lg_tracker_ros.training.loop.distributed import find_place, Place
from lg_tracker_ros.training.loop.optim import learn_mode, make_schedule, parameter_groups
from lg_tracker_ros.training.loop.train import fit
from lg_tracker_ros.training.networks.network import Field, Network, Training
from lg_tracker_ros.training.networks.registry import NETWORKS
from lg_tracker_ros.training.samples.ring import replay, Ring, stream
from lg_tracker_ros.training.samples.writers import fill, Writers
import numpy as np
import pytest
import torch
from torch import nn

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

FIELDS = {'x': Field((4,)), 'y': Field((), 'float32')}
HERE = Place(0, 1, 0, torch.device('cpu'))


@dataclass(frozen=True)
class Settings(Training):
    """Settings of the network below."""

    width: int = 8
    name: str = 'net'


SMALL = Settings(batch=8, steps=12, rate=0.05, validate_every=4, log_every=2, capacity=40,
                 warmup=8, held_out=10)


def make_model(c):
    """Make a network with chance in it."""
    return nn.Sequential(nn.Linear(4, c.width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(c.width, 1))


def sample(rng):
    """Draw four numbers and their sum."""
    x = rng.normal(size=4).astype(np.float16)
    return {'x': x, 'y': x.astype(np.float32).sum()}


def losses(model, batch, step):
    """Mean square."""
    loss = (model(batch['x'])[:, 0] - batch['y']).square().mean()
    return loss, {'l2': loss.detach(), 'count': torch.tensor(float(step))}


def validate(model, batches):
    """Give less the mean square."""
    assert not model.training and not torch.is_grad_enabled()
    error = np.mean([losses(model, b, 0)[0].item() for b in batches])
    return -error, {'error': error}


def picture(model, batch):
    """Show something blue."""
    return np.full((8, 6, 3), (200, 0, 0), np.uint8)


TOY = Network(SMALL, lambda c: FIELDS, make_model, lambda material, c: sample, losses, validate,
              picture)


@pytest.fixture
def ring(tmp_path):
    ring = Ring(tmp_path / 'ring', FIELDS, 40).attach()
    fill(ring, lambda: sample, 7, 40)
    return ring


def fresh(c, workers=0):
    """Make every batch anew."""
    return lambda steps, rank, world: stream(lambda: sample, FIELDS, c.seed, c.batch, steps, rank,
                                             world, workers)


def again(ring, c):
    """Draw every batch from a ring."""
    return lambda steps, rank, world: replay(ring, c.seed, c.batch, steps, rank, world)


def cut_at(source, step):
    """Take the source away at a step, as a killed run does."""
    def batches(steps, rank, world):
        for i, batch in zip(steps, source(steps, rank, world)):
            if i == step:
                raise KeyboardInterrupt
            yield batch
    return batches


def weights(out, name='last.pt', part='model'):
    return read_run(out / name)[part]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize('kind', ['stream', 'ring'])
@pytest.mark.parametrize('change', [
    {}, {'ema': 0.9, 'schedule': 'cosine', 'optimizer': 'sgd', 'precision': 'bf16'}])
def test_a_killed_run_ends_with_the_same_bits(tmp_path, ring, kind, change):
    c = replace(SMALL, **change)
    source = fresh(c) if kind == 'stream' else again(ring, c)
    held = partial(ring.batches, 4)
    whole = fit(TOY, c, source, held, tmp_path / 'whole', place=HERE)
    with pytest.raises(KeyboardInterrupt):
        fit(TOY, c, cut_at(source, 6), held, tmp_path / 'cut', place=HERE)
    assert read_run(tmp_path / 'cut/last.pt')['step'] == 4
    torch.manual_seed(99)  # another process would be elsewhere
    assert fit(TOY, c, source, held, tmp_path / 'cut', place=HERE) == whole
    a, b = (read_run(tmp_path / name / 'last.pt') for name in ('whole', 'cut'))
    assert same(a['model'], b['model']) and a['step'] == b['step'] == 12
    for i, values in a['optimizer']['state'].items():
        assert all(torch.equal(torch.as_tensor(v), torch.as_tensor(b['optimizer']['state'][i][k]))
                   for k, v in values.items() if v is not None)
    assert same(*(weights(tmp_path / n, 'best.pt', 'state_dict') for n in ('whole', 'cut')))
    # and the log tells each step once, with the same numbers
    logs = [[json.loads(line) for line in (tmp_path / n / 'log.jsonl').read_text().splitlines()]
            for n in ('whole', 'cut')]
    for log in logs:
        for line in log:
            line.pop('samples_a_second', None)
    assert logs[0] == logs[1]
    assert [line['step'] for line in logs[0] if line['part'] == 'held_out'] == [4, 8, 12]
    # the mean over the steps since the last line, which count from 0
    assert [(line['step'], line['count']) for line in logs[0] if line['part'] == 'train'] == [
        (2, 0.5), (4, 2.5), (6, 4.5), (8, 6.5), (10, 8.5), (12, 10.5)]


def test_the_seed_decides(tmp_path, ring):
    held = partial(ring.batches, 4)
    found = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        c = replace(SMALL, seed=seed)
        fit(TOY, c, fresh(c), held, tmp_path / name, place=HERE)
        found.append(weights(tmp_path / name))
    assert same(found[0], found[1]) and not same(found[0], found[2])


def test_losses_fall_and_best_is_the_best(tmp_path, ring):
    c = replace(SMALL, steps=120, batch=16)
    quality = fit(TOY, c, fresh(c), partial(ring.batches, 40), tmp_path, place=HERE)
    log = [json.loads(x) for x in (tmp_path / 'log.jsonl').read_text().splitlines()]
    train = [x['loss'] for x in log if x['part'] == 'train']
    assert np.mean(train[-5:]) < 0.5 * train[0]
    best = read_run(tmp_path / 'best.pt')
    assert best['quality'] == quality == max(x['quality'] for x in log if x['part'] == 'held_out')
    model = make_model(c).eval()
    model.load_state_dict(read_state_dict(tmp_path / 'best.pt'))
    with torch.no_grad():
        assert validate(model, [{k: v.float() for k, v in b.items()} for b in ring.batches(40)]
                        )[0] == pytest.approx(quality)


def test_early_stop(tmp_path, ring):
    """Three validations without a better one end it, and a run that ended doesn't go on."""
    c = replace(SMALL, steps=400, patience=3)
    qualities = iter([1.0, 3.0, 2.0, 2.5, 2.9, 9.0])
    network = replace(TOY, validate=lambda model, batches: (next(qualities), {}))
    for _ in range(2):
        assert fit(network, c, fresh(c), partial(ring.batches, 4), tmp_path, place=HERE) == 3.0
        assert read_run(tmp_path / 'last.pt')['step'] == 5 * c.validate_every
        assert read_run(tmp_path / 'best.pt')['step'] == 2 * c.validate_every
    assert next(qualities) == 9.0


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def one_of_two(rank, port, out, c, folder):
    """Run as torchrun's child does."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2',
                      MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    ring = Ring(folder, FIELDS, 40).attach()
    network = replace(TOY, make_model=lambda c: nn.Sequential(
        nn.Linear(4, c.width), nn.ReLU(), nn.Linear(c.width, 1)))
    fit(network, c, again(ring, c), partial(ring.batches, 4), out, place=find_place('cpu'))


@pytest.mark.parametrize('patience', [0, 1])
def test_two_processes_are_as_one(tmp_path, ring, patience):
    """They share out each batch, so their mean gradient is the whole batch's."""
    c = replace(SMALL, patience=patience)
    network = replace(TOY, make_model=lambda c: nn.Sequential(
        nn.Linear(4, c.width), nn.ReLU(), nn.Linear(c.width, 1)))
    fit(network, c, again(ring, c), partial(ring.batches, 4), tmp_path / 'one', place=HERE)
    # as torchrun's children: a fork of a process with PyTorch's threads may hang
    port, context = free_port(), multiprocessing.get_context('spawn')
    both = [context.Process(target=one_of_two, daemon=True,
                            args=(r, port, tmp_path / 'two', c, ring.folder)) for r in range(2)]
    for p in both:
        p.start()
    for p in both:
        p.join(60)
    codes = [p.exitcode for p in both]
    for p in both:
        p.kill()
    assert codes == [0, 0]
    one, two = weights(tmp_path / 'one'), weights(tmp_path / 'two')
    assert all(torch.allclose(one[k], two[k], atol=1e-5) for k in one)
    begun = make_model(c)
    torch.manual_seed(c.seed)
    assert not torch.allclose(one['0.weight'], begun[0].weight, atol=1e-2)


def test_a_step_of_a_stream_does_not_depend_on_who_makes_it():
    batches = [list(stream(lambda: sample, FIELDS, 3, 6, range(2, 6), workers=w)) for w in (0, 2)]
    assert len(batches[0]) == 4 and batches[0][0]['x'].shape == (6, 4)
    assert batches[0][0]['x'].dtype == torch.float16 and batches[0][0]['y'].shape == (6,)
    for a, b in zip(*batches):
        assert torch.equal(a['x'], b['x'])
    parts = [next(iter(stream(lambda: sample, FIELDS, 3, 6, range(2, 6), r, 2))) for r in (0, 1)]
    whole = batches[0][0]['x']
    assert torch.equal(parts[0]['x'], whole[::2]) and torch.equal(parts[1]['x'], whole[1::2])
    assert not torch.equal(batches[0][0]['x'], batches[0][1]['x'])


def test_several_writers_fill_a_ring_as_one_does(tmp_path, ring):
    other = Ring(tmp_path / 'other', FIELDS, 40).attach()
    with Writers(other, lambda: sample, 7, 3, 40) as writers:
        writers.wait(40, 'samples')
    a, b = next(iter(ring.batches(99))), next(iter(other.batches(99)))
    assert len(a['x']) == 40 and torch.equal(a['x'], b['x']) and torch.equal(a['y'], b['y'])
    # beyond its end the oldest go
    with Writers(other, lambda: sample, 7, 2, 55) as writers:
        for p in writers.processes:
            p.join(20)
    assert other.newest == 54 and len(other) == 40
    assert not other.has(14) and other.has(15) and other.has(54)
    c = next(iter(other.batches(99)))['x']
    assert torch.equal(c[15:], a['x'][15:]) and not torch.equal(c[:15], a['x'][:15])


def large(rng):
    """Draw a sample that takes a while to copy, all of one value."""
    return {'x': np.full(20000, rng.integers(1, 1000))}


def test_no_sample_is_torn(tmp_path):
    """Read while two processes write at full speed over the same few places."""
    ring = Ring(tmp_path / 'ring', {'x': Field((20000,), 'int32')}, 3).attach()
    with Writers(ring, lambda: large, 0, 2) as writers:
        writers.wait(3, 'samples')
        seen = set()
        for step in range(300):
            x = next(iter(replay(ring, 0, 2, range(step, step + 1))))['x']
            assert (x == x[:, :1]).all()
            seen |= set(x[:, 0].tolist())
    assert len(seen) > 10  # it was being written
    assert not any(p.is_alive() for p in writers.processes)


def flicker(ring):
    """Fill and empty the places of a ring at full speed."""
    while True:
        ring.numbers[:] = 1
        ring.numbers[:] = 0


def test_places_are_listed_while_they_change(tmp_path):
    """An array that changes meanwhile is one that NumPy refuses to list."""
    ring = Ring(tmp_path / 'ring', FIELDS, 50_000).attach()
    writer = multiprocessing.get_context('fork').Process(target=flicker, args=(ring,), daemon=True)
    writer.start()
    try:
        counts = {len(ring.present()) for _ in range(300)}
    finally:
        writer.kill()
        writer.join()
    assert len(counts) > 1  # it was being written


def test_a_ring_refuses_others_samples(tmp_path, ring):
    with pytest.raises(ValueError, match=r'holds other samples.*use another --ring'):
        Ring(ring.folder, {'x': Field((5,))}, 40).attach()
    with pytest.raises(ValueError, match='a sample lacks the field y; it has x'):
        ring.write(40, {'x': np.zeros(4)})
    with pytest.raises(ValueError, match=r'field x .* expected shape \(4,\), got \(5,\)'):
        ring.write(40, {'x': np.zeros(5), 'y': 0.0})
    assert ring.newest == 39


def fail():
    raise ValueError('the sources hold nothing')


def test_what_a_writer_meets_with_is_told(tmp_path):
    ring = Ring(tmp_path / 'ring', FIELDS, 4).attach()
    with Writers(ring, fail, 0, 1) as writers, pytest.raises(ValueError, match='hold nothing'):
        writers.wait(4, 'samples')
    with Writers(ring, lambda: sample, 0, 1) as writers:
        writers.wait(4, 'samples')
        os.kill(writers.processes[0].pid, signal.SIGKILL)
        writers.processes[0].join(10)
        with pytest.raises(ValueError, match='ended with status -9'):
            writers.check()


def test_a_checkpoint_is_written_whole_or_not(tmp_path):
    path = tmp_path / 'last.pt'
    save(path, {'network': 'a', 'config': {}, 'step': 1})
    with pytest.raises((AttributeError, TypeError, RuntimeError, ValueError)):
        save(path, {'network': 'a', 'config': {}, 'step': open(os.devnull)})
    assert read_run(path)['step'] == 1
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'last\.pt is not a readable checkpoint'):
        read_run(path)
    torch.save({'a': torch.zeros(1)}, path)
    with pytest.raises(ValueError, match='is not a checkpoint of `train fit`'):
        read_run(path)


def test_a_configuration_comes_back(tmp_path, ring):
    c = set_values(SMALL, ['steps=5', 'rate=1e-2', 'rates={"0.": 0.5}', 'fresh=true',
                           'name=other', 'clip=3'])
    assert (c.steps, c.rate, c.rates, c.fresh, c.name, c.clip) == (
        5, 0.01, {'0.': 0.5}, True, 'other', 3.0)
    assert type(c.clip) is float and c.batch == SMALL.batch and type(c) is Settings
    fit(TOY, c, fresh(c), partial(ring.batches, 4), tmp_path, 'toy', None, ['clips/a'], HERE)
    for name in ('best.pt', 'last.pt'):
        state = torch.load(tmp_path / name, weights_only=True)
        assert config_of(state, SMALL) == c
        assert state['network'] == 'toy' and state['trained_on'] == ['clips/a']
        assert state['commit'] and state['machine']['torch'].startswith(
            torch.__version__.split('+')[0])
    # what a network has learnt to be set since then stands at its default
    del state['config']['width']
    assert config_of(state, SMALL) == c
    with pytest.raises(ValueError, match='Training lacks: name'):
        config_of(state, Training(1, 1))
    with pytest.raises(ValueError, match=r'last\.pt was made with rate=0\.01, now it is 0\.02'):
        fit(TOY, replace(c, rate=0.02), fresh(c), list, tmp_path, 'toy', place=HERE)
    with pytest.raises(ValueError, match=r'last\.pt holds toy, not other'):
        fit(TOY, c, fresh(c), list, tmp_path, 'other', place=HERE)


@pytest.mark.parametrize('text, message', [
    ('stepz=5', 'no such setting; did you mean steps'),
    ('qqq=5', 'no such setting; there are batch, steps, rate'),
    ('steps', 'expected NAME=VALUE'),
    ('steps=5.5', 'steps=5.5: expected a whole number'),
    ('steps=true', 'expected a whole number'),
    ('rate=fast', 'rate=fast: expected a number'),
    ('fresh=1', 'expected true or false'),
    ('rates=0.1', 'expected JSON such as')])
def test_a_wrong_setting_is_one_line(text, message):
    with pytest.raises(ValueError, match=message) as e:
        set_values(SMALL, [text])
    assert '\n' not in str(e.value)


@pytest.mark.parametrize('change, message', [
    ({'optimizer': 'adam'}, 'optimizer must be one of adamw, adagrad, sgd, got'),
    ({'schedule': 'step'}, 'schedule must be one of one_cycle, cosine, constant, got'),
    ({'precision': 'int8'}, 'precision must be one of auto, fp32'),
    ({'steps': 0}, 'steps must be at least 1, got 0'),
    ({'rates': {'head.': 1}}, "no parameter begins with 'head.'; there are 0, 3")])
def test_what_cannot_be_trained(tmp_path, change, message):
    c = replace(SMALL, **change)
    with pytest.raises(ValueError, match=message):
        fit(TOY, c, fresh(SMALL), list, tmp_path, place=HERE)


def test_a_batch_must_be_shared_out_evenly(tmp_path):
    with pytest.raises(ValueError, match='8 is no multiple of 3'):
        fit(TOY, SMALL, fresh(SMALL), list, tmp_path, place=replace(HERE, world=3))


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path, ring):
    network = replace(TOY, losses=lambda m, b, s: (m(b['x']).sum() * float('nan'), {}))
    with pytest.raises(ValueError, match=r'the loss is nan before step 2: lower --set rate=0\.05'):
        fit(network, SMALL, fresh(SMALL), partial(ring.batches, 4), tmp_path, place=HERE)
    assert not (tmp_path / 'last.pt').exists()


def test_rates_and_what_is_frozen():
    model = nn.ModuleDict({'backbone': nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2),
                                                     nn.Linear(2, 2)), 'head': nn.Linear(2, 1)})
    c = replace(SMALL, rate=1.0, rates={'backbone.': 0.1, 'backbone.0': 0, 'backbone.1': 0})
    groups = {g['lr']: len(g['params']) for g in parameter_groups(model, c)}
    assert groups == {0.1: 2, 1.0: 2}
    learn_mode(model)
    assert model['backbone'].training and model['backbone'][2].training
    assert not model['backbone'][1].training  # its statistics stay, too


def test_schedules_rise_and_fall():
    rates = {}
    for name in ('one_cycle', 'cosine'):
        c = replace(SMALL, steps=100, schedule=name, rise=0.1, rate=1.0)
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD([{'params': model.weight, 'lr': 1.0},
                                     {'params': model.bias, 'lr': 0.1}], momentum=0.9)
        schedule = make_schedule(optimizer, c)
        rates[name] = []
        for _ in range(100):
            rates[name].append([g['lr'] for g in optimizer.param_groups])
            optimizer.step()
            schedule.step()
    for values in rates.values():
        values = np.array(values)
        assert values[:, 1] == pytest.approx(0.1 * values[:, 0])
        assert 8 <= values[:, 0].argmax() <= 10 and values[:, 0].max() == pytest.approx(1)
        assert values[0, 0] <= 0.1 and values[-1, 0] < 0.01
    assert np.array(rates['cosine'])[[0, 4, 9, 55], 0] == pytest.approx([0.1, 0.5, 1, 0.5])


def test_curves_and_pictures(tmp_path, ring):
    pytest.importorskip('tensorboard', reason='tensorboard is not installed')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    fit(TOY, SMALL, fresh(SMALL), partial(ring.batches, 4), tmp_path, place=HERE)
    events = EventAccumulator(str(tmp_path / 'tensorboard')).Reload()
    assert {'train/loss', 'train/l2', 'train/rate', 'held_out/quality', 'held_out/error'} <= set(
        events.Tags()['scalars'])
    assert [e.step for e in events.Scalars('train/loss')] == [2, 4, 6, 8, 10, 12]
    pictures = events.Images('predictions')
    assert [p.step for p in pictures] == [4, 8, 12]
    assert (pictures[0].width, pictures[0].height) == (6, 8)


def test_without_tensorboard_one_line_says_so(tmp_path, ring, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    fit(TOY, SMALL, fresh(SMALL), partial(ring.batches, 4), tmp_path, place=HERE)
    assert capsys.readouterr().err.count('pip install tensorboard') == 1
    assert not (tmp_path / 'tensorboard').exists()


# -- the command line ---------------------------------------------------------

@pytest.fixture
def toy(monkeypatch):
    """Let ``train`` know the network of this file, and read no material."""
    monkeypatch.setattr(run_module, 'NETWORKS', {'toy': replace(TOY, seen=('ImageNet/*',))})

    class Material:
        names = ('clips/a',)
    monkeypatch.setattr(run_module, 'read_material', lambda *_: Material())


@pytest.mark.parametrize('kind', ['ring', 'fresh'])
def test_fit_and_export_from_the_command_line(tmp_path, toy, kind):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    words = ['train', 'fit', 'toy', '--data', 'somewhere', '--workers', '2', '--device', 'cpu',
             '--set', 'seed=3', '--set', f'fresh={str(kind == "fresh").lower()}']
    assert main([*words, '--out', str(tmp_path / 'a')]) == 0
    state = read_run(tmp_path / 'a/best.pt')
    assert state['trained_on'] == ['ImageNet/*', 'clips/a'] and state['config']['seed'] == 3
    assert (tmp_path / 'a/samples/train').exists() == (kind == 'ring')
    file = tmp_path / 'toy.safetensors'
    assert main(['train', 'export', str(tmp_path / 'a/best.pt'), str(file), '--half']) == 0
    assert trained_on(file) == ('ImageNet/*', 'clips/a')
    for name, value in read_state_dict(file).items():
        assert torch.equal(value, state['state_dict'][name].half())
    # who begins with these weights has seen what they saw
    assert main([*words, '--set', 'steps=1', '--out', str(tmp_path / 'b'), '--weights',
                 str(tmp_path / 'a/best.pt')]) == 0
    assert read_run(tmp_path / 'b/best.pt')['trained_on'] == ['ImageNet/*', 'clips/a']
    moved = [(read_run(tmp_path / n / 'best.pt')['state_dict']['3.bias']) for n in 'ab']
    assert (moved[0] - moved[1]).abs().max() < 0.05  # one small step from there


def test_samples_can_be_packed_beforehand(tmp_path, toy):
    ring = str(tmp_path / 'ring')
    assert main(['train', 'pack', 'toy', '--data', 'somewhere', '--ring', ring]) == 0
    assert len(Ring(Path(ring, 'train'), FIELDS, 40).attach()) == 40
    assert len(Ring(Path(ring, 'held_out'), FIELDS, 10).attach()) == 10
    for name in 'ab':
        assert main(['train', 'fit', 'toy', '--ring', ring, '--out', str(tmp_path / name)]) == 0
    assert same(weights(tmp_path / 'a'), weights(tmp_path / 'b'))
    assert read_run(tmp_path / 'a/best.pt')['trained_on'] == ['ImageNet/*', 'clips/a']


@pytest.mark.parametrize('words, message', [
    (['fit', 'pixelwize', '--out', 'o'], "no network 'pixelwize' to train; did you mean pixel"),
    (['fit', 'yolo', '--out', 'o'], 'there are pixelwise, '),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'step=4'], '--set step: there is no such'),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'held_out=2', '--set', 'capacity=2'],
     'and --data is missing'),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'held_out=2', '--data', 'nowhere'],
     '--data nowhere: there is no such folder'),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'held_out=2', '--data', '.'],
     'nothing to train on: expected stills in COCO form'),
    (['fit', 'pixelwise', '--out', 'o', '--device', 'gpu'], "device must be 'auto', 'cpu'"),
    (['fit', 'pixelwise', '--out', 'o', '--device', 'cuda:77'], 'PyTorch sees'),
    (['fit', 'pixelwise', '--out', 'o', '--workers', '-1'], '--workers must be at least 0'),
    (['pack', 'pixelwise'], 'train pack needs --ring'),
    (['export', 'o/best.pt', 'w.safetensors'], 'no checkpoint at o/best.pt'),
    (['export', 'o/best.pt', 'w.pth'], 'expected a name that ends in .safetensors')])
def test_a_users_error_is_one_line(tmp_path, monkeypatch, capsys, words, message):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    monkeypatch.chdir(tmp_path)
    assert main(['train', *words]) == 1
    line, = capsys.readouterr().err.splitlines()
    assert message in line


def test_only_the_best_weights_are_exported(tmp_path):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    save(tmp_path / 'last.pt', {'network': 'a', 'config': {}, 'step': 1})
    with pytest.raises(ValueError, match=r'export best\.pt beside it'):
        export([tmp_path / 'last.pt'], tmp_path / 'a.safetensors')


def checkpoint(path, network, tensors, names):
    """Save what `train fit` leaves of a network with these tensors."""
    about = dict.fromkeys(('config', 'step', 'quality', 'report', 'commit', 'machine'), 1)
    save(path, {**about, 'network': network, 'state_dict': tensors, 'trained_on': names})
    return path


def test_heads_of_several_runs_become_one_file(tmp_path):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    a = checkpoint(tmp_path / 'a.pt', 'pixelwise', {'heads.0.w': torch.zeros(2)}, ['x', 'y'])
    b = checkpoint(tmp_path / 'b.pt', 'pixelwise', {
        'heads.0.w': torch.ones(2), 'heads.1.w': torch.full((2,), 2.0)}, ['y', 'z'])
    out = tmp_path / 'all.safetensors'
    export([a, b], out)
    assert {k: v[0].item() for k, v in read_state_dict(out).items()} == {
        'heads.0.w': 0, 'heads.1.w': 1, 'heads.2.w': 2}
    assert trained_on(out) == ('x', 'y', 'z') and read_note(out, 'network') == ['pixelwise'] * 2
    assert count_heads(out) == 3
    assert out.stat().st_mode == a.stat().st_mode  # others may read it, too, where they may that
    c = checkpoint(tmp_path / 'c.pt', 'tanet_lite', {'embed.w': torch.zeros(2)}, [])
    with pytest.raises(ValueError, match=r'c\.pt holds tanet_lite, of which only one can be'):
        export([a, c], out)


def test_weights_to_begin_with_set_what_they_ask_for(tmp_path):
    safetensors = pytest.importorskip('safetensors.torch', reason='safetensors is missing')
    start = tmp_path / 'start.safetensors'
    safetensors.save_file({f'heads.{i}.w': torch.zeros(1) for i in range(3)}, start)
    network = NETWORKS['pixelwise']
    assert run_module.begun_with(network, network.defaults, start).heads == 3
    assert run_module.begun_with(network, network.defaults, None).heads == 1
    with pytest.raises(ValueError, match=r'heads=2 does not fit .*start.safetensors: it has 3'):
        run_module.begun_with(network, set_values(network.defaults, ['heads=2']), start)
