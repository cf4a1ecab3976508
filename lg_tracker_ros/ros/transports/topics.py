"""Which topics beside an image topic may carry its images, as image_transport names them."""

from __future__ import annotations

from lg_tracker_ros.ros.transports.offers import TYPES, Wanted
from lg_tracker_ros.ros.transports.packets import PACKET, packet_type
from sensor_msgs.msg import CompressedImage

_BESIDE = {'compressed': {'sensor_msgs/msg/CompressedImage': lambda: CompressedImage},
           'ffmpeg': {PACKET: packet_type}}
_FORMS = ('compressed', 'compressedDepth', 'theora', 'ffmpeg', 'zstd')


def image_topic(name: str) -> str:
    """Return the image topic that a topic's full name is a form of, as of image/compressed."""
    topic, _, last = name.rpartition('/')
    return topic if topic and last in _FORMS else name


def images(transport: str) -> Wanted:
    """
    Return what is wanted for a value of ``image_transport``.

    ``auto`` takes the topic itself where somebody publishes on it, else the one beside it;
    ``raw`` the topic itself alone, whatever form of images it carries.
    """
    beside = {'auto': _BESIDE, 'raw': {}}.get(transport)
    if beside is None:
        beside = {transport: _BESIDE[transport]}
    return Wanted({**TYPES, PACKET: packet_type}, 'image', 'image_topics', beside,
                  transport in ('auto', 'raw'))
