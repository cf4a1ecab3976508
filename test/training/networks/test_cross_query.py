"""The cross-query loss: several things are asked for in one frame, and each has its own map."""

from dataclasses import replace

import cv2
from lg_tracker_ros.redetect.globaltrack.lite_net import decoded
from lg_tracker_ros.redetect.tanet_lite_net import PARTS
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import Sprite
from lg_tracker_ros.training.networks import globaltrack_lite, tanet_lite
from lg_tracker_ros.training.networks.maps import who_is_asked_for
from lg_tracker_ros.training.samples.crops import global_clip
from lg_tracker_ros.training.samples.queries import asked_for, query_clip
from lg_tracker_ros.training.samples.views import View
from lg_tracker_ros.types import Box
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

NAN = float('nan')
SIDE = 12
"""Cells of the small frames here."""


@pytest.fixture(scope='module')
def material():
    """Eggs in three patterns, over noise."""
    rng = np.random.default_rng(3)
    alpha = np.zeros((60, 40, 1), np.uint8)
    cv2.ellipse(alpha, (20, 30), (18, 28), 0, 0, 360, 255, -1)

    def noise(h, w):
        return cv2.GaussianBlur(rng.integers(0, 256, (h, w, 3), np.uint8), (0, 0), 2)
    sprites = [Sprite(str(i), 'egg', np.dstack([noise(60, 40), alpha])) for i in range(3)]
    return Material([], sprites, [], [noise(240, 320) for _ in range(2)])


def test_who_is_asked_for():
    """What a frame doesn't fill itself is the target of the frame before it."""
    frame, number = who_is_asked_for(torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 0]]))
    assert frame.tolist() == [[0, 0, 0], [1, 0, 0], [2, 2, 1]]
    assert number.tolist() == [[0, 1, 2], [0, 0, 0], [0, 1, 0]]


def test_look_alikes_are_known_by_name():
    a, b, c = Box(0, 0, 20, 20), Box(40, 0, 20, 20), Box(80, 0, 4, 20)
    image = np.zeros((100, 100, 3), np.uint8)
    first = View(image, Box(0, 50, 30, 30), (a, b, c), (2, 3, 4))
    last = View(image, None, (Box(5, 5, 20, 20), Box(9, 9, 9, 9)), (3, 4))
    # 2 left or is hidden, 4 was too thin to be asked for
    target, other = asked_for(first, last, 4)
    assert (target.first, target.now) == (first.box, None)
    assert (other.first, other.now) == (b, last.others[0])
    assert [a.first for a in asked_for(first, last, 1)] == [first.box]


def test_scenes_tell_who_is_who(material):
    """A look-alike that is asked for looks the same in both frames; they are many, and small."""
    rng = np.random.default_rng(0)
    clips = [query_clip(rng, material, 4) for _ in range(12)]
    others = [a for c in clips for a in c.asked[1:]]
    assert len(others) >= 12 and all(a.now is not None for a in others)
    sizes = [np.sqrt(c.asked[0].first.w * c.asked[0].first.h) for c in clips]
    assert sum(s < 24 for s in sizes) >= 3 and max(sizes) > 40

    def color(image, box):
        x, y = int(box.x), int(box.y)
        return image[y:y + max(int(box.h), 1), x:x + max(int(box.w), 1)].reshape(-1, 3).mean(0)
    off = [np.abs(color(c.first, a.first) - color(c.now, a.now)).mean()
           for c in clips for a in c.asked[1:]]
    assert np.median(off) < 25


def test_whole_frames_come_with_their_look_alikes(material):
    rng = np.random.default_rng(1)
    clips = [global_clip(rng, material, 320, others=2) for _ in range(10)]
    others = [o for c in clips for o in c.others]
    assert len(others) >= 4 and max(len(c.others) for c in clips) <= 2
    for template, drawn, boxes in others:
        assert template.shape == (128, 128, 3) and 0 < drawn.cx < 128 and len(boxes) == 1


