"""The training loop: the same weights again, in pieces, in two processes; and what goes wrong."""

from dataclasses import replace
from functools import partial
import json
import multiprocessing
import os
import socket
import sys

from helpers.toy import (
    FIELDS,
    filled,
    HERE,
    make_model,
    same,
    sample,
    Settings,
    SMALL,
    TOY,
    validate,
    weights,
)
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.training.loop.checkpoints import read_run, save, set_values
from lg_tracker_ros.training.loop.distributed import find_place
from lg_tracker_ros.training.loop.optim import (
    advance,
    learn_mode,
    make_schedule,
    parameter_groups,
)
from lg_tracker_ros.training.loop.train import fit
from lg_tracker_ros.training.samples.ring import replay, Ring, stream
import numpy as np
import pytest
import torch
from torch import nn

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]


@pytest.fixture
def ring(tmp_path):
    return filled(tmp_path / 'ring')


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


def test_a_run_whose_time_is_over_is_saved_and_goes_on(tmp_path, ring, capsys):
    held = partial(ring.batches, 4)
    fit(TOY, SMALL, again(ring, SMALL), held, tmp_path / 'whole', place=HERE)
    for step in (1, 2):
        fit(TOY, SMALL, again(ring, SMALL), held, tmp_path / 'cut', place=HERE, seconds=0)
        assert read_run(tmp_path / 'cut/last.pt')['step'] == step
        assert capsys.readouterr().err.splitlines()[-1].startswith(
            f'{step} of 12 steps are done (time is over, the same command goes on); ')
    fit(TOY, SMALL, again(ring, SMALL), held, tmp_path / 'cut', place=HERE, seconds=600)
    assert same(weights(tmp_path / 'whole'), weights(tmp_path / 'cut'))
    capsys.readouterr()
    best = fit(TOY, SMALL, again(ring, SMALL), held, tmp_path / 'cut', place=HERE)
    assert capsys.readouterr().err == (
        f'12 of 12 steps are done; {tmp_path}/cut/best.pt has quality {best:.4f}\n')


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


def one_of_two(rank, ports, runs, folder):
    """Run as torchrun's child does, one run after the other: it takes seconds to import."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2',
                      MASTER_ADDR='127.0.0.1')
    torch.set_num_threads(1)
    ring = Ring(folder, FIELDS, 40).attach()
    network = replace(TOY, make_model=lambda c: nn.Sequential(
        nn.Linear(4, c.width), nn.ReLU(), nn.Linear(c.width, 1)))
    for port, (c, out) in zip(ports, runs):
        os.environ['MASTER_PORT'] = str(port)
        fit(network, c, again(ring, c), partial(ring.batches, 4), out, place=find_place('cpu'))


@pytest.mark.exact
def test_two_processes_are_as_one(tmp_path, ring):
    """They share out each batch, so their mean gradient is the whole batch's."""
    patient = [replace(SMALL, patience=patience) for patience in (0, 1)]
    network = replace(TOY, make_model=lambda c: nn.Sequential(
        nn.Linear(4, c.width), nn.ReLU(), nn.Linear(c.width, 1)))
    # as torchrun's children: a fork of a process with PyTorch's threads may hang
    ports, context = [free_port() for _ in patient], multiprocessing.get_context('spawn')
    runs = [(c, tmp_path / f'two{c.patience}') for c in patient]
    both = [context.Process(target=one_of_two, daemon=True, args=(r, ports, runs, ring.folder))
            for r in range(2)]
    for p in both:
        p.start()
    for p in both:
        p.join(250)
    codes = [p.exitcode for p in both]
    for p in both:
        p.kill()
    assert codes == [0, 0]
    for c, out in runs:
        fit(network, c, again(ring, c), partial(ring.batches, 4), tmp_path / f'one{c.patience}',
            place=HERE)
        one, two = weights(tmp_path / f'one{c.patience}'), weights(out)
        assert all(torch.allclose(one[k], two[k], atol=1e-5) for k in one)
        begun = make_model(c)
        torch.manual_seed(c.seed)
        assert not torch.allclose(one['0.weight'], begun[0].weight, atol=1e-2)


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
        assert Settings(**state['config']) == c
        assert state['network'] == 'toy' and state['trained_on'] == ['clips/a']
        assert state['commit'] and state['machine']['torch'].startswith(
            torch.__version__.split('+')[0])
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
    *(({name: -1}, f'{name} must be at least .*, got -1') for name in (
        'seed', 'capacity', 'warmup', 'held_out', 'patience')),
    *(({name: float('nan')}, f'{name} must be in 0.*, got nan') for name in (
        'rate', 'decay', 'rise', 'clip', 'ema')),
    ({'rise': 1.5}, r'rise must be in 0\.\.1, got 1.5'),
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


@pytest.mark.exact
def test_a_schedule_follows_the_clock_where_that_is_ahead():
    c = replace(SMALL, steps=20, schedule='one_cycle')
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], c.rate)
    schedule = make_schedule(optimizer, c)
    optimizer.step()
    seen = []
    for share in (0.0, 0.01, 0.5, 0.5, 1.2, 1.3):
        advance(schedule, c, share)
        seen.append(schedule.last_epoch)
    assert seen == [1, 2, 10, 11, 19, 19]
    assert optimizer.param_groups[0]['lr'] < 1e-3 * c.rate
