"""
What a network's training module brings: how to build it, feed it, judge it.

A module ``networks/NAME.py`` ends with ``NETWORK = Network(...)`` and has a line in
``registry.NETWORKS``; the loop (loop/train.py), the streams (samples/ring.py) and the command
line do the rest. See pixelwise.py for frozen features; an end-to-end network differs only in
what its sampler returns (uint8 images) and in ``DEFAULTS``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Generic, Iterable, Mapping, TypeVar

from lg_tracker_ros.training.data.material import Material
import numpy as np
import numpy.typing as npt
from torch import nn, Tensor

Array = npt.NDArray[Any]
Sample = Mapping[str, 'Array | float']
Batch = Mapping[str, Tensor]
"""Rows of samples by field, on the model's device. float16 arrives as float32, the rest as is."""


@dataclass(frozen=True)
class Training:
    """
    How to train; saved in the checkpoint.

    A network that needs more settings derives a frozen dataclass of its own. Values are numbers,
    strings, booleans and mappings of those, so that ``--set NAME=VALUE`` can write them and
    ``torch.load(weights_only=True)`` read them.

    ``batch``: samples a step, over all processes. ``rate``: peak learning rate. ``rates``: shares
    of it by the beginning of a parameter's name, the longest that fits counts, 0 freezes (and
    keeps the normalisation as it is): ``{'backbone.': 0.1, 'backbone.stem': 0}``. ``schedule``:
    'one_cycle', 'cosine' or 'constant' (all warm up over ``rise`` of the steps). ``clip``: norm of
    the gradients. ``precision``: 'fp32', 'bf16', 'fp16', 'auto' (fp32 on a CPU). ``ema``: decay of
    averaged weights, which are then judged and kept, 0: none. ``patience``: validations without a
    better one before the end, 0: never. ``timed``: with ``--seconds`` the schedule follows the
    clock wherever that is ahead of the steps, so that both end together. ``fresh``: every sample
    is made for one step; else they lie in a ring of ``capacity`` samples on disk and are met
    again, and training begins when ``warmup`` are there. ``held_out``: samples of the validation
    split.
    """

    batch: int
    steps: int
    rate: float = 2e-3
    rates: Mapping[str, float] = field(default_factory=dict)
    optimizer: str = 'adamw'
    decay: float = 1e-4
    schedule: str = 'one_cycle'
    rise: float = 0.1
    clip: float = 5.0
    precision: str = 'auto'
    ema: float = 0.0
    patience: int = 0
    timed: bool = False
    validate_every: int = 500
    log_every: int = 50
    seed: int = 0
    fresh: bool = False
    capacity: int = 20_000
    warmup: int = 2000
    held_out: int = 2000


@dataclass(frozen=True)
class Field:
    """Shape and dtype of one array of a sample."""

    shape: tuple[int, ...]
    dtype: str = 'float16'


M = TypeVar('M', bound=nn.Module)
C = TypeVar('C', bound=Training)
Sampler = Callable[[np.random.Generator], Sample]


def whole(model: nn.Module) -> nn.Module:
    """Ship all of a model."""
    return model


@dataclass(frozen=True)
class Network(Generic[M, C]):
    """
    A network that ``train fit`` can train.

    ``defaults``: its configuration, of the class that the functions here take.
    ``fields(config)``: what a sample holds.
    ``make_model(config)``: the module with the weights training begins with; its forward is its
    own affair.
    ``make_sampler(material, config)``: is called once in each worker process (so what is costly,
    such as a compiled frozen backbone, is made here) and returns ``sample(rng)``. All chance
    comes from ``rng``.
    ``losses(model, batch, step)``: the loss to minimise and its parts by name, 0-d and detached;
    ``step`` counts from 0.
    ``validate(model, batches)``: the quality by which the best weights are chosen (higher is
    better) and a report by name; ``batches`` are all samples held out, the model is in eval mode
    and nothing records gradients.
    ``pictures(model, batch)``: uint8 h x w x 3 BGR of some predictions, for TensorBoard.
    ``shipped(model)``: the part that is used after training, which best.pt holds and ``--weights``
    loads; the discriminators of TANet aren't in it.
    ``asked_by(weights)``: the settings that a file of weights to begin with asks for.
    ``partial``: a step may leave parameters without a gradient (Algorithm 1 of TANet).
    ``composed``: samples are scenes, for which there must be cut-outs and photographs.
    ``seen``: what the weights training begins with were trained on, such as ``ImageNet/*``.
    """

    defaults: C
    fields: Callable[[C], Mapping[str, Field]]
    make_model: Callable[[C], M]
    make_sampler: Callable[[Material, C], Sampler]
    losses: Callable[[M, Batch, int], tuple[Tensor, dict[str, Tensor]]]
    validate: Callable[[M, Iterable[Batch]], tuple[float, dict[str, float]]]
    pictures: Callable[[M, Batch], Array] | None = None
    shipped: Callable[[M], nn.Module] = whole
    asked_by: Callable[[Path], Mapping[str, Any]] = lambda weights: {}
    partial: bool = False
    composed: bool = True
    seen: tuple[str, ...] = ()
