"""Least squares: closed forms, and conjugate gradients with the whole Jacobian."""

from lg_tracker_ros.local.online.gauss_newton import gauss_newton
import numpy as np
import pytest
import torch
import torch.nn.functional as F


def normal(seed, *shape):
    """Draw numbers in double precision."""
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_reaches_the_least_squares_of_a_filter():
    """A ridge over all positions of a filter is a linear problem of known solution."""
    z, y = normal(0, 3, 2, 6, 6), normal(1, 3, 5, 5)

    def residuals(p):
        return F.conv2d(z, p[0])[:, 0] - y, 0.1 ** .5 * p[0]
    found, = gauss_newton(residuals, (normal(2, 1, 2, 2, 2),), 1, 20)
    rows = F.unfold(z, 2).transpose(1, 2).reshape(-1, 8).numpy()
    want = np.linalg.solve(rows.T @ rows + 0.1 * np.eye(8), rows.T @ y.reshape(-1).numpy())
    assert found.numpy().ravel() == pytest.approx(want, abs=1e-5)


def test_solves_what_is_not_linear_in_some_steps():
    """Rosenbrock's valley has its minimum, 0, at (1, 1)."""
    def residuals(p):
        x, y = p
        return 10 * (y - x ** 2), 1 - x
    start = torch.tensor([-1.2], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)
    x, y = gauss_newton(residuals, start, 4, 4)
    assert (float(x), float(y)) == pytest.approx((1, 1), abs=1e-6)


@pytest.mark.parametrize('iterations', [1, 2])
def test_scales_are_a_change_of_variables(iterations):
    """Preconditioned by s is plain in x sqrt(s): the same way, and so the same place on it."""
    a, b = normal(3, 9, 5), normal(4, 9)
    scales, widths = (0.1, 1e-4), (0.1 ** .5, 1e-4 ** .5)
    start = normal(5, 2), normal(6, 3)

    def curve(p):
        return (F.elu(a @ torch.cat(p)) - b,)
    found = gauss_newton(curve, start, 2, iterations, scales)
    want = gauss_newton(lambda p: curve(tuple(v / w for v, w in zip(p, widths))),
                        tuple(v * w for v, w in zip(start, widths)), 2, iterations)
    for v, w, s in zip(found, want, widths):
        assert v.numpy() == pytest.approx((w / s).numpy(), rel=1e-6)
    plain = gauss_newton(curve, start, 2, iterations)
    assert abs(plain[1] - found[1]).max() > 0.01


@pytest.mark.parametrize('iterations', [1, 3])
def test_a_step_equals_conjugate_gradients_with_the_whole_jacobian(iterations):
    """The same after few iterations, where the way there still shows."""
    a, b = normal(3, 9, 5), normal(4, 9)

    def curve(x):
        return F.elu(a @ x) - b, 0.3 * x
    start = normal(5, 5)
    found, = gauss_newton(lambda p: curve(p[0]), (start,), 1, iterations)

    jacobian = torch.cat(torch.autograd.functional.jacobian(curve, start))
    residual = direction = -jacobian.T @ torch.cat(curve(start))
    step = torch.zeros_like(direction)
    for _ in range(iterations):
        image = jacobian.T @ (jacobian @ direction)
        size = residual @ residual / (direction @ image)
        step = step + size * direction
        after = residual - size * image
        direction = after + (after @ (after - residual)) / (residual @ residual) * direction
        residual = after
    assert found.numpy() == pytest.approx((start + step).numpy(), abs=1e-9)
