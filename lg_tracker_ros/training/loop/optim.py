"""The parts of a training configuration, made: optimiser, schedule, rates, chance."""

from __future__ import annotations

import math
import random
from typing import Any, Callable, Mapping

from lg_tracker_ros.training.networks.network import Training
import numpy as np
import torch
from torch import nn

OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    'adamw': torch.optim.AdamW, 'adagrad': torch.optim.Adagrad,
    'sgd': lambda groups, **k: torch.optim.SGD(groups, momentum=0.9, **k)}
SCHEDULES = ('one_cycle', 'cosine', 'constant')
PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


def parameter_groups(model: nn.Module, c: Training) -> list[dict[str, Any]]:
    """Freeze what ``c.rates`` freezes and group the rest by rate; ValueError if nothing fits."""
    names = [name for name, _ in model.named_parameters()]
    for beginning in c.rates:
        if not any(name.startswith(beginning) for name in names):
            tops = ', '.join(dict.fromkeys(name.partition('.')[0] for name in names))
            raise ValueError(f'rates: no parameter begins with {beginning!r}; there are {tops}')
    groups: dict[float, list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        fitting = [beginning for beginning in c.rates if name.startswith(beginning)]
        share = c.rates[max(fitting, key=len)] if fitting else 1.0
        if share == 0:
            p.requires_grad_(False)
        if p.requires_grad:
            groups.setdefault(share, []).append(p)
    return [{'params': params, 'lr': c.rate * share} for share, params in groups.items()]


def make_schedule(optimizer: torch.optim.Optimizer, c: Training
                  ) -> torch.optim.lr_scheduler.LRScheduler:
    """One cycle (Smith and Topin 2017), or a linear rise; half a cosine to zero, or nothing."""
    if c.schedule == 'one_cycle':
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [g['lr'] for g in optimizer.param_groups], c.steps, pct_start=c.rise,
            cycle_momentum=c.optimizer != 'adagrad')
    rise = max(round(c.rise * c.steps), 1)

    def factor(step: int) -> float:
        done = (step - rise) / max(c.steps - rise, 1)
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * min(done, 1))) if c.schedule == 'cosine' else 1.0
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def advance(schedule: torch.optim.lr_scheduler.LRScheduler, c: Training, share: float) -> None:
    """Step a schedule, to ``share`` of its steps if it isn't there yet; never past its end."""
    goal = max(schedule.last_epoch + 1, int(share * c.steps))
    while schedule.last_epoch < min(goal, c.steps - 1):
        schedule.step()


def learn_mode(model: nn.Module) -> None:
    """Put ``model`` into training mode, all but what is frozen: its statistics stay too."""
    model.train()
    for module in model.modules():
        held = list(module.parameters())
        if held and not any(p.requires_grad for p in held):
            module.eval()


def seed_step(seed: int, step: int, rank: int) -> None:
    """Make a step's chance (dropout and the like) its own, so that none has to be saved."""
    word = int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])
    torch.manual_seed(word)
    np.random.seed(word)  # noqa: NPY002 - for libraries that still draw from it
    random.seed(word)


def check_config(c: Training, world: int) -> None:
    """Raise ValueError, in one line, for what can't be done."""
    for name, known in (('optimizer', OPTIMIZERS), ('schedule', SCHEDULES),
                        ('precision', ('auto', *PRECISIONS))):
        if getattr(c, name) not in known:
            raise ValueError(f'{name} must be one of {", ".join(known)}, got {getattr(c, name)!r}')
    least = (('seed', 0), ('batch', world), ('steps', 1), ('validate_every', 1), ('log_every', 1),
             ('capacity', 1), ('warmup', 1), ('held_out', 1), ('patience', 0))
    for name, value in least:
        if getattr(c, name) < value:
            raise ValueError(f'{name} must be at least {value}, got {getattr(c, name)}')
    for name, most in (('rate', math.inf), ('decay', math.inf), ('rise', 1), ('clip', math.inf),
                       ('ema', 1)):
        if not 0 <= getattr(c, name) <= most:  # nan isn't, either
            raise ValueError(f'{name} must be in 0..{most}, got {getattr(c, name)}')
    if c.batch % world:
        raise ValueError(f'batch counts over all processes: {c.batch} is no multiple of {world}')