def two_things(n=2):
    """Draw features of frames with two things, crops of both, and their cells (y, x)."""
    things = torch.randn(2, 152)
    cells = torch.tensor([[3, 2], [8, 9]])
    x8, x16 = torch.randn(n, 40, SIDE, SIDE), torch.randn(n, 112, SIDE // 2, SIDE // 2)
    for thing, (y, x) in zip(things, cells):
        x8[:, :, y, x] += 4 * thing[:40]
        x16[:, :, y // 2, x // 2] += 4 * thing[40:]
    z8 = torch.randn(n, 2, 40, 16, 16) + 4 * things[:, :40, None, None]
    z16 = torch.randn(n, 2, 112, 8, 8) + 4 * things[:, 40:, None, None]
    box = torch.cat([8. * cells.flip(1), torch.full((2, 2), 8.0)], 1)
    return x8, x16, z8, z16, box.expand(n, 2, 4), cells


def test_the_map_of_tanet_lite_changes_with_the_query():
    """After a few steps each of two things in one frame is where its query says."""
    torch.manual_seed(0)
    x8, x16, z8, z16, box, cells = two_things()
    cover = torch.zeros(2, PARTS + 1, 8, 8)
    cover[:, :, 2:6, 2:6] = 1
    batch = {'x8': x8[:, None], 'x16': x16[:, None], 'motion': torch.zeros(2, 1, SIDE, SIDE),
             'z8': z8[:, 0], 'z16': z16[:, 0], 'cover': cover, 'box': box[:, :1],
             'other': torch.ones(2, 1), 'other_z8': z8[:, 1:], 'other_z16': z16[:, 1:],
             'other_cover': cover[:, None], 'other_box': box[:, 1:, None]}
    rows = tanet_lite.crossed(batch)
    assert rows['box'].shape == (4, 1, 4) and rows['x8'].shape == (4, 1, 40, SIDE, SIDE)
    assert rows['box'][:, 0].tolist() == box.flatten(0, 1).tolist()
    model = tanet_lite.make_model(replace(tanet_lite.DEFAULTS, queries=2))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    want = torch.zeros(4, 1, SIDE, SIDE)
    for i in range(4):
        y, x = cells[i % 2]
        want[i, 0, y, x] = 1
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            tanet_lite.predict(model.generator, rows), want)
        loss.backward()
        optimizer.step()
    maps = tanet_lite.predict(model.generator.eval(), rows)[:, 0].flatten(1)
    assert maps.argmax(1).tolist() == [3 * SIDE + 2, 8 * SIDE + 9] * 2


def test_what_nobody_is_asked_for_is_absent():
    """An empty place is filled with the target of the frame before, which isn't there."""
    _, _, z8, z16, box, _ = two_things()
    batch = {'x8': torch.zeros(2, 1, 40, 4, 4), 'x16': torch.zeros(2, 1, 112, 2, 2),
             'motion': torch.zeros(2, 1, 4, 4), 'z8': z8[:, 0], 'z16': z16[:, 0],
             'cover': torch.ones(2, 10, 8, 8), 'box': box[:, :1],
             'other': torch.tensor([[1], [0]]), 'other_z8': z8[:, 1:], 'other_z16': z16[:, 1:],
             'other_cover': torch.ones(2, 1, 10, 8, 8), 'other_box': box[:, 1:, None]}
    rows = tanet_lite.crossed(batch)
    assert torch.isnan(rows['box'][3]).all() and torch.isfinite(rows['box'][:3]).all()
    assert torch.equal(rows['z8'][3], z8[0, 0]) and torch.equal(rows['z8'][1], z8[0, 1])
    del batch['other']
    assert tanet_lite.crossed(batch) is batch


def test_one_query_of_samples_that_have_more_is_the_target_alone(monkeypatch):
    """What rows of a study share are the samples; the loss is that of the queries wanted."""
    torch.manual_seed(0)
    x8, x16, z8, z16, box, _ = two_things()
    cover = torch.rand(2, PARTS + 1, 8, 8)
    alone = {'x8': x8[:, None], 'x16': x16[:, None], 'motion': torch.zeros(2, 1, SIDE, SIDE),
             'z8': z8[:, 0], 'z16': z16[:, 0], 'cover': cover, 'box': box[:, :1]}
    batch = {**alone, 'other': torch.ones(2, 1), 'other_z8': z8[:, 1:], 'other_z16': z16[:, 1:],
             'other_cover': cover[:, None], 'other_box': box[:, 1:, None]}
    found = {}
    monkeypatch.setattr(tanet_lite, 'CELLS', SIDE)
    for queries in (1, 2):
        model = tanet_lite.make_model(replace(tanet_lite.DEFAULTS, queries=queries)).eval()
        model.load_state_dict(found.setdefault('state', model.state_dict()))
        found[queries] = [tanet_lite.losses(model, b, 0)[0].item() for b in (batch, alone)]
    assert found[1][0] == pytest.approx(found[1][1], rel=1e-5) == found[2][1]
    assert found[2][0] != pytest.approx(found[1][0], rel=1e-4)


def test_a_sample_holds_what_its_fields_say(material):
    """Those of tanet_lite go through the backbone, so one has to do."""
    c = replace(tanet_lite.DEFAULTS, queries=3)
    sample = tanet_lite.make_sampler(material, c)(np.random.default_rng(5))
    for name, field in tanet_lite.fields(c).items():
        assert np.shape(sample[name]) == field.shape, name
    assert set(tanet_lite.fields(tanet_lite.DEFAULTS)) == {
        'z8', 'z16', 'cover', 'x8', 'x16', 'motion', 'box'}
    with pytest.raises(ValueError, match='queries must be at least 1'):
        replace(c, queries=0)


# -- globaltrack_lite ---------------------------------------------------------

def test_true_places_by_hand():
    box = torch.tensor([[80.0, 40, 8, 8], [80.0, 40, 80, 40], [NAN] * 4])
    bump, middle = globaltrack_lite.where(box)
    assert bump.shape == (3, globaltrack_lite.H, globaltrack_lite.W)
    # a box of one cell is that cell, its middle is the cell's
    assert middle[0].nonzero().tolist() == [[5, 10]] and bump[0, 5, 10] == 1
    # 80 x 40 around (120, 60): within 16 and 8 px
    assert sorted({y for y, _ in middle[1].nonzero().tolist()}) == [6, 7, 8]
    assert {x for _, x in middle[1].nonzero().tolist()} == {13, 14, 15, 16}
    assert bump[2].sum() == 0 and middle[2].sum() == 0


def test_giou_by_hand():
    found = torch.tensor([2.0, 2, 4, 2])[None, :, None, None]
    # 4 x 2 across 2 x 4 around the same centre, as in test_giou
    assert globaltrack_lite.giou(found, torch.tensor([[1.0, 0, 2, 4]])).item() == pytest.approx(
        1 / 3 - 4 / 16)
    assert globaltrack_lite.giou(found, torch.tensor([[0.0, 1, 4, 2]])).item() == 1


def test_the_boxes_of_globaltrack_lite_change_with_the_query(monkeypatch):
    """After some steps each of two things in one frame is where its query says, with its box."""
    monkeypatch.setattr(globaltrack_lite, 'H', SIDE)
    monkeypatch.setattr(globaltrack_lite, 'W', SIDE)
    torch.manual_seed(0)
    x8, x16, z8, z16, box, _ = two_things()
    model = globaltrack_lite.QueryModel(globaltrack_lite.DEFAULTS)
    # two frames; two crops of two things in each
    taps = {2: [x8, x16], 8: [z.repeat_interleave(2, 1).flatten(0, 1) for z in (z8, z16)]}
    monkeypatch.setattr(model, 'taps', lambda images: taps[len(images)])
    cover = torch.zeros(2, 2, 2, PARTS + 1, 8, 8)
    cover[..., 2:6, 2:6] = 1
    batch = {'frame': torch.zeros(2, 1), 'crops': torch.zeros(2, 2, 2, 1), 'cover': cover,
             'size': torch.full((2, 2, 2), 16.0), 'box': box, 'asked': torch.ones(2, 2),
             'motion': torch.zeros(2, 1, SIDE, SIDE)}
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    values = []
    for _ in range(60):
        optimizer.zero_grad()
        loss, parts = globaltrack_lite.losses(model, batch, 0)
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.3 * values[0] and set(parts) == {'score', 'rank', 'box'}
    maps, size, _ = globaltrack_lite.ask(model.eval(), batch)
    best = maps[:, 0].flatten(1).argmax(1)
    assert best.tolist() == [3 * SIDE + 2, 8 * SIDE + 9] * 2
    boxes = decoded(maps, size).flatten(2)[torch.arange(4), :, best]
    torch.testing.assert_close(boxes[:2], torch.tensor([[20.0, 28, 8, 8], [76.0, 68, 8, 8]]),
                               atol=2.5, rtol=0)


def test_a_sample_of_globaltrack_lite(material):
    c = globaltrack_lite.DEFAULTS
    sample = globaltrack_lite.make_sampler(material, c)(np.random.default_rng(0))
    for name, field in globaltrack_lite.fields(c).items():
        assert np.shape(sample[name]) == field.shape, name
    asked = sample['asked'] > 0
    assert asked[0] and np.isnan(sample['box'][~asked]).all()
    assert (sample['size'][asked] > 0).all() and (sample['size'][~asked] == 0).all()
