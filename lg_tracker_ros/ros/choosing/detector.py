"""A detector's topic: chooses targets for places that are free, helps the search for lost ones."""

from __future__ import annotations

from collections import Counter, deque
import time
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.detections.besides import end_help, help_search
from lg_tracker_ros.detections.recent import Recent
from lg_tracker_ros.detections.selection import Detection, Selection
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros.convert import detections_from_msg, time_from_msg
from lg_tracker_ros.ros.diagnostics import ERROR, OK, Part, WARN
from lg_tracker_ros.ros.health import FRESH_S
from lg_tracker_ros.ros.requests import candidates, not_kept
from lg_tracker_ros.ros.stream import Stream
from lg_tracker_ros.ros.target_services import TargetServices
from lg_tracker_ros.runtime.pace import Pace
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.sightings import apart, Sightings
from lg_tracker_ros.types import Box
from lg_tracker_ros.words.lines import one_line, told
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

TYPE = 'vision_msgs/msg/Detection2DArray'
ANY = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Receives from every publisher, whatever it offers."""
LABELS, LONGEST = 20, 60
"""Classes that diagnostics list, and characters of each."""
LARGEST = 2**18
"""Bytes of a message: some five hundred boxes, which take 0.1 s to read."""
OPEN = 10
"""Messages that may wait until it is known who of several targets is where in their images."""


class _Seen(NamedTuple):
    """What a detector saw in an image; only what counts."""

    header: Header
    camera: str
    detections: list[Detection]


def looked_at(frame_id: str, cameras: Mapping[str, str | None]) -> list[str]:
    """
    Return the cameras whose images a detector with this ``frame_id`` may have looked at.

    ``cameras`` has the frame_id of each one's images, None before the first. Raises ValueError
    with what helps when it is none of them.
    """
    known = {name: f for name, f in cameras.items() if f is not None}
    if not known:
        raise ValueError(f'no image has come yet on {", ".join(cameras)}')
    found = [name for name, f in known.items() if frame_id in ('', f)]
    if not found:
        raise ValueError(f'detections have frame_id {one_line(frame_id, 60)!r}, images '
                         f'{[one_line(f, 60) for f in sorted({*known.values()})][:2]}; set '
                         'detections_camera to the image topic that the detector looks at')
    return found


class DetectorInput:
    """
    The subscription to a detector's boxes while the node is active; ``close`` ends it.

    What is wrong with them is told, in the log and in ``part``, and stops nothing.
    """

    def __init__(self, node: Node, options: NodeOptions, stream: Stream, targets: TargetServices,
                 selection: Callable[[], Selection]) -> None:
        """Subscribe; the worker of ``stream`` must not run yet; ``selection`` may change."""
        self.topic = node.resolve_topic_name(options.detections_topic)
        self._node, self._stream, self._targets = node, stream, targets
        self._given, self._selection = options.detections_camera, selection
        self._recent, self._pace = Recent(), Pace()
        self._counts = Counter({key: 0 for key in (
            'received', 'boxes', 'boxes_refused', 'late', 'without_image', 'targets_begun')})
        self._labels: set[str] = set()
        self._asked, self._unfit = ('', 0.0), 0  # boxes until one has this class and score
        self._behind_s = 0.0
        self._problem = 0.0, ''
        self._beginning = False
        self._open: deque[_Seen] = deque(maxlen=OPEN)
        if options.targets > 1:
            stream.sightings = Sightings()
        for tracker in stream.worker.trackers:
            help_search(tracker, self._recent, lambda: selection().age)
        self._subscription: Any = None
        take: Any = self._take  # rclpy's type knows no coroutine
        try:
            # what awaits its image here must not keep that image from coming
            # raw: rclpy makes a message of it first, for seconds if it has ten thousand boxes
            self._subscription = node.create_subscription(
                Detection2DArray, self.topic, take, ANY,
                callback_group=ReentrantCallbackGroup(), raw=True)
        except RuntimeError as e:  # rcl's, for a topic of this node's own that has another type
            self._tell(f"can't be subscribed to as {TYPE}: {told(e)}")

    def close(self) -> None:
        """Receive nothing more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        for tracker in self._stream.worker.trackers:
            end_help(tracker)

    async def _take(self, data: bytes) -> None:
        self._pace.tick(time.perf_counter())
        self._counts['received'] += 1
        try:
            if len(data) > LARGEST:
                raise ValueError(f'a message of {len(data) / 2**20:.1f} MiB is passed over, the '
                                 f'most is {LARGEST / 2**20:g}: let the detector keep its best '
                                 'hundred boxes')
            msg = deserialize_message(data, Detection2DArray)
        except Exception as e:  # rcl's, for bytes that are no message
            self._tell(told(e))
            return
        await self._look(msg)

    async def _look(self, msg: Any) -> None:
        selection = self._selection()
        detections, refused = detections_from_msg(msg)
        counting = selection.counting(detections)
        self._counts.update(boxes=len(detections), boxes_refused=refused)
        if refused:
            self._tell(f'{refused} of {refused + len(detections)} boxes are none: sides must be '
                       'positive and all numbers finite')
        self._labels.update(d.label[:LONGEST] for d in detections[:LABELS]
                            if len(self._labels) < LABELS)
        if (asked := (selection.classes, selection.score)) != self._asked:
            self._asked, self._unfit = asked, 0
        self._unfit = -1 if counting or self._unfit < 0 else self._unfit + len(detections)
        stamp = time_from_msg(msg.header.stamp)
        try:
            camera = self._camera(msg.header.frame_id, stamp)
        except ValueError as e:
            self._counts['without_image'] += 1
            self._tell(str(e))
            return
        if detections and not counting and not any(d.label for d in detections):
            self._tell(f'detections have no class, but detections_classes is {selection.classes!r}'
                       '; empty it, or let the detector fill results')
        self._recent.put(camera, stamp, [d.box for d in counting])
        self._check_time(camera, stamp, selection)
        await self._choose(_Seen(msg.header, camera, counting), selection)

    def _camera(self, frame_id: str, stamp: int) -> str:
        """Return the camera that the detector looked at; ValueError with what helps."""
        if self._given:
            return candidates(self._stream.cameras, self._given, '')[0].name
        names = looked_at(frame_id, {c.name: c.frame_id for c in self._stream.cameras})
        if len(names) == 1:
            return names[0]
        found = [n for n in names if self._stream.worker.find(stamp, [n]) is not None]
        if not found:
            raise ValueError(not_kept(stamp, names, self._stream.worker.spans()))
        if len(found) > 1:
            raise ValueError(f'detections may be of {found[0]} or {found[1]}, whose images have '
                             'this stamp: set detections_camera to the image topic that the '
                             'detector looks at, or let it copy the frame_id')
        return found[0]

    def _check_time(self, camera: str, stamp: int, selection: Selection) -> None:
        """Tell of detections that are late, or of no image that is kept."""
        worker = self._stream.worker
        spans = worker.spans()
        newest = spans.get(camera, (stamp, stamp))[1]
        self._behind_s = (newest - stamp) / 1e9
        if not stamp:
            self._counts['without_image'] += 1
            self._tell("detections have no stamp; let the detector copy the image's header")
        elif not (0 < -self._behind_s <= self._stream.options.init_timeout
                  ) and worker.find(stamp, [camera]) is None:
            self._counts['without_image'] += 1
            self._tell(f'detections: {not_kept(stamp, [camera], spans)}; let the detector copy '
                       "the image's header")
        elif self._behind_s > selection.age:
            self._counts['late'] += 1
            self._tell(f'detections come {self._behind_s:.1f} s after their image, more than '
                       'detections_age: no search looks at them')

    async def _choose(self, seen: _Seen, selection: Selection) -> None:
        """Follow who is selected of those that nobody follows, where a place is free."""
        worker, targets = self._stream.worker, self._targets
        booked = worker.booked
        if '' not in booked:
            self._open.clear()
            return
        self._open.append(seen)
        if self._beginning or worker.beginning or worker.paused or targets.waiting:
            return
        followed = [t for t in worker.targets if t.name]
        # the newest image of which it is known who is where; what came since may be known later
        for seen in reversed(self._open):
            areas = self._areas(followed, seen)
            if areas is not None:
                break
        else:
            return
        while self._open.popleft() is not seen:
            pass
        chosen = selection.choose([d for d in seen.detections if not (d.name and d.name in booked)
                                   and apart(d.box, areas)])
        if chosen is not None:
            await self._begin(seen, chosen, booked.index(''))

    def _areas(self, followed: Sequence[Target], seen: _Seen) -> Sequence[Box] | None:
        """Return where those are who are ``followed``; None where that isn't known of all."""
        sightings, stamp = self._stream.sightings, time_from_msg(seen.header.stamp)
        if not followed:
            return ()
        if sightings is None or not stamp:
            return None
        return sightings.around(followed, seen.camera, stamp)

    async def _begin(self, seen: _Seen, chosen: Detection, place: int) -> None:
        """Follow a detection, unless that is too late; the frame may have yet to come."""
        worker, targets, box = self._stream.worker, self._targets, chosen.box

        def too_late() -> str:
            # somebody's own request goes before
            return ('another target was asked for'
                    if worker.booked[place] or targets.waiting > 1 else '')
        request = InitTarget.Request(
            header=seen.header, camera=seen.camera, x=box.x, y=box.y, width=box.w, height=box.h,
            label=chosen.label, target_id=chosen.name)
        self._beginning = True
        try:
            item, target, behind = await targets.begin(request, place, too_late)
        except Exception as e:  # of a decoder, say: it would end the node
            if not too_late():
                self._tell(f'the selected detection is not followed: {told(e)}')
            return
        finally:
            self._beginning = False
        self._counts['targets_begun'] += 1
        self._node.get_logger().info(
            f'{targets.told(item, target, behind)}, chosen from {self.topic}')

    def _tell(self, text: str) -> None:
        text = one_line(text)
        self._problem = time.perf_counter(), text
        self._node.get_logger().warning(f'{self.topic}: {text}', throttle_duration_sec=10.0)

    def part(self) -> Part:
        """Say how it goes, for /diagnostics."""
        infos = self._node.get_publishers_info_by_topic(self.topic)
        level, message = self._state([i.topic_type for i in infos])
        return f'detections {self.topic}', level, message, {
            'publishers': len(infos), **self._counts, 'behind_ms': 1e3 * self._behind_s,
            'classes': one_line(', '.join(sorted(self._labels)))}

    def _state(self, types: Sequence[str]) -> tuple[bytes, str]:
        now = time.perf_counter()
        if types and TYPE not in types:
            return ERROR, (f'{self.topic} carries {", ".join(sorted({*types}))}; expected {TYPE}: '
                           'choose another topic in detections_topic')
        if now - self._problem[0] < FRESH_S and self._problem[1]:
            return WARN, self._problem[1]
        if self._pace.last is None:
            return WARN, (f'no detections yet; {len(types)} publisher(s)')
        if silent_s := self._pace.silent(now, self._stream.options.camera_timeout):
            return WARN, f'no detections for {silent_s:.1f} s; {len(types)} publisher(s)'
        if self._unfit > 0:
            (classes, score), seen = self._asked, ', '.join(sorted(self._labels))
            return WARN, one_line(
                f'none of {self._unfit} boxes counts: detections_classes is {classes!r} and '
                f'detections_score {score:g}, the classes seen are {seen or "none"}')
        return OK, 'detections arrive'
