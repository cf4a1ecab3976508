"""What a training run is made of, where it stands, and what it does: a step, a judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
import math
from pathlib import Path
import time
from typing import Any

from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.training.loop.checkpoints import check_same, read_run, save
from lg_tracker_ros.training.loop.distributed import Place
from lg_tracker_ros.training.loop.log import Log
from lg_tracker_ros.training.loop.optim import (
    advance,
    learn_mode,
    make_schedule,
    OPTIMIZERS,
    parameter_groups,
    PRECISIONS,
    seed_step,
)
from lg_tracker_ros.training.networks.network import Batch, Network, Training
import torch
from torch import distributed, nn, Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Where weights, and with them maps, are so laid out a CPU needs half the time."""


def to_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """Move a batch; halves become floats, maps channels last (twice as fast on a CPU)."""
    found = {}
    for name, value in batch.items():
        value = value.to(device, non_blocking=True)
        value = value.float() if value.dtype == torch.float16 else value
        maps = value.ndim == 4 and value.is_floating_point()
        found[name] = value.contiguous(memory_format=torch.channels_last) if maps else value
    return found


class Losses(nn.Module):
    """A network's losses as a forward, which is what DistributedDataParallel watches."""

    def __init__(self, network: Network[Any, Any], model: nn.Module) -> None:
        """Share the model."""
        super().__init__()
        self.network, self.model = network, model

    def forward(self, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute them for a batch."""
        return self.network.losses(self.model, batch, step)


@dataclass
class Run:
    """
    A training run, after ``step`` steps.

    ``average`` is the moving average of the weights, where there is one; ``losses`` the model's,
    over all processes; ``best`` the best quality so far and ``stale`` the judgements since.
    """

    network: Network[Any, Any]
    config: Training
    place: Place
    model: nn.Module
    average: AveragedModel | None
    losses: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler
    precision: str
    step: int = 0
    best: float = -math.inf
    stale: int = 0

    @property
    def done(self) -> bool:
        """Whether all steps are done, or too many judgements found nothing better."""
        c = self.config
        return self.step >= c.steps or bool(c.patience and self.stale >= c.patience)

    @property
    def rate(self) -> float:
        """Learning rate of the last group."""
        return float(self.optimizer.param_groups[-1]['lr'])

    @property
    def parts(self) -> dict[str, Any]:
        """What has a state to be saved, by name."""
        return {'model': self.model, 'optimizer': self.optimizer, 'schedule': self.schedule,
                'scaler': self.scaler,
                **({'average': self.average} if self.average is not None else {})}

    def go_on(self, last: Path, about: dict[str, Any]) -> None:
        """
        Take over what ``last`` holds; data that it was trained on joins that of ``about``.

        Raises ValueError when it is of another network or configuration.
        """
        state = read_run(last)
        check_same(last, state, about)
        about['trained_on'] = sorted({*about['trained_on'], *state['trained_on']})
        for key, part in self.parts.items():
            part.load_state_dict(state[key])
        self.step, self.best, self.stale = state['step'], state['best'], state['stale']

    def learn(self, batch: Batch, share: float) -> dict[str, Tensor]:
        """
        Take a step; returns its losses and the gradient's norm, by name.

        ``share`` is how much of the time is over, for a schedule that goes by the clock.
        """
        c, device = self.config, self.place.device
        batch = to_device(batch, device)
        seed_step(c.seed, self.step, self.place.rank)
        with torch.autocast(device.type, PRECISIONS[self.precision], self.precision != 'fp32'):
            loss, values = self.losses(batch, self.step)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), c.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        advance(self.schedule, c, share)
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1
        return {'loss': loss.detach(), **values, 'gradient': norm}

    def judge(self, held: Callable[[], Iterable[Batch]], out: Path, about: Mapping[str, Any],
              log: Log) -> None:
        """Judge by what is held out; write out/last.pt, and out/best.pt where it is the best."""
        judged = self.model if self.average is None else self.average.module
        device, network, step = self.place.device, self.network, self.step
        judged.eval()
        with torch.no_grad():
            quality, found = network.validate(judged, (to_device(b, device) for b in held()))
            if network.pictures is not None:
                log.picture(step, network.pictures(
                    judged, to_device(next(iter(held())), device)))
        report = {key: float(value) for key, value in found.items()}
        quality = float(quality)  # a NumPy number is an object that needs pickle
        self.stale = 0 if quality > self.best else self.stale + 1
        if quality > self.best:
            self.best = quality
            save(out / 'best.pt', {
                **about, 'state_dict': network.shipped(judged).state_dict(), 'step': step,
                'quality': quality, 'report': report})
        save(out / 'last.pt', {
            **about, **{k: part.state_dict() for k, part in self.parts.items()}, 'step': step,
            'best': self.best, 'stale': self.stale})
        log.write(step, 'held_out', {'quality': quality, **report})
        log.say(f'{step}/{self.config.steps} quality {quality:.4f} (best {self.best:.4f}), held '
                f'out { {key: round(value, 4) for key, value in report.items()} }')
        learn_mode(self.model)

    def agree(self) -> None:
        """Let all processes know what the first found, so that they end together."""
        if self.place.world > 1:
            shared = torch.tensor([self.stale], device=self.place.device)
            distributed.broadcast(shared, 0)
            self.stale = int(shared)


def make_run(network: Network[Any, Any], c: Training, place: Place, start: Path | None,
             last: Path, about: dict[str, Any]) -> Run:
    """
    Make the parts and go on where ``last`` stopped, if there is such a file.

    ``start`` is a file of weights to begin with. Raises as ``Run.go_on`` and ``load_checkpoint``.
    """
    torch.manual_seed(c.seed)
    model: nn.Module = network.make_model(c)
    if start is not None:
        load_checkpoint(network.shipped(model), start)
    model.to(place.device)
    for p in model.parameters():
        if p.ndim in CHANNELS_LAST:
            p.data = p.data.contiguous(memory_format=CHANNELS_LAST[p.ndim])
    optimizer = OPTIMIZERS[c.optimizer](parameter_groups(model, c), lr=c.rate,
                                        weight_decay=c.decay)
    schedule = make_schedule(optimizer, c)
    kind = place.device.type
    precision = c.precision if c.precision != 'auto' else 'fp32' if kind == 'cpu' \
        else 'bf16' if torch.cuda.is_bf16_supported() else 'fp16'
    scaler = torch.amp.GradScaler(kind, enabled=precision == 'fp16')
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(c.ema),
                            use_buffers=True) if c.ema else None
    run = Run(network, c, place, model, average, Losses(network, model), optimizer, schedule,
              scaler, precision)
    if last.exists():
        run.go_on(last, about)
    if place.world > 1:
        run.losses = DistributedDataParallel(run.losses, find_unused_parameters=network.partial)
    learn_mode(model)
    return run


class Means:
    """Means of what steps give, over those since they were taken, and samples a second."""

    def __init__(self, batch: int) -> None:
        """Begin now; ``batch`` is the samples of a step."""
        self.batch = batch
        self._begin()

    def _begin(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: Counter[str] = Counter()  # not every step has every loss
        self.steps, self.began = 0, time.perf_counter()

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add what a step gave."""
        for key, value in values.items():
            self.sums[key] = self.sums[key] + value if key in self.sums else value
            self.counts[key] += 1
        self.steps += 1

    def take(self) -> dict[str, float]:
        """Return them, with ``samples_a_second``, and begin anew."""
        found = {key: float(value) / self.counts[key] for key, value in self.sums.items()}
        found['samples_a_second'] = self.steps * self.batch / (time.perf_counter() - self.began)
        self._begin()
        return found

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time that the block takes."""
        since = time.perf_counter()
        yield
        self.began += time.perf_counter() - since
