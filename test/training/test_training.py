"""Training in small: labels by hand, the replay buffer, pictures, losses that fall."""

import cv2
from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads
from lg_tracker_ros.redetect.small import SIDE
from lg_tracker_ros.redetect.tanet_lite import part_covers
from lg_tracker_ros.redetect.tanet_lite_net import TanetLiteHeads
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import Clip, held_out, Instance, Sprite, Still
from lg_tracker_ros.training.data.pseudo_labels import follow, textured_box
from lg_tracker_ros.training.networks import dimp_lite
from lg_tracker_ros.training.networks.anchor_free import giou, read_best, targets
from lg_tracker_ros.training.networks.maps import box_maps, cross_entropy_and_dice
from lg_tracker_ros.training.networks.pixelwise import losses, POINTS
from lg_tracker_ros.training.networks.tanet_lite import CELLS, DEFAULTS, fields, predict
from lg_tracker_ros.training.samples.crops import global_clip, local_pair
from lg_tracker_ros.training.samples.sets import crop_set
from lg_tracker_ros.training.samples.views import clip_views, sample_views, scene_views
from lg_tracker_ros.types import Box, Frame, TrackerOutput
from lg_tracker_ros.vision.cells import GRID, STRIDE
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.rounding


def test_labels_of_a_box_by_hand():
    # 64 x 32 px around cell (8, 4): its centre lies at 136, 72
    box = torch.tensor([[104.0, 56.0, 64.0, 32.0]])
    positive, counts, ltrb = targets(box, POINTS)
    assert positive.shape == counts.shape == (1, GRID, GRID) and ltrb.shape == (1, 4, GRID, GRID)
    assert ltrb[0, :, 4, 8].tolist() == [32, 16, 32, 16]
    # the middle: within a quarter of the width, and of the height but at least .6 cells
    assert positive[0].nonzero().tolist() == [[4, 7], [4, 8], [4, 9]]
    # centres on the border are outside: nothing is left between the middle and the rest
    assert counts.all()
    # inside the box but not in its middle: neither one nor the other
    large = torch.tensor([[88.0, 24.0, 96.0, 96.0]])
    positive, counts, _ = targets(large, POINTS)
    assert positive[0].sum() == 9 and positive[0, 3:6, 7:10].all()
    assert (~counts[0]).sum() == 25 - 9 and not counts[0, 2, 6] and counts[0, 1, 6]


def test_an_absent_target_has_no_positive_cell():
    positive, _, _ = targets(torch.full((1, 4), float('nan')), POINTS)
    assert not positive.any()


def test_giou_by_hand():
    same = torch.tensor([[2.0, 2.0, 2.0, 2.0]])
    value, general = giou(same, same)
    assert value.item() == general.item() == 1
    # 4 x 4 against 4 x 8: half; the hull is the larger one
    value, general = giou(same, torch.tensor([[2.0, 2.0, 2.0, 6.0]]))
    assert value.item() == pytest.approx(0.5) and general.item() == pytest.approx(0.5)
    # 4 x 2 across 2 x 4: 4 of 12 common; the hull is 4 x 4
    value, general = giou(torch.tensor([[2.0, 1.0, 2.0, 1.0]]),
                          torch.tensor([[1.0, 2.0, 1.0, 2.0]]))
    assert value.item() == pytest.approx(1 / 3)
    assert general.item() == pytest.approx(1 / 3 - 4 / 16)


def test_filled_boxes_by_hand():
    step = SIDE / CELLS
    assert step == 8
    maps = box_maps(torch.tensor([[16.0, 8.0, 20.0, 8.0], [-8.0, -8.0, 12.0, 16.0],
                                  [float('nan')] * 4]), SIDE, CELLS)
    assert maps.shape == (3, CELLS, CELLS)
    assert maps[0, 1, 2:5].tolist() == [1, 1, 0.5] and maps[0].sum() == 2.5
    assert maps[1, 0, 0] == 0.5 and maps[1].sum() == 0.5
    assert maps[2].sum() == 0


