"""
The safetensors container: 8 bytes of length, a JSON header of that length, then plain numbers.

Read here because apt has no package that does, and a robot needs nothing else of it.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

from lg_tracker_ros.reading.guard import reading
import torch
from torch import Tensor

HEADER = 10_000_000
"""Bytes of a header, at most; that of ResNet-50 has 50,000."""
TYPES = {'F64': torch.float64, 'F32': torch.float32, 'F16': torch.float16,
         'BF16': torch.bfloat16, 'I64': torch.int64, 'I32': torch.int32, 'I16': torch.int16,
         'I8': torch.int8, 'U8': torch.uint8, 'BOOL': torch.bool, 'C64': torch.complex64}
KIND = 'a readable safetensors file'


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """
    Read the tensors of a file, on the CPU.

    Sizes are compared with the file's before memory is taken. Raises FileNotFoundError without
    a file and ValueError, in one line, for a damaged one.
    """
    with reading(path, KIND):
        entries = _header(path)
        entries.pop('__metadata__', None)
        with path.open('rb') as file:
            file.seek(8 + int.from_bytes(file.read(8), 'little'))
            data = file.read()
        for name, entry in entries.items():
            if entry['dtype'] not in TYPES:
                raise ValueError(f'{name} is of type {entry["dtype"]}, expected one of '
                                 f'{", ".join(TYPES)}')
        kinds = {name: TYPES[entry['dtype']] for name, entry in entries.items()}
        wanted = {name: prod(entry['shape']) * torch.empty(0, dtype=kinds[name]).element_size()
                  for name, entry in entries.items()}
        if sum(wanted.values()) > len(data):
            raise ValueError(f'it says {sum(wanted.values())} bytes of tensors, and has '
                             f'{len(data)}')
        tensors = {}
        for name, entry in entries.items():
            shape, (start, end) = entry['shape'], entry['data_offsets']
            if min(start, *shape, end - start) < 0 or end > len(data) or (
                    end - start != wanted[name]):
                raise ValueError(f'{name} of shape {shape} says it lies at {start} to {end}')
            tensors[name] = (torch.frombuffer(bytearray(data[start:end]), dtype=kinds[name])
                             if start < end else torch.empty(0, dtype=kinds[name])).reshape(shape)
        return tensors


def read_metadata(path: Path) -> dict[str, Any]:
    """Read what a file says of itself; {} where it says nothing; raises as read_safetensors."""
    with reading(path, KIND):
        metadata = _header(path).get('__metadata__', {})
        if not isinstance(metadata, dict):
            raise ValueError('its metadata is no JSON object')
        return metadata


def _header(path: Path) -> dict[str, Any]:
    with path.open('rb') as file:
        length, size = int.from_bytes(file.read(8), 'little'), path.stat().st_size
        if length > min(size - 8, HEADER):
            raise ValueError(f'it says a header of {length} bytes, expected at most '
                             f'{max(min(size - 8, HEADER), 0)}')
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError('its header is no JSON object')
    return header
