"""An image topic: finds its publisher, subscribes as that publishes, says what is wrong."""

from __future__ import annotations

from collections import deque
import difflib
import time
from typing import Any, Callable, Mapping

from lg_tracker_ros.files import share_file
from lg_tracker_ros.ros.convert import time_from_msg
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.pace import Pace
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CompressedImage, Image

TYPES: dict[str, Any] = {'sensor_msgs/msg/Image': Image,
                         'sensor_msgs/msg/CompressedImage': CompressedImage}
DEPTH = 5
"""
Messages that the middleware keeps. They are taken out as they come and the newest wins later, so
this adds no delay; it only bridges the moments in which Python is busy.
"""


def matching_qos(offered: list[QoSProfile], reliability: str = 'auto') -> QoSProfile:
    """Return the QoS that receives from every one of the publishers, as strong as they allow."""
    reliable = all(q.reliability == ReliabilityPolicy.RELIABLE for q in offered)
    if reliability != 'auto':
        reliable = reliability == 'reliable'
    # only where all keep their last image: a volatile publisher would not match
    keeps = all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered)
    return QoSProfile(
        depth=DEPTH,
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


class LossMeter:
    """Counts frames lost on the way by the gaps in the publisher's own numbers."""

    def __init__(self) -> None:
        """Start before the first message."""
        self.lost = 0
        self.seen = 0
        self._last: int | None = None
        self._recent: deque[tuple[int, int]] = deque([(0, 0)], maxlen=10)

    def restart(self) -> None:
        """Begin a new series: the publishers have changed."""
        self._last = None

    def take(self, info: Any) -> None:
        """Look at the MessageInfo of a message; a dict until Kilted, and Humble has no number."""
        name = 'publication_sequence_number'
        number = info.get(name) if isinstance(info, Mapping) else getattr(info, name, None)
        self.seen += 1
        if number is None:
            return
        if self._last is not None and number > self._last + 1:
            self.lost += number - self._last - 1
        self._last = number

    def recent(self) -> tuple[int, int]:
        """Return lost and sent since ten calls of this ago; to be called regularly."""
        old = self._recent[0]
        self._recent.append((self.lost, self.seen))
        lost = self.lost - old[0]
        return lost, lost + self.seen - old[1]


class CameraInput:
    """The subscription to one image topic; ``poll`` must be called a few times a second."""

    def __init__(self, node: Node, topic: str, reliability: str, group: CallbackGroup,
                 deliver: Callable[[Item], None]) -> None:
        """``deliver`` gets each message, with the topic's full name and the times."""
        self.topic = topic
        self.name = node.resolve_topic_name(topic)
        self.loss = LossMeter()
        self.problem = ''
        self.frame_id: str | None = None
        self.bytes = 0
        self.pace = Pace()
        self.publishers = 0
        self._node, self._reliability = node, reliability
        self._group, self._deliver = group, deliver
        self._subscription: Any = None
        self._made: tuple[Any, ...] = ()
        self._gids: frozenset[bytes] = frozenset()

    @property
    def subscribed(self) -> bool:
        """Whether a subscription exists."""
        return self._subscription is not None

    def poll(self) -> None:
        """Look at the publishers: subscribe, subscribe anew, or find what is wrong."""
        infos = self._node.get_publishers_info_by_topic(self.name)
        self.publishers = len(infos)
        if not infos:
            # the subscription stays: a camera that is started again goes on at once
            self.problem = self._nobody()
            return
        gids = frozenset(bytes(i.endpoint_gid) for i in infos)
        if gids != self._gids:
            self._gids = gids
            self.loss.restart()
        types = sorted({i.topic_type for i in infos})
        kind = next((t for t in types if t in TYPES), None)
        if kind is None:
            self.problem = (f'{self.name} carries {", ".join(types)}; expected '
                            f'{" or ".join(TYPES)}: choose another topic in image_topics')
            return
        offered = [i.qos_profile for i in infos if i.topic_type == kind]
        qos = matching_qos(offered, self._reliability)
        self._subscribe(kind, qos)
        short = [text for text in (mismatch(o, qos) for o in offered) if text]
        self.problem = ''
        if short:
            self.problem = (f'incompatible QoS: the publisher of {self.name} {short[0]}, so '
                            "nothing arrives; set the parameter reliability to 'auto' or make "
                            'the publisher reliable')

    def close(self) -> None:
        """End the subscription."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self._made, self._gids = (), frozenset()

    def _subscribe(self, kind: str, qos: QoSProfile) -> None:
        made = (kind, qos.reliability, qos.durability)
        if made == self._made:
            return
        self.close()
        self.loss.restart()
        take: Any = self._take  # rclpy's type knows only callbacks of one argument
        self._subscription = self._node.create_subscription(
            TYPES[kind], self.topic, take, qos, callback_group=self._group)
        self._made = made

    def _take(self, msg: Any, info: Any) -> None:
        if self.publishers <= 1:  # each publisher has its own numbers, and the info has no name
            self.loss.take(info)
        else:
            self.loss.restart()
            self.loss.seen += 1
        self.frame_id = msg.header.frame_id
        self.bytes = len(msg.data)
        received = time.perf_counter()
        self.pace.tick(received)
        self._deliver(Item(self.name, time_from_msg(msg.header.stamp), msg,
                           self._node.get_clock().now().nanoseconds, received, self.bytes))

    def _nobody(self) -> str:
        images = [n for n, kinds in self._node.get_topic_names_and_types()
                  if set(kinds) & set(TYPES) and n != self.name and '/debug_image' not in n
                  and not n.endswith('/attention')]
        images = [n for n in images if self._node.count_publishers(n)]
        near = sorted(images, key=lambda n: -difflib.SequenceMatcher(None, self.name, n).ratio())
        text = f'no publisher on {self.name}; '
        if not near:
            return text + 'no image topic exists: start the camera'
        return (text + f'image topics that exist: {", ".join(near[:5])}. Set the parameter '
                f'image_topics or remap: -r {self.topic}:={near[0]}')


def loss_advice(size: int) -> str:
    """Return why images get lost between two processes, and the cure."""
    if 'fastrtps' not in get_rmw_implementation_identifier():
        return ('the middleware drops images that are larger than its buffers: enlarge them '
                '(net.core.rmem_max) or let the camera publish reliable')
    return (f"images of {size / 2**20:.1f} MiB don't fit Fast DDS's shared-memory segment of 0.5 "
            "MiB as it comes; start the camera's process with FASTRTPS_DEFAULT_PROFILES_FILE="
            f"{share_file('config/fastdds_camera.xml')} or let it publish reliable")
