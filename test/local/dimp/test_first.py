"""Changes of the first frame keep the target where its box says."""

from lg_tracker_ros.local.dimp.first import Change, changed
from lg_tracker_ros.types import Box
import numpy as np
import pytest

BOX = Box(90, 50, 40, 20)


@pytest.mark.parametrize('change', [
    Change(), Change(shift=(0.2, -0.1)), Change(flip=True, shift=(0.1, 0.2)),
    Change(blur=(2, 0.2)), Change(turn=45), Change(scale=0.5), Change(scale=2.0)])
def test_the_box_holds_the_target(change):
    image = np.full((160, 240, 3), 30, np.uint8)
    image[50:70, 90:130] = 220
    images, boxes = changed(image, BOX, 160, 128, (30, 30, 30), (change,))
    assert images[0].shape == (128, 128, 3)
    rows, columns = np.nonzero(images[0][..., 0] > 125)
    box = boxes[0]
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((box.cx, box.cy), abs=0.6)
    assert box.w == pytest.approx(BOX.w * 0.8 * change.scale)
    if not change.turn:
        assert np.ptp(columns) + 1 == pytest.approx(box.w, abs=1.5)
        assert np.ptp(rows) + 1 == pytest.approx(box.h, abs=1.5)
