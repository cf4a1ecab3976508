"""The training loop of the small heads on frozen features."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
from pathlib import Path
import time
from typing import Callable, Mapping

from lg_tracker_ros.training.stream import Array, Ring
import numpy as np
import torch
from torch import nn, Tensor

Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class Training:
    """How to train; saved beside the weights. ``warmup``: samples to wait for at the start."""

    batch: int
    steps: int
    rate: float = 2e-3
    decay: float = 1e-4
    warmup: int = 2000
    validate_every: int = 500
    seed: int = 0


def to_tensors(batch: Mapping[str, Array]) -> dict[str, Tensor]:
    """Turn half-precision features into float tensors (channels last: twice as fast here)."""
    tensors = {k: torch.from_numpy(np.asarray(v, np.float32)) for k, v in batch.items()}
    return {k: t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t
            for k, t in tensors.items()}


def fit(head: nn.Module, ring: Ring, out: Path, c: Training,
        losses: Callable[[Batch], tuple[Tensor, dict[str, float]]],
        validate: Callable[[], tuple[float, Mapping[str, float]]],
        start: Path | None = None) -> None:
    """
    Train ``head`` until ``c.steps``, going on where ``out``/last.pt stopped.

    ``losses`` gives the loss and its parts for a batch; ``validate`` the quality by which
    ``out``/best.pt is chosen, and a report. ``start``: a head's weights to begin with.
    """
    torch.manual_seed(c.seed)
    rng = np.random.default_rng(c.seed)
    out.mkdir(parents=True, exist_ok=True)
    head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        head.load_state_dict(torch.load(start, map_location='cpu', weights_only=True))
    optimizer = torch.optim.AdamW(head.parameters(), c.rate, weight_decay=c.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, c.rate, c.steps, pct_start=0.1)
    step, best = 0, -1.0
    last = out / 'last.pt'
    if last.exists():
        state = torch.load(last, map_location='cpu', weights_only=True)
        head.load_state_dict(state['head'])
        optimizer.load_state_dict(state['optimizer'])
        schedule.load_state_dict(state['schedule'])
        step, best = state['step'], state['best']
    (out / 'config.json').write_text(json.dumps(asdict(c), indent=2))
    while ring.written < c.warmup:
        time.sleep(5)
    started, sums = time.time(), np.zeros(0)
    while step < c.steps:
        loss, parts = losses(to_tensors(ring.batch(rng, c.batch)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        step += 1
        values = np.array(list(parts.values()))
        sums = sums + values if len(sums) else values
        if step % c.validate_every == 0 or step == c.steps:
            head.eval()
            quality, report = validate()
            head.train()
            if quality > best:
                best = quality
                torch.save(head.state_dict(), out / 'best.pt')
            torch.save({'head': head.state_dict(), 'optimizer': optimizer.state_dict(),
                        'schedule': schedule.state_dict(), 'step': step, 'best': best}, last)
            mean = {k: round(float(v), 4) for k, v in zip(parts, sums / c.validate_every)}
            print(f'{step}/{c.steps} {time.time() - started:.0f} s, {ring.written} samples, '
                  f'train {mean}, held out { {k: round(v, 4) for k, v in report.items()} }',
                  flush=True)
            sums = np.zeros(0)
