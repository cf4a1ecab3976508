"""What is wanted of a topic, and how that fits what its publishers offer: types, QoS, losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping

from lg_tracker_ros.ros.transports.profile import profile
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CompressedImage, Image

Types = Mapping[str, Callable[[], Any]]
"""Types by name; a function imports the class where it is used."""
TYPES: Types = {'sensor_msgs/msg/Image': lambda: Image,
                'sensor_msgs/msg/CompressedImage': lambda: CompressedImage}


@dataclass(frozen=True)
class Wanted:
    """
    What a topic is to carry: types by name, in words, and the parameter that names it.

    ``beside`` has the last parts of topics beside it that will do, with their types, the best
    first; ``itself``: the topic will do, and it is better than those.
    """

    types: Types
    what: str
    parameter: str
    beside: Mapping[str, Types] = field(default_factory=dict)
    itself: bool = True

    def places(self, name: str) -> dict[str, Types]:
        """Return the full names of the topics that will do, with their types, the best first."""
        return {**({name: self.types} if self.itself else {}),
                **{f'{name}/{last}': types for last, types in self.beside.items()}}


DEPTH = 5
"""
Messages that the middleware keeps. They are taken out as they come and the newest wins later, so
this adds no delay; it only bridges the moments in which Python is busy.
"""
WAITING = 500
"""The same in lockstep, where none may be lost."""


def matching_qos(offered: list[QoSProfile], reliability: str = 'auto',
                 depth: int = DEPTH) -> QoSProfile:
    """Return the QoS that receives from every one of the publishers, as strong as they allow."""
    reliable = all(q.reliability == ReliabilityPolicy.RELIABLE for q in offered)
    if reliability != 'auto':
        reliable = reliability == 'reliable'
    # only where all keep their last image: a volatile publisher would not match
    keeps = all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if keeps else DurabilityPolicy.VOLATILE)


def mismatch(offered: QoSProfile, requested: QoSProfile) -> str:
    """Return how the publisher's QoS falls short of ours; empty if it doesn't."""
    if (requested.reliability == ReliabilityPolicy.RELIABLE
            and offered.reliability == ReliabilityPolicy.BEST_EFFORT):
        return 'publishes best effort, but reliability is set to reliable'
    if (requested.durability == DurabilityPolicy.TRANSIENT_LOCAL
            and offered.durability == DurabilityPolicy.VOLATILE):
        return 'publishes volatile, but transient local is requested'
    return ''


def loss_advice(size: int, reliable: bool) -> str:
    """Return why images get lost between two processes, and the cure."""
    weak = '' if reliable else ' or let it publish reliable'
    if 'fastrtps' not in get_rmw_implementation_identifier():
        return ('the middleware drops images of the camera that are larger than its buffers: '
                f'enlarge them (net.core.rmem_max){weak}')
    return (f"images of {size / 2**20:.1f} MiB don't fit Fast DDS's shared-memory segment of 0.5 "
            "MiB as it comes; start the camera's process with FASTRTPS_DEFAULT_PROFILES_FILE="
            f'{profile()}{weak}')
