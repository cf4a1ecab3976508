"""What a Siamese training begins with: a backbone's file, or a whole network of PySOT's."""

from dataclasses import replace
import re

from lg_tracker_ros.backbones.alexnet import AlexNet
from lg_tracker_ros.local.siamrpnpp import build
from lg_tracker_ros.local.siamrpnpp_net import VARIANTS
from lg_tracker_ros.training.networks import siamrpnpp
import torch

FIRST = {0: 1, 4: 2, 8: 3, 11: 4, 14: 5}
"""The convolutions of the row, and the groups that PySOT trains them in."""


def in_training(state):
    """Give AlexNet's parameters the names that they have while PySOT trains it."""
    def grouped(found):
        n = int(found[1])
        first = max(f for f in FIRST if f <= n)
        return f'layer{FIRST[first]}.{n - first}.'
    return {re.sub(r'features\.(\d+)\.', grouped, name): value for name, value in state.items()}


def test_training_begins_with_alexnet_as_pysot_trains_it(tmp_path):
    torch.manual_seed(0)
    theirs = AlexNet().state_dict()
    named = in_training(theirs)
    assert {'layer1.0.weight', 'layer4.1.running_var', 'layer5.1.bias'} < named.keys()
    torch.save({f'module.{k}': v for k, v in {**named, 'fc.bias': torch.zeros(9)}.items()},
               tmp_path / 'alexnet-bn.pth')
    config = replace(siamrpnpp.DEFAULTS, backbone='alexnet',
                     pretrained=str(tmp_path / 'alexnet-bn.pth'))
    ours = siamrpnpp.make_model(config).backbone.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in theirs)


def test_a_snapshot_of_pysots_training_is_a_tracker(tmp_path):
    torch.manual_seed(0)
    net = VARIANTS['alexnet'][0]()
    torch.save({'epoch': 35, 'state_dict': in_training(net.state_dict()),
                'optimizer': {'state': {}, 'param_groups': [{'lr': 0.01, 'params': [0]}]}},
               tmp_path / 'checkpoint_e35.pth')
    ours = build('alexnet', tmp_path / 'checkpoint_e35.pth')._net.state_dict()
    assert all(torch.equal(ours[k], v) for k, v in net.state_dict().items())
