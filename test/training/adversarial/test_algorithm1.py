"""Algorithm 1 of TANet in the training loop: turns, gradients, resuming, what ships, ablation."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import partial
import math

import cv2
from lg_tracker_ros.cli import main
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.evaluation.experiments import ablation
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.tables.training_studies import STUDIES
from lg_tracker_ros.factory import make_redetector
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect.tanet_net import TANetGenerator
from lg_tracker_ros.training.adversarial.algorithm1 import (
    Adversarial,
    fooling_loss,
    real_or_fake_loss,
    steps_for,
    turn,
)
from lg_tracker_ros.training.loop.checkpoints import read_run
from lg_tracker_ros.training.loop.distributed import Place
from lg_tracker_ros.training.loop.train import fit
from lg_tracker_ros.training.networks import tanet, tanet_lite
from lg_tracker_ros.training.networks.maps import cross_entropy
from lg_tracker_ros.training.samples.ring import replay, Ring
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

HERE = Place(0, 1, 0, torch.device('cpu'))
SMALL = replace(tanet_lite.DEFAULTS, batch=2, steps=6, judged=3, width=0.05, validate_every=3,
                log_every=2, capacity=4, held_out=3, warmup=4)
BOTH = replace(SMALL, lambda_appearance=0.2, lambda_motion=0.1)


def drawn(fields, seed):
    """Draw a sample of any values; its target is there in all frames but the first."""
    rng = np.random.default_rng(seed)
    sample = {name: rng.integers(0, 256, f.shape) if f.dtype == 'uint8'
              else rng.random(f.shape) for name, f in fields.items()}
    sample['box'] = np.tile([40.0, 60, 80, 50], (len(sample['box']), 1))
    sample['box'][0] = np.nan
    return sample


@pytest.fixture(scope='module')
def samples(tmp_path_factory):
    """Give a folder with a ring of samples of SMALL, and some that are held out."""
    folder = tmp_path_factory.mktemp('samples')
    fields = tanet_lite.fields(SMALL)
    for name, count in (('train', SMALL.capacity), ('held_out', SMALL.held_out)):
        ring = Ring(folder / name, fields, count).attach()
        for n in range(count):
            ring.write(n, drawn(fields, (count, n)))
    return folder


def batch_of(network, c, count=2):
    """Make a batch of samples, as the loop hands it over."""
    fields = network.fields(c)
    rows = [drawn(fields, (0, i)) for i in range(count)]
    return {name: torch.from_numpy(np.stack([np.asarray(
        r[name], 'uint8' if f.dtype == 'uint8' else 'float32') for r in rows]))
        for name, f in fields.items()}


# -- Algorithm 1 --------------------------------------------------------------

def test_schedule_of_algorithm_1():
    turns = [turn(i, BOTH) for i in range(15)]
    short = ''.join(t[0] for t in turns)
    #                0123456789....
    assert short == 'gaggmgamggmagmg'
    assert (short.count('a'), short.count('m'), short.count('g')) == (3, 4, 8)
    assert turns == [turn(i + 15, BOTH) for i in range(15)]


@pytest.mark.parametrize('off, short', [
    ({'lambda_appearance': 0.0}, 'ggggmggmggmggmg'), ({'lambda_motion': 0.0}, 'gaggggaggggaggg'),
    ({'lambda_appearance': 0.0, 'lambda_motion': 0.0}, 'g' * 15)])
def test_who_is_switched_off_gives_its_turns_to_the_generator(off, short):
    c = replace(BOTH, **off)
    assert ''.join(turn(i, c)[0] for i in range(15)) == short
    kept = {'appearance', 'motion'} - {name.partition('_')[2] for name in off}
    assert set(tanet_lite.make_model(c).discriminators) == kept


def test_steps_that_give_the_generator_its_turns():
    assert [steps_for(n, BOTH) for n in (0, 1, 2, 8, 16, 80)] == [0, 1, 3, 15, 30, 150]
    assert steps_for(7, SMALL) == 7
    for n in (1, 5, 11, 40):
        assert sum(turn(s, BOTH) == 'generator' for s in range(steps_for(n, BOTH))) == n


def test_losses_by_hand():
    logits = torch.tensor([[[0.0, math.log(3)]]])
    target = torch.tensor([[[1.0, 0.0]]])
    # -log .5 for the first pixel, -log(1 - .75) for the second: the term that Eq. 2 drops
    assert float(cross_entropy(logits, target)[0]) == pytest.approx(
        (math.log(2) + math.log(4)) / 2)
    real, fake = torch.tensor([[math.log(9)]]), torch.tensor([[0.0]])
    assert float(real_or_fake_loss(real, fake)) == pytest.approx(-math.log(0.9) + math.log(2))
    assert float(fooling_loss(torch.tensor([[math.log(9)]]))) == pytest.approx(-math.log(0.9))


ALONE = replace(tanet.DEFAULTS, side=32, batch=2, lambda_appearance=0.0, lambda_motion=0.0)
JUDGED = replace(ALONE, side=67, width=0.05, batch=1, lambda_appearance=0.2)
"""The paper's generator is never small, so its frames are; 67 pixels are what its judge needs."""


