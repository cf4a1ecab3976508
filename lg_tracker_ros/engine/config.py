"""What a user says about where networks run, and what this machine has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
import importlib
import importlib.util
import os
from pathlib import Path
import re
from typing import Any, Hashable

from lg_tracker_ros.engine.memory import GpuMemory
from lg_tracker_ros.engine.pytorch import Runner
from lg_tracker_ros.engine.uploads import Uploads
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.words.lines import one_line
import torch

ENGINES = ('auto', 'torch', 'onnx', 'tensorrt')
PRECISIONS = ('fp32', 'fp16')


@dataclass(frozen=True)
class EngineConfig:
    """
    Where and how networks run.

    ``device``: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. ``engine``: one of ENGINES.
    ``precision``: ``fp32`` or, on a GPU, ``fp16``. ``threads``: CPU threads of one network,
    0 = the library's choice. ``search_threads``: those of networks that run at the same time in
    ONNX Runtime, where that is more: the whole image beside a place, several places, targets.
    ``shipped``: folder with networks that were exported at release; ``cache``: folder in which
    those that are exported here are kept. Without these folders no network is looked for on disk,
    nor left there.
    ``memory`` is the GPU's, that all networks of one configuration share. ``compiled``: networks
    that were made already, by what they compute; trackers that are made with one such table share
    them, for none changes while it tracks. None: each makes its own.
    ``uploads``: the images on a GPU of which PyTorch makes crops there, where that takes less
    time; None: all are made on the CPU.
    """

    device: str = 'auto'
    engine: str = 'auto'
    precision: str = 'fp32'
    threads: int = 0
    shipped: Path | None = None
    cache: Path | None = None
    memory: GpuMemory = field(default_factory=GpuMemory, compare=False, repr=False)
    compiled: dict[Hashable, Runner] | None = field(default=None, compare=False, repr=False)
    search_threads: int = 0
    uploads: Uploads | None = field(default_factory=Uploads, compare=False, repr=False)

    def resolve(self) -> EngineConfig:
        """
        Replace ``auto`` by what this machine has.

        Raises ValueError, in one line that says how to mend it, for what it doesn't have.
        """
        device, engine = self.device, self.engine
        if engine not in ENGINES:
            raise ValueError(f'engine must be one of {", ".join(ENGINES)}, got {engine!r}')
        if self.precision not in PRECISIONS:
            raise ValueError(
                f'precision must be one of {", ".join(PRECISIONS)}, got {self.precision!r}')
        if device == 'auto':
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
        if not re.fullmatch(r'cpu|cuda(:\d{1,3})?', device):
            raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got {device!r}")
        if device != 'cpu' and not torch.cuda.is_available():
            raise ValueError(f"device '{device}': PyTorch sees no CUDA GPU here; "
                             "use device 'cpu' or install a CUDA build of PyTorch")
        number = int(device.partition(':')[2] or 0)
        if number and number >= (count := torch.cuda.device_count()):
            raise ValueError(f"device '{device}': there are {count} GPUs here, numbered from 0")
        if engine == 'auto':
            # without the package onnx nothing but what ships can run there
            ready = device == 'cpu' and (self.shipped is not None or here('onnx'))
            engine = 'onnx' if ready and here('onnxruntime') else 'torch'
            if engine == 'onnx' and (trouble := _onnx_trouble()):
                engine = 'torch'
                tell_once(f"engine 'torch' is taken: onnxruntime can't be loaded ({trouble}); "
                          'install it again')
        if engine in ('onnx', 'tensorrt') and (trouble := _onnx_trouble()):
            raise ValueError(f"engine '{engine}' needs the Python package onnxruntime: pip "
                             f"install onnxruntime, or use engine 'torch' ({trouble})")
        if engine == 'tensorrt' and device == 'cpu':
            raise ValueError("engine 'tensorrt' needs a CUDA device; use engine 'onnx'")
        if self.precision == 'fp16' and device == 'cpu':
            raise ValueError("precision 'fp16' needs a CUDA device; use 'fp32' on the CPU")
        if self.precision == 'fp16' and engine == 'onnx':
            raise ValueError("engine 'onnx' runs fp32 only; for precision 'fp16' use engine "
                             "'torch' or 'tensorrt'")
        return replace(self, device=device, engine=engine,
                       search_threads=min(self.search_threads, _cores()))

    @property
    def at_once(self) -> int:
        """How many places of a batch, or targets, are looked at at the same time."""
        if not self.threads or (self.device, self.engine) != ('cpu', 'onnx'):
            return 1
        return max(self.search_threads // self.threads, 1)

    def on_cpu(self, engine: str) -> EngineConfig:
        """Return the same on the CPU, in ``engine``, resolved."""
        return replace(self, device='cpu', engine=engine, precision='fp32').resolve()


def _cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def here(package: str) -> bool:
    """Tell whether an optional package is installed; nothing of it is loaded."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # a hook that blocks it
        return False


def load_onnx_runtime() -> Any:
    """
    Return ONNX Runtime's module; raises ImportError where it is missing.

    Its wheels report their use, with a number for the machine, to their maker, unless a variable
    says otherwise before they are loaded. A value that the user gave it stays.
    """
    os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
    return importlib.import_module('onnxruntime')


@cache
def _trouble_on_loading() -> str:
    try:
        load_onnx_runtime()
    except Exception as e:  # a wheel for another NumPy or system raises anything
        return one_line(f'{type(e).__name__}: {e}', 100)
    return ''


def _onnx_trouble() -> str:
    """Say why ONNX Runtime can't be used, '' where it can: it may be there and not load."""
    return _trouble_on_loading() if here('onnxruntime') else 'it is not installed'
