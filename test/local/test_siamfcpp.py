"""siamfcpp and the training of both Siamese trackers: shapes, labels by hand, losses that fall."""

from dataclasses import replace

import cv2
from lg_tracker_ros.checkpoint import shared_backbone, weights_file
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.local import LOCAL_TRACKERS, siamfcpp, siamrpnpp
from lg_tracker_ros.local.anchor_free import AnchorFreeConfig, AnchorFreeTracker
from lg_tracker_ros.local.siamese.anchors import anchor_grid, decode
from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet, VARIANTS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import Instance, Sprite, Still
from lg_tracker_ros.training.loop.optim import learn_mode, parameter_groups
from lg_tracker_ros.training.networks import siamese
from lg_tracker_ros.training.networks import siamfcpp as fcpp
from lg_tracker_ros.training.networks import siamrpnpp as rpn
from lg_tracker_ros.training.networks.anchor_free import loss_of, read_best, targets
from lg_tracker_ros.training.networks.registry import NETWORKS
from lg_tracker_ros.training.networks.siamese import SiameseTraining
from lg_tracker_ros.training.networks.validation import judge, overlap
from lg_tracker_ros.training.samples.crops import local_pair, LocalPair, mirror, without_color
from lg_tracker_ros.types import Box, Frame, LocalTracker, Region
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.rounding

LITE = VARIANTS['efficientnet_lite0']
POINTS = torch.as_tensor(LITE.grid.points, dtype=torch.float32)
NAN = float('nan')
TORCH = EngineConfig('cpu', 'torch', threads=1)
FRAME = Frame(np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8))
# nothing smooths, penalises or pulls to the middle
PLAIN = AnchorFreeConfig(penalty=0, window=0, rate=1)


def lite_net():
    """Build the light network on pretrained features, the same each time."""
    torch.manual_seed(0)
    return fcpp.make_model(fcpp.DEFAULTS)


def maps_tracker(score, ltrb, config=PLAIN, grid=LITE.grid):
    """Make a tracker whose network answers every crop with the same maps."""
    def search(images, *_):
        return [np.repeat(a[None], len(images), 0) for a in (score, ltrb)]
    tracker = AnchorFreeTracker(lambda crop, box: [np.zeros(1)], search, grid, config)
    tracker.init(FRAME, Box(80, 60, 40, 40))
    return tracker


def peak(row, col, score, sides):
    """Make maps with one clear point."""
    maps = np.full((2, 25, 25), 1e-3, np.float32), np.full((4, 25, 25), 20, np.float32)
    maps[0][:, row, col], maps[1][:, row, col] = score, sides
    return maps


@pytest.mark.parametrize('name', VARIANTS)
def test_maps_have_the_sizes_of_the_grid(name):
    variant = VARIANTS[name]
    grid = variant.grid
    with torch.device('meta'):
        net = SiamFCppNet(variant).eval()
        z = torch.zeros(1, grid.exemplar, grid.exemplar, 3, dtype=torch.uint8)
        x = torch.zeros(2, grid.instance, grid.instance, 3, dtype=torch.uint8)
        kernels = net.template(z)
        cls, quality, ltrb = net(x, *kernels)
    assert cls.shape == quality.shape == (2, grid.cells, grid.cells)
    assert ltrb.shape == (2, 4, grid.cells, grid.cells)
    assert kernels[0].shape[:2] == (1, variant.width)
    # a kernel of k cells leaves g points whose middle lies over the middle of the crop
    assert grid.points.mean() == grid.instance / 2
    assert np.allclose(np.diff(grid.points), grid.stride)


def test_the_middle_of_the_template_lies_over_the_middle_point():
    # the kernel that was cut from the search crop itself matches best where it was cut
    torch.manual_seed(0)
    net = SiamFCppNet(LITE).eval()
    net.backbone.load_state_dict(shared_backbone().state_dict())
    image = cv2.GaussianBlur(np.random.default_rng(1).integers(
        0, 256, (240, 240, 3), np.uint8), (0, 0), 6)
    x = torch.from_numpy(np.asarray(cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)))[None]
    with torch.inference_mode():
        maps = net.features(x)
        y = net.cls.adjust(maps)
        kernel, _ = net.template(x[:, 56:184, 56:184])
        k = kernel.shape[3]
        squares = torch.nn.functional.avg_pool2d(y * y, k, 1) * k * k
        cross = torch.nn.functional.conv2d(y, kernel.transpose(0, 1), groups=y.shape[1])
        distance = (squares - 2 * cross + (kernel * kernel).sum((2, 3), keepdim=True)).sum(1)[0]
    assert distance.shape == (25, 25)
    assert divmod(int(distance.argmin()), 25) == (12, 12)


