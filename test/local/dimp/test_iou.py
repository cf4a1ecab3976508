"""The IoU predictor: shapes of released files, gradients of boxes, and steps along them."""

from helpers.lively import drawn
from lg_tracker_ros.local.dimp.dimp import shake
from lg_tracker_ros.local.dimp.iou import from_relative, IoUNet, refine, to_relative
import pytest
import torch
from torch.nn.functional import interpolate

pytestmark = pytest.mark.rounding
BOX = torch.tensor([60.0, 50, 48, 40])


@pytest.fixture(scope='module')
def known():
    """Make a network in double precision, what it knows of a target, and features of a crop."""
    torch.manual_seed(0)
    net = IoUNet().double().eval().requires_grad_(False)
    x8 = torch.randn(1, 512, 20, 20, dtype=torch.double)
    x16 = torch.randn(1, 1024, 10, 10, dtype=torch.double)
    modulation = net.modulation(x8, x16, BOX.double())
    return net, modulation, net.features(x8, x16)


def test_parameters_have_the_shapes_of_released_files():
    with torch.device('meta'):
        shapes = {k: tuple(v.shape) for k, v in IoUNet().state_dict().items()}
    assert shapes['fc3_rt.linear.weight'] == (256, 6400)
    assert shapes['fc4_rt.linear.weight'] == (256, 2304)
    assert shapes['iou_predictor.weight'] == (1, 512)
    blocks = {k.split('.')[0] for k in shapes}
    assert blocks == {'conv3_1r', 'conv3_1t', 'conv3_2t', 'fc3_1r', 'conv4_1r', 'conv4_1t',
                      'conv4_2t', 'fc34_3r', 'fc34_4r', 'fc3_rt', 'fc4_rt', 'iou_predictor'}
    assert {'fc3_rt.bn.weight', 'conv3_1r.0.weight', 'conv3_1r.1.running_mean'} <= set(shapes)


def test_gradients_of_boxes_are_finite_differences(known):
    net, modulation, (c3, c4) = known
    boxes = torch.stack([BOX, BOX + torch.tensor([3.3, -2.1, 4.4, 1.7])])[None].double()

    def judged(b):
        return net(modulation, c3, c4, b)
    assert torch.autograd.gradcheck(judged, boxes.requires_grad_(), eps=1e-4, atol=1e-6)


@pytest.mark.parametrize('relative, length', [(False, 1.0), (True, 2.5e-3)])
def test_refinement_climbs_and_one_step_is_the_gradient_scaled(known, relative, length):
    net, modulation, (c3, c4) = known
    boxes = torch.stack([BOX, BOX * 1.1])[None].double()
    before = net(modulation, c3, c4, boxes)
    _, after = refine(net, modulation, c3, c4, boxes, 5, 0.1 * length, relative)
    assert (after >= before - 1e-9).all()
    # the judgement is that of the boxes before the last step
    four, _ = refine(net, modulation, c3, c4, boxes, 4, 0.1 * length, relative)
    torch.testing.assert_close(after, net(modulation, c3, c4, four))
    one, _ = refine(net, modulation, c3, c4, boxes, 1, length, relative)
    slope, = torch.autograd.grad(net(modulation, c3, c4, boxes.requires_grad_()).sum(), boxes)
    boxes = boxes.detach()
    if not relative:
        scale = torch.cat([boxes[..., 2:]] * 2, -1)
        torch.testing.assert_close(one, boxes + length * slope * scale)
        return
    # by the chain rule: centres in units of the first box, sides in logarithms
    unit, sides = boxes[:, :1, 2:], boxes[..., 2:]
    at = to_relative(boxes, unit)
    middle = slope[..., :2] * unit
    grow = slope[..., 2:] * sides - slope[..., :2] * sides / 2
    want = from_relative(at + length * torch.cat([middle, grow], -1), unit)
    torch.testing.assert_close(one, want)


@pytest.mark.parametrize('relative, length, steps', [(False, 1.0, 5), (True, 2.5e-3, 10)])
def test_rounding_moves_no_box_of_weights_that_are_drawn(relative, length, steps):
    """
    So that test_contract.py may compare a GPU's boxes with a CPU's.

    Of weights a hundred times as large, whose judgements of these boxes span 40 and not below 1 as
    IoUs do, features off by 1e-6 move boxes by up to 17 px in DiMP-50's steps.
    """
    net = IoUNet().eval().requires_grad_(False)
    net.load_state_dict(drawn(IoUNet))
    torch.manual_seed(0)
    x8, x16 = (interpolate(4 * torch.randn(1, channels, 5, 5), (side, side), mode='bilinear')
               for channels, side in ((512, 20), (1024, 10)))  # smooth, as a network's maps
    modulation, maps = net.modulation(x8, x16, BOX), net.features(x8, x16)
    boxes = shake(BOX[None], 9)

    def refined(*features):
        return refine(net, modulation, *features, boxes, steps, length, relative)[0]
    found = refined(*maps)
    assert (found - boxes).abs().max() > 0.5  # it does climb
    for sign in (1, -1):
        off = [m * (1 + sign * 1e-6 * torch.randn(m.shape)) for m in maps]
        assert (refined(*off) - found).abs().max() < 5e-3
