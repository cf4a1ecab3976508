"""
The training loop of every network, from top to bottom.

Bit for bit the same weights come out of a run on a CPU that was killed and went on, as long as
its batches depend on the step alone (stream.py); on a GPU sums differ in their last bits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
import math
from pathlib import Path
import sys
import time
from typing import Any, Callable, Iterable, Sequence

from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.provenance import commit, machine
from lg_tracker_ros.training.loop.checkpoints import check_same, read_run, save
from lg_tracker_ros.training.loop.distributed import find_place, joined, Place
from lg_tracker_ros.training.loop.log import Log
from lg_tracker_ros.training.loop.optim import (
    advance,
    check_config,
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
from tqdm import tqdm

Source = Callable[[range, int, int], Iterable[Batch]]
"""From steps, rank and number of processes to a batch (this process's part) for each step."""


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


class _Losses(nn.Module):
    """A network's losses as a forward, which is what DistributedDataParallel watches."""

    def __init__(self, network: Network[Any, Any], model: nn.Module) -> None:
        super().__init__()
        self.network, self.model = network, model

    def forward(self, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        return self.network.losses(self.model, batch, step)


def fit(network: Network[Any, Any], c: Training, source: Source,
        held: Callable[[], Iterable[Batch]], out: Path, name: str = '', start: Path | None = None,
        trained_on: Sequence[str] = (), place: Place | None = None,
        seconds: float = math.inf) -> float:
    """
    Train ``network`` until ``c.steps`` or ``c.patience``, going on where ``out``/last.pt stopped.

    After ``seconds`` (in one process) it is judged and saved, and ends, to be gone on with.
    ``held`` gives the batches that are held out; ``start`` is a file of weights to begin with.
    Writes out/best.pt (weights and how they came about), out/last.pt (that and what it takes to
    go on), out/log.jsonl and out/tensorboard/. Returns the best quality. Raises ValueError for a
    configuration that can't be, another than that of last.pt, and a loss that isn't finite.
    """
    place = place or find_place()
    device, first = place.device, place.rank == 0
    check_config(c, place.world)
    with joined(place):
        # 1. model, optimiser, schedule
        torch.manual_seed(c.seed)
        model: nn.Module = network.make_model(c)
        if start is not None:
            load_checkpoint(network.shipped(model), start)
        model.to(device)
        for p in model.parameters():
            if p.ndim in CHANNELS_LAST:
                p.data = p.data.contiguous(memory_format=CHANNELS_LAST[p.ndim])
        optimizer = OPTIMIZERS[c.optimizer](parameter_groups(model, c), lr=c.rate,
                                            weight_decay=c.decay)
        schedule = make_schedule(optimizer, c)
        precision = c.precision if c.precision != 'auto' else 'fp32' if device.type == 'cpu' \
            else 'bf16' if torch.cuda.is_bf16_supported() else 'fp16'
        scaler = torch.amp.GradScaler(device.type, enabled=precision == 'fp16')
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(c.ema),
                                use_buffers=True) if c.ema else None
        judged = model if average is None else average.module

        # 2. where the last run stopped
        about: dict[str, Any] = {
            'network': name, 'config': asdict(c), 'trained_on': sorted(trained_on),
            'commit': commit(), 'machine': machine()}
        parts: dict[str, Any] = {
            'model': model, 'optimizer': optimizer, 'schedule': schedule, 'scaler': scaler,
            **({'average': average} if average is not None else {})}
        step, best, stale = 0, -math.inf, 0
        last = out / 'last.pt'
        if last.exists():
            state = read_run(last)
            check_same(last, state, about)
            about['trained_on'] = sorted({*trained_on, *state['trained_on']})
            for key, part in parts.items():
                part.load_state_dict(state[key])
            step, best, stale = state['step'], state['best'], state['stale']
        losses: nn.Module = _Losses(network, model)
        if place.world > 1:
            losses = DistributedDataParallel(losses, find_unused_parameters=network.partial)

        # 3. the loop; only the first process judges and writes
        log = Log(out, step) if first else None
        ready = time.perf_counter()
        bar = tqdm(total=c.steps, initial=step, unit='step', file=sys.stderr,
                   disable=not (first and sys.stderr.isatty()))
        batches = iter(source(range(step, c.steps), place.rank, place.world))
        sums: dict[str, Tensor] = {}
        counts: Counter[str] = Counter()  # not every step has every loss
        since, began = step, time.perf_counter()
        end, over = began + seconds, False
        learn_mode(model)
        while step < c.steps and not (c.patience and stale >= c.patience) and not over:
            batch = to_device(next(batches), device)
            seed_step(c.seed, step, place.rank)
            with torch.autocast(device.type, PRECISIONS[precision], precision != 'fp32'):
                loss, values = losses(batch, step)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            norm = nn.utils.clip_grad_norm_(model.parameters(), c.clip)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad(set_to_none=True)
            advance(schedule, c, (time.perf_counter() - ready) / seconds if c.timed else 0.0)
            if average is not None:
                average.update_parameters(model)
            step += 1
            for key, value in {'loss': loss.detach(), **values, 'gradient': norm}.items():
                sums[key] = sums[key] + value if key in sums else value
                counts[key] += 1
            bar.update()

            over = place.world == 1 and time.perf_counter() >= end
            judge = step % c.validate_every == 0 or step == c.steps or over
            if judge or step % c.log_every == 0:
                mean = {key: float(value) / counts[key] for key, value in sums.items()}
                if not math.isfinite(mean['loss']):
                    raise ValueError(f'the loss is {mean["loss"]} before step {step}: lower '
                                     f'--set rate={c.rate}, or --set precision=fp32')
                speed = (step - since) * c.batch / (time.perf_counter() - began)
                if log:
                    log.write(step, 'train', {
                        **mean, 'rate': float(optimizer.param_groups[-1]['lr']),
                        'samples_a_second': speed})
                bar.set_postfix_str(f'loss {mean["loss"]:.4f}', refresh=False)
                sums, since, began = {}, step, time.perf_counter()
                counts.clear()
            if not judge:
                continue

            # 4. validation, by which the best weights are kept and the end may come early
            if log:
                paused = time.perf_counter()
                judged.eval()
                with torch.no_grad():
                    quality, found = network.validate(
                        judged, (to_device(b, device) for b in held()))
                    if network.pictures is not None:
                        log.picture(step, network.pictures(
                            judged, to_device(next(iter(held())), device)))
                report = {key: float(value) for key, value in found.items()}
                quality = float(quality)  # a NumPy number is an object that needs pickle
                stale = 0 if quality > best else stale + 1
                if quality > best:
                    best = quality
                    save(out / 'best.pt', {
                        **about, 'state_dict': network.shipped(judged).state_dict(), 'step': step,
                        'quality': quality, 'report': report})
                save(last, {**about, **{k: part.state_dict() for k, part in parts.items()},
                            'step': step, 'best': best, 'stale': stale})
                log.write(step, 'held_out', {'quality': quality, **report})
                log.say(f'{step}/{c.steps} quality {quality:.4f} (best {best:.4f}), held out '
                        f'{ {key: round(value, 4) for key, value in report.items()} }')
                learn_mode(model)
                began += time.perf_counter() - paused
            if place.world > 1:
                shared = torch.tensor([stale], device=device)
                distributed.broadcast(shared, 0)
                stale = int(shared)
        bar.close()
        if log:
            why = '' if step >= c.steps else ' (time is over, the same command goes on)' if over \
                else f' ({stale} validations without a better one, so it ends)'
            log.say(f'{step} of {c.steps} steps are done{why}; {out / "best.pt"} has quality '
                    f'{best:.4f}')
            log.close()
    return best
