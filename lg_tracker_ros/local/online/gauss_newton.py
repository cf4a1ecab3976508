"""
Nonlinear least squares: Gauss-Newton steps, each solved by conjugate gradients.

After ATOM (Danelljan et al., CVPR 2019) and textbooks: |r(x)|^2 is minimised by solving
J'J d = -J'r for a step d, where J is the Jacobian of r at x. J is never formed: J'u comes from
backward differentiation, and J v from differentiating J'u, which is linear in u, once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]


def dot(a: Tensors, b: Tensors) -> Tensor:
    """Sum the products of all elements."""
    return torch.stack([(x * y).sum() for x, y in zip(a, b)]).sum()


def axpy(a: Tensor | float, x: Tensors, y: Tensors) -> Tensors:
    """Compute a x + y."""
    return tuple(a * u + v for u, v in zip(x, y))


def conjugate_gradient(operator: Callable[[Tensors], Tensors], b: Tensors, iterations: int,
                       scales: Sequence[float] = ()) -> Tensors:
    """
    Solve operator(x) = b from x = 0; ``operator`` is linear, symmetric and positive definite.

    With Polak and Ribiere's factor, which forgets a direction that rounding has spoiled. Stops
    early where nothing is left to solve. ``scales``: what each tensor of the residual is divided
    by (a preconditioner: the smaller, the further a tensor goes in the same iterations).
    """
    def scaled(v: Tensors) -> Tensors:
        return tuple(t / s for t, s in zip(v, scales)) if scales else v
    x: Tensors = tuple(torch.zeros_like(v) for v in b)
    residual, direction = b, scaled(b)
    square = dot(b, direction)
    for _ in range(iterations):
        image = operator(direction)
        curvature = dot(direction, image)
        if float(square) <= 1e-30 or float(curvature) <= 0:
            break
        step = square / curvature
        x = axpy(step, direction, x)
        before, residual = residual, axpy(-step, image, residual)
        steepest = scaled(residual)
        change = dot(steepest, axpy(-1, before, residual))
        direction = axpy((change / square).clamp(min=0), direction, steepest)
        square = dot(residual, steepest)
    return x


def gauss_newton(residuals: Callable[[Tensors], Tensors], start: Tensors, steps: int,
                 iterations: int, scales: Sequence[float] = ()) -> Tensors:
    """
    Minimise the sum of squares of all that ``residuals`` gives, from ``start``.

    ``steps`` linearisations with ``iterations`` of conjugate gradients each; their state begins
    anew with each step. ``scales`` as for ``conjugate_gradient``.
    """
    x = start
    for _ in range(steps):
        x = axpy(1, _step(residuals, x, iterations, scales), x)
    return tuple(v.detach() for v in x)


def _step(residuals: Callable[[Tensors], Tensors], start: Tensors, iterations: int,
          scales: Sequence[float]) -> Tensors:
    with torch.enable_grad():
        x = tuple(v.detach().requires_grad_() for v in start)
        r = residuals(x)
        u = tuple(torch.zeros_like(v, requires_grad=True) for v in r)
        transposed = torch.autograd.grad(r, x, u, create_graph=True)  # J'u, linear in u

    def normal(v: Tensors) -> Tensors:
        forward = torch.autograd.grad(transposed, u, v, retain_graph=True)
        return torch.autograd.grad(r, x, forward, retain_graph=True)
    gradient = torch.autograd.grad(r, x, r, retain_graph=True)
    return conjugate_gradient(normal, tuple(-g for g in gradient), iterations, scales)
