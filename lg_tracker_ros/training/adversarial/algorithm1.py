"""
Algorithm 1 of TANet (Wang et al., TNNLS 2021): one generator of maps, two discriminators.

One module holds them and one loop trains it: the step says whose turn it is, and only that
network gets gradients. A discriminator whose lambda is 0 isn't there; its turns are the
generator's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Generic, Literal, TypeVar

from lg_tracker_ros.training.adversarial.discriminators import (
    AppearanceDiscriminator,
    FRAMES,
    MotionDiscriminator,
    STYLES,
)
from lg_tracker_ros.training.networks.maps import PixelLoss
from lg_tracker_ros.training.networks.network import Training
import torch
from torch import nn, Tensor
import torch.nn.functional as F

Turn = Literal['appearance', 'motion', 'generator']
INPUTS = ('both', 'appearance', 'motion')
G = TypeVar('G', bound=nn.Module)


@dataclass(frozen=True)
class AdversarialTraining(Training):
    """
    Training of a generator of maps, alone or against discriminators.

    ``judged``: successive frames of a sample whose maps are predicted, 1 or 3; discriminators
    need 3. ``lambda_appearance`` and ``lambda_motion`` weigh the adversarial losses, 0 switches a
    discriminator off (the paper: .2 and .1; its Fig. 7 is best at .3 to .5). ``n1`` and ``n2``
    set the schedule. ``side`` is that of the frames the discriminators see, in pixels, and
    ``width`` scales their channels: the paper's 300 and 1 take 86 GMAC a sample, 112 (the least)
    and .25 take .9 (a CPU can afford that), .125 a quarter. ``inputs``: 'both', or only
    'appearance' or 'motion' reach the generator's decoder (Table IV). ``style``: discriminators
    as in the 'paper' or as 'released'. Raises ValueError for what can't be.
    """

    judged: int = 1
    lambda_appearance: float = 0.0
    lambda_motion: float = 0.0
    n1: int = 5
    n2: int = 3
    side: int = 112
    width: float = 0.25
    inputs: str = 'both'
    style: str = STYLES[0]

    def __post_init__(self) -> None:
        """Refuse what can't be trained."""
        if self.judged not in (1, FRAMES):
            raise ValueError(f'judged must be 1 or {FRAMES}, got {self.judged}')
        if min(self.lambda_appearance, self.lambda_motion) < 0:
            raise ValueError('lambda_appearance and lambda_motion must be at least 0, got '
                             f'{self.lambda_appearance} and {self.lambda_motion}')
        if max(self.lambda_appearance, self.lambda_motion) > 0 and self.judged != FRAMES:
            raise ValueError(f'discriminators judge {FRAMES} successive frames: '
                             f'--set judged={FRAMES}, too')
        if min(self.n1, self.n2) < 2:
            raise ValueError(f'n1 and n2 must be at least 2, got {self.n1} and {self.n2}')
        if self.inputs not in INPUTS:
            raise ValueError(f'inputs must be one of {", ".join(INPUTS)}, got {self.inputs!r}')
        if self.style not in STYLES:
            raise ValueError(f'style must be one of {", ".join(STYLES)}, got {self.style!r}')


def turn(step: int, c: AdversarialTraining) -> Turn:
    """Whose turn it is: appearance, motion and generator get 3, 4 and 8 of 15 steps."""
    if step % c.n1 == 1:
        return 'appearance' if c.lambda_appearance else 'generator'
    if step % c.n2 == 1:
        return 'motion' if c.lambda_motion else 'generator'
    return 'generator'


def steps_for(turns: int, c: AdversarialTraining) -> int:
    """Count the steps in which the generator has ``turns`` turns."""
    steps = count()
    for _ in range(turns):
        last = next(s for s in steps if turn(s, c) == 'generator')
    return last + 1 if turns else 0


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


def keep_only(weight: Tensor, wanted: Tensor) -> None:
    """Set the weights that aren't ``wanted`` (bool, broadcast) to zero, where they stay."""
    with torch.no_grad():
        weight.mul_(wanted)
    weight.register_hook(lambda gradient: gradient * wanted.to(gradient.device))


@contextmanager
def without_gradients(net: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network without reaching its parameters."""
    wanted = [p for p in net.parameters() if p.requires_grad]
    for p in wanted:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)


class Adversarial(nn.Module, Generic[G]):
    """A generator and the discriminators that it has to fool; only the generator is shipped."""

    def __init__(self, generator: G, config: AdversarialTraining) -> None:
        """Add the discriminators of ``config``, with random weights; ValueError as theirs."""
        super().__init__()
        self.config = config
        self.generator = generator
        c = config
        self.discriminators = nn.ModuleDict({
            **({'appearance': AppearanceDiscriminator(c.side, c.width, c.style)}
               if c.lambda_appearance else {}),
            **({'motion': MotionDiscriminator(c.side, c.width, c.style)}
               if c.lambda_motion else {})})

    def verdict(self, name: str, frames: Tensor, maps: Tensor) -> Tensor:
        """
        Let a discriminator judge maps; logits, of each frame or of each sample.

        ``frames`` is uint8 B x N x s x s x 3, BGR; ``maps`` B x N x h x w in [0, 1].
        """
        seen = frames.movedim(4, 2).float() / 255
        maps = F.interpolate(maps, size=seen.shape[3:], mode='bilinear',
                             align_corners=False)[:, :, None]
        if name == 'appearance':
            seen, maps = seen.flatten(0, 1), maps.flatten(0, 1)
        return self.discriminators[name](seen, maps)

    def losses(self, predict: Callable[[], Tensor], want: Tensor, frames: Tensor | None,
               pixel: PixelLoss, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """
        Return the loss of the network whose turn ``step`` is; the others get no gradients.

        ``predict()`` gives the generator's logits, B x N x h x w; ``want`` are the true maps, of
        that shape; ``frames`` as in ``verdict``, None where there is no discriminator.
        """
        name = turn(step, self.config)
        if name == 'generator':
            return self._generator_loss(predict(), want, frames, pixel)
        assert frames is not None
        with torch.no_grad():
            maps = torch.sigmoid(predict())
        loss = real_or_fake_loss(self.verdict(name, frames, want),
                                 self.verdict(name, frames, maps))
        return loss, {name: loss.detach()}

    def _generator_loss(self, logits: Tensor, want: Tensor, frames: Tensor | None,
                        pixel: PixelLoss) -> tuple[Tensor, dict[str, Tensor]]:
        loss, parts = pixel(logits.flatten(0, 1), want.flatten(0, 1))
        parts['pixel'] = loss.detach()
        for name, net in self.discriminators.items():
            assert frames is not None
            # the graph keeps what it needs, so parameters may want gradients before backward
            with without_gradients(net):
                fooled = fooling_loss(self.verdict(name, frames, torch.sigmoid(logits)))
            loss = loss + getattr(self.config, f'lambda_{name}') * fooled
            parts[f'fool_{name}'] = fooled.detach()
        return loss, parts


def generator_of(model: Adversarial[G]) -> G:
    """Give the part that is used after training."""
    return model.generator
