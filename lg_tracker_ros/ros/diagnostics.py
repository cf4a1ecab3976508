"""What /diagnostics says: names ``node: part``, levels, about once a second (REP 107)."""

from __future__ import annotations

import os
import sys
from typing import Any, Mapping, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.inputs import CameraInput, loss_advice
from lg_tracker_ros.ros.stream import Stream
from lg_tracker_ros.runtime.buffers import FATES
from lg_tracker_ros.types import Mode
from rclpy.node import Node

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


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


class Diagnostics:
    """Publishes what the node, its cameras and its engine are doing, on /diagnostics."""

    def __init__(self, node: Node, health: Health) -> None:
        """Make the publisher."""
        self._node, self._health = node, health
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)

    def report(self, state: str, settings: Settings, engine: EngineConfig | None,
               stream: Stream | None) -> None:
        """Publish; ``engine`` is None before the first networks, ``stream`` while not active."""
        now = self._node.get_clock().now()
        array = DiagnosticArray()
        array.header.stamp = now.to_msg()
        counts = [] if stream is None else [stream.worker.counts(c.name) for c in stream.cameras]
        array.status.append(self._tracking(state, stream, counts, now.nanoseconds))
        if stream is not None:
            array.status += [self._camera(camera, count, stream, now.nanoseconds)
                             for camera, count in zip(stream.cameras, counts)]
        array.status.append(self._engine(state, settings, engine))
        self._publisher.publish(array)

    def _make(self, part: str, *args: Any) -> DiagnosticStatus:
        me = self._node.get_fully_qualified_name()
        return status(full_name(me, part), me, *args)

    def _tracking(self, state: str, stream: Stream | None, counts: Sequence[Mapping[str, int]],
                  now: int) -> DiagnosticStatus:
        health = self._health
        target = stream.worker.target.name if stream is not None else ''
        track = health.track(target)
        mode = track.mode if track is not None else Mode.IDLE
        visible = mode is not Mode.IDLE and track is not None and track.visible
        return self._make('tracking', *tracking_state(state, mode, visible, health.trouble), {
            'state': state, 'mode': mode.name, 'target_id': target,
            'confidence': track.confidence if track is not None else 0.0,
            'rate_hz': health.meter.rate(now),
            'latency_p50_ms': health.meter.percentile(0.5),
            'latency_p95_ms': health.meter.percentile(0.95),
            **_fates(totals(counts)),
            'lost_on_the_way': sum(c.loss.lost for c in stream.cameras) if stream else 0})

    def _camera(self, camera: CameraInput, count: Mapping[str, int], stream: Stream, now: int
                ) -> DiagnosticStatus:
        silent = None if camera.arrived is None else (now - camera.arrived) / 1e9
        refused = self._health.refused(camera.name, now)
        return self._make(
            f'camera {camera.name}',
            *camera_state(camera, silent, stream.options.camera_timeout, refused), {
                'publishers': camera.publishers, 'frame_id': camera.frame_id or '',
                **_fates(count), 'lost_on_the_way': camera.loss.lost})

    def _engine(self, state: str, settings: Settings, engine: EngineConfig | None
                ) -> DiagnosticStatus:
        built, trouble = state in ('inactive', 'active'), self._health.trouble
        device = engine.device if engine is not None else ''
        return self._make(
            'engine', OK if built or not trouble else ERROR,
            'ready' if built else 'being built' if state == 'configuring' else trouble
            or 'not built', {
                'device': device, 'engine': engine.engine if engine is not None else '',
                'precision': settings.precision, 'tracker': settings.tracker,
                'backbone': settings.backbone, 'redetector': settings.redetector,
                **memory(device)})


def _fates(count: Mapping[str, int]) -> dict[str, int]:
    return {k: count.get(k, 0) for k in ('received', *FATES, 'replayed')}
