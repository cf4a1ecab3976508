"""
What an active node has beside the tracking, as its parameters ask for.

Each part is imported where it is wanted: a node that does without it starts without it.
"""

from __future__ import annotations

from typing import Any, Callable

from lg_tracker_ros.parameters.node import NodeOptions, without_effect
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros.diagnostics import Part
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.stream import Stream, world_type
from lg_tracker_ros.ros.target_services import TargetServices
from rclpy.node import Node

OF_THE_FIRST = ('world', 'annotations', 'ui', 'track_action', 'click_topic')
"""Parameters of parts that know of one target, the first of several."""


def check(options: NodeOptions) -> None:
    """Raise ValueError, in one line, where what a part needs is not installed."""
    if options.world:
        world_type()
    if options.ui:
        from lg_tracker_ros.ui.server import load_aiohttp
        load_aiohttp()
    if options.bond:
        from lg_tracker_ros.ros.supervision.bond import bond_type
        bond_type()


class Parts:
    """The parts between two transitions; one that isn't asked for is None."""

    def __init__(self) -> None:
        """Start without any."""
        self.detector: Any = None
        self.clicks: Any = None
        self.page: Any = None
        self.bond: Any = None

    def begin(self, node: Node, options: NodeOptions, stream: Stream, targets: TargetServices,
              health: Health, settings: Callable[[], Settings]) -> None:
        """Make them; the worker of ``stream`` must not run yet; ``settings`` may change."""
        one = [name for name in OF_THE_FIRST if getattr(options, name)]
        if options.targets > 1 and one:
            node.get_logger().info(f'{", ".join(one)}: of {options.targets} targets they are '
                                   'about target 1 alone (docs/targets.md)')
        for line in without_effect(options, settings()):
            node.get_logger().warning(line)
        if options.detections_topic:
            from lg_tracker_ros.ros.choosing.detector import DetectorInput
            self.detector = DetectorInput(node, options, stream, targets,
                                          lambda: settings().selection())
        if options.click_topic:
            from lg_tracker_ros.ros.operators.clicks import ClickInput
            self.clicks = ClickInput(node, options, stream, targets)
        if options.ui:
            from lg_tracker_ros.ros.choosing.page import NodePage
            self.page = stream.page = NodePage(node, options, stream, targets, health, settings)
        if options.bond:
            from lg_tracker_ros.ros.supervision.bond import Bond
            self.bond = Bond(node)

    def statuses(self) -> list[Part]:
        """Say how they go, for /diagnostics."""
        return [part.part() for part in (self.detector, self.clicks, self.page, self.bond)
                if part is not None]

    def close(self, stream: Stream | None) -> None:
        """End them, and the stream."""
        detector, self.detector = self.detector, None
        others = self.clicks, self.bond, self.page
        self.clicks = self.bond = self.page = None
        for part in (*others, stream):
            if part is not None:
                part.close()
        if detector is not None:  # the worker has stopped, so that its search can change
            detector.close()
