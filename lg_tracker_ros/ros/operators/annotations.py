"""The box as visualization_msgs/ImageMarker, which Foxglove's image panel draws on the camera."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import Point
from lg_tracker_ros.runtime.results import Result
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import ImageMarker

_WIDE = 2.0  # px
_GREEN = (0.1, 0.9, 0.2)


class Annotations:
    """Publishes on ``~/annotations``, only while somebody subscribes."""

    def __init__(self, node: Node) -> None:
        """Make the publisher."""
        self._node = node
        self._drawn: ImageMarker | None = None
        self.publisher: Any = node.create_publisher(ImageMarker, '~/annotations', 10)

    def publish(self, result: Result) -> None:
        """Publish the box, with its image's header; without one what was drawn is removed."""
        if not self.publisher.get_subscription_count():
            return
        box = result.track.box
        if self._drawn is not None and self._drawn.ns != result.target.name:
            self.clear()  # a viewer keeps what has another name
        msg = ImageMarker(header=result.item.message.header, ns=result.target.name,
                          type=ImageMarker.LINE_STRIP, scale=_WIDE,
                          action=ImageMarker.REMOVE if box is None else ImageMarker.ADD)
        red, green, blue = _GREEN
        msg.outline_color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
        if box is not None:
            x0, y0, x1, y1 = map(float, (box.x, box.y, box.x + box.w, box.y + box.h))
            corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
            msg.points = [Point(x=x, y=y) for x, y in corners]
        self.publisher.publish(msg)
        self._drawn = None if box is None else msg

    def clear(self) -> None:
        """Take away what is drawn: the target is forgotten, or nothing is known of it."""
        drawn, self._drawn = self._drawn, None
        if drawn is not None:
            self.publisher.publish(ImageMarker(header=drawn.header, ns=drawn.ns, type=drawn.type,
                                               action=ImageMarker.REMOVE))

    def close(self) -> None:
        """Take the box away and destroy the publisher."""
        self.clear()
        self._node.destroy_publisher(self.publisher)
