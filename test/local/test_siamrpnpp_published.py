"""PySOT's variants for OTB and for long videos: layout, equations, the wider search."""

from helpers import equations as eq
from helpers.clip import first_box, VIDEO
from helpers.published import blank, pysot
from lg_tracker_ros.cli import main
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.siamese.anchors import Search
from lg_tracker_ros.local.siamese.rpn import MultiRPN
from lg_tracker_ros.local.siamrpnpp import LongTermSiamRPNpp
from lg_tracker_ros.local.siamrpnpp_net import Lost, SiamRPNConstants, VARIANTS
from lg_tracker_ros.local.spec import BACKBONES
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.types import Advised, Box, Frame, Kind, OnlineTracker, Region
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

RNG = np.random.default_rng(0)
FRAME = Frame(RNG.integers(0, 256, (240, 320, 3), np.uint8))
HERE = Region(Box(100, 80, 50, 40))
BOUNDS = Lost()


@pytest.mark.exact
@pytest.mark.parametrize('backbone, count, shapes, missing, constants', [
    ('resnet50_otb', 456, {'neck.downsample4.downsample.0.weight': (256, 2048, 1, 1)},
     'rpn_head.cls_weight', (0.24, 0.50, 0.25)),
    ('resnet50_lt', 458, {
        'neck.downsample2.downsample.0.weight': (128, 512, 1, 1),
        'rpn_head.rpn2.cls.conv_kernel.0.weight': (128, 128, 3, 3),
        'rpn_head.rpn4.loc.head.3.weight': (20, 512, 1, 1), 'rpn_head.loc_weight': (3,)},
     '', (0.05, 0.28, 0.22))])
def test_keys_shapes_and_constants_are_those_of_pysot(backbone, count, shapes, missing, constants):
    make, c = VARIANTS[backbone]
    with torch.device('meta'):
        net = make().eval()
        sizes = [c.instance, *([c.lost.instance] if c.lost else [])]
        template = net.template(torch.empty(1, 3, 127, 127))
        maps = [net(template, torch.empty(1, 3, s, s)) for s in sizes]
    state = net.state_dict()
    assert len(state) == count and missing not in state
    assert {k: tuple(state[k].shape) for k in shapes} == shapes
    assert (c.penalty_k, c.window, c.lr) == constants
    assert [cls.shape[3] for cls, _ in maps] == [25, 97][:len(sizes)]


@pytest.mark.exact
def test_the_window_beside_drols_classifier_is_that_of_its_experiments():
    """DROL's: R50 for OTB, R50 for long videos, R50, AlexNet."""
    assert [Search(VARIANTS[b][1]).online_window for b in (
        'resnet50_otb', 'resnet50_lt', 'resnet50', 'alexnet')] == [0.25, 0.26, 0.25, 0.30]


@pytest.mark.exact
def test_every_backbone_is_some_trackers():
    assert set(BACKBONES) == {b for spec in LOCAL_TRACKERS.values() for b in spec.backbones}


@pytest.mark.exact
@pytest.mark.parametrize('channels, weighted', [((16, 16, 16), False), ((8, 16, 24), True)])
def test_levels_of_any_width_are_fused_as_the_equations_say(channels, weighted):
    torch.manual_seed(0)
    net = eq.shaken(MultiRPN(channels, 5, weighted))
    if weighted:
        torch.nn.init.normal_(net.cls_weight)
        torch.nn.init.normal_(net.loc_weight)
    zs, xs = ([torch.randn(1, c, side, side) for c in channels] for side in (7, 15))
    with torch.inference_mode():
        found = net(net.template(zs), xs)

    def side(x, layers):
        return eq.relu(eq.norm(eq.conv(x, layers[0]), layers[1]))
    for branch, got in zip(('cls', 'loc'), found):
        levels = []
        for i, (z, x) in enumerate(zip(zs, xs)):
            b = getattr(getattr(net, f'rpn{i + 2}'), branch)
            h = eq.correlate(side(x.double().numpy(), b.conv_search),
                             side(z.double().numpy(), b.conv_kernel))
            h = eq.relu(eq.norm(eq.conv(h, b.head[0]), b.head[1]))
            levels.append(eq.conv(h, b.head[3]))
        shares = np.full(3, 1 / 3)
        if weighted:
            e = np.exp(getattr(net, f'{branch}_weight').detach().double().numpy())
            shares = e / e.sum()
        assert np.abs(got.numpy() - sum(s * m for s, m in zip(shares, levels))).max() < 1e-5


