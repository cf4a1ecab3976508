"""One camera's part of the world: its calibration, its depth images, and what comes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
import threading
from typing import Any, Callable, Mapping

from diagnostic_msgs.msg import DiagnosticStatus
from lg_tracker_ros.geometry.camera import Camera
from lg_tracker_ros.geometry.place import place
from lg_tracker_ros.geometry.surface import registered, separate, Surface, surface
from lg_tracker_ros.media.depth import DepthImage
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.ros.transports.offers import DEPTH
from lg_tracker_ros.ros.world.outputs import WorldOutputs
from lg_tracker_ros.ros.world.sources import Calibration, DEPTHS, info_topic, Transforms
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.matching import Matcher
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.types import Box
from lg_tracker_ros.words.lines import told
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from std_msgs.msg import Header

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
FEW = 0.5
"""Share of the results, since the last report, that may find no depth before it is told."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A box that waits for its depth, and what is needed to place it."""

    header: Header
    stamp: int
    box: Box
    confidence: float
    target: Target
    camera: Camera
    size: tuple[int, int]


@dataclass(frozen=True)
class ViewTopics:
    """Full names of the topics of a camera; ``depth`` is empty for none."""

    image: str
    info: str
    depth: str
    depth_info: str


class View:
    """
    Turns the boxes of one camera into places.

    ``seen`` belongs to the worker's thread, everything else to the executor's; a place is
    published by the thread that brings the later of result and depth image.
    """

    def __init__(self, node: Node, topics: ViewTopics, rectified: bool, alignment: str,
                 tolerance: float, outputs: WorldOutputs, transforms: Transforms,
                 group: CallbackGroup,
                 measured: Callable[[Target, str, int, float, float], None]) -> None:
        """Subscribe to nothing yet; ``measured`` gets target, camera, stamp, z, variance."""
        self._node, self.topics, self._alignment = node, topics, alignment
        self._outputs, self._transforms, self._measured = outputs, transforms, measured
        self.calibration = Calibration(node, topics.info, 'camera_info_topics', rectified, group,
                                       topics.image)
        self._depth = self._depth_calibration = None
        if topics.depth:
            self._depth = CameraInput(node, topics.depth, 'auto', DEPTH, group, self._on_depth,
                                      DEPTHS)
            self._depth_calibration = Calibration(
                node, info_topic(topics.depth_info, self._depth.name), 'depth_info_topics', False,
                group, self._depth.name)
        self._lock = threading.Lock()
        self.matcher: Matcher[Seen, Item] = Matcher(tolerance)
        self._separate = alignment == 'separate'
        self._trouble: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._before: Counter[str] = Counter()

    def poll(self) -> None:
        """Subscribe to what is needed while somebody listens, and end what isn't."""
        wanted = self._outputs.places_wanted
        _want(self.calibration.input, self._outputs.rays_wanted)
        if self._depth is not None and self._depth_calibration is not None:
            _want(self._depth, wanted)
            _want(self._depth_calibration.input, wanted and self._separate)
            if wanted and self._separate:
                self._transforms.listen()

    def close(self) -> None:
        """End the subscriptions."""
        for source in (self.calibration, self._depth_calibration):
            if source is not None:
                source.input.close()
        if self._depth is not None:
            self._depth.close()

    def camera(self, width: int, height: int) -> Camera | None:
        """Return the camera of images of this size; None, with the reason told, without one."""
        try:
            camera = self.calibration.camera(width, height)
        except ValueError as e:
            self.tell('calibration', str(e))
            return None
        if camera is not None:
            self.tell('calibration', '')
        return camera

    @property
    def measures(self) -> bool:
        """Whether depth images are subscribed to."""
        return self._depth is not None and self._depth.subscribed

    def seen(self, seen: Seen) -> None:
        """Take a box; its place is published when its depth is known."""
        self.tell('stamp', '' if seen.stamp else 'images have no stamp, by which a depth image '
                  'would be found for each: let the camera stamp them')
        if not seen.stamp:
            self._outputs.no_place(seen.header, seen.target)
            return
        with self._lock:
            pairs = self.matcher.result(seen.stamp, seen)
        self._place_all(pairs)

    def _on_depth(self, item: Item) -> None:
        with self._lock:
            pairs = self.matcher.depth(item.stamp, item, item.size)
        self._place_all(pairs)

    def _place_all(self, pairs: list[tuple[Seen, Item | None]]) -> None:
        for seen, item in pairs:
            try:
                found = self._surface(seen, item)
                where = None if found is None else place(seen.camera, seen.box, found,
                                                         seen.confidence)
                if item is not None:
                    self.tell('depth', '')
            except Exception as e:  # whatever a library makes of foreign numbers: nobody may die
                self._counts['failed'] += 1
                self.tell('depth', told(e))
                found = where = None
            if found is None or where is None:
                self._outputs.no_place(seen.header, seen.target)
                continue
            self._counts['placed'] += 1
            self.tell('frame', self._outputs.unfit(seen.header.frame_id))
            self._outputs.place(seen.header, where, seen.confidence, seen.target)
            self._measured(seen.target, self.topics.image, seen.stamp, found.z,
                           float(where.covariance[2, 2]))

    def _surface(self, seen: Seen, item: Item | None) -> Surface | None:
        """Return what the box shows; None, counted, where no depth came or none was measured."""
        if item is None:
            self._counts['without_depth_image'] += 1
            return None
        depths = DepthImage(item.message)
        frame = item.message.header.frame_id
        if self._alignment == 'registered' or (
                self._alignment == 'auto' and frame == seen.header.frame_id):
            self._separate = False  # of another camera's depth, perhaps, that came before
            samples = registered(depths, seen.box, seen.size)
        else:
            assert self._depth_calibration is not None
            first, self._separate = not self._separate, True
            other = self._depth_calibration.camera(depths.width, depths.height)
            if first or other is None:  # poll subscribes to what is needed
                self._counts['without_calibration'] += 1
                return None
            to_camera = self._transforms.frames.find(seen.header.frame_id, frame)
            samples = separate(depths, seen.box, other, seen.camera, to_camera)
        found = surface(samples)
        if found is None:
            self._counts['nothing_measured'] += 1
        return found

    def tell(self, part: str, text: str) -> None:
        """Take in what is wrong with a part, or, empty, that nothing is; news go into the log."""
        if text and text != self._trouble.get(part):
            self._node.get_logger().warning(text)
        if text:
            self._trouble[part] = text
        else:
            self._trouble.pop(part, None)

    def status(self) -> tuple[bytes, str, Mapping[str, Any]]:
        """Return level, message and values for the diagnostics; counts go on from the last."""
        counts = Counter(self._counts)
        lately = counts - self._before
        self._before = counts
        values = {
            'calibration': self.calibration.input.name,
            'depth': '' if self._depth is None else self._depth.name,
            'depth_camera': 'separate' if self._separate else 'registered',
            **{k: counts[k] for k in ('placed', 'without_depth_image', 'nothing_measured',
                                      'without_calibration', 'failed')}}
        return *self._state(lately), values

    def _state(self, lately: Counter[str]) -> tuple[bytes, str]:
        wanted = self._outputs.places_wanted
        if not self._outputs.rays_wanted:
            return OK, 'nobody listens to what needs a calibration'
        inputs = [self.calibration.input]
        if wanted and self._depth is not None and self._depth_calibration is not None:
            inputs += [self._depth, *([self._depth_calibration.input] if self._separate else [])]
        problem = next((i.problem for i in inputs if i.problem), '')
        if problem or self._trouble:
            return ERROR, problem or next(iter(dict(self._trouble).values()))
        for one in inputs:
            if one.pace.last is None:
                return WARN, f'nothing has come on {one.name} yet'
        if wanted and self._depth is None:
            return WARN, 'somebody listens to places, but depth_topics is empty: bearings only'
        if doubt := self.calibration.doubt:
            return WARN, doubt
        total, missed = sum(lately.values()), lately['without_depth_image']
        if missed > FEW * total and self._depth is not None:
            lost, sent = self._depth.loss.recent()
            if lost:
                return WARN, (f'{lost} of {sent} depth images lost on the way: '
                              f'{self._depth.advice}')
            return WARN, (f'{missed} of {total} images had no depth image within '
                          f'{self.matcher.tolerance:g} s on {self._depth.name}: raise '
                          'depth_tolerance, or have both stamped by one clock')
        if lately['nothing_measured'] > FEW * total:
            return WARN, ('nothing was measured inside of the box: the target is too near, too '
                          'far, too small or swallows the light')
        return OK, 'places are published' if wanted else 'bearings are published'


def _want(source: CameraInput, wanted: bool) -> None:
    if wanted:
        source.poll()
    elif source.subscribed:
        source.close()