@pytest.fixture(scope='module')
def papers():
    """Make the paper's generator once: drawing its weights takes a while."""
    torch.manual_seed(0)
    return TANetGenerator()


@pytest.mark.parametrize('network, c, step, who', [
    (tanet_lite, BOTH, 0, 'generator'), (tanet_lite, BOTH, 1, 'appearance'),
    (tanet_lite, BOTH, 4, 'motion'), (tanet, ALONE, 0, 'generator'),
    (tanet, JUDGED, 1, 'appearance')])
def test_a_step_gives_gradients_to_one_network(papers, network, c, step, who):
    torch.manual_seed(0)
    model = Adversarial(papers, c) if network is tanet else network.make_model(c)
    model.zero_grad()
    loss, parts = network.losses(model, batch_of(network.NETWORK, c, c.batch), step)
    loss.backward()
    nets = {'generator': model.generator, **model.discriminators}
    for name, net in nets.items():
        gradients = [p.grad for p in net.parameters()]
        if name == who:
            assert all(g is not None for g in gradients)
            assert sum(bool(g.any()) for g in gradients) > len(gradients) / 2
        else:
            assert all(g is None for g in gradients), name
        assert all(p.requires_grad for p in net.parameters())
    judges = {f'fool_{name}' for name in model.discriminators}
    assert set(parts) >= ({'pixel', *judges} if who == 'generator' else {who})


def test_both_discriminators_reach_the_generator():
    batch = batch_of(tanet_lite.NETWORK, SMALL)

    def step(appearance, motion):
        torch.manual_seed(0)
        model = tanet_lite.make_model(replace(BOTH, lambda_appearance=appearance,
                                              lambda_motion=motion))
        loss, parts = tanet_lite.losses(model, batch, 0)
        loss.backward()
        return loss, parts, model.generator.heads[0].narrow[0].weight.grad
    plain, app, mot, both = (step(*w) for w in ((1e-9, 1e-9), (0.2, 1e-9), (1e-9, 0.1),
                                                (0.2, 0.1)))
    assert (app[2] - plain[2]).abs().max() > 0 and (mot[2] - plain[2]).abs().max() > 0
    assert torch.allclose(both[2] - plain[2], app[2] + mot[2] - 2 * plain[2], atol=1e-5)
    loss, parts, _ = both
    assert loss.item() == pytest.approx((
        parts['pixel'] + 0.2 * parts['fool_appearance'] + 0.1 * parts['fool_motion']).item())
    assert parts['pixel'].item() == pytest.approx((10 * parts['bce'] + parts['dice']).item())


def test_a_discriminator_tells_boxes_from_blurs():
    torch.manual_seed(0)
    c = replace(BOTH, width=0.1)
    batch = batch_of(tanet_lite.NETWORK, c)
    model = tanet_lite.make_model(c)
    optimizer = torch.optim.Adam(model.discriminators.parameters(), 5e-3)
    found = []
    for _ in range(15):
        loss = tanet_lite.losses(model, batch, 1)[0]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.item())
    assert 1 < found[0] < 3  # about 2 log 2: it can't tell
    assert found[-1] < 0.6 * found[0]


@pytest.mark.parametrize('change, message', [
    ({'judged': 2}, 'judged must be 1 or 3, got 2'),
    ({'judged': 1}, 'judge 3 successive frames: --set judged=3, too'),
    ({'lambda_motion': -0.1}, r'must be at least 0, got 0\.2 and -0\.1'),
    ({'n2': 1}, 'n1 and n2 must be at least 2, got 5 and 1'),
    ({'inputs': 'c3d'}, "inputs must be one of both, appearance, motion, got 'c3d'"),
    ({'style': 'new'}, "style must be one of paper, released, got 'new'")])
def test_what_cannot_be_trained(change, message):
    with pytest.raises(ValueError, match=message) as e:
        replace(BOTH, **change)
    assert '\n' not in str(e.value)


# -- the generators -----------------------------------------------------------

def test_frames_are_predicted_from_causal_clips(papers):
    papers.eval()
    batch = batch_of(tanet.NETWORK, ALONE)
    frames, target = tanet.as_input(batch['frames']), tanet.as_input(batch['target'])
    with torch.no_grad():
        found = tanet.predict(papers, batch)
        assert found.shape == (2, 3, 32, 32)
        for i in range(3):
            alone = papers(frames[:, i + 2], target, frames[:, i:i + 3])[:, 0]
            assert torch.allclose(found[:, i], alone, atol=1e-4)


