"""The light GlobalTrack: boxes and scores of its own, by hand and on random weights."""

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.checkpoint import shared_backbone
from lg_tracker_ros.crops import context_side
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.redetect.globaltrack.lite import (
    best_boxes,
    GlobalTrackLite,
    query_crops,
    shrunk,
    SPEC,
)
from lg_tracker_ros.redetect.globaltrack.lite_net import (
    decoded,
    HEIGHT,
    QueryFrameNet,
    QueryHead,
    QueryNet,
    WIDTH,
)
from lg_tracker_ros.types import Box, Frame, Redetector
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.rounding


def test_boxes_are_read_as_written():
    maps = torch.zeros(1, 5, 2, 3)
    maps[0, 1:, 1, 2] = torch.tensor([0.25, -0.5, np.log(2), 9.0])
    boxes = decoded(maps, torch.tensor([[10.0, 20.0]]))
    assert boxes[0, :, 0, 0].tolist() == [4, 4, 10, 20]
    # no side is more than exp(1.5) times the query's
    np.testing.assert_allclose(boxes[0, :, 1, 2], [22, 8, 20, 20 * np.exp(1.5)], rtol=1e-6)


def test_peaks_become_boxes_that_do_not_overlap():
    score = np.zeros((6, 8), np.float32)
    score[1, 1], score[1, 3], score[4, 6], score[4, 7] = 0.9, 0.8, 0.5, 0.4
    y, x = np.mgrid[:6, :8] * 8.0 + 4
    boxes = np.stack([x, y, np.full((6, 8), 20.0), np.full((6, 8), 20.0)]).astype(np.float32)
    boxes[:2, 1, 3] = boxes[:2, 1, 1]  # two peaks say the same box
    found = best_boxes(score, boxes, 5, 0.1)
    assert [s for s, _ in found] == pytest.approx([0.9, 0.5])  # a slope is no peak
    assert found[0][1] == Box(2, 2, 20, 20) and iou(found[0][1], found[1][1]) < 0.45
    assert len(best_boxes(score, boxes, 1, 0.1)) == 1 and not best_boxes(score, boxes, 5, 0.95)


def test_the_query_is_cut_out_in_two_scales():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (480, 640, 3), np.uint8)
    small = shrunk(image)
    assert small.shape == (HEIGHT, WIDTH, 3)
    box = Box(300, 200, 40, 20)
    crops, cover, size = query_crops(image, small, box)
    assert crops.shape == (2, 128, 128, 3) and cover.shape == (2, 10, 8, 8)
    np.testing.assert_allclose(size, [28, 14])
    # the template's scale, and the frame's: cells of 16 px
    near = 128 / context_side(40, 20)
    np.testing.assert_allclose(cover[:, -1].sum((1, 2)),
                               [800 * near ** 2 / 256, 28 * 14 / 256], rtol=1e-5)
    half, halved = query_crops(image, small, box, 2.0)[1:]
    np.testing.assert_allclose(half[1, -1].sum(), 28 * 14 / 4 / 256, rtol=1e-5)
    np.testing.assert_allclose(halved, size / 2)
    # as large as in a template is large enough
    both = query_crops(image, small, Box(100, 100, 400, 300))[1]
    np.testing.assert_allclose(both[0, -1].sum(), both[1, -1].sum(), rtol=0.05)


@pytest.fixture(scope='module')
def redetector():
    torch.manual_seed(0)
    head, backbone = QueryHead().eval(), shared_backbone()
    torch.nn.init.normal_(head.decode[2].weight, std=0.3)
    engine = EngineConfig('cpu', 'torch', threads=1).resolve()
    return GlobalTrackLite(QueryNet(backbone, head), QueryFrameNet(backbone, head), engine, 0.0)


def test_proposals_have_sizes_and_scores_of_their_own(redetector):
    assert isinstance(redetector, Redetector)
    rng = np.random.default_rng(1)
    frame = Frame(rng.integers(0, 256, (240, 320, 3), np.uint8))
    redetector.init(frame, Box(100, 80, 40, 30))
    found = redetector.propose([frame], (40, 30), 4)
    assert 1 < len(found.boxes) == len(found.scores) <= 4
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert found.attention.shape == (HEIGHT // 8, WIDTH // 8)
    assert found.scores[0] == found.attention.max()
    assert len({round(b.w, 3) for b in found.boxes}) > 1
    again = redetector.propose([frame, frame], (40, 30), 4)
    assert again.boxes == found.boxes  # a lone frame counts as still
    redetector.init(frame, Box(20, 150, 60, 60))
    other = redetector.propose([frame], (40, 30), 4)
    assert not np.allclose(other.attention, found.attention)


def test_without_target_or_weights(tmp_path):
    head, backbone = QueryHead(), shared_backbone()
    engine = EngineConfig('cpu', 'torch', threads=1).resolve()
    with pytest.raises(ValueError, match=r'no file of weights at .*nothing\.safetensors'):
        SPEC.build(str(tmp_path / 'nothing.safetensors'), 5 / 255, engine)
    empty = GlobalTrackLite(QueryNet(backbone, head.eval()), QueryFrameNet(backbone, head), engine)
    with pytest.raises(RuntimeError, match='call init first'):
        empty.propose([Frame(np.zeros((48, 64, 3), np.uint8))], (9, 9), 3)
