"""The tensors of a file of weights by name, whatever wrote it, without running its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.reading.layouts import unwrapped
from lg_tracker_ros.reading.matlab import read_matconvnet
from lg_tracker_ros.reading.pickles import check_checkpoint
from lg_tracker_ros.reading.stand_ins import with_stand_ins
from lg_tracker_ros.reading.tensors import read_safetensors
import torch
from torch import Tensor


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """
    Read the tensors of a checkpoint: ``.safetensors``, ``.mat``, else torch's own format.

    The state dict is taken out of what others wrap it in, with the names that it has here
    (reading/layouts.py). Only tensors are unpickled, never code: other people's classes become
    inert stand-ins. Raises FileNotFoundError when there is no such file and ValueError, in one
    line, when it holds no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no file of weights at {path}')
    data = unwrapped(READERS.get(path.suffix, read_pickled)(path))
    if not isinstance(data, Mapping) or not data or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in data.items()):
        raise refused(path, 'holds no state dict (a mapping of names to tensors)')
    for key, value in data.items():
        # a view may say more elements than there are bytes, a sparse tensor too
        if value.layout is not torch.strided or value.is_quantized or value.device.type != 'cpu' \
                or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise refused(path, f'holds {key}, no plain tensor that has all of its elements')
    return dict(data)


def read_pickled(path: Path) -> Any:
    """
    Read what ``torch.save`` wrote: tensors, plain values and stand-ins, never code.

    Sizes are compared with the file's before memory is taken. Raises FileNotFoundError without
    a file and ValueError, in one line, for another.
    """
    with reading(path, 'a readable checkpoint of tensors'):
        stand_ins = with_stand_ins(check_checkpoint(path))
        try:
            with stand_ins:
                return torch.load(path, map_location='cpu', weights_only=True)
        except Exception as e:  # torch's words run over many lines and advise to trust the file
            raise ValueError(f'damaged, or not written by torch.save ({type(e).__name__})') from e


READERS: Mapping[str, Callable[[Path], Any]] = {
    '.safetensors': read_safetensors, '.mat': read_matconvnet}
"""By suffix; any other file is one of ``torch.save``."""