def test_box_comes_out_where_worked_out_by_hand():
    # a 40 x 40 target has a template of 80 pixels: one search pixel is 80 / 128 image pixels
    score, ltrb = peak(14, 13, 0.81, (10, 20, 30, 40))
    tracker = maps_tracker(score, ltrb)
    assert isinstance(tracker, LocalTracker)
    out, = tracker.track(FRAME, [Region(Box(80, 60, 40, 40))])
    k = 80 / 128
    assert out.score == pytest.approx(0.81)
    # smoothed by rate * score = .81 from 40 pixels to 40 k and 60 k
    w, h = 40 + (40 * k - 40) * 0.81, 40 + (60 * k - 40) * 0.81
    assert (out.box.w, out.box.h) == pytest.approx((w, h), abs=1e-4)
    assert (out.box.cx, out.box.cy) == pytest.approx(
        (100 + (8 + 10) * k, 80 + (16 + 10) * k), abs=1e-4)
    assert out.confidence == out.score
    with pytest.raises(RuntimeError, match='call init first'):
        AnchorFreeTracker(lambda crop, box: [], None, LITE.grid, PLAIN).track(FRAME, [])


def test_window_prefers_the_middle_but_the_score_reported_is_plain():
    score, ltrb = peak(0, 0, 0.9, (20, 20, 20, 20))
    score[:, 12, 12] = 0.7
    for window, want in ((0.0, 0.9), (0.4, 0.7)):
        tracker = maps_tracker(score, ltrb, replace(PLAIN, window=window))
        out, = tracker.track(FRAME, [Region(Box(80, 60, 40, 40))])
        assert out.score == pytest.approx(want)


def test_batch_equals_one_by_one_and_engines_agree():
    net = lite_net()
    onnx = siamfcpp.build(net, EngineConfig('cpu', 'onnx', threads=1))
    other = siamfcpp.build(net, TORCH)
    boxes = [Box(90, 95, 50, 40), Box(10, 10, 30, 60), Box(280, 200, 60, 60)]
    results = []
    for tracker in (onnx, other):
        tracker.init(FRAME, Box(100, 100, 50, 40))
        regions = [Region(b) for b in boxes]
        results += [tracker.track(FRAME, regions),
                    [tracker.track(FRAME, [r])[0] for r in regions]]
        assert tracker.track(FRAME, []) == []
    for row in zip(*results):
        for out in row[1:]:
            assert [out.box.x, out.box.y, out.box.w, out.box.h] == pytest.approx(
                [row[0].box.x, row[0].box.y, row[0].box.w, row[0].box.h], abs=2e-2)
            assert out.confidence == pytest.approx(row[0].confidence, abs=1e-3)


def test_tracks_with_the_folder_that_training_left(tmp_path):
    torch.save({'state_dict': lite_net().state_dict(), 'step': 1}, tmp_path / 'best.pt')
    tracker = build_tracker(Settings(tracker='siamfcpp', tracker_weights=str(tmp_path), threads=1,
                                     redetector='none'))
    tracker.init(FRAME, Box(100, 100, 50, 40))
    track, = tracker.step([FRAME])
    assert 0 <= track.confidence <= 1
    (tmp_path / 'a.safetensors').touch()
    assert weights_file(str(tmp_path), 'x') == tmp_path / 'a.safetensors'
    (tmp_path / 'b.safetensors').touch()
    with pytest.raises(ValueError, match=r'got a\.safetensors, b\.safetensors'):
        weights_file(str(tmp_path), 'x')


def test_without_weights_says_where_they_are_expected():
    for backbone in VARIANTS:
        with pytest.raises(ValueError, match=f'siamfcpp_{backbone}.safetensors') as e:
            LOCAL_TRACKERS['siamfcpp'].build('', backbone, TORCH)
        assert '\n' not in str(e.value)


