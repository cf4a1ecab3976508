"""
What each optional part of the node costs, beside the plain node, over DDS.

    python dev/options.py [--rounds 3] [--frames 100] [--before CHECKOUT]

Every round starts each node once, one after the other, every second round backwards; this process
is the camera, and hears what the part says. Ratios are of the plain node's of the same round, so
that what else the machine does meets both; ``plain, once more`` shows how much they say. The
target is in view all the time. ``--before`` adds the plain node of another checkout of this
package, of before the parts say.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import sys
from typing import Any, Callable, Mapping, NamedTuple

import cv2
from geometry_msgs.msg import PointStamped, PoseWithCovarianceStamped, Vector3Stamped
from lg_tracker_interfaces.msg import Prediction
from lg_tracker_ros.bench import CLIP, CLIP_BOX
from lg_tracker_ros.boxes import scale
from lg_tracker_ros.files import table
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.ros.bench import measure_node, NodeTimes, nothing_beside
from lg_tracker_ros.types import Box
import numpy as np
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, Detection3D, ObjectHypothesisWithPose
from visualization_msgs.msg import ImageMarker

RATE, WIDTH, HEIGHT = 20.0, 640, 480
PLAIN = 'plain'

Beside = Callable[[Node], Callable[[Header], None]]


def hearing(topics: Mapping[str, Any], also: Beside = nothing_beside) -> Beside:
    """Listen to topics of the node, by type."""
    def begin(camera: Node) -> Callable[[Header], None]:
        for topic, kind in topics.items():
            camera.create_subscription(kind, f'lg_tracker/{topic}', lambda msg: None, 10)
        return also(camera)
    return begin


def calibrated(camera: Node) -> Callable[[Header], None]:
    """Publish CameraInfo with each image."""
    out = camera.create_publisher(CameraInfo, 'camera_info', qos_profile_sensor_data)
    k = [500.0, 0.0, WIDTH / 2, 0.0, 500.0, HEIGHT / 2, 0.0, 0.0, 1.0]

    def publish(header: Header) -> None:
        out.publish(CameraInfo(header=header, width=WIDTH, height=HEIGHT, k=k, d=[0.0] * 5,
                               distortion_model='plumb_bob', p=[*k[:3], 0.0, *k[3:6], 0.0,
                                                                *k[6:], 0.0]))
    return publish


def with_depth(camera: Node) -> Callable[[Header], None]:
    """Publish a wall two metres away with each image, too."""
    inform = calibrated(camera)
    out = camera.create_publisher(Image, 'depth', qos_profile_sensor_data)
    wall = Image(width=WIDTH, height=HEIGHT, encoding='16UC1', step=2 * WIDTH,
                 data=np.full(WIDTH * HEIGHT, 2000, '<u2').tobytes())

    def publish(header: Header) -> None:
        inform(header)
        wall.header = header
        out.publish(wall)
    return publish


def detected(camera: Node) -> Callable[[Header], None]:
    """Publish five boxes with each image."""
    out = camera.create_publisher(Detection2DArray, 'detections', 10)

    def publish(header: Header) -> None:
        found = Detection2DArray(header=header)
        for n in range(5):
            box = Detection2D(header=header, results=[ObjectHypothesisWithPose()])
            box.bbox.center.position.x, box.bbox.center.position.y = 60.0 + 120 * n, 100.0
            box.bbox.size_x, box.bbox.size_y = 50.0, 120.0
            box.results[0].hypothesis.class_id, box.results[0].hypothesis.score = 'person', 0.9
            found.detections.append(box)
        out.publish(found)
    return publish


def clicked(camera: Node) -> Callable[[Header], None]:
    """Be a viewer in which nobody clicks."""
    camera.create_publisher(PointStamped, 'click', 10)
    return lambda header: None


class Part(NamedTuple):
    """A node with these parameters, and what is beside it."""

    parameters: tuple[str, ...] = ()
    beside: Beside = nothing_beside
    checkout: Path | None = None


DEPTH = ('world:=true', 'depth_topics:=[depth]')
PARTS = {
    PLAIN: Part(),
    'plain, once more': Part(),
    '`world`, CameraInfo: bearing': Part(
        ('world:=true',), hearing({'bearing': Vector3Stamped}, calibrated)),
    '`world`, depth: pose, 3D box, TF': Part(
        (*DEPTH, 'target_frame:=target'),
        hearing({'target_pose_with_covariance': PoseWithCovarianceStamped,
                 'target_3d': Detection3D}, with_depth)),
    '`world`, prediction': Part(('world:=true',), hearing({'prediction': Prediction}, calibrated)),
    '`ui`, nobody looks on': Part(('ui:=true', 'ui_port:=0')),
    '`detections_topic`, five boxes an image': Part(('detections_topic:=detections',), detected),
    '`annotations`': Part(('annotations:=true',), hearing({'annotations': ImageMarker})),
    '`click_topic`': Part(('click_topic:=click',), clicked),
    '`bond`': Part(('bond:=true',)),
    '`track_action`': Part(('track_action:=true',)),
    '`asynchronous_search`': Part(('asynchronous_search:=true',)),
    '`targets: 2`, one followed': Part(('targets:=2',)),
}


def line(name: str, times: list[NodeTimes], plain: list[NodeTimes]) -> list[str]:
    """Return a row: medians over the rounds, each with the median of its ratios."""
    cells = [name]
    for value in (lambda t: t.processor, lambda t: np.median(t.total),
                  lambda t: np.median(t.heard)):
        ms, base = np.array([*map(value, times)]), np.array([*map(value, plain)])
        cells += [f'{np.median(ms):.1f}', f'{np.median(ms / base):.2f}']
    return [*cells, str(sum(sum(t.dropped.values()) for t in times))]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--frames', type=int, default=100, help='images for each node')
    parser.add_argument('--only', default='', metavar='WORD', help='parts that have it in their '
                        'name, and the plain node')
    parser.add_argument('--before', type=Path, metavar='CHECKOUT')
    args = parser.parse_args()
    parts = {n: p for n, p in PARTS.items() if n == PLAIN or args.only in n}
    if args.before:
        parts[f'{PLAIN}, {args.before.name}'] = Part(checkout=args.before)
    clip = [f.image for _, f in zip(range(40), Source(str(CLIP)))]
    box = scale(Box(*CLIP_BOX), WIDTH / clip[0].shape[1], HEIGHT / clip[0].shape[0])
    images = [np.asarray(cv2.resize(image, (WIDTH, HEIGHT)), np.uint8) for image in clip]
    times: dict[str, list[NodeTimes]] = {name: [] for name in parts}
    for n in range(args.rounds):
        for name, part in list(parts.items())[::-1 if n % 2 else 1]:
            times[name].append(measure_node(
                images, box, RATE, args.frames, parameters=part.parameters, beside=part.beside,
                checkout=part.checkout, in_step=True))
            print(f'round {n + 1}: {name}: {times[name][-1].processor:.1f} ms of processor time '
                  'a frame', file=sys.stderr)
    head = ('', 'processor, ms a frame', 'ratio', 'message in to out', 'ratio',
            'camera to listener', 'ratio', 'lost or passed over')
    print('\n'.join(table(head, [line(n, t, times[PLAIN]) for n, t in times.items()])))
    print(f'\n{args.rounds} rounds of {args.frames} images of {WIDTH}x{HEIGHT} at {RATE:g} a '
          f'second; load of the last minutes: {", ".join(f"{x:.1f}" for x in os.getloadavg())}')


if __name__ == '__main__':
    main()
