"""The ways to run the networks that are compared, and the machine that they run on."""

from __future__ import annotations

import os
from pathlib import Path
import platform
import re
import subprocess
from typing import Mapping

import cv2
import lg_tracker_ros
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.engine.config import here, load_onnx_runtime
from lg_tracker_ros.parameters.tracker import Settings
import numpy as np
import torch

WAYS: Mapping[str, tuple[str, str]] = {
    'torch fp32': ('torch', 'fp32'), 'torch fp16': ('torch', 'fp16'),
    'ONNX Runtime CUDA fp32': ('onnx', 'fp32'), 'ONNX Runtime CUDA fp16': ('onnx', 'fp16'),
    'TensorRT fp32': ('tensorrt', 'fp32'), 'TensorRT fp16': ('tensorrt', 'fp16')}
"""Engine and precision of each way."""


def reference(threads: int) -> Settings:
    """Return what is compared with: the default on a CPU."""
    return Settings(device='cpu', threads=threads)


def settings(way: str, device: str, threads: int) -> Settings:
    """Return the default's settings in one of WAYS; a CPU stands in as what it can."""
    engine, precision = WAYS[way]
    if device == 'cpu':
        engine, precision = ('torch' if engine == 'tensorrt' else engine), 'fp32'
    return Settings(device=device, engine=engine, precision=precision, threads=threads)


def refusal(way: str, device: str) -> str:
    """Say, in one line, why a way can't be had here; '' where it can."""
    try:
        config = settings(way, device, 1).engine_config()
    except ValueError as e:
        return str(e)
    if config.engine != 'torch' and device != 'cpu':
        onnxruntime = load_onnx_runtime()
        want = ('TensorrtExecutionProvider' if config.engine == 'tensorrt'
                else 'CUDAExecutionProvider')
        have = onnxruntime.get_available_providers()
        if want not in have:
            return (f'onnxruntime {onnxruntime.__version__} has no {want} '
                    f'(it has {", ".join(have)})')
    return ''


def machine(device: str) -> dict[str, str]:
    """Name card, driver, processor and versions."""
    found = {
        'lg_tracker_ros': f'{lg_tracker_ros.__version__}, commit {_commit()}',
        'processor': f'{_processor()}, {os.cpu_count()} cores', 'system': platform.platform(),
        'Python': platform.python_version(), 'PyTorch': torch.__version__,
        'OpenCV': cv2.__version__, 'NumPy': np.__version__}
    if here('onnxruntime'):
        onnxruntime = load_onnx_runtime()
        found['ONNX Runtime'] = (f'{onnxruntime.__version__} with '
                                 f'{", ".join(onnxruntime.get_available_providers())}')
    if device != 'cpu':
        gpu = torch.cuda.get_device_properties(EngineConfig(device).resolve().device)
        found |= {'card': f'{gpu.name}, {gpu.total_memory / 2**20:.0f} MiB, compute capability '
                          f'{gpu.major}.{gpu.minor}', 'CUDA of PyTorch': str(torch.version.cuda),
                  'cuDNN': str(torch.backends.cudnn.version()),
                  'driver': _said('nvidia-smi', '--query-gpu=driver_version,clocks.max.sm,'
                                  'power.limit', '--format=csv,noheader')}
    return found


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20,
                              check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return 'unknown'


def _commit() -> str:
    root = str(Path(lg_tracker_ros.__file__).parents[1])
    return _said('git', '-C', root, 'describe', '--always', '--dirty')


def _processor() -> str:
    try:
        text = Path('/proc/cpuinfo').read_text()
    except OSError:
        return platform.processor() or 'unknown processor'
    names = re.findall(r'model name\s*:\s*(.+)', text)
    return names[0] if names else platform.machine()
