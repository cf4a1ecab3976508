"""``bench --published``: what is counted, and that a network costs what is published of it."""

import math

from helpers.clip import first_box, frames
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.tables.costs import cost, counted, PUBLISHED
from lg_tracker_ros.evaluation.tables.summary import networks
import pytest
import torch
from torch import nn

pytestmark = pytest.mark.usefixtures('one_thread')


def test_multiply_adds_by_hand():
    conv, linear = nn.Conv2d(3, 5, 3), nn.Linear(7, 2)
    x, y = torch.zeros(2, 3, 10, 10), torch.zeros(4, 7)
    forward = 2 * 5 * 8 * 8 * 27
    assert counted(lambda: conv(x))[0] == forward
    with torch.inference_mode():
        assert counted(lambda: (conv(x), linear(y)))[0] == forward + 4 * 7 * 2

    def slope():
        at = x.clone().requires_grad_()
        return torch.autograd.grad(conv(at).sum(), at)
    macs, seconds = counted(slope)
    assert macs == 2 * forward and seconds >= 0, 'a gradient by the input costs as much again'


def test_every_network_is_known():
    assert {p.network for p in PUBLISHED.values()} <= networks().keys()


def test_siamrpnpp_costs_what_is_published_of_it():
    """6.5 GMAC of AlexNet's search, that of the template once: (127/287)² of the backbone's."""
    found = cost('siamrpnpp/alexnet', frames(3), first_box())
    assert found.later[0] == pytest.approx(6.5e9, rel=0.03) and found.first[0] < 0.8e9
    assert min(s for _, s in found) > 0 and all(map(math.isfinite, (s for _, s in found)))


def test_a_wrong_name_is_one_line(capsys):
    assert main(['bench', '--published', 'alexnet']) == 1
    err = capsys.readouterr().err
    assert "unknown network 'alexnet'; expected one of globaltrack, " in err
    assert err.count('\n') == 1 and len(err) <= 320
