"""Where a network runs: PyTorch (CPU, CUDA) or ONNX Runtime (CPU, CUDA, TensorRT)."""

from lg_tracker_ros.engine.compiling import BATCHES, compile_network
from lg_tracker_ros.engine.config import EngineConfig, ENGINES, PRECISIONS
from lg_tracker_ros.engine.memory import give_back, out_of_memory
from lg_tracker_ros.engine.pytorch import Array, plain_torch, Runner

__all__ = ['Array', 'BATCHES', 'ENGINES', 'EngineConfig', 'PRECISIONS', 'Runner',
           'compile_network', 'give_back', 'out_of_memory', 'plain_torch']