def test_best_box_is_read_where_the_score_is_highest():
    cls, quality = torch.full((1, GRID, GRID), -9.0), torch.zeros(1, GRID, GRID)
    cls[0, 4, 8] = 9.0
    ltrb = torch.ones(1, 4, GRID, GRID)
    ltrb[0, :, 4, 8] = torch.tensor([10.0, 20.0, 30.0, 40.0])
    boxes, score = read_best(cls, quality, ltrb, POINTS)
    assert boxes.tolist() == [[8.5 * STRIDE - 10, 4.5 * STRIDE - 20, 40, 60]]
    assert score.item() == pytest.approx(0.5 ** 0.5, abs=1e-3)


def noise(rng, h, w):
    """Draw a smooth texture."""
    return cv2.GaussianBlur(rng.integers(0, 256, (h, w, 3), np.uint8), (0, 0), 2)


@pytest.fixture(scope='module')
def material(tmp_path_factory):
    """Material of a few drawn pictures."""
    rng = np.random.default_rng(3)
    alpha = np.zeros((60, 40, 1), np.uint8)
    cv2.ellipse(alpha, (20, 30), (18, 28), 0, 0, 360, 255, -1)
    sprites = [Sprite(str(i), 'egg', np.dstack([noise(rng, 60, 40), alpha])) for i in range(3)]
    pictures = [noise(rng, 240, 320) for _ in range(2)]
    path = tmp_path_factory.mktemp('stills') / 'one.png'
    cv2.imwrite(str(path), pictures[0])
    boxes = (Box(40, 30, 60, 90), Box(180, 60, 50, 70))
    stills = [Still(path, tuple(Instance(b, 'egg', ()) for b in boxes))]
    frames = tuple(cv2.imencode('.png', b)[1].tobytes() for b in pictures * 3)
    clips = [Clip('walk', frames, tuple(Box(20 + 5 * i, 40, 60, 60) for i in range(6)))]
    return Material(stills, sprites, clips, [*pictures, frames])


def test_views_of_scenes_have_their_boxes_inside(material):
    rng = np.random.default_rng(1)
    present = absent = 0
    for _ in range(25):
        views = scene_views(rng, material)
        assert len({v.image.shape for v in views}) == 1
        for view in views:
            h, w = view.image.shape[:2]
            assert view.image.dtype == np.uint8
            for box in (view.box, *view.others):
                if box is not None:
                    assert 0 <= box.x and 0 <= box.y
                    assert box.x + box.w <= w and box.y + box.h <= h
        assert views[0].box is not None
        present += views[2].box is not None
        absent += views[2].box is None
    assert present >= 10 and absent >= 1


def test_pairs_are_crops_with_honest_labels(material):
    rng = np.random.default_rng(2)
    local = [local_pair(rng, material, negative=0.3) for _ in range(25)]
    assert {p.template.shape for p in local} == {(128, 128, 3)}
    assert {p.search.shape for p in local} == {(256, 256, 3)}
    for pair in local:
        assert pair.inside.shape == (8, 8) and 0 <= pair.inside.min() <= pair.inside.max() <= 1
        assert pair.inside.sum() > 4
        if pair.box is not None:
            assert 0 < pair.box.cx < 256 and 0 < pair.box.cy < 256
    assert 5 <= sum(p.box is not None for p in local) < 25


def test_sets_of_crops_teach_with_the_target_and_judge_without_too(material):
    rng = np.random.default_rng(4)
    sets = [crop_set(rng, material, 3, 2, negative=0.3, grey=0.5) for _ in range(8)]
    boxes = [box for s in sets for _, box in s.test]
    for s in sets:
        assert {image.shape for image, _ in s.train + s.test} == {(256, 256, 3)}
        assert len(s.train) == 3 and len(s.test) == 2
        for _, box in s.train:
            assert box is not None
    for box in boxes:
        assert box is None or (0 < box.cx < 256 and 0 < box.cy < 256)
    assert 2 <= sum(box is None for box in boxes) <= 12
    grey = [np.ptp(s.train[0][0], axis=2).max() == 0 for s in sets]
    assert 1 <= sum(grey) <= 7


@pytest.mark.parametrize('judged, earlier', [(1, 1), (3, 1), (3, 2)])
def test_whole_frames_follow_each_other(material, judged, earlier):
    rng = np.random.default_rng(2)
    still = moved = 0
    for _ in range(8):
        clip = global_clip(rng, material, SIDE, judged, earlier)
        assert clip.frames.shape == (judged + earlier, SIDE, SIDE, 3)
        assert clip.template.shape == (128, 128, 3) and len(clip.boxes) == judged
        for box in clip.boxes:
            if box is not None:
                assert -1 <= box.x and box.x + box.w <= SIDE + 1
        still += all(np.array_equal(clip.frames[0], f) for f in clip.frames)
        moved += len({np.asarray(f).tobytes() for f in clip.frames}) == judged + earlier
    assert moved >= 5 and still <= 2
    counts = {len(sample_views(rng, material, n)) for n in (2, 4) for _ in range(8)}
    assert counts == {3, 5}


