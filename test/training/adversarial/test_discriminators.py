"""The discriminators: sizes, what they see, and what they say."""

from __future__ import annotations

from lg_tracker_ros.training.adversarial.discriminators import (
    AppearanceDiscriminator,
    MotionDiscriminator,
)
import pytest
import torch

pytestmark = pytest.mark.rounding

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
