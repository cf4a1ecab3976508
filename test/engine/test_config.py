"""What an engine needs of this machine, and what it tells nobody."""

import os
from pathlib import Path
import subprocess
import sys

from lg_tracker_ros.engine.config import load_onnx_runtime
import pytest

pytest.importorskip('onnxruntime')
ROOT = Path(__file__).resolve().parents[2]

OPENS = """
from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.engine.config import load_onnx_runtime
model = next(SHIPPED_NETWORKS.glob('LookNet*.onnx'))
load_onnx_runtime().InferenceSession(str(model), providers=['CPUExecutionProvider'])
"""


def test_onnx_runtime_reports_nothing_to_its_maker(tmp_path):
    env = {k: v for k, v in os.environ.items() if k not in ('ORT_DISABLE_TELEMETRY',
                                                            'XDG_CACHE_HOME')}
    done = subprocess.run([sys.executable, '-B', '-c', OPENS], text=True, capture_output=True,
                          env={**env, 'HOME': str(tmp_path), 'PYTHONPATH': str(ROOT)}, timeout=120)
    assert done.returncode == 0, done.stderr
    # before: a number for this machine, and what was still to be sent
    assert list(tmp_path.rglob('*')) == []


def test_a_users_own_word_counts(monkeypatch):
    monkeypatch.setenv('ORT_DISABLE_TELEMETRY', 'mine')
    load_onnx_runtime()
    assert os.environ['ORT_DISABLE_TELEMETRY'] == 'mine'
