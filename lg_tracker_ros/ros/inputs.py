"""An image topic: finds its publisher, subscribes as that publishes, says what is wrong."""

from __future__ import annotations

import difflib
from functools import partial
import time
from typing import Any, Callable, NamedTuple, Sequence

from lg_tracker_ros.ros.convert import time_from_msg
from lg_tracker_ros.ros.transports.offers import (
    loss_advice,
    matching_qos,
    mismatch,
    WAITING,
    Wanted,
)
from lg_tracker_ros.ros.transports.packets import PACKET, Packets
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.loss import LossMeter
from lg_tracker_ros.runtime.pace import LATE, Pace
from lg_tracker_ros.words.lines import told
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError

CROWD_S = 30.0
"""Seconds until several publishers are told: DDS lists one that was killed for up to twenty."""
RETRY_S = 1.0
"""Seconds of silence after which messages of another type on the same topic are tried."""


class _Kind(NamedTuple):
    topic: str
    form: str  # the type's name


class CameraInput:
    """The subscription to one image topic; ``poll`` must be called a few times a second."""

    def __init__(self, node: Node, topic: str, reliability: str, depth: int,
                 group: CallbackGroup, deliver: Callable[[Item], None], wanted: Wanted,
                 packets: Packets | None = None) -> None:
        """
        Subscribe to nothing yet; the middleware will keep ``depth`` messages.

        ``deliver`` gets each message, with the topic's full name and the times; ``packets`` gets
        instead those that are packets of a video stream.
        """
        self.topic, self._wanted = topic, wanted
        self.name = node.resolve_topic_name(topic)
        self.loss = LossMeter()
        self.problem = ''
        self.frame_id: str | None = None
        self.bytes = 0
        self.pace = Pace()
        self.publishers = 0
        self._several, self._alone = 0, 0.0  # publishers received, and when it last was one
        self._node, self._reliability, self._depth = node, reliability, depth
        self._group, self._deliver, self._packets = group, deliver, packets
        self._places = wanted.places(self.name)
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

    @property
    def advice(self) -> str:
        """Why its images get lost on the way, and the cure."""
        return loss_advice(self.bytes, self._made[1:2] == (ReliabilityPolicy.RELIABLE,))

    @property
    def crowd(self) -> int:
        """How many publishers' images come mixed, 0 while that may be one that was killed."""
        long = self._alone and time.perf_counter() - self._alone > CROWD_S
        return self._several if long and self._several > 1 else 0

    def poll(self) -> None:
        """Look at the publishers: subscribe, subscribe anew, or find what is wrong."""
        # under the name that it was given: what is asked for is remapped, and not twice
        infos = [(place, i) for place in self._places
                 for i in self._node.get_publishers_info_by_topic(self._asked(place))]
        self.publishers = len(infos)
        self._alone = self._alone or time.perf_counter()
        if not infos:
            self._several = 0
            # the subscription stays: a camera that is started again goes on at once
            self.problem = self._nobody()
            return
        self._look([i for _, i in infos])
        kinds = self._kinds(infos)
        if not kinds:
            place = infos[0][0]
            types = sorted({i.topic_type for p, i in infos if p == place})
            self.problem = (f'{place} carries {", ".join(types)}; expected '
                            f'{" or ".join(self._places[place])}: choose another topic in '
                            f'{self._wanted.parameter}')
            return
        if len(kinds) > 1 and self._subscription is not None and self._silent():
            self._turn += 1
        kind = kinds[self._turn % len(kinds)]
        self.publishers = sum(place == kind.topic for place, _ in infos)
        offered = [i.qos_profile for p, i in infos if _Kind(p, i.topic_type) == kind]
        self._several = len(offered)
        if self._several < 2:
            self._alone = time.perf_counter()
        # an image that is passed over is replaced by the next, a packet is missed by all after it
        depth = max(self._depth, WAITING) if kind.form == PACKET else self._depth
        qos = matching_qos(offered, self._reliability, depth)
        try:
            self._subscribe(kind, qos)
        except (RuntimeError, ValueError) as e:  # rcl's would end the node; or no such package
            self._turn += 1
            self.problem = f"{kind.topic} can't be subscribed to as {kind.form}: {told(e)}"
            return
        short = [text for text in (mismatch(o, qos) for o in offered) if text]
        self.problem = ''
        if short:
            self.problem = (f'incompatible QoS: the publisher of {kind.topic} {short[0]}, so '
                            "nothing arrives; set the parameter reliability to 'auto' or make "
                            'the publisher reliable')

    def close(self) -> None:
        """End the subscription."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self._made, self._found, self._turn = (), {}, 0

    def _asked(self, place: str) -> str:
        return self.topic if place == self.name else place

    def _look(self, infos: Sequence[Any]) -> None:
        """Note which publishers are new."""
        self.looks += 1
        gids = {bytes(i.endpoint_gid) for i in infos}
        if gids != self._found.keys():
            self.loss.restart()
            if gids - self._found.keys():
                self._turn = 0
                self._begin_stream('the publisher is another')
            self._found = {g: self._found.get(g, self.looks) for g in gids}

    def _kinds(self, infos: Sequence[tuple[str, Any]]) -> list[_Kind]:
        """
        Return what is published that will do: the best topic first, there the newest publisher.

        A camera that was killed stays in sight for up to twenty seconds; one that has come back
        meanwhile, perhaps with another type, is the newer.
        """
        newest: dict[_Kind, int] = {}
        for place, i in infos:
            if i.topic_type in self._places[place]:
                kind = _Kind(place, i.topic_type)
                newest[kind] = max(newest.get(kind, 0), self._found[bytes(i.endpoint_gid)])
        places = list(self._places)
        return sorted(newest, key=lambda k: (places.index(k.topic), -newest[k], k.form))

    def _begin_stream(self, why: str) -> None:
        if self._packets is not None:
            self._packets.restart(why)

    def _silent(self) -> bool:
        """Whether no image has come for so long that another publisher is worth a try."""
        now = time.perf_counter()
        if self.pace.last is not None and self.pace.last > self._since:
            return self.pace.silent(now, RETRY_S) > 0
        return now - self._since > max(RETRY_S, LATE * self.pace.period)

    def _subscribe(self, kind: _Kind, qos: QoSProfile) -> None:
        made = (kind, qos.reliability, qos.durability)
        if made == self._made:
            return
        message = self._places[kind.topic][kind.form]()
        found, turn = self._found, self._turn
        self.close()
        self._found, self._turn = found, turn
        self.loss.restart()
        self._begin_stream('the stream has just begun')
        take: Any = self._take  # rclpy's type knows only callbacks of one argument
        make = partial(self._node.create_subscription, message,
                       self._asked(kind.topic), take, qos, callback_group=self._group)

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
        lost = self.loss.lost
        if self.publishers <= 1:  # each publisher has its own numbers, and the info has no name
            self.loss.take(info)
        else:
            self.loss.restart()
            self.loss.seen += 1
        self.frame_id = msg.header.frame_id
        self.bytes = len(getattr(msg, 'data', ()))
        arrived = time.perf_counter_ns()
        received = arrived / 1e9
        self.pace.tick(received)
        item = Item(self.name, time_from_msg(msg.header.stamp), msg, arrived, received,
                    self.bytes)
        if self._packets is None or self._made[0].form != PACKET:
            self._deliver(item)
            return
        if self.loss.lost > lost:
            self._packets.restart(f'{self.loss.lost - lost} packets were lost on the way')
        self._packets.take(item)

    def _nobody(self) -> str:
        images = [n for n, kinds in self._node.get_topic_names_and_types()
                  if set(kinds) & set(self._wanted.types) and n != self.name
                  and '/debug_image' not in n and not n.endswith('/attention')]
        images = [n for n in images if self._node.count_publishers(n)]
        near = sorted(images, key=lambda n: -difflib.SequenceMatcher(None, self.name, n).ratio())
        text = f'no publisher on {next(iter(self._places))}; '
        if not self._wanted.itself and self._node.count_publishers(self.name):
            return text + f'{self.name} itself has one: set image_transport to auto'
        if not near:
            return text + f'no {self._wanted.what} topic exists: start the camera'
        return (text + f'{self._wanted.what} topics that exist: {", ".join(near[:5])}. Set the '
                f'parameter {self._wanted.parameter} or remap: -r {self.topic}:={near[0]}')
