"""Constants of published Siamese trackers that a user chooses, for their files don't say them."""

from helpers.published import write
from lg_tracker_ros.boxes import Box
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.local.siamese.siamfcpp_published import PUBLISHED
from lg_tracker_ros.local.siamese.siammask import CONSTANTS, THRESHOLD, tight_box
from lg_tracker_ros.local.siamrpnpp_net import VARIANTS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Mask
import numpy as np
import pytest

RPN, FCPP = VARIANTS['alexnet'][1], PUBLISHED['alexnet_published'].config


def made(tmp_path, tracker, backbone='', **more):
    """Make the local tracker alone of a file in the published layout."""
    path = write(f'{tracker}@backbone={backbone}' if backbone else tracker, tmp_path)
    settings = Settings(tracker=tracker, backbone=backbone or 'efficientnet_lite0', engine='torch',
                        tracker_weights=str(path), redetector='none', threads=1, **more)
    return make_local(settings, settings.engine_config()).tracker


def test_of_siamrpnpp(tmp_path):
    c = made(tmp_path, 'siamrpnpp', 'alexnet')._near.constants
    assert c == RPN
    c = made(tmp_path, 'siamrpnpp', 'alexnet', penalty_k=0.04, size_rate=1.0)._near.constants
    assert (c.penalty_k, c.window, c.lr, c.instance) == (0.04, RPN.window, 1.0, RPN.instance)


def test_of_siamfcpp_and_of_what_learns_on_top_of_it(tmp_path):
    got = {'penalty_k': 0.0, 'window_influence': 0.232, 'size_rate': 0.525}
    assert made(tmp_path, 'siamfcpp', 'alexnet_published').config == FCPP
    for tracker in (made(tmp_path, 'siamfcpp', 'alexnet_published', **got),
                    made(tmp_path, 'siamfcpp', 'alexnet_published', online_module='thor',
                         **got).host.selector):
        c = tracker.config
        assert (c.penalty, c.window, c.rate, c.margin) == (0.0, 0.232, 0.525, FCPP.margin)


def test_of_siammask(tmp_path):
    tracker = made(tmp_path, 'siammask')
    assert (tracker._near.constants, tracker._threshold) == (CONSTANTS, THRESHOLD)
    tracker = made(tmp_path, 'siammask', penalty_k=0.04, window_influence=0.42, size_rate=0.25,
                   mask_threshold=0.3)
    c = tracker._near.constants
    assert (c.penalty_k, c.window, c.lr, tracker._threshold) == (0.04, 0.42, 0.25, 0.3)
    values = np.zeros((127, 127), np.float32)
    values[50:70, 40:60], values[50:70, 60:80] = 0.9, 0.2
    mask = Mask(Box(0, 0, 127, 127), values)
    assert tight_box(mask) == Box(40, 50, 40, 20)
    assert tight_box(mask, tracker._threshold) == Box(40, 50, 20, 20)


def test_another_tracker_refuses_them():
    with pytest.raises(ValueError, match='window_influence is for siamfcpp, siamrpnpp, siammask '
                                         "only, tracker is 'pixelwise'"):
        Settings(window_influence=0.3)
    with pytest.raises(ValueError, match='mask_threshold is for siammask only'):
        Settings(tracker='siamrpnpp', mask_threshold=0.3)
