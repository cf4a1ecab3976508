"""An image topic: finds its publisher, subscribes as that publishes, says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
import difflib
from functools import partial
import time
from typing import Any, Callable, Mapping, Sequence

from lg_tracker_ros.files import share_file
from lg_tracker_ros.ros.convert import time_from_msg
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.loss import LossMeter
from lg_tracker_ros.runtime.pace import LATE, Pace
from lg_tracker_ros.runtime.words import told
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CompressedImage, Image

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError

TYPES: dict[str, Any] = {'sensor_msgs/msg/Image': Image,
                         'sensor_msgs/msg/CompressedImage': CompressedImage}


@dataclass(frozen=True)
class Wanted:
    """What a topic is to carry: types by name, in words, and the parameter that names it."""

    types: Mapping[str, Any]
    what: str
    parameter: str


IMAGES = Wanted(TYPES, 'image', 'image_topics')
DEPTH = 5
"""
Messages that the middleware keeps. They are taken out as they come and the newest wins later, so
this adds no delay; it only bridges the moments in which Python is busy.
"""
WAITING = 500
"""The same in lockstep, where none may be lost."""
RETRY_S = 1.0
"""Seconds of silence after which messages of another type on the same topic are tried."""


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


class CameraInput:
    """The subscription to one image topic; ``poll`` must be called a few times a second."""

    def __init__(self, node: Node, topic: str, reliability: str, depth: int,
                 group: CallbackGroup, deliver: Callable[[Item], None],
                 wanted: Wanted = IMAGES) -> None:
        """
        Subscribe to nothing yet; the middleware will keep ``depth`` messages.

        ``deliver`` gets each message, with the topic's full name and the times.
        """
        self.topic, self._wanted = topic, wanted
        self.name = node.resolve_topic_name(topic)
        self.loss = LossMeter()
        self.problem = ''
        self.frame_id: str | None = None
        self.bytes = 0
        self.pace = Pace()
        self.publishers = 0
        self._node, self._reliability, self._depth = node, reliability, depth
        self._group, self._deliver = group, deliver
        self._subscription: Any = None
        self._made: tuple[Any, ...] = ()
        self._since = 0.0  # since when this kind of messages is expected
        self._turn = 0
        self._found: dict[bytes, int] = {}  # publishers by the look that found them first
        self.looks = 0  # how often the publishers were looked at

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
        self._look(infos)
        kinds = self._kinds(infos)
        if not kinds:
            types = sorted({i.topic_type for i in infos})
            self.problem = (f'{self.name} carries {", ".join(types)}; expected '
                            f'{" or ".join(self._wanted.types)}: choose another topic in '
                            f'{self._wanted.parameter}')
            return
        if len(kinds) > 1 and self._subscription is not None and self._silent():
            self._turn += 1
        kind = kinds[self._turn % len(kinds)]
        offered = [i.qos_profile for i in infos if i.topic_type == kind]
        qos = matching_qos(offered, self._reliability, self._depth)
        try:
            self._subscribe(kind, qos)
        except RuntimeError as e:  # rcl's, which would end the node
            self._turn += 1
            self.problem = f"{self.name} can't be subscribed to as {kind}: {told(e)}"
            return
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
        self._made, self._found, self._turn = (), {}, 0

    def _look(self, infos: Sequence[Any]) -> None:
        """Note which publishers are new."""
        self.looks += 1
        gids = {bytes(i.endpoint_gid) for i in infos}
        if gids != self._found.keys():
            self.loss.restart()
            if gids - self._found.keys():
                self._turn = 0
            self._found = {g: self._found.get(g, self.looks) for g in gids}

    def _kinds(self, infos: Sequence[Any]) -> list[str]:
        """
        Return the types of image messages that are published, that of the newest publisher first.

        A camera that was killed stays in sight for up to twenty seconds; one that has come back
        meanwhile, perhaps with another type, is the newer.
        """
        newest: dict[str, int] = {}
        for i in infos:
            if i.topic_type in self._wanted.types:
                newest[i.topic_type] = max(newest.get(i.topic_type, 0),
                                           self._found[bytes(i.endpoint_gid)])
        return sorted(newest, key=lambda t: (-newest[t], t))

    def _silent(self) -> bool:
        """Whether no image has come for so long that another publisher is worth a try."""
        now = time.perf_counter()
        if self.pace.last is not None and self.pace.last > self._since:
            return self.pace.silent(now, RETRY_S) > 0
        return now - self._since > max(RETRY_S, LATE * self.pace.period)

    def _subscribe(self, kind: str, qos: QoSProfile) -> None:
        made = (kind, qos.reliability, qos.durability)
        if made == self._made:
            return
        found, turn = self._found, self._turn
        self.close()
        self._found, self._turn = found, turn
        self.loss.restart()
        take: Any = self._take  # rclpy's type knows only callbacks of one argument
        make = partial(self._node.create_subscription, self._wanted.types[kind], self.topic,
                       take, qos, callback_group=self._group)

        def lost(event: Any) -> None:  # rclpy's type of it says nothing of its fields
            self.loss.reported(event.total_count_change)
        try:
            self._subscription = make(
                event_callbacks=SubscriptionEventCallbacks(message_lost=lost))
            self.loss.reports = True
        except UnsupportedEventTypeError:
            self._subscription = make()
            self.loss.reports = False
        self._made, self._since = made, time.perf_counter()

    def _take(self, msg: Any, info: Any) -> None:
        if self.publishers <= 1:  # each publisher has its own numbers, and the info has no name
            self.loss.take(info)
        else:
            self.loss.restart()
            self.loss.seen += 1
        self.frame_id = msg.header.frame_id
        self.bytes = len(getattr(msg, 'data', ()))
        received = time.perf_counter()
        self.pace.tick(received)
        self._deliver(Item(self.name, time_from_msg(msg.header.stamp), msg,
                           self._node.get_clock().now().nanoseconds, received, self.bytes))

    def _nobody(self) -> str:
        images = [n for n, kinds in self._node.get_topic_names_and_types()
                  if set(kinds) & set(self._wanted.types) and n != self.name
                  and '/debug_image' not in n and not n.endswith('/attention')]
        images = [n for n in images if self._node.count_publishers(n)]
        near = sorted(images, key=lambda n: -difflib.SequenceMatcher(None, self.name, n).ratio())
        text = f'no publisher on {self.name}; '
        if not near:
            return text + f'no {self._wanted.what} topic exists: start the camera'
        return (text + f'{self._wanted.what} topics that exist: {", ".join(near[:5])}. Set the '
                f'parameter {self._wanted.parameter} or remap: -r {self.topic}:={near[0]}')


def loss_advice(size: int) -> str:
    """Return why images get lost between two processes, and the cure."""
    if 'fastrtps' not in get_rmw_implementation_identifier():
        return ('the middleware drops images that are larger than its buffers: enlarge them '
                '(net.core.rmem_max) or let the camera publish reliable')
    return (f"images of {size / 2**20:.1f} MiB don't fit Fast DDS's shared-memory segment of 0.5 "
            "MiB as it comes; start the camera's process with FASTRTPS_DEFAULT_PROFILES_FILE="
            f"{share_file('config/fastdds_camera.xml')} or let it publish reliable")
