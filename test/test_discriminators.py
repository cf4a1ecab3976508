"""The discriminators, losses and Algorithm 1: sizes, schedule, and who gets gradients."""

from __future__ import annotations

import math

from lg_tracker_ros.training.adversarial import (
    AdversarialConfig,
    Adversary,
    fooling_loss,
    pixel_loss,
    predict_maps,
    real_or_fake_loss,
    Sample,
    schedule,
)
from lg_tracker_ros.training.discriminators import AppearanceDiscriminator, MotionDiscriminator
import pytest
import torch

SIDE = 112


def test_table_1_flattens_to_57600():
    with torch.device('meta'):
        net = AppearanceDiscriminator()
        out = net(torch.empty(2, 3, 300, 300), torch.empty(2, 1, 300, 300))
    assert net.flat == net.fc4.in_features == 57_600
    assert out.shape == (2, 1)


def test_table_2_flattens_to_900_from_a_tube_of_depth_6():
    depths = []
    with torch.device('meta'):
        net = MotionDiscriminator()
        net.conv1.register_forward_hook(lambda m, x, y: depths.append(tuple(x[0].shape)))
        out = net(torch.empty(2, 3, 3, 300, 300), torch.empty(2, 3, 1, 300, 300))
    assert net.flat == net.fc7.in_features == 900
    assert depths == [(2, 3, 6, 300, 300)]
    assert out.shape == (2, 1)


def test_tube_is_frames_then_masks_in_all_channels():
    seen = []
    net = MotionDiscriminator(SIDE, 0.05)
    net.conv1.register_forward_hook(lambda m, x, y: seen.append(x[0]))
    frames, masks = torch.rand(1, 3, 3, SIDE, SIDE), torch.rand(1, 3, 1, SIDE, SIDE)
    net(frames, masks)
    tube = seen[0]
    for t in range(3):
        assert torch.equal(tube[:, :, t], frames[:, t])
        for channel in range(3):
            assert torch.equal(tube[:, channel, 3 + t], masks[:, t, 0])


def test_logits_are_unbounded_and_every_map_counts():
    torch.manual_seed(0)
    net = MotionDiscriminator(SIDE, 0.1)
    frames = torch.rand(2, 3, 3, SIDE, SIDE)
    masks = torch.rand(2, 3, 1, SIDE, SIDE, requires_grad=True)
    net(frames, masks).sum().backward()
    assert (masks.grad.abs().amax((3, 4)) > 0).all()
    signs = set()
    for seed in range(8):
        torch.manual_seed(seed)
        net = AppearanceDiscriminator(SIDE, 0.1)
        signs.add(bool(net(frames[:, 0], masks[:, 0]).min() < 0))
    assert signs == {True, False}  # a ReLU at the end would never go below zero


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='3 frames'):
        MotionDiscriminator(SIDE, 0.05)(torch.rand(1, 2, 3, SIDE, SIDE),
                                        torch.rand(1, 2, 1, SIDE, SIDE))
    with pytest.raises(ValueError, match='at least 112'):
        MotionDiscriminator(111)
    with pytest.raises(ValueError, match='at least 67'):
        AppearanceDiscriminator(66)
    AppearanceDiscriminator(67, 0.05)(torch.rand(1, 3, 67, 67), torch.rand(1, 1, 67, 67))
    with pytest.raises(ValueError, match='N <= T'):
        Sample(torch.rand(1, 2, 3, 8, 8), torch.rand(1, 3, 8, 8), torch.rand(1, 3, 1, 8, 8))


def test_schedule_of_algorithm_1():
    turns = [schedule(i) for i in range(15)]
    short = ''.join(t[0] for t in turns)
    #                0123456789....
    assert short == 'gaggmgamggmagmg'
    assert (short.count('a'), short.count('m'), short.count('g')) == (3, 4, 8)
    assert turns == [schedule(i + 15) for i in range(15)]


def test_losses_by_hand():
    logits = torch.tensor([[0.0, math.log(3)]])
    target = torch.tensor([[1.0, 0.0]])
    # -log .5 for the first pixel, -log(1 - .75) for the second: the term that Eq. 2 drops
    assert float(pixel_loss(logits, target)) == pytest.approx((math.log(2) + math.log(4)) / 2)
    real, fake = torch.tensor([[math.log(9)]]), torch.tensor([[0.0]])
    assert float(real_or_fake_loss(real, fake)) == pytest.approx(-math.log(0.9) + math.log(2))
    assert float(fooling_loss(torch.tensor([[math.log(9)]]))) == pytest.approx(-math.log(0.9))