def test_labels_of_a_box_by_hand():
    assert POINTS[[0, 12, 24]].tolist() == [24, 120, 216]
    # 64 x 32 px around the middle point
    positive, counts, ltrb = targets(
        torch.tensor([[88.0, 104.0, 64.0, 32.0], [NAN] * 4]), POINTS)
    assert ltrb.shape == (2, 4, 25, 25)
    assert ltrb[0, :, 12, 12].tolist() == [32, 16, 32, 16]
    assert ltrb[0, :, 11, 14].tolist() == [48, 8, 16, 24]
    # the middle: 16 pixels to each side, 8 up and down, at 8 pixels a point
    assert positive[0].sum() == 5 * 3 and positive[0, 11:14, 10:15].all()
    # 7 x 3 points lie inside (not on the border); between middle and border nothing is said
    assert (~counts[0]).sum() == 7 * 3 - 5 * 3 and not counts[0, 12, 9] and counts[0, 12, 8]
    assert not positive[1].any() and counts[1].all()
    # the smallest box has its nearest point, as long as it lies in the box
    tiny, _, _ = targets(torch.tensor([[118.0, 118.0, 4.0, 4.0]]), POINTS)
    assert tiny[0].nonzero().tolist() == [[12, 12]]


def test_a_perfect_prediction_has_next_to_no_loss():
    box = torch.tensor([[88.0, 104.0, 64.0, 32.0], [NAN] * 4])
    positive, _, ltrb = targets(box, POINTS)
    cls = torch.where(positive, 12.0, -12.0)
    quality = torch.full((2, 25, 25), 12.0)
    perfect = torch.nan_to_num(ltrb, nan=5.0).clamp(min=0.1)
    total, parts = loss_of(cls, quality, perfect, box, POINTS)
    assert total < 1e-3 and parts['iou'] == pytest.approx(1)
    for wrong in ((-cls, quality, perfect), (cls, -quality, perfect), (cls, quality, perfect / 2)):
        assert loss_of(*wrong, box, POINTS)[0] > total + 0.5
    found, score = read_best(cls, quality, perfect, POINTS)
    assert found[0].tolist() == pytest.approx(box[0].tolist(), abs=1e-4)
    assert score[0] > 0.99 and score[1] < 0.01


def samples(network, config, count):
    """Make a batch of made-up pairs: a coloured square on noise."""
    shapes = {k: f.shape for k, f in network.fields(config).items()}
    rng = np.random.default_rng(3)
    template = rng.integers(0, 60, (count, *shapes['template']), np.uint8)
    search = rng.integers(0, 60, (count, *shapes['search']), np.uint8)
    box = np.full((count, 4), NAN, np.float32)
    z, x = shapes['template'][0] // 2, shapes['search'][0] // 2
    for i in range(count):
        color = rng.integers(120, 256, 3)
        template[i, z - 30:z + 30, z - 30:z + 30] = color
        if i % 2 == 0:
            dx, dy = rng.integers(-40, 41, 2)
            search[i, x + dy - 30:x + dy + 30, x + dx - 30:x + dx + 30] = color
            box[i] = x + dx - 30, x + dy - 30, 60, 60
    return {k: torch.from_numpy(v) for k, v in
            {'template': template, 'search': search, 'box': box}.items()}


@pytest.mark.parametrize('module', [fcpp, rpn])
def test_a_few_steps_learn_a_batch_and_leave_the_frozen_part_alone(module):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = module.DEFAULTS
    model = module.make_model(config)
    groups = parameter_groups(model, config)
    assert [g['lr'] for g in groups] == pytest.approx([config.rate / 10, config.rate])
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad}
    assert {'backbone.stem.conv.weight', 'backbone.blocks.7.project.conv.bias'} <= frozen
    assert not any(n.startswith(('backbone.blocks.8', 'backbone.blocks.10')) for n in frozen)
    batch = samples(module.NETWORK, config, 2)
    optimizer = torch.optim.AdamW(groups)
    learn_mode(model)
    totals = []
    for step in range(6):
        loss, parts = module.losses(model, batch, step)
        loss.backward()
        if step == 0:
            for name, p in model.named_parameters():
                assert (p.grad is None) == (name in frozen), name
        optimizer.step()
        optimizer.zero_grad()
        totals.append(float(loss.detach()))
        assert all(v.ndim == 0 and not v.requires_grad for v in parts.values())
    assert totals[-1] < 0.6 * totals[0]
    model.eval()
    with torch.no_grad():
        quality, report = module.validate(model, [batch])
    assert quality == report['iou'] + report['auc'] and 0 <= report['hit'] <= 1


