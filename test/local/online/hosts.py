"""Hosts with networks drawn at random, and the trackers that share these networks."""

from functools import lru_cache

from lg_tracker_ros.checkpoint import shared_backbone
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local import pixelwise, siamfcpp
from lg_tracker_ros.local.anchor_free import AnchorFreeSelector
from lg_tracker_ros.local.online.host import Host
from lg_tracker_ros.local.online.nets import (
    OpenPixelwise,
    OpenPublished,
    OpenSiamFCpp,
    OpenSiamRPN,
)
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads, SearchNet, TemplateNet
from lg_tracker_ros.local.siamese.anchors import Search
from lg_tracker_ros.local.siamese.siamfcpp_published import PUBLISHED, PublishedNet
from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet
from lg_tracker_ros.local.siamfcpp_net import VARIANTS as FCPP
from lg_tracker_ros.local.siamrpnpp import SiamRPNpp
from lg_tracker_ros.local.siamrpnpp_net import VARIANTS as RPN
import torch

TORCH = EngineConfig('cpu', 'torch', threads=1)
LITE = 'efficientnet_lite0'


@lru_cache
def pair(name):
    """Give the plain tracker and the host of the same network."""
    torch.manual_seed(0)
    if name == 'pixelwise':
        backbone, heads = shared_backbone(), PixelwiseHeads()
        search = SearchNet(backbone, heads)
        return (pixelwise.build(TemplateNet(backbone, heads), search, TORCH, pixelwise.PLAIN),
                Host(AnchorFreeSelector(pixelwise.CROPS, pixelwise.PLAIN), OpenPixelwise(search),
                     TORCH))
    if name == 'siamfcpp':
        net = SiamFCppNet(FCPP[LITE])
        selector = AnchorFreeSelector(FCPP[LITE].grid, siamfcpp.CONFIG)
        return siamfcpp.build(net, TORCH), Host(selector, OpenSiamFCpp(net), TORCH)
    if name == 'alexnet_published':
        published = PublishedNet(PUBLISHED[name])
        config = published.variant.config
        return (siamfcpp.build(published, TORCH, config),
                Host(AnchorFreeSelector(published.variant.grid, config), OpenPublished(published),
                     TORCH))
    make, constants = RPN[LITE]
    net = make()
    return (SiamRPNpp(net, 'cpu', constants, 1),
            Host(Search(constants), OpenSiamRPN(net), TORCH))
