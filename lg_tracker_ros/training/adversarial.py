"""
Losses and Algorithm 1 of TANet (Wang et al., TNNLS 2021): one generator, two discriminators.

The generator is any module ``G(frame, target, clip) -> logits``: the paper's and the light one
train with the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn, Tensor
import torch.nn.functional as F

Turn = Literal['appearance', 'motion', 'generator']

CLIP = 3
"""Frames of the generator's clip."""


@dataclass(frozen=True)
class AdversarialConfig:
    """
    Constants of Algorithm 1.

    ``lambda_appearance`` and ``lambda_motion`` weigh the adversarial losses (Fig. 7 is best at
    .3 to .5); ``n1`` and ``n2`` set the schedule; ``lr`` is Adagrad's, for all three networks.
    """

    lambda_appearance: float = 0.2
    lambda_motion: float = 0.1
    n1: int = 5
    n2: int = 3
    lr: float = 1e-4


@dataclass(frozen=True, eq=False)
class Sample:
    """
    A batch of pieces of video.

    ``frames`` is B x T x 3 x H x W, BGR in [0, 1], T >= N, in order of time; ``target`` is
    B x 3 x h x w, the tight crop of each first frame; ``masks`` is B x N x 1 x H x W in [0, 1],
    the true maps of the last N frames. The T - N earlier frames only serve the clips. Raises
    ValueError when the shapes don't agree.
    """

    frames: Tensor
    target: Tensor
    masks: Tensor

    def __post_init__(self) -> None:
        """Refuse what the losses can't line up."""
        f, m = self.frames.shape, self.masks.shape
        if len(f) != 5 or len(m) != 5 or f[0] != m[0] or f[3:] != m[3:] or not 1 <= m[1] <= f[1]:
            raise ValueError('expected frames B x T x 3 x H x W and masks B x N x 1 x H x W with '
                             f'N <= T, got {tuple(f)} and {tuple(m)}')

    @property
    def judged(self) -> Tensor:
        """The frames that have a mask, B x N x 3 x H x W."""
        return self.frames[:, -self.masks.shape[1]:]


@dataclass(frozen=True)
class StepResult:
    """Which network an iteration updated, and its losses by name (``total`` is the one)."""

    updated: Turn
    losses: dict[str, float]


def schedule(iteration: int, n1: int = 5, n2: int = 3) -> Turn:
    """Whose turn it is: appearance, motion and generator get 3, 4 and 8 of 15 iterations."""
    if iteration % n1 == 1:
        return 'appearance'
    if iteration % n2 == 1:
        return 'motion'
    return 'generator'


def predict_maps(generator: Callable[[Tensor, Tensor, Tensor], Tensor], frames: Tensor,
                 target: Tensor, count: int) -> Tensor:
    """
    Predict the maps of the last ``count`` frames one after another, as in use.

    Each sees the causal clip that ends with its frame; where there is no earlier frame the oldest
    is repeated. Shapes as in Sample; returns logits, B x count x 1 x H x W.
    """
    maps = []
    total = frames.shape[1]
    for i in range(total - count, total):
        clip = torch.stack([frames[:, max(i - back, 0)] for back in reversed(range(CLIP))], dim=1)
        logits = generator(frames[:, i], target, clip)
        if logits.shape[2:] != frames.shape[3:]:
            logits = F.interpolate(logits, size=frames.shape[3:], mode='bilinear',
                                   align_corners=False)
        maps.append(logits)
    return torch.stack(maps, dim=1)


def pixel_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """
    Binary cross-entropy, both terms, averaged over pixels.

    Eq. 2 has only the term of the target's pixels, which a map of ones would minimise.
    """
    return F.binary_cross_entropy_with_logits(logits, masks)


def real_or_fake_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Loss of a discriminator from its logits for true and predicted maps (Eq. 3 and 4)."""
    return (F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
            + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake)))


def fooling_loss(fake: Tensor) -> Tensor:
    """
    Loss of the generator from a discriminator's logits for its maps.

    -log D instead of the paper's log(1 - D): the same optimum, and a gradient also while the
    discriminator still wins (Goodfellow et al., 2014).
    """
    return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def appearance_logits(net: nn.Module, frames: Tensor, maps: Tensor) -> Tensor:
    """Judge every frame for itself: B x N x ... in, B * N rows out."""
    return net(frames.flatten(0, 1), maps.flatten(0, 1))


@contextmanager
def without_gradients(*nets: nn.Module) -> Iterator[None]:
    """Let gradients pass through the networks without reaching their parameters."""
    wanted = [p for net in nets for p in net.parameters() if p.requires_grad]
    for p in wanted:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)


class Adversary:
    """
    Algorithm 1, an iteration at a time.

    ``optimizers`` maps each turn to its Adagrad, so that a loop can save and restore them.
    """

    def __init__(self, generator: nn.Module, appearance: nn.Module, motion: nn.Module,
                 config: AdversarialConfig | None = None) -> None:
        """Take the three networks, on their device already; only trainable parameters train."""
        self.generator, self.appearance, self.motion = generator, appearance, motion
        self.config = config or AdversarialConfig()
        nets: dict[Turn, nn.Module] = {
            'appearance': appearance, 'motion': motion, 'generator': generator}
        self.optimizers = {
            turn: torch.optim.Adagrad([p for p in net.parameters() if p.requires_grad],
                                      lr=self.config.lr)
            for turn, net in nets.items()}

    def step(self, sample: Sample, iteration: int) -> StepResult:
        """Update the one network whose turn it is; the others get no gradients."""
        turn = schedule(iteration, self.config.n1, self.config.n2)
        losses = (self._generator_losses(sample) if turn == 'generator'
                  else self._discriminator_losses(sample, turn))
        optimizer = self.optimizers[turn]
        optimizer.zero_grad(set_to_none=True)
        losses['total'].backward()
        optimizer.step()
        return StepResult(turn, {name: float(value.detach()) for name, value in losses.items()})

    def _discriminator_losses(self, sample: Sample, turn: Turn) -> dict[str, Tensor]:
        with torch.no_grad():
            maps = torch.sigmoid(self._predict(sample))
        judged = sample.judged
        if turn == 'appearance':
            real, fake = (appearance_logits(self.appearance, judged, m)
                          for m in (sample.masks, maps))
        else:
            real, fake = (self.motion(judged, m) for m in (sample.masks, maps))
        return {'total': real_or_fake_loss(real, fake)}

    def _generator_losses(self, sample: Sample) -> dict[str, Tensor]:
        logits = self._predict(sample)
        maps = torch.sigmoid(logits)
        # the graph keeps what it needs, so parameters may want gradients again before backward
        with without_gradients(self.appearance, self.motion):
            app = fooling_loss(appearance_logits(self.appearance, sample.judged, maps))
            mot = fooling_loss(self.motion(sample.judged, maps))
        pixel = pixel_loss(logits, sample.masks)
        total = (pixel + self.config.lambda_appearance * app + self.config.lambda_motion * mot)
        return {'pixel': pixel, 'appearance': app, 'motion': mot, 'total': total}

    def _predict(self, sample: Sample) -> Tensor:
        return predict_maps(self.generator, sample.frames, sample.target, sample.masks.shape[1])
