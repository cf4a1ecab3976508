"""The stand-in for a detector: what moves before a camera that stands still."""

from pathlib import Path

import cv2
from helpers.ros import scene, SIZE
from helpers.scripts import imported
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.detections.table import read_detections
from lg_tracker_ros.types import Box

SCRIPT = Path(__file__).resolve().parents[1] / 'dev' / 'motion_detections.py'


def test_boxes_of_what_moves_are_written_as_track_reads_them(tmp_path):
    motion = imported(SCRIPT)
    images = tmp_path / 'images'
    images.mkdir()
    for i in range(60):
        cv2.imwrite(str(images / f'{i:03}.png'), scene(*(20 + 4 * i, 90) if i >= 35 else ()))
    assert motion.main([str(images), str(tmp_path / 'd.csv')]) == 0
    found = read_detections(tmp_path / 'd.csv')
    assert set(found) <= set(range(35, 60)) and len(found) > 20
    assert all(iou(found[i][0].box, Box(20 + 4 * i, 90, *SIZE)) > 0.6 for i in range(50, 60))
