"""Where a network runs: PyTorch (CPU, CUDA) or ONNX Runtime (CPU, CUDA, TensorRT)."""

from lg_tracker_ros.engine.compiling import Array, compile_network, Runner
from lg_tracker_ros.engine.config import EngineConfig, ENGINES, PRECISIONS
from lg_tracker_ros.engine.pytorch import cpu_threads

__all__ = ['Array', 'ENGINES', 'EngineConfig', 'PRECISIONS', 'Runner', 'compile_network',
           'cpu_threads']
