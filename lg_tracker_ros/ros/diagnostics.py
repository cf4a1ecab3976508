"""What /diagnostics says: names ``node: part``, levels, about once a second (REP 107)."""

from __future__ import annotations

from collections import deque
import os
import sys
from typing import Any, Mapping, Sequence

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from lg_tracker_ros.ros.inputs import CameraInput, loss_advice
from lg_tracker_ros.types import Mode

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Meter:
    """Latency and rate of the processed frames."""

    def __init__(self) -> None:
        """Start empty."""
        self._total: deque[float] = deque(maxlen=300)
        self._frames = 0
        self._before: tuple[int, int] | None = None

    def add(self, total_ms: float) -> None:
        """Take in a frame."""
        self._total.append(total_ms)
        self._frames += 1

    def rate(self, now: int) -> float:
        """Return frames a second since the last call; ``now`` in ns of the node's clock."""
        before, self._before = self._before, (now, self._frames)
        if before is None or now <= before[0]:
            return 0.0
        return (self._frames - before[1]) / (now - before[0]) * 1e9

    def percentile(self, share: float) -> float:
        """Return a percentile of the last 300 frames' latency in ms; 0 without frames."""
        ordered = sorted(self._total)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def status(name: str, hardware: str, level: bytes, message: str, values: Mapping[str, Any]
           ) -> DiagnosticStatus:
    """Make one status."""
    return DiagnosticStatus(
        level=level, name=name, hardware_id=hardware, message=message,
        values=[KeyValue(key=k, value=f'{v:.3f}' if isinstance(v, float) else str(v))
                for k, v in values.items()])


def tracking_state(state: str, mode: Mode, visible: bool, trouble: str) -> tuple[bytes, str]:
    """Return level and message of the part 'tracking'."""
    if trouble:
        return ERROR, trouble
    if state != 'active':
        return OK, f'node is {state}'
    if mode is Mode.IDLE:
        return OK, 'no target; give one with init_target'
    if visible:
        return OK, 'target is followed'
    return WARN, 'target is not visible' + (
        ': searching everywhere' if mode is Mode.GLOBAL else '')


def camera_state(camera: CameraInput, silent_s: float | None, timeout: float, refused: str
                 ) -> tuple[bytes, str]:
    """Return level and message of a camera; ``refused``: why its last images can't be read."""
    if camera.problem:
        return ERROR, camera.problem
    if refused:
        return ERROR, f'images are refused: {refused}'
    lost, sent = camera.loss.recent()
    if silent_s is None:
        return WARN, f'no image yet; {camera.publishers} publisher(s)'
    if silent_s > timeout:
        return WARN, f'no image for {silent_s:.1f} s'
    if lost:
        return WARN, f'{lost} of {sent} frames lost on the way: {loss_advice(camera.bytes)}'
    return OK, 'images arrive'


def memory(device: str) -> dict[str, float]:
    """Return the process's memory in MiB, on the GPU too if the tracker runs there."""
    found = {}
    try:
        with open('/proc/self/statm') as f:
            pages = int(f.read().split()[1])
        found['memory_rss_mib'] = pages * os.sysconf('SC_PAGE_SIZE') / 2**20
    except OSError:  # no Linux
        pass
    torch = sys.modules.get('torch')
    if device.startswith('cuda') and torch is not None:
        found['memory_gpu_mib'] = torch.cuda.memory_allocated() / 2**20
    return found


def full_name(fully_qualified: str, part: str) -> str:
    """Return ``node: part``; the namespace tells two trackers apart."""
    return f"{fully_qualified.lstrip('/')}: {part}"


def totals(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Add up the counters of all cameras."""
    result: dict[str, int] = {}
    for one in counts:
        for key, value in one.items():
            result[key] = result.get(key, 0) + value
    return result