def test_successive_views_of_a_clip_are_in_order(material):
    rng = np.random.default_rng(0)
    for _ in range(4):
        later = clip_views(rng, material, 4)[1:]
        assert np.diff([v.box.x for v in later]).tolist() == [5, 5, 5]


def test_held_out_depends_on_the_name_only():
    names = [f'still{i}' for i in range(2000)]
    split = [held_out(n) for n in names]
    assert split == [held_out(n) for n in names]
    assert 0.07 < np.mean(split) < 0.13


def falls(head, loss, steps=10):
    """Train on one batch; the loss before and after."""
    optimizer = torch.optim.Adam(head.parameters(), 3e-3)
    values = []
    for _ in range(steps):
        value = loss()
        values.append(value.item())
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in head.parameters())
    return values[0], values[-1]


def test_local_head_learns_a_batch(one_thread):
    torch.manual_seed(0)
    inside = torch.zeros(4, 8, 8)
    inside[:, 2:6, 2:6] = 1
    batch = {'z16': torch.randn(4, 112, 8, 8), 'inside': inside,
             'x8': torch.randn(4, 40, 32, 32), 'x16': torch.randn(4, 112, 16, 16),
             'box': torch.tensor([[90.0, 80, 70, 60], [30, 120, 60, 90], [140, 40, 50, 50],
                                  [float('nan')] * 4])}
    heads = PixelwiseHeads(2)
    first, last = falls(heads, lambda: losses(heads, batch, 0)[0])
    assert last < 0.8 * first
    total, parts = losses(heads, batch, 0)
    assert total.item() == pytest.approx(
        (4 * parts['cls'] + 2 * parts['box'] + parts['quality']).item(), rel=1e-4)


def test_filter_learns_to_find_what_it_was_taught(one_thread):
    torch.manual_seed(0)
    target = torch.randn(112, 3, 3)
    batch = {'train': torch.randn(4, 2, 112, 16, 16), 'test': torch.randn(4, 2, 112, 16, 16),
             'train_box': torch.full((4, 2, 4), 48.0), 'test_box': torch.full((4, 2, 4), 48.0)}
    for part, at in (('train', 7), ('test', 4)):
        batch[part][:, :, :, at:at + 3, at:at + 3] = target
        batch[f'{part}_box'][..., :2] = at * 16
    batch['test'][3, 1], batch['test_box'][3, 1] = torch.randn(112, 16, 16), torch.nan
    model = dimp_lite.make_model(dimp_lite.DEFAULTS)
    first, last = falls(model, lambda: dimp_lite.losses(model, batch, 0)[0])
    assert last < 0.8 * first
    with torch.no_grad():
        _, report = dimp_lite.validate(model, [batch])
    assert report == {'hit': 1.0, 'auc': 1.0}


def test_label_and_hinge_of_a_filters_scores_by_hand():
    want = dimp_lite.label(torch.tensor([[48.0, 72, 32, 32], [torch.nan] * 4]))
    # centre (64, 88): cells begin at 0, so 3.5 and 5; sigma is .25 of 2 cells
    assert want[0, 5, 3].item() == pytest.approx(np.exp(-0.5 * (0.5 / 0.5) ** 2))
    assert want[0, 6, 4].item() == pytest.approx(np.exp(-0.5 * (1 + 4)))
    assert not want[1].any()
    scores, label = torch.tensor([0.5, -0.5, 0.5]), torch.tensor([1.0, 0.0, 0.04])
    assert dimp_lite.hinge(scores, label).item() == pytest.approx((0.25 + 0 + 0.25) / 3)


