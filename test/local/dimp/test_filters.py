"""DiMP's filter: its correlation, its label, and one step of its optimiser by hand."""

from itertools import pairwise

from lg_tracker_ros.local.dimp.filters import (
    apply_filter,
    filter_gradient,
    FilterInitializer,
    FilterOptimizer,
    InstanceL2,
)
import pytest
import torch
import torch.nn.functional as F


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(3)


@pytest.mark.parametrize('size', [3, 4])
def test_scores_are_a_correlation_and_the_gradient_its_transpose(size):
    maps = torch.randn(2, 3, 5, 7, 6, dtype=torch.double)
    kernel = torch.randn(2, 5, size, size, dtype=torch.double)
    scores = apply_filter(maps, kernel)
    for b in range(2):
        want = F.conv2d(maps[b], kernel[b:b + 1], padding=size // 2)[:, 0]
        torch.testing.assert_close(scores[b], want)
    r = torch.randn_like(scores)
    torch.testing.assert_close((scores * r).sum(), (filter_gradient(maps, r, size) * kernel).sum())


def residuals(optimizer, kernel, maps, centers, weights):
    """All that the optimiser minimises the squares of, in one row."""
    scores = apply_filter(maps, kernel)
    label, mask, spatial = optimizer.maps(centers, scores.shape[-2:])
    r = spatial * (mask * scores + (1 - mask) * scores.clamp(min=0) - label)
    reg = optimizer.filter_reg.square().clamp(min=1e-6).sqrt()
    return torch.cat([(weights[..., None, None].sqrt() * r).flatten(), (reg * kernel).flatten()])


@pytest.mark.parametrize('size', [3, 4])
def test_a_step_is_that_of_gauss_and_newton_along_the_gradient(size):
    optimizer = FilterOptimizer(20, 0.3)
    with torch.no_grad():
        optimizer.log_step_length.fill_(-0.3)
        optimizer.spatial_weight_predictor.weight.uniform_(0.5, 1.5)
    maps = torch.randn(1, 3, 8, 6, 6) * 0.2
    kernel = torch.randn(1, 8, size, size) * 0.1
    centers = torch.tensor([[[2.0, 3.0], [1.4, 3.7], [torch.inf, torch.inf]]])
    weights = torch.tensor([[0.5, 0.3, 0.2]])
    found = optimizer(kernel, maps, centers, weights, 1)[1]

    def row(k):
        return residuals(optimizer, k, maps, centers, weights)
    _, gradient = torch.autograd.functional.vjp(row, kernel, row(kernel))
    _, along = torch.autograd.functional.jvp(row, kernel, gradient)
    step = torch.exp(torch.tensor(-0.3)) * gradient.square().sum() / along.square().sum()
    torch.testing.assert_close(found, kernel - step * gradient, atol=1e-5, rtol=1e-4)


def test_the_loss_never_rises_where_it_is_convex():
    optimizer = FilterOptimizer(10, 0.5)
    with torch.no_grad():  # without a mask the residual is linear
        optimizer.target_mask_predictor[0].weight.fill_(40.0)
    maps, centers = torch.randn(1, 4, 6, 7, 7), torch.full((1, 4, 2), 3.0)
    weights = torch.full((1, 4), 0.25)
    steps = optimizer(torch.zeros(1, 6, 3, 3), maps, centers, weights, 12)
    losses = [residuals(optimizer, k, maps, centers, weights).square().sum() for k in steps]
    assert all(later <= earlier for earlier, later in pairwise(losses))
    assert losses[-1] < 0.8 * losses[0]


def test_distances_are_told_apart_by_triangles_and_the_last_holds_the_rest():
    optimizer = FilterOptimizer(4, 0.5)
    with torch.no_grad():
        optimizer.label_map_predictor.weight[0, :, 0, 0] = torch.tensor([8.0, 4.0, 2.0, 1.0])
    label, _, _ = optimizer.maps(torch.tensor([[1.0, 0.0], [torch.inf, torch.inf]]), (1, 5))
    # at 1 cell, 0, 1, 2, 3 cells: bins 2, 0, 2, beyond, beyond
    torch.testing.assert_close(label[0, 0], torch.tensor([2.0, 8.0, 2.0, 1.0, 1.0]))
    torch.testing.assert_close(label[1, 0], torch.ones(5))
    between, _, _ = optimizer.maps(torch.tensor([0.25, 0.0]), (1, 1))
    torch.testing.assert_close(between, torch.tensor([[6.0]]))


@pytest.mark.parametrize(('size', 'shift'), [(3, 0.5), (4, 0.0)])
def test_the_peak_moves_by_a_cell_with_the_patch(size, shift):
    """A score of an even filter lies on the corner of cells, of an odd one in their middle."""
    patch = torch.randn(6, size, size)
    peaks = []
    for x in (4, 5):
        maps = torch.zeros(1, 1, 6, 12, 12)
        maps[0, 0, :, 3:3 + size, x:x + size] = patch
        scores = apply_filter(maps, patch[None])[0, 0]
        peaks.append(divmod(int(scores.argmax()), scores.shape[1]))
        # the patch's centre in cells' edges, and where the score says it is
        assert peaks[-1][1] + shift == x + size / 2
        assert peaks[-1][0] + shift == 3 + size / 2
    assert peaks[1] == (peaks[0][0], peaks[0][1] + 1)


def test_features_are_scaled_to_one_norm():
    sizes = torch.tensor([1.0, 30.0])[:, None, None, None]
    maps = InstanceL2(0.1)(torch.randn(2, 5, 4, 4) * sizes)
    torch.testing.assert_close(maps.square().mean((1, 2, 3)), torch.full((2,), 0.01))


def test_the_first_filter_is_the_mean_over_samples():
    first = FilterInitializer(3, 4)
    maps, boxes = torch.randn(1, 2, 3, 9, 9), torch.tensor([[[1.0, 2.0, 5.0, 5.5]] * 2])
    both = first(maps, boxes)
    assert both.shape == (1, 3, 4, 4)
    alone = [first(maps[:, i:i + 1], boxes[:, i:i + 1]) for i in range(2)]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)
