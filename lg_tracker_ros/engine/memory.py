"""A GPU's memory that runs out: the networks go on, on the CPU; and memory that is given back."""

from __future__ import annotations

import ctypes
from functools import partial
import gc
import logging
from typing import Callable, TypeVar

from lg_tracker_ros.engine.pytorch import Array, Runner
import torch

log = logging.getLogger(__name__)
Made = TypeVar('Made')

SIGNS = ('out of memory', 'ALLOC_FAILED', 'Failed to allocate memory', 'OutOfMemory')
"""Words by which CUDA, cuBLAS, cuDNN, ONNX Runtime and TensorRT say so; they share no type."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it came of, says that a GPU has no memory left."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, torch.cuda.OutOfMemoryError) or any(s in str(cause) for s in SIGNS):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def give_back() -> bool:
    """
    Give the system the memory that networks had which are gone; whether there was any.

    glibc keeps it, for each thread that ever asked for some, and every new builder and worker is
    another thread. Does nothing where the C library has no malloc_trim.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    return bool(trim is not None and trim(0))


class GpuMemory:
    """
    Whether the memory that a tracker's networks share has run out; one of them is enough.

    ``gone`` says so in a line, and is empty while it hasn't. It stays gone until the networks are
    made anew: memory that comes and goes would make every other frame late.
    """

    def __init__(self) -> None:
        """Begin with memory."""
        self.gone = ''

    def ran_out(self, device: str) -> None:
        """Take note, and tell it once, as a warning of one line."""
        if self.gone:
            return
        self.gone = (f"the memory of '{device}' ran out{_free(device)}: the networks run on the "
                     'CPU from now on, slower; free GPU memory, then cleanup and configure')
        log.warning('%s', self.gone)

    def guard(self, on_gpu: Callable[[], Runner], on_cpu: Callable[[], Runner], device: str
              ) -> Runner:
        """
        Return what ``on_gpu`` makes, which becomes ``on_cpu``'s once memory has run out.

        That may happen while it is made, in any later run, or in another network of the same
        memory. Other errors are raised.
        """
        current, here = None if self.gone else self._attempt(on_gpu, device), True

        def run(*inputs: Array) -> list[Array]:
            nonlocal current, here
            if here and current is not None and not self.gone:
                found = self._attempt(partial(current, *inputs), device)
                if found is not None:
                    return found
            if here:
                current, here = None, False  # frees the memory before the CPU's is made
                current = on_cpu()
            assert current is not None
            return current(*inputs)
        if current is None:
            current, here = on_cpu(), False
        return run

    def _attempt(self, work: Callable[[], Made], device: str) -> Made | None:
        try:
            return work()
        except Exception as e:  # the libraries' errors have no base of their own
            if not out_of_memory(e):
                raise
        # outside of the handler: the error holds the frames, and they the tensors
        torch.cuda.empty_cache()
        self.ran_out(device)
        return None


def _free(device: str) -> str:
    try:
        free, total = torch.cuda.mem_get_info(device)
    except Exception:  # the runtime that has just failed is asked how it is
        return ''
    return f' ({free / 2**20:.0f} of {total / 2**20:.0f} MiB free)'