def test_a_file_of_the_otb_model_tracks(tmp_path, capsys, caplog):
    tell_once.cache_clear()
    path = tmp_path / 'model.pth'
    torch.save(pysot(VARIANTS['resnet50_otb'][0], blank), path,
               _use_new_zipfile_serialization=False)
    box = first_box()
    words = ['track', str(VIDEO), '--init', f'{box.x},{box.y},{box.w},{box.h}', '--start', '158',
             '--param', 'tracker=siamrpnpp', '--param', f'tracker_weights={path}',
             '--param', 'redetector=none', '--param', 'recognition=first_look', '--param']
    assert main([*words, 'backbone=resnet50_otb']) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2
    assert f'{path} is not calibrated' in caplog.text


class StubNet(torch.nn.Module):
    """Scores one anchor in the middle, of any search image."""

    def __init__(self):
        """Start sure."""
        super().__init__()
        self.score, self.sides = 0.9999, []

    def template(self, z):
        """Learn nothing."""
        return []

    def forward(self, template, x):
        """Answer with one peak, an eighth of an anchor off the middle."""
        self.sides.append((len(x), x.shape[3]))
        s = (x.shape[3] - 127) // 8 + 9
        cls, loc = torch.zeros(len(x), 2, 5, s, s), torch.zeros(len(x), 4, 5, s, s)
        cls[:, 0] = 20
        odds = self.score / (1 - self.score)
        cls[:, :, 2, s // 2, s // 2] = torch.tensor([0.0, float(np.log(odds))])
        loc[:, 0] = 0.125
        return cls.flatten(1, 2), loc.flatten(1, 2)


@pytest.fixture
def followed():
    """Make the long-term tracker over a stub, and what follows one frame with a score."""
    net = StubNet()
    tracker = LongTermSiamRPNpp(net, 'cpu', SiamRPNConstants(0.05, 0.28, 0.22, lost=BOUNDS))
    tracker.init(FRAME, HERE.box)

    def step(score):
        net.score = score
        out, = tracker.track(FRAME, [HERE])
        if score > 0.5:
            tracker.update(FRAME, out, [])
        else:
            tracker.miss(FRAME)
        return out
    return net, tracker, step


def test_a_lost_target_is_sought_wider_until_it_is_found_again(followed):
    net, tracker, step = followed
    assert isinstance(tracker, OnlineTracker) and not tracker.lost
    # lost below .8, and no sooner found than above .998
    for score, lost in ((0.85, False), (0.79, True), (0.3, True), (0.99, True), (0.999, False),
                        (0.5, True)):
        step(score)
        assert tracker.lost == lost, score
    assert [side for _, side in net.sides] == [255, 255, 831, 831, 831, 255]
    tracker.init(FRAME, HERE.box)
    assert not tracker.lost


@pytest.mark.parametrize('advice', ['disown', 'own'])
def test_an_operators_word_ends_the_search_for_what_was_lost(followed, advice):
    net, tracker, step = followed
    assert isinstance(tracker, Advised)
    step(0.3)
    assert tracker.lost
    getattr(tracker, advice)()
    step(0.85)
    assert [side for _, side in net.sides] == [255, 255] and not tracker.lost


def test_below_the_bound_the_place_stays_and_a_proposal_is_searched_as_usual(followed):
    net, tracker, step = followed
    # 64 search pixels / 8, of which one is 90 / 127 image pixels or so
    k = Search(VARIANTS['resnet50_lt'][1]).side(HERE.box) / 255
    assert step(0.9).box.cx == pytest.approx(HERE.box.cx + 8 * k)
    assert step(0.7).box == HERE.box
    net.sides.clear()
    outs = tracker.track(FRAME, [Region(HERE.box, Kind.PROPOSAL), HERE,
                                 Region(Box(10, 10, 50, 40), Kind.PROPOSAL)])
    assert sorted(net.sides) == [(1, 831), (2, 255)]
    assert [o.box.cx for o in outs] == pytest.approx(
        [HERE.box.cx + 8 * k, HERE.box.cx, 35 + 8 * k])


def test_settings_make_the_long_term_tracker(tmp_path):
    torch.save({'state_dict': pysot(VARIANTS['resnet50_lt'][0], blank)}, tmp_path / 'lt.pth')
    tracker = build_tracker(Settings(
        tracker='siamrpnpp', backbone='resnet50_lt', tracker_weights=str(tmp_path / 'lt.pth'),
        redetector='none', device='cpu', engine='torch'))
    inner = tracker.local.tracker
    assert isinstance(inner, LongTermSiamRPNpp)
    tracker.init(FRAME, HERE.box)
    track, = tracker.step([FRAME])
    assert 0 <= track.confidence <= 1
    assert inner.lost  # a score of .5
