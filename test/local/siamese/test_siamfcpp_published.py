"""SiamFC++ as published: keys and shapes, its equations in NumPy, a file of video_analyst's."""

from helpers import equations as eq
from helpers.clip import first_box, VIDEO
from lg_tracker_ros.cli import main
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local import siamfcpp
from lg_tracker_ros.local.siamese.siamfcpp_published import (
    Head,
    PUBLISHED,
    PublishedNet,
    PublishedSearchNet,
)
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.types import Box, Frame, Region
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

RNG = np.random.default_rng(0)
FRAME = Frame(RNG.integers(0, 256, (240, 320, 3), np.uint8))


def made(name, z=127, x=303):
    """Build a published network of random weights, its normalisation fitted to noise."""
    torch.manual_seed(0)
    net = PublishedNet(PUBLISHED[name])
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.momentum = 1.0
    noise = [torch.randint(0, 256, (1, s, s, 3), dtype=torch.uint8) for s in (z, x)]
    with torch.no_grad():
        net(noise[1], *net.template(noise[0]))
    torch.nn.init.constant_(net.head.bi, 1.5)
    return net.eval()


@pytest.mark.exact
@pytest.mark.parametrize('name, count, side, kernel, shapes', [
    ('alexnet_published', 108, 17, 4, {
        'basemodel.conv1.conv.weight': (96, 3, 11, 11), 'basemodel.conv5.bn.bias': (256,),
        'head.cls_p5_conv3.bn.running_mean': (256,), 'r_z_k.conv.bias': (256,)}),
    ('googlenet_published', 486, 19, 3, {
        'basemodel.Mixed_5b.branch5x5_2.conv.weight': (64, 48, 5, 5),
        'basemodel.Mixed_6e.branch7x7dbl_5.conv.weight': (192, 192, 1, 7),
        'basemodel.channel_reduce.0.weight': (256, 768, 1, 1), 'head.si': (),
        'head.bbox_offsets_p5.bn.weight': (4,)})])
def test_keys_shapes_and_points_are_the_published_ones(name, count, side, kernel, shapes):
    with torch.device('meta'):
        net = PublishedNet(PUBLISHED[name]).eval()
        kernels = net.template(torch.zeros(1, 127, 127, 3, dtype=torch.uint8))
        maps = net(torch.zeros(2, 303, 303, 3, dtype=torch.uint8), *kernels)
    state = net.state_dict()
    assert len(state) == count
    assert {k: tuple(state[k].shape) for k in shapes} == shapes
    assert [tuple(k.shape) for k in kernels] == [(1, 256, kernel, kernel)] * 2
    assert [tuple(m.shape) for m in maps] == [(2, side, side)] * 2 + [(2, 4, side, side)]
    grid = PUBLISHED[name].grid
    # the first point lies at (302 - 8 (n - 1)) / 2, counted from the middle of the first pixel
    assert grid.points[0] - 0.5 == (302 - (side - 1) * 8) / 2 and grid.cells == side
    assert 'head.cls_p5_conv1.bn.weight' not in state


def block(x, b):
    x = eq.conv(x, b.conv, b.conv.stride[0])
    x = x if b.bn is None else eq.norm(x, b.bn)
    return eq.relu(x) if b.relu else x


def alexnet(x, net):
    x = eq.max_pool(block(x, net.conv1), up=True)
    x = eq.max_pool(block(x, net.conv2), up=True)
    return block(block(block(x, net.conv3), net.conv4), net.conv5)


def googlenet(x, net):
    def c(x, layer):
        return eq.relu(eq.norm(eq.conv(x, layer.conv, layer.conv.stride[0],
                                       layer.conv.padding), layer.bn))

    def chain(x, m, names):
        for name in names.split():
            x = c(x, getattr(m, name))
        return x
    x = (x[:, ::-1] - 127.5) / 127.5
    x = eq.max_pool(chain(x, net, 'Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3'))
    x = chain(x, net, 'Conv2d_3b_1x1 Conv2d_4a_3x3')
    for name in 'bcd':
        m = getattr(net, f'Mixed_5{name}')
        x = np.concatenate([
            c(x, m.branch1x1), chain(x, m, 'branch5x5_1 branch5x5_2'),
            chain(x, m, 'branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3'),
            c(eq.mean_pool(x), m.branch_pool)], 1)
    m = net.Mixed_6a
    x = np.concatenate([c(x, m.branch3x3), chain(
        x, m, 'branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3'), eq.max_pool(x)], 1)
    for name in 'bcde':
        m = getattr(net, f'Mixed_6{name}')
        x = np.concatenate([
            c(x, m.branch1x1), chain(x, m, 'branch7x7_1 branch7x7_2 branch7x7_3'),
            chain(x, m, ' '.join(f'branch7x7dbl_{i}' for i in range(1, 6))),
            c(eq.mean_pool(x), m.branch_pool)], 1)
    reduce, norm = net.channel_reduce
    return eq.norm(eq.conv(x[:, :, 4:-4, 4:-4], reduce), norm)