def test_maps_are_predicted_one_after_another_from_causal_clips():
    calls = []

    def generator(frame, target, clip):
        calls.append(([round(float(v)) for v in clip[0, :, 0, 0, 0]],
                      round(float(frame[0, 0, 0, 0]))))
        return frame[:, :1, ::2, ::2]

    frames = torch.arange(5.0).view(1, 5, 1, 1, 1).expand(1, 5, 3, 8, 8)
    maps = predict_maps(generator, frames, torch.zeros(1, 3, 8, 8), 3)
    assert calls == [([0, 1, 2], 2), ([1, 2, 3], 3), ([2, 3, 4], 4)]
    assert maps.shape == (1, 3, 1, 8, 8)  # a coarser map is brought to the frame's size
    assert maps[0, :, 0, 0, 0].tolist() == [2, 3, 4]
    calls.clear()
    predict_maps(generator, frames[:, :2], torch.zeros(1, 3, 8, 8), 2)
    assert calls == [([0, 0, 0], 0), ([0, 0, 1], 1)]


class TinyGenerator(torch.nn.Module):
    """Two convolutions over frame, target and clip: as any generator, only cheap."""

    def __init__(self):
        """Build with random weights."""
        super().__init__()
        self.a, self.b = torch.nn.Conv2d(15, 8, 3, 2, 1), torch.nn.Conv2d(8, 1, 3, 1, 1)

    def forward(self, frame, target, clip):
        """Logits at half the frame's size."""
        return self.b(torch.relu(self.a(torch.cat([frame, target, clip.flatten(1, 2)], 1))))


@pytest.fixture
def sample():
    torch.manual_seed(0)
    frames = torch.rand(2, 5, 3, SIDE, SIDE) * 0.3
    masks = torch.zeros(2, 3, 1, SIDE, SIDE)
    for i in range(3):
        masks[:, i, :, 20:50, 30 + 8 * i:60 + 8 * i] = 1
        frames[:, 2 + i, 2, 20:50, 30 + 8 * i:60 + 8 * i] = 1
    return Sample(frames, torch.rand(2, 3, SIDE, SIDE), masks)


def _adversary(**config) -> Adversary:
    torch.manual_seed(1)
    return Adversary(TinyGenerator(), AppearanceDiscriminator(SIDE, 0.1),
                     MotionDiscriminator(SIDE, 0.1), AdversarialConfig(**config))


@pytest.mark.parametrize('iteration, turn', [(1, 'appearance'), (4, 'motion'), (0, 'generator')])
def test_a_step_updates_one_network_and_leaves_the_others_without_gradients(
        sample, iteration, turn):
    adversary = _adversary()
    nets = {name: getattr(adversary, name) for name in ('generator', 'appearance', 'motion')}
    before = {name: [p.clone() for p in net.parameters()] for name, net in nets.items()}
    result = adversary.step(sample, iteration)
    assert result.updated == turn
    for name, net in nets.items():
        grads = [p.grad for p in net.parameters()]
        same = [torch.equal(p, q) for p, q in zip(net.parameters(), before[name])]
        if name == turn:
            assert all(g is not None and bool(g.any()) for g in grads)
            assert not any(same)
        else:
            assert all(g is None for g in grads), name
            assert all(same), name
        assert all(p.requires_grad for p in net.parameters())


def test_both_discriminators_reach_the_generator(sample):
    def gradient(**config):
        adversary = _adversary(**config)
        adversary.step(sample, 0)
        return adversary.generator.a.weight.grad.clone()

    plain = gradient(lambda_appearance=0.0, lambda_motion=0.0)
    app = gradient(lambda_appearance=0.2, lambda_motion=0.0) - plain
    mot = gradient(lambda_appearance=0.0, lambda_motion=0.1) - plain
    both = gradient() - plain
    assert app.abs().max() > 0 and mot.abs().max() > 0
    assert torch.allclose(both, app + mot, atol=1e-6)


def test_total_is_the_weighted_sum_and_the_constants_are_the_papers(sample):
    adversary = _adversary()
    losses = adversary.step(sample, 0).losses
    assert losses['total'] == pytest.approx(
        losses['pixel'] + 0.2 * losses['appearance'] + 0.1 * losses['motion'], rel=1e-5)
    for optimizer in adversary.optimizers.values():
        assert isinstance(optimizer, torch.optim.Adagrad)
        assert optimizer.param_groups[0]['lr'] == 1e-4


def test_training_learns(sample):
    adversary = _adversary(lr=0.02)
    results = [adversary.step(sample, i) for i in range(30)]
    pixel = [r.losses['pixel'] for r in results if r.updated == 'generator']
    appearance = [r.losses['total'] for r in results if r.updated == 'appearance']
    assert len(pixel) == 16
    assert pixel[-1] < 0.5 * pixel[0]
    assert all(math.isfinite(v) for v in appearance)
