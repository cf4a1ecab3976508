"""What ONNX Runtime is told of TensorRT, and where the engines that it builds are kept."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
import re
from typing import Any, Mapping

import torch


def versions(device: int) -> dict[str, str]:
    """
    Return what an engine is good for: GPU, its compute capability, and versions of libraries.

    TensorRT's own version is in the names that ONNX Runtime gives its files.
    """
    gpu = torch.cuda.get_device_properties(device)
    found = {'gpu': gpu.name, 'capability': f'{gpu.major}.{gpu.minor}',
             'cuda': str(torch.version.cuda)}
    for package in ('onnxruntime-gpu', 'onnxruntime', 'tensorrt'):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # from apt, or with JetPack
            continue
    return found


def engine_folder(cache: Path, network: str, precision: str, made_for: Mapping[str, str]
                  ) -> Path:
    """
    Return the folder of one network's engines below ``cache``; it need not exist.

    An engine is right for one GPU, one set of versions, one set of weights and shapes, and
    ONNX Runtime knows a network by the names in its graph only, not by its weights. ``network`` is
    the name of its file (weights and shapes are in it; one folder holds the sizes of batch),
    ``made_for`` what ``versions`` returns.
    """
    said = repr((network, precision, sorted(made_for.items())))
    gpu = re.sub(r'\W+', '-', made_for.get('gpu', 'gpu')).strip('-').lower()
    return cache / 'tensorrt' / (f'{gpu}-{network.partition("-")[0]}-{precision}-'
                                 + hashlib.sha256(said.encode()).hexdigest()[:16])


def provider(precision: str, device: int, folder: Path | None) -> tuple[str, dict[str, Any]]:
    """Return the provider and its options; engines are kept in ``folder``, None: nowhere."""
    options: dict[str, Any] = {'device_id': device, 'trt_fp16_enable': precision == 'fp16'}
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # a home that can't be written costs the next start minutes, no more
            return 'TensorrtExecutionProvider', options
        options |= {'trt_engine_cache_enable': True, 'trt_engine_cache_path': str(folder),
                    'trt_timing_cache_enable': True, 'trt_timing_cache_path': str(folder)}
    return 'TensorrtExecutionProvider', options
