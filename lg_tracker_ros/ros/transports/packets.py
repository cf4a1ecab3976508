"""From the packets of a video stream, one message each, to items that hold an image."""

from __future__ import annotations

from typing import Any, Callable

from lg_tracker_ros.media.packets import PacketDecoder
from lg_tracker_ros.ros.convert import image_to_msg
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.words.lines import told

PACKET = 'ffmpeg_image_transport_msgs/msg/FFMPEGPacket'


def packet_type() -> Any:
    """Return the class of PACKET; ValueError where its package isn't installed."""
    try:
        from ffmpeg_image_transport_msgs.msg import FFMPEGPacket
    except ImportError as e:
        raise ValueError(f'its package is not installed ({e}): sudo apt install '
                         'ros-$ROS_DISTRO-ffmpeg-image-transport-msgs') from e
    return FFMPEGPacket


class Packets:
    """
    Decodes every packet of one camera as it comes, in the executor's thread.

    A packet alone is no image: what is kept, passed over or begun on later must be one already.
    """

    def __init__(self, deliver: Callable[[Item], None], refuse: Callable[[Item, str], None],
                 megapixels: float) -> None:
        """
        Start without a stream.

        ``deliver`` gets items with an Image, as their packets were stamped; ``refuse`` gets a
        packet that gives none, and why.
        """
        self._deliver, self._refuse = deliver, refuse
        self._decoder = PacketDecoder(megapixels)

    def limit(self, megapixels: float) -> None:
        """Change how large an image may be."""
        self._decoder.megapixels = megapixels

    def restart(self, why: str) -> None:
        """Wait for the next key frame."""
        self._decoder.restart(why)

    def take(self, item: Item) -> None:
        """Take the next packet of the stream."""
        try:
            images = self._decoder.decode(item.message, item)
        except ValueError as e:
            self._refuse(item, told(e))
            return
        for image, own in images:
            self._deliver(Item(own.camera, own.stamp, image_to_msg(image, own.message.header),
                               own.arrived, own.received, image.nbytes))
