"""The classifier that is learned while tracking: target or background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from lg_tracker_ros.local.mdnet.reciprocative import attention, regularizer
from lg_tracker_ros.local.mdnet.schedule import Schedule
import torch
from torch import nn, Tensor
import torch.nn.functional as F


@dataclass(frozen=True, eq=False)
class Samples:
    """
    Boxes as the classifier takes them: features N x D.

    ``inputs`` is what attention is asked of where that isn't the features: N rows, or None.
    """

    features: Tensor
    inputs: Tensor | None = None

    def __len__(self) -> int:
        """Count the boxes."""
        return len(self.features)

    def __getitem__(self, rows: Tensor | slice) -> Samples:
        """Take some of them."""
        return Samples(self.features[rows], None if self.inputs is None else self.inputs[rows])

    @staticmethod
    def joined(parts: Sequence[Samples]) -> Samples:
        """Join several; at least one."""
        inputs = [p.inputs for p in parts if p.inputs is not None]
        return Samples(torch.cat([p.features for p in parts]),
                       torch.cat(inputs) if inputs else None)


class Head(nn.Module):
    """Fully-connected layers, ReLU between them; the last gives background and target."""

    def __init__(self, widths: Sequence[int], dropout: Sequence[float],
                 chance: torch.Generator, deviation: float | None = 0.01,
                 uniform: bool = False) -> None:
        """
        Draw weights of normal numbers, biases .1 and, for the last layer, 0.

        ``dropout`` is the share left out before each layer; ``deviation`` of the weights, None:
        that of He et al. (2015). ``uniform``: weights and biases even within 1 / √width instead,
        as PyTorch makes layers and RT-MDNet and DAT leave them.
        """
        super().__init__()
        layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
        self.layers = nn.ModuleList(layers)
        self._dropout, self._chance = tuple(dropout), chance
        for i, (layer, width) in enumerate(zip(layers, widths)):
            scale = (2 / width) ** 0.5 if deviation is None else deviation
            last = i == len(layers) - 1
            with torch.no_grad():
                if uniform:
                    for p in layer.parameters():
                        even = torch.rand(p.shape, generator=chance)
                        p.copy_((2 * even - 1) / width ** 0.5)
                    continue
                layer.weight.copy_(scale * torch.randn(layer.weight.shape, generator=chance))
                layer.bias.fill_(0.0 if last else 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """N x D to N x 2 logits: background, target."""
        for i, (layer, share) in enumerate(zip(self.layers, self._dropout)):
            x = F.relu(x) if i else x
            if self.training and share:
                kept = torch.rand(x.shape, generator=self._chance).to(x.device) >= share
                x = x * kept / (1 - share)
            x = layer(x)
        return x


class Classifier:
    """
    Learns a head by steepest descent with momentum and hard negatives.

    ``maps`` and ``rest`` are where attention is asked: maps N x C x h x w of samples, and features
    of maps; only the reciprocative loss wants them, None where there is none.
    """

    def __init__(self, head: Head, schedule: Schedule, maps: Callable[[Samples], Tensor] | None,
                 rest: Callable[[Tensor], Tensor] | None, chance: torch.Generator) -> None:
        """Take a head with its first weights; ``chance`` draws what is learned when."""
        self.head, self.schedule = head.eval(), schedule
        self._maps, self._rest, self._chance = maps, rest, chance
        self._optimizers: dict[str, torch.optim.SGD] = {}
        *lower, last = head.layers
        for when, rate in (('first', schedule.first_rate), ('later', schedule.rate)):
            self._optimizers[when] = torch.optim.SGD(
                [{'params': [p for layer in lower for p in layer.parameters()], 'lr': rate},
                 {'params': list(last.parameters()), 'lr': rate * schedule.last}],
                momentum=schedule.momentum, weight_decay=schedule.decay)
        self._keep()

    def _keep(self) -> None:
        self._first = deepcopy(self.head.state_dict()), self._chance.get_state()

    def forget(self) -> None:
        """Keep what the first frame taught, and nothing else."""
        weights, chance = self._first
        self.head.load_state_dict(weights)
        self._chance.set_state(chance)
        self._optimizers['later'].state.clear()  # its momentum

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """N x D to N x 2: background, target."""
        found: Tensor = self.head(features)
        return found

    def learn(self, positives: Samples, negatives: Samples, when: Literal['first', 'later']
              ) -> None:
        """Learn for the iterations of the schedule; leaves it alone where either is empty."""
        c = self.schedule
        if not len(positives) or not len(negatives):
            return
        count = c.first_iterations if when == 'first' else c.iterations
        yes, no = (self._order(len(s), n * count) for s, n in
                   ((positives, c.batch_positives), (negatives, c.mined)))
        for rows, tried in zip(torch.split(yes, c.batch_positives), torch.split(no, c.mined)):
            hard = self.hardest(negatives.features[tried], c.batch_negatives)
            self._step(positives[rows], negatives[tried[hard.cpu()]], self._optimizers[when])
        if when == 'first':
            self._keep()

    def hardest(self, features: Tensor, count: int) -> Tensor:
        """Return the rows of the negatives that look most like the target."""
        return self.logits(features)[:, 1].topk(min(count, len(features))).indices

    def _order(self, size: int, count: int) -> Tensor:
        """Draw ``count`` rows: all of them in turn, shuffled anew each time."""
        rounds = [torch.randperm(size, generator=self._chance) for _ in range(-(-count // size))]
        return torch.cat(rounds)[:count]

    def loss(self, positives: Samples, negatives: Samples) -> Tensor:
        """Compute the loss of a batch with the head in training, R with it in use."""
        c = self.schedule
        scores = [F.log_softmax(self.head.train()(s.features), 1) for s in (positives, negatives)]
        self.head.eval()
        loss = -scores[0][:, 1].sum() - scores[1][:, 0].sum()
        if c.mean:
            loss = loss / (len(positives) + len(negatives))
        if c.reciprocative:  # ratios, which have the size of one sample, not of a batch
            loss = loss + c.reciprocative * regularizer(*map(self.attention,
                                                             (positives, negatives)))
        return loss

    def attention(self, samples: Samples) -> tuple[Tensor, Tensor]:
        """
        Return the attention of the target's score and of the background's, N x h x w each.

        Raises ValueError for a classifier without maps.
        """
        if self._maps is None or self._rest is None:
            raise ValueError('this classifier has no maps whose attention could be asked; '
                             'expected one as of dat, dat_lite or mdnet_lite')
        maps = self._maps(samples).detach().requires_grad_()
        logits = self.head(self._rest(maps))
        return attention(logits[:, 1], maps), attention(logits[:, 0], maps)

    def _step(self, positives: Samples, negatives: Samples, optimizer: torch.optim.SGD) -> None:
        parameters = list(self.head.parameters())
        with torch.enable_grad():
            found = torch.autograd.grad(self.loss(positives, negatives), parameters,
                                        allow_unused=True)
        for parameter, gradient in zip(parameters, found):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(parameters, self.schedule.clip)
        optimizer.step()
