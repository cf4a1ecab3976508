"""PrRoIPool as two matrix products: the integral of the bilinear map, and its gradients."""

from lg_tracker_ros.vision.prroi import prroi_pool
import numpy as np
import pytest
import torch

BOX = (0.4, 1.15, 3.9, 4.3)


def bilinear(cells, x, y):
    """Interpolate between cells at i; 0 beyond them."""
    h, w = cells.shape
    across = np.clip(1 - abs(x[:, None] - np.arange(w)), 0, None)
    down = np.clip(1 - abs(y[:, None] - np.arange(h)), 0, None)
    return down @ cells @ across.T


def averaged(cells, box, bins, points=4000):
    """Average the interpolated map over bins, by many points."""
    x0, y0, x1, y1 = box
    x = x0 + (np.arange(bins * points) + 0.5) / (bins * points) * (x1 - x0)
    y = y0 + (np.arange(bins * points) + 0.5) / (bins * points) * (y1 - y0)
    # separable: the average over x of the weights of each column, and over y of those of each row
    across = bilinear(np.eye(cells.shape[1]), x, np.arange(cells.shape[1])).T
    down = bilinear(np.eye(cells.shape[0]), y, np.arange(cells.shape[0])).T
    return (down.reshape(bins, points, -1).mean(1) @ cells
            @ across.reshape(bins, points, -1).mean(1).T)


@pytest.mark.parametrize('box', [BOX, (-1.3, -0.7, 6.2, 5.5), (2.1, 2.2, 2.3, 2.9)])
def test_a_bin_is_the_mean_of_the_interpolated_map(box):
    maps = torch.randn(1, 2, 6, 5, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    found = prroi_pool(maps, torch.tensor([[box]], dtype=torch.double), 3)
    assert found.shape == (1, 1, 2, 3, 3)
    for c in range(2):
        want = averaged(maps[0, c].numpy(), box, 3)
        np.testing.assert_allclose(found[0, 0, c].numpy(), want, atol=1e-5)


def test_a_ramp_is_known_at_the_middles_of_bins():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    found = prroi_pool(ramp, torch.tensor([[[1.0, 2.0, 5.0, 6.0]]]), 4)
    torch.testing.assert_close(found[0, 0, 0, 2], torch.tensor([1.5, 2.5, 3.5, 4.5]))


def test_gradients_of_boxes_and_maps_are_finite_differences():
    maps = torch.randn(1, 2, 5, 5, dtype=torch.double, requires_grad=True)
    boxes = torch.tensor([[BOX, (-0.6, 0.3, 2.7, 5.2)]], dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m, b: prroi_pool(m, b, 2), (maps, boxes))


def test_a_box_without_an_area_gives_nothing():
    assert not prroi_pool(torch.ones(1, 1, 4, 4), torch.tensor([[[1.0, 1.0, 1.0, 3.0]]]), 2).any()