def test_anchor_labels_are_those_of_the_paper():
    make, constants = siamrpnpp.VARIANTS['efficientnet_lite0']
    anchors = rpn.AnchoredNet(make(), constants).anchors(torch.device('cpu'))
    assert anchors.shape == (5 * 25 * 25, 4)
    # the square anchor (64 x 64) in the middle of the map lies in the middle of the crop
    middle = 2 * 625 + 12 * 25 + 12
    assert anchors[middle].tolist() == [96, 96, 64, 64]
    torch.manual_seed(0)
    box = torch.stack([anchors[middle], torch.tensor([10.0, 20.0, 30.0, 60.0]),
                       torch.tensor([NAN] * 4)])
    positive, negative = rpn.anchor_labels(box, anchors, 256, 8)
    shared = overlap(anchors[None], box[:, None])
    assert shared[0, middle] == 1
    # only the square anchor fits well enough, at the middle and its eight neighbours
    assert positive[0].sum() == 9 and (positive | negative)[:2].sum(1).tolist() == [64, 64]
    assert rpn.draw(torch.ones(2, 40, dtype=torch.bool), 16).sum(1).tolist() == [16, 16]
    assert shared[positive].min() > 0.6 and shared[:2][negative[:2]].max() < 0.3
    assert not positive[2].any() and negative[2].sum() == 16
    # the negatives of an absent target lie in the middle, where a look-alike is
    center = anchors[negative[2], :2] + anchors[negative[2], 2:] / 2
    assert (center - 128).abs().max() <= 6 * 8
    # drawn by lot: another time others
    assert not torch.equal(negative, rpn.anchor_labels(box, anchors, 256, 8)[1])


def test_a_perfect_offset_decodes_to_the_box():
    make, constants = siamrpnpp.VARIANTS['efficientnet_lite0']
    anchors = rpn.AnchoredNet(make(), constants).anchors(torch.device('cpu'))
    box = torch.tensor([[100.0, 80.0, 50.0, 70.0], [NAN] * 4])
    want = rpn.encode(box, anchors)
    assert torch.allclose(rpn.decode(want, anchors)[0], box[:1].expand(len(anchors), 4), atol=1e-3)
    # the tracker's own decoding, relative to the middle of the crop, says the same
    cx, cy, w, h = decode(want.numpy(), anchor_grid(constants))[0]
    assert np.allclose([cx + 128, cy + 128, w, h], np.array([[125], [115], [50], [70]]), atol=1e-3)
    torch.manual_seed(0)
    positive, negative = rpn.anchor_labels(box, anchors, 256, 8)
    cls = torch.stack([torch.where(positive, -9.0, 9.0), torch.where(positive, 9.0, -9.0)], 1)
    perfect, _ = rpn.loss_of(cls, want, box, anchors, positive, negative)
    assert perfect < 1e-3
    # a unit beyond in one of four offsets costs 1.2 * (1 - .5)
    shifted = want + torch.tensor([1.0, 0, 0, 0])[None, :, None]
    worse, parts = rpn.loss_of(cls, shifted, box, anchors, positive, negative)
    assert float(worse - perfect) == pytest.approx(0.6, abs=1e-3)
    assert parts['box'] == pytest.approx(0.5, abs=1e-3)
    found, score = rpn.read_best(cls, want, anchors)
    assert found[0].tolist() == pytest.approx(box[0].tolist(), abs=1e-3) and score[0] > 0.99


def test_rates_follow_the_backbone():
    lite = SiameseTraining(batch=2, steps=3)
    assert lite.rates['backbone.'] == 0.1 and lite.rates['backbone.blocks.7.'] == 0
    assert 'backbone.blocks.8.' not in lite.rates
    resnet = replace(lite, backbone='resnet50')
    assert resnet.rates['backbone.layer1.'] == 0 and 'backbone.blocks.7.' not in resnet.rates
    # normalisation stays as it is also where the convolutions learn
    with torch.device('meta'):
        net = SiamFCppNet(VARIANTS['resnet50'])
    parameter_groups(net, resnet)
    learn_mode(net)
    bn, head = net.backbone.layer3[0].bn1, net.cls.tower[0][1]
    assert not bn.training and not bn.weight.requires_grad and head.training
    assert net.backbone.layer3[0].conv1.weight.requires_grad
    mine = {'backbone.': 0.5}
    assert replace(lite, rates=mine, backbone='alexnet').rates == mine
    with pytest.raises(ValueError, match='--set pretrained=FILE'):
        fcpp.make_model(replace(lite, backbone='alexnet'))
    with pytest.raises(ValueError, match='pretrained: no file of weights at /nowhere'):
        fcpp.make_model(replace(lite, pretrained='/nowhere'))