def test_a_frame_alone_is_predicted_as_in_a_clip():
    torch.manual_seed(0)
    head = tanet_lite.make_model(SMALL).generator.eval()
    batch = batch_of(tanet_lite.NETWORK, SMALL)
    with torch.no_grad():
        found = tanet_lite.predict(head, batch)
        assert found.shape == (2, 3, 40, 40)
        one = {**batch, **{name: batch[name][:, 1:2] for name in ('x8', 'x16', 'motion')}}
        assert torch.allclose(found[:, 1:2], tanet_lite.predict(head, one), atol=1e-4)


@pytest.mark.parametrize('inputs', ['appearance', 'motion'])
def test_an_input_that_is_switched_off_stays_off(inputs):
    torch.manual_seed(0)
    c = replace(SMALL, inputs=inputs)
    model = tanet_lite.make_model(c)
    batch = batch_of(tanet_lite.NETWORK, c)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for step in range(3):
        tanet_lite.losses(model, batch, step)[0].backward()
        optimizer.step()
        optimizer.zero_grad()
    head = model.generator.eval()
    first = head.heads[0].narrow[0].weight
    used = first.abs().amax((0, 2, 3)) > 0
    assert used[-1] == (inputs == 'motion') and used[:-1].all() == (inputs == 'appearance')
    assert used.any()
    with torch.no_grad():
        plain = tanet_lite.predict(head, batch)
        still = tanet_lite.predict(head, {**batch, 'motion': batch['motion'] * 0})
        blind = tanet_lite.predict(head, {**batch, 'x8': -batch['x8'], 'x16': -batch['x16']})
    assert torch.equal(plain, still) == (inputs == 'appearance')
    assert torch.equal(plain, blind) == (inputs == 'motion')


def test_the_papers_generator_by_motion_alone():
    c = replace(ALONE, inputs='motion')
    net = tanet.make_model(c).generator.eval()
    batch = batch_of(tanet.NETWORK, c, 1)
    with torch.no_grad():
        plain = tanet.predict(net, batch)
        assert torch.equal(plain, tanet.predict(net, {**batch, 'target': 255 - batch['target']}))
        still = batch['frames'][:, -1:].expand_as(batch['frames'])
        assert not torch.allclose(plain, tanet.predict(net, {**batch, 'frames': still}))


def test_constants_are_the_papers():
    c = tanet.DEFAULTS
    assert (c.optimizer, c.rate, c.schedule, c.side, c.width, c.judged) == (
        'adagrad', 1e-4, 'constant', 300, 1.0, 3)
    assert (c.lambda_appearance, c.lambda_motion, c.n1, c.n2) == (0.2, 0.1, 5, 3)
    assert tanet_lite.DEFAULTS.judged == 1 and not tanet_lite.DEFAULTS.lambda_motion


# -- the loop -----------------------------------------------------------------

def train(folder, samples, c, stop=None):
    """Train on the ring; ``stop``: die before that step."""
    ring = Ring(samples / 'train', tanet_lite.fields(c), c.capacity).attach()
    held = Ring(samples / 'held_out', tanet_lite.fields(c), c.held_out).attach()

    def source(steps, rank, world):
        for step, batch in zip(steps, replay(ring, c.seed, c.batch, steps, rank, world)):
            if step == stop:
                raise KeyboardInterrupt
            yield batch
    return fit(tanet_lite.NETWORK, c, source, partial(held.batches, 2), folder, 'tanet_lite',
               place=HERE)


def test_a_run_that_was_killed_goes_on_bit_for_bit(tmp_path, samples):
    train(tmp_path / 'whole', samples, BOTH)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / 'killed', samples, BOTH, stop=5)
    assert read_run(tmp_path / 'killed/last.pt')['step'] == 3
    train(tmp_path / 'killed', samples, BOTH)
    one, two = (read_run(tmp_path / name / 'last.pt') for name in ('whole', 'killed'))
    assert one['step'] == two['step'] == 6 and one['model'].keys() == two['model'].keys()
    assert any(name.startswith('discriminators.motion.') for name in one['model'])
    for name, value in one['model'].items():
        assert torch.equal(value, two['model'][name]), name
    best = [read_run(tmp_path / name / 'best.pt') for name in ('whole', 'killed')]
    assert best[0]['quality'] == best[1]['quality']
    log = [line for line in (tmp_path / 'whole/log.jsonl').read_text().splitlines()
           if 'fool_motion' in line]
    assert log


