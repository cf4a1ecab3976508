"""OpenCV's trackers: a file that is no use is told when one is made, a box when it is given."""

import shutil

import cv2
from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.local.opencv import csrt
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box, Frame, Region, TrackerOutput
import numpy as np
import pytest

POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 715210\n'
FOREIGN = next(SHIPPED_NETWORKS.glob('LookNet*.onnx'))

needs = {name: pytest.mark.skipif(not hasattr(cv2, f'Tracker{name}_create'),
                                  reason=f'this OpenCV has no {name}')
         for name in ('Vit', 'Nano', 'CSRT')}


def refusal(**settings):
    """Return what a tracker that can't be made is refused with, one line."""
    with pytest.raises(ValueError) as e:
        build_tracker(Settings(redetector='none', device='cpu', **settings))
    text = str(e.value)
    assert '\n' not in text and len(text) <= 300
    return text


@needs['Vit']
@pytest.mark.parametrize('content, reason', [
    (POINTER, "is the pointer that a clone without Git LFS leaves, expected ONNX: run 'git lfs p"),
    (b'', 'is not the ONNX file of this tracker, OpenCV says: '),
    (FOREIGN.read_bytes(), 'is not the ONNX file of this tracker, OpenCV says: ')],
    ids=['pointer', 'empty', 'foreign'])
def test_vit_tells_of_a_file_that_is_no_use(tmp_path, content, reason):
    path = tmp_path / 'vit.onnx'
    path.write_bytes(content)
    assert f'{path} {reason}' in refusal(tracker='opencv_vit', tracker_weights=str(path))


@needs['Nano']
def test_nano_tells_which_of_its_files_is_a_pointer(tmp_path):
    shutil.copy(FOREIGN, tmp_path / 'backbone.onnx')
    (tmp_path / 'head.onnx').write_bytes(POINTER)
    settings = {'tracker': 'opencv_nano', 'tracker_weights': str(tmp_path)}
    assert f'{tmp_path / "head.onnx"} is the pointer' in refusal(**settings)
    shutil.copy(FOREIGN, tmp_path / 'head.onnx')
    assert f'{tmp_path / "backbone.onnx"} and head.onnx are not the ONNX files' in (
        refusal(**settings))


@needs['CSRT']
def test_an_accepted_sliver_at_the_border_that_csrt_refuses_leaves_it_as_it_was():
    image = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
    frame = Frame(cv2.resize(image, (320, 240), interpolation=cv2.INTER_CUBIC))
    tracker, box, sliver = csrt(), Box(50, 50, 30, 30), Box(318, 100, 2, 30)
    with pytest.raises(ValueError, match='OpenCV refuses the box'):
        tracker.init(frame, sliver)
    tracker.init(frame, box)
    tracker.update(frame, TrackerOutput(sliver, 1.0, 1.0), [])
    found, = tracker.track(frame, [Region(box)])
    assert abs(found.box.cx - box.cx) < 3 and found.score > 0.9