def test_pairs_of_other_sizes_mirrored_and_grey(tmp_path):
    # one red square on grey
    image = np.full((200, 300, 3), 90, np.uint8)
    cv2.rectangle(image, (100, 60), (159, 119), (30, 30, 220), -1)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    solid = np.full((60, 60), 255, np.uint8)
    material = Material(
        [Still(tmp_path / 'a.png', (Instance(Box(100, 60, 60, 60), 'square', ()),))],
        [Sprite('s', 'square', np.dstack([image[60:120, 100:160], solid]))], [], [image])
    rng = np.random.default_rng(5)
    sampler = fcpp.make_sampler(material, replace(fcpp.DEFAULTS, negative=0.3))
    rows = [sampler(rng) for _ in range(12)]
    assert {r['template'].shape for r in rows} == {(128, 128, 3)}
    assert {r['search'].shape for r in rows} == {(240, 240, 3)}
    boxes = np.stack([r['box'] for r in rows])
    assert np.isnan(boxes).any() and np.isfinite(boxes).any()
    wide = local_pair(rng, material, 0.0, 127, 255)
    assert wide.template.shape[0] == 127 and wide.search.shape[0] == 255
    search = np.zeros((240, 240, 3), np.uint8)
    search[50:80, 20:60] = (0, 0, 200)
    inside = np.zeros((8, 8), np.float32)
    inside[:, :2] = 1
    pair = LocalPair(search[:128, :128], inside, search, Box(20, 50, 40, 30))
    flipped = mirror(pair)
    assert flipped.box == Box(180, 50, 40, 30) and flipped.search[60, 180:220, 2].min() == 200
    assert flipped.inside[:, 6:].all() and (mirror(flipped).search == search).all()
    assert mirror(LocalPair(search, inside, search, None)).box is None
    grey = without_color(pair)
    assert (grey.search[..., 0] == grey.search[..., 2]).all() and grey.search[60, 30, 0] > 0


@pytest.mark.exact
@pytest.mark.parametrize('rates, channels', [({}, 80), ({'backbone.': 0.0}, 112)])
@pytest.mark.parametrize('module', [fcpp, rpn])
def test_cached_features_give_the_same_maps_as_the_crops(module, rates, channels, monkeypatch):
    config = replace(module.DEFAULTS, rates=rates)
    crops = samples(module.NETWORK, config, 1)
    box = crops['box'].numpy()[0]
    pair = LocalPair(crops['template'].numpy()[0], np.zeros((8, 8)), crops['search'].numpy()[0],
                     Box(*box))
    monkeypatch.setattr(siamese, 'local_pair', lambda *_: pair)
    config = replace(config, cached=True, flip=0.0, grey=0.0)
    row = module.make_sampler(None, config)(np.random.default_rng(0))
    assert {k: v.shape for k, v in row.items()} == {
        k: f.shape for k, f in module.fields(config).items()}
    assert row['search16'].shape[0] == channels
    cached = {k: torch.from_numpy(v)[None] for k, v in row.items()}
    model = module.make_model(config).eval()
    match = fcpp.match if module is fcpp else rpn.AnchoredNet.match
    with torch.no_grad():
        for a, b in zip(match(model, crops), match(model, cached)):
            assert torch.allclose(a, b, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match='cached=true is for'):
        replace(config, backbone='resnet50')


def test_judging_by_hand():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    truth = torch.tensor([[0.0, 0, 10, 10], [5, 0, 10, 10], [NAN] * 4])
    report, table = judge([(boxes[:2], torch.tensor([0.9, 0.5]), truth[:2]),
                           (boxes[2:], torch.tensor([0.95]), truth[2:])])
    assert table[:, 1].tolist() == pytest.approx([1, 1 / 3, -1])
    assert report['iou'] == pytest.approx(2 / 3) and report['hit'] == 0.5
    # the one hit scores above the miss and below the absent one
    assert report['auc'] == 0.5


def test_both_can_be_trained_by_name():
    assert NETWORKS['siamfcpp'] is fcpp.NETWORK and NETWORKS['siamrpnpp'] is rpn.NETWORK
