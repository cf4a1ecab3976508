"""
Inert stand-ins for classes of other people's packages that a checkpoint names.

Training frameworks save their settings, meters and constructors beside the weights. None of their
code is wanted, nor their packages: each such object becomes an empty one of a class without code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def stand_in(name: str) -> type:
    """Make the class that stands for ``package.module.Class``: takes anything, keeps nothing."""
    def ignore(self: object, *_: object, **__: object) -> None:
        pass
    module, _, own = name.rpartition('.')
    return type(own, (), {'__module__': module, '__init__': ignore, '__setstate__': ignore})


def with_stand_ins(names: Iterable[str]) -> AbstractContextManager[object]:
    """
    Let ``torch.load(weights_only=True)`` make stand-ins of these names, as long as this lasts.

    Raises ValueError where PyTorch is too old to be told of single classes.
    """
    classes: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        stand_in(name) for name in sorted(names)]
    if not classes:
        return nullcontext()
    if not hasattr(torch.serialization, 'safe_globals'):
        raise ValueError(f'it names {min(names)}: leaving that out takes PyTorch 2.5 or newer, '
                         f'here is {torch.__version__}')
    return torch.serialization.safe_globals(classes)
