"""Files in the layouts that authors publish, for every tracker and re-detector that needs one."""

from dataclasses import replace
from functools import partial

from lg_tracker_ros.local.dimp import dimp, lite
from lg_tracker_ros.local.dimp.net import DimpNet
from lg_tracker_ros.local.mdnet import published as mdnet
from lg_tracker_ros.local.mdnet.vggm import Shared, VGG_M
from lg_tracker_ros.local.online import drol
from lg_tracker_ros.local.siamese.siamfcpp_published import PUBLISHED, PublishedNet
from lg_tracker_ros.local.siamese.siammask_net import SiamMaskNet
from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet
from lg_tracker_ros.local.siamfcpp_net import VARIANTS as FCPP
from lg_tracker_ros.local.siamrpnpp_net import VARIANTS as RPN
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.redetect import tanet
from lg_tracker_ros.redetect.globaltrack import detector
from lg_tracker_ros.redetect.globaltrack.net import GlobalTrackNet
from lg_tracker_ros.redetect.tanet_net import TANetGenerator
import torch
from torch import nn


def blank(make):
    """Make a state dict of zeros, variances 1: what it says is the same of all, but soon made."""
    with torch.device('meta'):
        state = make().state_dict()
    return {k: torch.full(v.shape, float(k.endswith('running_var')), dtype=v.dtype)
            for k, v in state.items()}


def pysot(make, state):
    """PySOT's: the parameters by themselves, of a model that was trained on several GPUs."""
    return {f'module.{k}': v for k, v in state(make).items()}


def pytracking(make, state):
    """Nest them as pytracking does, what is of no use beside them."""
    return {'net': {**state(make), 'feature_extractor.fc.bias': torch.zeros(1000)},
            'net_type': 'DiMPnet', 'epoch': 50}


def released(make, state):
    """TANet's: with the classifiers of what its networks began with."""
    return {**state(make), 'encoder.fc.bias': torch.zeros(1000)}


def ours(make, state):
    """Ours: the parameters by themselves."""
    return state(make)


def nested(key, make, state, **beside):
    """Nest them under a name."""
    return {**beside, key: state(make)}


MDNET = partial(nested, 'shared_layers', partial(Shared, VGG_M, False, False))
DIMP = partial(pytracking, DimpNet)
GLOBALTRACK = partial(nested, 'state_dict', GlobalTrackNet, meta={'epoch': 24, 'CLASSES': None})
TORCH = {
    **{f'siamrpnpp@backbone={b}': partial(pysot, make) for b, (make, _) in RPN.items()},
    **{f'siamfcpp@backbone={b}': partial(nested, 'model_state_dict', partial(PublishedNet, v),
                                         epoch=19) for b, v in PUBLISHED.items()},
    **{f'siamfcpp@backbone={b}': partial(ours, partial(SiamFCppNet, v)) for b, v in FCPP.items()},
    'siammask': partial(pysot, SiamMaskNet), 'dimp50': DIMP, 'superdimp': DIMP,
    'mdnet': MDNET, 'rtmdnet': MDNET, 'dat': MDNET,
    'tanet': partial(nested, 'state_dict', TANetGenerator, network='tanet'),
    # drawn for its own decoder: without ReLU the weights for the other give logits of +-1000
    'tanet_released': partial(released, partial(TANetGenerator, 'linear')),
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


def write(name, folder, state=blank):
    """
    Write the file or files of ``name``; gives the path that the parameter must name.

    ``state``: gives the weights of what a function makes, ``blank`` or ``lively.drawn``.
    """
    if name.startswith('opencv_'):
        return write_onnx(name, folder)
    torch.save(TORCH[name](state=state), folder / 'model.pth')
    return folder / 'model.pth'


def written(folders, state=blank):
    """Give a function that writes the file of a name, once for those that take the same one."""
    made = {}

    def one(name):
        layout = TORCH.get(name, name)
        if layout not in made:
            made[layout] = write(name, folders.mktemp('weights'), state)
        return made[layout]
    return one


def _smaller(cut):
    """Make pictures of 96 px."""
    return lambda *given: cut(*given[:1 if cut.__name__ == '_square' else 2], 96)


def soon(patch):
    """Let what is made for a GPU, and dimp_lite, see smaller pictures, learn less, and sooner."""
    for name, constants in dimp.VARIANTS.items():
        patch.setitem(dimp.VARIANTS, name, replace(constants, side=128, every=3))
    patch.setattr(lite, 'FIRST', lite.FIRST[:4])
    patch.setattr(lite, 'DimpLiteConfig', partial(lite.DimpLiteConfig, first_steps=2, every=3))
    for name, schedule in mdnet.SCHEDULES.items():
        patch.setitem(mdnet.SCHEDULES, name, replace(
            schedule, candidates=6, first_positives=5, first_negatives=8, first_kept=4,
            positives=3, negatives=4, first_iterations=1, iterations=1, batch_positives=2,
            batch_negatives=2, mined=4, regression=6, first_negative_shift=0.6,
            negative_shift=0.8, whole=0.0, every=3))
    # ten iterations of the second step make 1e-7 of a feature 0.04 of the response, 4 of one 1e-6
    patch.setattr(drol, 'LIGHT', replace(drol.LIGHT, steps=1, iterations=4))
    make, constants = RPN['resnet50_lt']
    patch.setitem(RPN, 'resnet50_lt', (make, replace(
        constants, lost=replace(constants.lost, instance=287))))
    tiny = detector.GlobalTrackConfig(128, 96, 40)
    patch.setattr(detector, 'GlobalTrackConfig', lambda: tiny)
    patch.setattr(detector, 'SMALL', tiny)
    for name in ('_square', 'target_crop'):
        patch.setattr(tanet, name, _smaller(getattr(tanet, name)))
    patch.setattr(TANetGenerator, '_initialise', lambda self: None)
    tell_once.cache_clear()
