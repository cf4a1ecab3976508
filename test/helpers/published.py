"""Files in the layouts that authors publish, for every tracker and re-detector that needs one."""

from functools import partial

from lg_tracker_ros.local.dimp.net import DimpNet
from lg_tracker_ros.local.mdnet.vggm import Shared, VGG_M
from lg_tracker_ros.local.siamese.siamfcpp_published import PUBLISHED, PublishedNet
from lg_tracker_ros.local.siamese.siammask_net import SiamMaskNet
from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet
from lg_tracker_ros.local.siamfcpp_net import VARIANTS as FCPP
from lg_tracker_ros.local.siamrpnpp_net import VARIANTS as RPN
from lg_tracker_ros.redetect.globaltrack.net import GlobalTrackNet
from lg_tracker_ros.redetect.tanet_net import TANetGenerator
import torch
from torch import nn


def blank(make, prefix=''):
    """Make a state dict of zeros, variances 1: what it says is the same of all, but soon made."""
    with torch.device('meta'):
        state = make().state_dict()
    return {prefix + k: torch.full(v.shape, float(k.endswith('running_var')), dtype=v.dtype)
            for k, v in state.items()}


def pysot(make):
    """PySOT's: the parameters by themselves, of a model that was trained on several GPUs."""
    return blank(make, 'module.')


def pytracking(make):
    """Nest them as pytracking does, what is of no use beside them."""
    return {'net': {**blank(make), 'feature_extractor.fc.bias': torch.zeros(1000)},
            'net_type': 'DiMPnet', 'epoch': 50}


def released(make):
    """TANet's: with the classifiers of what its networks began with."""
    return {**blank(make), 'encoder.fc.bias': torch.zeros(1000)}


def nested(key, make, **beside):
    """Nest them under a name."""
    return {**beside, key: blank(make)}


MDNET = partial(nested, 'shared_layers', partial(Shared, VGG_M, False, False))
DIMP = partial(pytracking, DimpNet)
GLOBALTRACK = partial(nested, 'state_dict', GlobalTrackNet, meta={'epoch': 24, 'CLASSES': None})
TORCH = {
    **{f'siamrpnpp@backbone={b}': partial(pysot, RPN[b][0])
       for b in ('efficientnet_lite0', 'alexnet', 'mobilenet_v2')},
    **{f'siamfcpp@backbone={b}': partial(nested, 'model_state_dict', partial(PublishedNet, v),
                                         epoch=19) for b, v in PUBLISHED.items()},
    **{f'siamfcpp@backbone={b}': partial(blank, partial(SiamFCppNet, FCPP[b]))
       for b in ('efficientnet_lite0', 'alexnet', 'mobilenet_v2')},
    'siammask': partial(pysot, SiamMaskNet), 'dimp50': DIMP, 'superdimp': DIMP,
    'mdnet': MDNET, 'rtmdnet': MDNET, 'dat': MDNET,
    'tanet': partial(nested, 'state_dict', TANetGenerator, network='tanet'),
    'tanet_released': partial(released, TANetGenerator),
    'globaltrack': GLOBALTRACK, 'globaltrack_640': GLOBALTRACK}
"""By name, a tracker's with its backbone if it has several: what torch.save writes."""


class Fixed(nn.Module):
    """Answers with maps of 16 x 16 cells, whatever it sees."""

    def __init__(self, *channels):
        """Take the channels of each answer."""
        super().__init__()
        self.channels = channels

    def forward(self, z, x):
        """Make them of both inputs, so that none can be left out."""
        seen = 0 * (z.mean() + x.mean())
        return tuple(torch.full((1, c, 16, 16), 0.5) + seen for c in self.channels)


class Shrink(nn.Module):
    """A sixteenth of an image's sides, one channel."""

    def forward(self, x):
        """Take the mean."""
        return nn.functional.avg_pool2d(x, 16).mean(1, keepdim=True)


def write_onnx(name, folder):
    """Write OpenCV's networks, NanoTrack or VitTrack; gives what tracker_weights must name."""
    def export(net, example, file, inputs, outputs):
        torch.onnx.export(net, example, str(folder / file), input_names=inputs,
                          output_names=outputs, dynamo=False, opset_version=11)

    def image(side):
        return torch.zeros(1, 3, side, side)
    if name == 'opencv_vit':
        export(Fixed(1, 2, 2), (image(128), image(256)), 'vit.onnx', ['template', 'search'],
               ['output1', 'output2', 'output3'])
        return folder / 'vit.onnx'
    export(Shrink(), (image(255),), 'nanotrack_backbone_sim.onnx', ['input'], ['output'])
    export(Fixed(2, 4), (torch.zeros(1, 1, 7, 7), torch.zeros(1, 1, 15, 15)),
           'nanotrack_head_sim.onnx', ['input1', 'input2'], ['output1', 'output2'])
    return folder


def write(name, folder):
    """Write the file or files of ``name``; gives the path that the parameter must name."""
    if name.startswith('opencv_'):
        return write_onnx(name, folder)
    torch.save(TORCH[name](), folder / 'model.pth')
    return folder / 'model.pth'