def test_heads_answer_with_their_mean(one_thread):
    torch.manual_seed(0)
    heads = PixelwiseHeads(2).eval()
    z16, inside = torch.randn(1, 112, 8, 8), torch.ones(1, 1, 8, 8)
    x8, x16 = torch.randn(3, 40, 32, 32), torch.randn(3, 112, 16, 16)
    with torch.no_grad():
        together = heads(x8, x16, *heads.template(z16, inside))
        apart = [h(x8, x16, *h.template(z16, inside)) for h in heads.heads]
    for k, mean in ((0, lambda a, b: (a + b) / 2), (1, lambda a, b: (a + b) / 2),
                    (2, lambda a, b: (a * b).sqrt())):
        torch.testing.assert_close(together[k], mean(apart[0][k], apart[1][k]))
    assert not torch.allclose(apart[0][0], apart[1][0])


def attention_batch():
    b = {name: torch.randn(3, *f.shape) for name, f in fields(DEFAULTS).items()}
    b['cover'] = torch.from_numpy(np.stack([part_covers(Box(40, 40, 48, 48))] * 3))
    b['motion'] = b['motion'].abs().clamp(max=1)
    return b


def test_heads_of_attention_answer_with_their_mean(one_thread, tmp_path):
    torch.manual_seed(0)
    b, heads = attention_batch(), TanetLiteHeads(2).eval()
    with torch.no_grad():
        together = predict(heads, b)
        apart = []
        for head in heads.heads:  # each as a file of one head, without its number
            torch.save(head.state_dict(), tmp_path / 'one.pt')
            one = TanetLiteHeads().eval()
            load_checkpoint(one, tmp_path / 'one.pt')
            apart.append(predict(one, b))
    torch.testing.assert_close(together, (apart[0] + apart[1]) / 2, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(*apart, atol=1e-2)


def test_attention_head_learns_a_batch(one_thread):
    torch.manual_seed(0)
    b = attention_batch()
    box = torch.tensor([[40.0, 40, 60, 90], [200, 100, 50, 50], [float('nan')] * 4])
    head = TanetLiteHeads()
    want = box_maps(box, SIDE, CELLS)

    def loss():
        return cross_entropy_and_dice(predict(head, b)[:, 0], want)[0]
    first, last = falls(head, loss)
    assert last < 0.8 * first


def test_loss_of_attention_by_hand():
    want = torch.zeros(2, 4, 4)
    want[0, 0, 0] = 1
    sure = torch.full((2, 4, 4), -40.0)
    sure[0, 0, 0] = 40
    total, parts = cross_entropy_and_dice(sure, want)
    assert total.item() == pytest.approx(0, abs=1e-5) and parts['dice'] < 1e-5
    # undecided everywhere: ln 2 in each pixel, and 1 - 2 * .5 / (8 + 1) where there is a target
    total, parts = cross_entropy_and_dice(torch.zeros(2, 4, 4), want)
    assert parts['bce'].item() == pytest.approx(np.log(2), rel=1e-5)
    assert parts['dice'].item() == pytest.approx(8 / 9, rel=1e-5)
    assert total.item() == pytest.approx(10 * np.log(2) + 8 / 9, rel=1e-5)


class Drift:
    """A teacher that goes 2 px right at each frame, sure of itself for ``last`` frames."""

    def __init__(self, last):
        """Remember how long."""
        self.left = last

    def init(self, frame, box):
        """Need nothing."""

    def track(self, frame, regions):
        """Move on."""
        self.left -= 1
        box = regions[0].box
        return [TrackerOutput(Box(box.x + 2, box.y, box.w, box.h), 0.9 if self.left >= 0 else 0.1,
                              0.0)]


def test_a_teacher_is_followed_while_it_is_sure():
    rng = np.random.default_rng(0)
    images = [Frame(noise(rng, 60, 80)) for _ in range(8)]
    start = Box(10, 10, 12, 12)
    boxes = follow(Drift(5), images, start, 0.6)
    assert [b.x for b in boxes] == [10, 12, 14, 16, 18, 20]
    assert len(follow(Drift(99), images, start, 0.6)) == 8


def test_boxes_are_drawn_on_texture_only():
    rng = np.random.default_rng(0)
    assert textured_box(rng, np.full((80, 100, 3), 90, np.uint8)) is None
    image = rng.integers(0, 2, (80, 100, 1), np.uint8).repeat(3, 2) * 255
    found = [b for b in (textured_box(rng, image) for _ in range(30)) if b is not None]
    assert found
    for box in found:
        assert 0 <= box.x and box.x + box.w <= 100 and 0 <= box.y and box.y + box.h <= 80
