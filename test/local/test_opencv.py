"""Files of OpenCV's own networks: what is no use is told when the tracker is made."""

import shutil

import cv2
from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.tracker import Settings
import pytest

POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 715210\n'
FOREIGN = next(SHIPPED_NETWORKS.glob('LookNet*.onnx'))

needs = {name: pytest.mark.skipif(not hasattr(cv2, f'Tracker{name}_create'),
                                  reason=f'this OpenCV has no {name}') for name in ('Vit', 'Nano')}


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
