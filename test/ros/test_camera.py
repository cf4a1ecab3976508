"""The camera node: in what rhythm it plays, what it refuses, and how it ends."""

from pathlib import Path

import cv2
from helpers.ros import Rig
from lg_tracker_ros.ros.camera import CameraNode
from lg_tracker_ros.ros.convert import time_from_msg
from media.test_video import video
import numpy as np
import pytest
from rclpy.parameter import Parameter
from ros.test_main import process
from sensor_msgs.msg import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('arguments, reason', [
    ((), 'source is empty'), (('-p', 'loop:=7'), 'loop must be bool'),
    (('-p', 'source:=/nowhere.mp4'), '/nowhere.mp4 does not exist'),
    (('-p', f'source:={ROOT}/test'), 'holds no images'),
    (('-p', f'source:={ROOT}/setup.py'), 'cannot be opened'),
    (('-p', f'source:={ROOT}/test/data/woman/video.mp4', '-p', 'rate:=.nan'),
     'rate must be above 0 and at most 1000, got nan')])
def test_camera_refuses_in_one_line(arguments, reason):
    camera = process('camera', *arguments)
    text, _ = camera.communicate(timeout=60)
    assert camera.returncode == 1 and reason in text and 'Traceback' not in text


@pytest.mark.parametrize('name, content, loop', [
    ('2.png', b'no picture', 'false'), ('2.png', b'no picture', 'true')])
def test_an_image_that_cannot_be_read_is_a_failure(tmp_path, name, content, loop):
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((48, 64, 3), np.uint8))
    (tmp_path / name).write_bytes(content)
    camera = process('camera', '-p', f'source:={tmp_path}', '-p', 'rate:=50.0',
                     '-p', 'wait_for:=0', '-p', f'loop:={loop}')
    text, _ = camera.communicate(timeout=60)
    assert camera.returncode == 1 and name in text and 'Traceback' not in text


def test_the_end_of_the_source_is_none(tmp_path):
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((48, 64, 3), np.uint8))
    camera = process('camera', '-p', f'source:={tmp_path}', '-p', 'rate:=50.0',
                     '-p', 'wait_for:=0')
    text, _ = camera.communicate(timeout=60)
    assert camera.returncode == 0 and 'the end after 1 images' in text


def test_a_source_that_goes_away_between_two_rounds_is_a_failure(tmp_path):
    image = tmp_path / '1.png'
    cv2.imwrite(str(image), np.zeros((48, 64, 3), np.uint8))
    camera = process('camera', '-p', f'source:={tmp_path}', '-p', 'rate:=50.0',
                     '-p', 'wait_for:=0', '-p', 'loop:=true')
    for line in camera.stdout:
        if 'images a second' in line:
            image.unlink()
            break
    text, _ = camera.communicate(timeout=60)
    assert camera.returncode == 1 and 'Traceback' not in text


STAMPS_MS = (0, 40, 80, 1080, 1120, 7_200_000)
"""Of a video of a variable rate, whose clock was set before its last frame."""


@pytest.mark.parametrize('rate', [0.0, 50.0])
def test_a_video_of_a_variable_rate_is_played_by_its_own_stamps_unless_told(tmp_path, rate):
    # before: at its mean rate, whatever its stamps said
    pytest.importorskip('av', reason='PyAV is not installed')
    source = str(video(tmp_path / 'variable.mp4', STAMPS_MS))
    with Rig(node=False) as rig:
        images = []
        rig.client.create_subscription(Image, 'image', lambda m: rig._add(images, m), 100)
        camera = CameraNode(context=rig.context, parameter_overrides=[
            Parameter(k, value=v) for k, v in {
                'source': source, 'rate': rate, 'loop': True, 'reliable': True}.items()])
        rig.end.callback(camera.destroy_node)
        rig.end.callback(camera.close)
        rig._spin(camera)
        count = 2 * len(STAMPS_MS)
        rig.until(lambda: len(images) >= count, 'two rounds')
        stamps = [time_from_msg(m.header.stamp) / 1e6 for m in images[:count]]
    # a machine with other work adds to them
    gaps = np.diff(stamps)
    long = gaps[[2, 2 + len(STAMPS_MS)]]
    assert min(long) < 900 if rate else min(long) > 980
    assert gaps[4] < 20_000  # not the two hours of its stamps