def test_best_weights_are_the_generators(tmp_path, samples):
    train(tmp_path, samples, BOTH)
    best, last = read_run(tmp_path / 'best.pt'), read_run(tmp_path / 'last.pt')
    assert set(best['state_dict']) == set(tanet_lite.TanetLiteHeads().state_dict())
    assert set(best['report']) == {'loss', 'r1', 'r3'}
    made = make_redetector(Settings(redetector_weights=str(tmp_path / 'best.pt')),
                           EngineConfig('cpu', 'torch', threads=1))
    assert made.history == 2
    # and training may begin with them
    c = replace(SMALL, steps=1, rate=1e-9)
    ring = Ring(samples / 'train', tanet_lite.fields(c), c.capacity).attach()
    fit(tanet_lite.NETWORK, c, lambda steps, r, w: replay(ring, 0, 2, steps, r, w),
        partial(ring.batches, 2), tmp_path / 'on', 'tanet_lite', tmp_path / 'best.pt', place=HERE)
    begun = read_run(tmp_path / 'on/best.pt')['state_dict']['heads.0.embed.weight']
    assert torch.allclose(begun, best['state_dict']['heads.0.embed.weight'], atol=1e-6)
    assert last['model'].keys() > {f'generator.{name}' for name in best['state_dict']}


# -- the ablation -------------------------------------------------------------

@pytest.fixture(scope='module')
def data_set(tmp_path_factory):
    """Make one sequence of seven images, in OTB's layout."""
    folder = tmp_path_factory.mktemp('judge') / 'few'
    images = folder / 'walk/img'
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (120, 160, 3), np.uint8), (0, 0), 3)
    for i in range(1, 8):
        cv2.imwrite(str(images / f'{i:04}.jpg'), np.roll(picture, i, axis=1))
    (folder / 'walk/groundtruth_rect.txt').write_text(
        ''.join(f'{40 + i},30,30,40\n' for i in range(7)))
    return folder


@pytest.mark.exact
def test_an_ablation_from_the_command_line(tmp_path, samples, data_set, capsys, monkeypatch):
    made = ablation.make_redetector
    # an export for each of the runs would cost more than all that is asked of it
    monkeypatch.setattr(ablation, 'make_redetector', lambda name: made(f'{name}@engine=torch'))
    words = ['train', 'ablation', 'tanet_lite', '--out', str(tmp_path), '--ring', str(samples),
             '--seeds', '0', '1', '--judge', str(data_set), '--every', '5', '--device', 'cpu',
             '--track', str(data_set), '--local', 'ncc@recognition=first_look@engine=torch']
    for setting in ('batch=2', 'steps=2', 'width=0.05', 'capacity=4', 'held_out=3'):
        words += ['--set', setting]
    assert main(words) == 0
    page = capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / 'losses.csv').open()))
    assert [(r['row'], r['seed']) for r in rows] == [
        (name, seed) for seed in '01' for name in STUDIES['losses'].rows]
    # as many steps as give the generator two turns: g; ga g; gg; ga g
    assert [r['steps'] for r in rows[:4]] == ['2', '3', '2', '3']
    assert list(rows[0])[3:] == ['r1', 'r3', 'loss', 'R@1 few', 'R@3 few', 'AUC few',
                                 'F few', 'F as reported few']
    for column in ('loss', 'AUC few'):
        values = [float(r[column]) for r in rows if r['row'] == 'BCE, MotD']
        wanted = f'{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}'
        line = next(x for x in page.splitlines() if x.startswith('| BCE, MotD '))
        assert wanted in line
    assert (tmp_path / 'losses.md').read_text().strip() == page.strip()
    assert (tmp_path / 'losses.png').is_file()
    # Table IV: F of the tracker, and of the local tracker alone
    alone, = read_records(tmp_path / 'baseline/tracked/few').values()
    f = tracker_metrics(alone)['mean']['f']
    cells = next(line for line in page.splitlines() if line.startswith('| baseline ')).split('|')
    assert f > 0.5 and [c.strip() for c in cells[2:11]] == ['-'] * 8 + [f'{f:.3f}']
    run = tmp_path / 'lambda_appearance=0.0,lambda_motion=0.0/1'
    own, = read_records(run / 'tracked/few').values()
    assert float(next(r for r in rows if (r['row'], r['seed']) == ('BCE', '1'))['F few']) == (
        pytest.approx(tracker_metrics(own)['mean']['f']))
    # seeds give other weights, and what is there isn't made again
    run = tmp_path / 'lambda_appearance=0.2,lambda_motion=0.1'
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.glob('*/*/*.*')
              if p.name in ('best.pt', 'judged.json')}
    one, two = (read_run(run / seed / 'best.pt')['state_dict']['heads.0.embed.weight']
                for seed in '01')
    assert not torch.equal(one, two) and len(stamps) == 16
    assert main(words) == 0
    assert capsys.readouterr().out == page
    assert stamps == {p: p.stat().st_mtime_ns for p in stamps}