@pytest.mark.exact
@pytest.mark.parametrize('name, backbone, z, x', [
    ('alexnet_published', alexnet, 111, 191), ('googlenet_published', googlenet, 119, 175)])
def test_outputs_equal_the_equations(monkeypatch, name, backbone, z, x):
    """On smaller crops than in use: the layers are the same. In double precision."""
    net = made(name, z, x).double()
    monkeypatch.setattr(net, 'features', lambda crops: net.basemodel(
        crops.permute(0, 3, 1, 2).double()))
    crops = [RNG.integers(0, 256, (1, s, s, 3), np.uint8) for s in (z, x)]
    with torch.inference_mode():
        kernels = net.template(torch.from_numpy(crops[0]))
        scores, ltrb = PublishedSearchNet(net)(torch.from_numpy(crops[1]), *kernels)
    fz, fx = (backbone(c.transpose(0, 3, 1, 2).astype(float), net.basemodel) for c in crops)
    towers = {}
    for branch, adjust, kernel in (('cls', net.c_x, net.c_z_k), ('bbox', net.r_x, net.r_z_k)):
        h = eq.correlate(block(fx, adjust), block(fz, kernel))
        for i in range(len(net.variant.norms)):
            h = block(h, getattr(net.head, f'{branch}_p5_conv{i + 1}'))
        towers[branch] = h
    score = eq.sigmoid(block(towers['cls'], net.head.cls_score_p5)[:, 0]) * eq.sigmoid(
        block(towers['cls'], net.head.ctr_score_p5)[:, 0])
    offsets = block(towers['bbox'], net.head.bbox_offsets_p5)
    sides = np.exp(np.clip(offsets + 1.5, -10, 10)) * 8 + 0.5  # si is 1
    assert score.shape[1] > 2 and score.std() > 1e-4
    # the tracker takes the root of the product of both
    found = np.sqrt((scores[:, 0] * scores[:, 1]).numpy())
    assert np.abs(found - score).max() < 1e-9
    assert np.abs(ltrb.numpy() / sides - 1).max() < 1e-9


@pytest.mark.exact
def test_a_box_has_the_pixel_that_its_authors_leave_out_of_its_sides():
    """Their targets: from a pixel's index to those of the box's first and last pixel."""
    first, width, index = 100, 41, 119  # it covers the pixels 100 to 140, counted from 0
    left, right = index - first, first + width - 1 - index
    head = Head((False,)).eval()
    block, logs = head.bbox_offsets_p5, torch.log(torch.tensor([left, 1.0, right, 1.0]) / 8)
    with torch.no_grad():
        block.conv.weight.zero_()
        block.conv.bias.copy_(logs)
        maps = torch.zeros(1, 256, 3, 3)
        _, _, (ltrb,) = head(maps, maps, 8)
    middle = index + 0.5  # of that pixel
    assert float(middle - ltrb[0, 0, 0]) == pytest.approx(first, abs=1e-3)
    assert float(middle + ltrb[2, 0, 0]) == pytest.approx(first + width, abs=1e-3)


def test_a_file_of_video_analyst_tracks(tmp_path, capsys, caplog):
    tell_once.cache_clear()
    net = made('alexnet_published')
    path = tmp_path / 'siamfcpp-alexnet-vot.pkl'
    torch.save({'epoch': 19, 'model_state_dict': net.state_dict()}, path)
    box = first_box()
    words = ['track', str(VIDEO), '--init', f'{box.x},{box.y},{box.w},{box.h}', '--start', '157',
             '--param', 'tracker=siamfcpp', '--param', 'backbone=alexnet_published',
             '--param', f'tracker_weights={path}', '--param', 'redetector=none',
             '--param', 'engine=torch', '--param', 'recognition=first_look']
    assert main(words) == 0, capsys.readouterr().err
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3
    assert f'{path} is not calibrated' in caplog.text
    # the same boxes as the network itself gives
    engine = EngineConfig('cpu', 'torch', threads=1)
    own = siamfcpp.build(net, engine, net.variant.config)
    other = siamfcpp.SPEC.build(str(path), 'alexnet_published', engine)
    for tracker in (own, other):
        tracker.init(FRAME, Box(100, 100, 50, 40))
    regions = [Region(Box(90, 95, 50, 40)), Region(Box(10, 10, 30, 60))]
    assert own.track(FRAME, regions) == other.track(FRAME, regions)


def test_ours_and_theirs_do_not_take_each_others_files(tmp_path):
    theirs = PublishedNet(PUBLISHED['alexnet_published'])
    torch.save({'model_state_dict': theirs.state_dict()}, tmp_path / 'a.pkl')
    engine = EngineConfig('cpu', 'torch')
    with pytest.raises(ValueError, match='does not fit SiamFCppNet: missing key backbone') as e:
        siamfcpp.SPEC.build(str(tmp_path / 'a.pkl'), 'alexnet', engine)
    assert '\n' not in str(e.value)
