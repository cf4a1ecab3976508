"""What /diagnostics says: names ``node: part``, levels, about once a second (REP 107)."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Mapping, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.ros.stream import Stream
from lg_tracker_ros.runtime.buffers import FATES
from lg_tracker_ros.runtime.pace import Load, Standstill
from lg_tracker_ros.runtime.results import NOBODY
from lg_tracker_ros.types import Mode
from lg_tracker_ros.words.lines import one_line
from rclpy.node import Node

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
Part = tuple[str, bytes, str, Mapping[str, Any]]
"""Name, level, message and values of one status."""
CLOCK_STILL_S = 3.0
"""Seconds after which it is told that a simulated clock stands still."""


def status(name: str, hardware: str, level: bytes, message: str, values: Mapping[str, Any]
           ) -> DiagnosticStatus:
    """Make one status."""
    return DiagnosticStatus(
        level=level, name=name, hardware_id=hardware, message=message,
        values=[KeyValue(key=k, value=f'{v:.3f}' if isinstance(v, float) else str(v))
                for k, v in values.items()])


def tracking_state(state: str, mode: Mode, visible: bool, trouble: str, silence: str = '',
                   notes: Sequence[str] = (), beginning: bool = False) -> tuple[bytes, str]:
    """
    Return level and message of the part 'tracking'.

    ``silence`` says why nothing is known of the target; ``notes`` are worth a warning at any time.
    """
    if trouble:
        return ERROR, trouble
    level, text = OK, 'target is followed'
    if state != 'active':
        text = f'node is {state}'
    elif silence:
        level, text = WARN, silence
    elif mode is Mode.IDLE:
        text = ('a target is being begun on' if beginning
                else 'no target; give one with init_target')
    elif not visible:
        level, text = WARN, 'target is not visible' + (
            ': searching everywhere' if mode is Mode.GLOBAL else '')
    return (WARN if notes else level), '; '.join((text, *notes))


def clock_state(time_ns: int, still_s: float) -> str:
    """Say what is wrong with a simulated clock that stands still; empty if nothing is."""
    if still_s < CLOCK_STILL_S:
        return ''
    return ('use_sim_time is on, but nothing comes on /clock' if time_ns == 0 else
            f'use_sim_time is on and /clock has stood still for {still_s:.0f} s')


def camera_state(camera: CameraInput, silent_s: float, refused: str) -> tuple[bytes, str]:
    """
    Return level and message of a camera.

    ``silent_s``: for how long no image came, 0 while they do. ``refused``: why its last images
    can't be read.
    """
    if camera.problem:
        return ERROR, camera.problem
    if refused:
        return ERROR, f'images are refused: {refused}'
    lost, sent = camera.loss.recent()
    if camera.pace.last is None:
        return WARN, f'no image yet; {camera.publishers} publisher(s)'
    if silent_s:
        return WARN, f'no image for {silent_s:.1f} s'
    if lost:
        return WARN, f'{lost} of {sent} frames lost on the way: {camera.advice}'
    if camera.crowd:
        return WARN, (f'{camera.crowd} publishers, whose images are taken as those of one camera: '
                      'end all but one, or give each a topic of its own')
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


def lost_in_all(cameras: Sequence[CameraInput]) -> int | str:
    """Add up the frames lost on the way, as far as the middleware lets it be known."""
    known = [c.loss.lost for c in cameras if c.loss.measurable]
    return sum(known) if known or not cameras else 'not measurable here'


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
        self._clock, self._load = Standstill(), Load()
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)

    def report(self, state: str, settings: Settings, engine: EngineConfig | None,
               stream: Stream | None, parts: Sequence[Part] = ()) -> None:
        """
        Publish; ``engine`` is None before the first networks, ``stream`` while not active.

        ``parts`` are what other inputs say of themselves.
        """
        now = self._node.get_clock().now()
        array = DiagnosticArray()
        array.header.stamp = now.to_msg()
        counts = [] if stream is None else [stream.worker.counts(c.name) for c in stream.cameras]
        notes = self._notes(now.nanoseconds, engine, totals(counts),
                            '' if stream is None else stream.worker.apart)
        array.status.append(self._tracking(state, stream, counts, now.nanoseconds, notes))
        if stream is not None:
            array.status += [self._camera(camera, count, stream)
                             for camera, count in zip(stream.cameras, counts)]
        array.status += [self._make(*part) for part in parts]
        array.status.append(self._engine(state, settings, engine))
        self._publisher.publish(array)

    def _make(self, part: str, *args: Any) -> DiagnosticStatus:
        me = self._node.get_fully_qualified_name()
        return status(full_name(me, part), me, *args)

    def _tracking(self, state: str, stream: Stream | None, counts: Sequence[Mapping[str, int]],
                  now: int, notes: Sequence[str]) -> DiagnosticStatus:
        health = self._health
        target = stream.worker.leader if stream is not None else NOBODY
        last = health.last(target)
        mode = last.track.mode if last is not None else Mode.IDLE
        silence = stream.silence() if stream is not None else ''
        beginning = stream is not None and any(stream.worker.booked)
        visible = last is not None and last.track.visible and not silence
        return self._make('tracking', *tracking_state(state, mode, visible, health.trouble,
                                                      silence, notes, beginning), {
            'state': state, 'mode': mode.name, 'target_id': one_line(target.name),
            'visible': visible, 'camera': health.camera,
            'confidence': 0.0 if last is None or silence else last.track.confidence,
            'rate_hz': health.meter.rate(now),
            'latency_p50_ms': health.meter.percentile(0.5),
            'latency_p95_ms': health.meter.percentile(0.95),
            **_fates(totals(counts)),
            'lost_on_the_way': lost_in_all(stream.cameras if stream else ()),
            'worker_failures': stream.worker.failures if stream else 0})

    def _notes(self, now: int, engine: EngineConfig | None, count: Mapping[str, int],
               apart: str) -> list[str]:
        """Return what is worth a warning whatever the target does."""
        steady, notes = time.perf_counter(), []
        still_s = self._clock.seconds(now, steady)
        if self._node.get_parameter('use_sim_time').value:
            notes = [text for text in (clock_state(now, still_s),) if text]
        notes += [text for text in (self._health.lately, self._twin(), apart) if text]
        if apart:
            self._node.get_logger().warning(apart, throttle_duration_sec=60.0)
        rates = self._load.rates(steady, count.get('received', 0), count.get('overwritten', 0))
        if rates is not None and engine is not None:
            slow = (f'too slow: {rates[0]:.1f} images a second come, {rates[1]:.1f} are processed '
                    f'(threads: {engine.threads or "as the library decides"}, engine: '
                    f'{engine.engine} on {engine.device})')
            self._node.get_logger().warning(slow, throttle_duration_sec=60.0)
            notes.append(slow)
        return notes

    def _twin(self) -> str:
        """Say so when another node has this one's name, or its topics: calls reach both."""
        node, me = self._node, self._node.get_fully_qualified_name()
        same = [name for name, namespace in node.get_node_names_and_namespaces()
                if f"{namespace.rstrip('/')}/{name}" == me]
        if len(same) > 1:
            return (f'{len(same)} nodes are called {me}: what is asked of one reaches the other; '
                    'give each a namespace of its own')
        topic = node.resolve_topic_name('tracked_target')
        return '' if node.count_publishers(topic) < 2 else (
            f'another node publishes on {topic}: if it is a second tracker, calls of init_target '
            'reach both; give each a namespace of its own')

    def _camera(self, camera: CameraInput, count: Mapping[str, int], stream: Stream
                ) -> DiagnosticStatus:
        silent_s = camera.pace.silent(time.perf_counter(), stream.options.camera_timeout)
        refused = self._health.refused(camera.name)
        return self._make(
            f'camera {camera.name}', *camera_state(camera, silent_s, refused), {
                'publishers': camera.publishers, 'frame_id': one_line(camera.frame_id or ''),
                'range_shown': stream.worker.decoders.shown(camera.name),
                **_fates(count), 'lost_on_the_way': lost_in_all([camera])})

    def _engine(self, state: str, settings: Settings, engine: EngineConfig | None
                ) -> DiagnosticStatus:
        built, trouble = state in ('inactive', 'active'), self._health.trouble
        device = engine.device if engine is not None else ''
        note = self._health.engine_note if built else ''
        return self._make(
            'engine', WARN if note else OK if built or not trouble else ERROR,
            note or ('ready' if built else 'being built' if state == 'configuring' else trouble
                     or 'not built'), {
                'device': device, 'engine': engine.engine if engine is not None else '',
                'precision': settings.precision, 'tracker': settings.tracker,
                'backbone': settings.backbone, 'redetector': settings.redetector,
                **memory(device)})


def _fates(count: Mapping[str, int]) -> dict[str, int]:
    return {k: count.get(k, 0) for k in ('received', *FATES, 'replayed')}
