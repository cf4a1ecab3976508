"""Random weights by which a network's answers depend on what it sees, as a trained one's do."""

from functools import partial

from lg_tracker_ros.local.dimp.iou import IoUNet
from lg_tracker_ros.local.dimp.net import DimpNet
from lg_tracker_ros.local.mdnet.vggm import Shared
from lg_tracker_ros.local.siamese.siamfcpp_published import PublishedNet
from lg_tracker_ros.local.siamese.siammask_net import SiamMaskNet
from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNNet
from lg_tracker_ros.redetect.globaltrack.net import GlobalTrackNet
from lg_tracker_ros.redetect.globaltrack.rois import pool
from lg_tracker_ros.redetect.tanet_net import TANetGenerator
import torch
import torch.nn.functional as F


def picture(side, count=1):
    """Draw blurred noise, count x 3 x side x side in 0..255."""
    return 255 * F.interpolate(torch.rand(count, 3, side // 8, side // 8), (side, side),
                               mode='bilinear')


def bytes_of(images):
    """N x 3 x h x w to N x h x w x 3 uint8."""
    return images.permute(0, 2, 3, 1).byte().contiguous()


def _rpn(net, template=127, search=255):
    return net(net.template(picture(template)), picture(search))


def _fcpp(net):
    grid = net.variant.grid
    net(bytes_of(picture(grid.instance)), *net.template(bytes_of(picture(grid.exemplar))))


def _mask(net):
    *_, fine, correlation = _rpn(net)
    net.masks(fine, correlation, [(3, 9)])


def _dimp(net):
    x8, x16 = net.extract(bytes_of(picture(128)))
    features = net.classifier.feature_extractor(x16)
    net.classifier.filter_initializer(features[None], torch.tensor([[[2., 2, 5, 6]]]))
    boxes = torch.tensor([[[40., 40, 30, 50], [30., 50, 50, 30], [50., 20, 60, 60]]])
    bb = net.bb_regressor
    bb(bb.modulation(x8, x16, boxes[0, 0]), *bb.features(x8, x16), boxes)
    _as_an_iou(bb)


def _as_an_iou(net):
    """
    Let a predictor's judgements of boxes span about 1, as IoUs do.

    Random layers span some 100 among the boxes that are tried: the ascent then goes astray, as
    far as 1000 px, and the features' last bit decides where to (test_iou.py has figures).
    """
    net.iou_predictor.weight.mul_(0.01)


def _mdnet(net):
    features = net(picture(107, 2).byte()).flatten(1)
    net.fc5(F.relu(net.fc4(features)))


def _globaltrack(net):
    pyramid = net(picture(128) / 64 - 2)
    regions = pool(pyramid, torch.tensor([[40., 40, 70, 90], [30., 50, 80, 80]]))
    for level in net.rpn_modulator(pyramid, net.rpn_modulator.kernels(regions[:1])):
        net.rpn_head(level)
    net.bbox_head(net.rcnn_modulator(regions, net.rcnn_modulator.proj_z(regions[:1])))


def _tanet(net):
    images = picture(96, 3) / 255
    net(images[:1], images[1:2], images[None])


def _iou(net):
    x8, x16 = torch.randn(1, 512, 20, 20), torch.randn(1, 1024, 10, 10)
    boxes = torch.tensor([[[60., 50, 48, 40], [50., 60, 60, 40]]])
    net(net.modulation(x8, x16, boxes[0, 0]), *net.features(x8, x16), boxes)
    _as_an_iou(net)


SHOWN = {SiamRPNNet: _rpn, SiamMaskNet: _mask, SiamFCppNet: _fcpp, PublishedNet: _fcpp,
         DimpNet: _dimp, IoUNet: _iou, Shared: _mdnet,
         GlobalTrackNet: _globaltrack, TANetGenerator: _tanet}
"""What runs all of a network once."""


def _scaled(hooks, module, given, out):
    """Give what a layer answers first a deviation of 1 (Mishkin and Matas, ICLR 2016)."""
    hooks.pop(module).remove()
    spread = float(out.std()) if out.numel() > 1 else 0.0
    if spread < 1e-6:
        return out
    for parameter in (module.weight, module.bias):
        if parameter is not None:
            parameter.div_(spread)
    return out / spread


def drawn(make):
    """Make a network, draw its weights, and give them: the same each time."""
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(0)
        net, hooks = make().eval(), {}
        for module in net.modules():
            if getattr(module, 'weight', None) is not None and module.weight.dim() > 1:
                hooks[module] = module.register_forward_hook(partial(_scaled, hooks))
        SHOWN[type(net)](net)
    return net.state_dict()
