"""MDNet, RT-MDNet and DAT with files in their authors' layouts, on random weights."""

from dataclasses import replace
from functools import lru_cache

from helpers.clip import first_box, frames, truth
from helpers.vggm import shared, write_mat, write_pth
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.mdnet import published
from lg_tracker_ros.local.mdnet.classifier import Samples
from lg_tracker_ros.local.mdnet.patches import cut, Patches, warped
from lg_tracker_ros.local.mdnet.reciprocative import regularizer
from lg_tracker_ros.local.mdnet.tracker import MdnetTracker
from lg_tracker_ros.local.mdnet.vggm import learner, read_start, VGG_M
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box, OnlineTracker, Region
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.rounding, pytest.mark.usefixtures('one_thread')]
ENGINE = EngineConfig('cpu', 'torch', threads=1).resolve()
NAMES = sorted(published.SCHEDULES)


def small(name, **changed):
    """Take a paper's schedule with fewer of everything: its networks are for GPUs."""
    return replace(published.SCHEDULES[name], candidates=6, first_positives=5, first_negatives=8,
                   first_kept=4, positives=3, negatives=4, first_iterations=1, iterations=1,
                   batch_positives=2, batch_negatives=2, mined=4, regression=6, every=2,
                   first_negative_shift=0.6, negative_shift=0.8, whole=0.0, **changed)


@pytest.fixture(scope='module')
def clip():
    return frames()


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Write a file for each, DAT's that of VGG-M in MATLAB where that can be read."""
    folder, net = tmp_path_factory.mktemp('weights'), shared()
    found = dict.fromkeys(NAMES, write_pth(folder / 'python.pth', net))
    try:
        found['dat'] = write_mat(folder / 'vgg-m.mat', net, mdnet=False)
    except ImportError:
        pass
    return found


@pytest.fixture(scope='module')
def make(files):
    @lru_cache
    def one(name):
        return published.BUILDERS[name](files[name], ENGINE, small(name))
    return one


def test_schedules_are_those_of_the_authors():
    m, r, d = published.MDNET, published.RTMDNET, published.DAT
    shared_by_all = ('candidates', 'first_positives', 'first_negatives', 'positives', 'negatives',
                     'long', 'first_iterations', 'iterations', 'mined', 'every', 'last',
                     'momentum', 'decay', 'clip', 'regression', 'ridge', 'best', 'miss_every')
    for c in (m, r, d):
        assert [getattr(c, name) for name in shared_by_all] == [
            256, 500, 5000, 50, 200, 100, 50, 15, 1024, 10, 10, 0.9, 5e-4, 10, 1000, 1000, 5, 1]
    assert [(c.batch_positives, c.batch_negatives, c.short, c.first_rate, c.rate, c.mean,
             c.reciprocative) for c in (m, r, d)] == [
        (32, 96, 30, 5e-4, 1e-3, True, 0), (32, 96, 20, 1e-4, 3e-4, True, 0),
        (32, 32, 20, 2e-4, 3e-4, False, 5)]
    assert [(c.whole, c.whole_zoom, c.whole_aspect, c.opposed, c.regression_zoom,
             c.regression_kept) for c in (m, r, d)] == [
        (0.5, 1, 1, False, 1.6, False), (0, 1, 1, True, 1.5, True),
        (0.5, 1.2, 1.1, True, 1.5, True)]
    # a lost target is looked for further away: step by step, or at once
    for c, wanted in ((m, 0.66), (r, 1.4), (d, 1.5)):
        assert min(c.shift * c.grow, c.grown) == pytest.approx(wanted)


@pytest.mark.parametrize('name', NAMES)
def test_places_of_a_batch_are_as_one_by_one_and_anywhere(clip, make, name):
    tracker = make(name)
    assert isinstance(tracker, OnlineTracker)
    tracker.init(clip[0], first_box())
    around = [Region(Box(*truth()[5])), Region(Box(-300, 900, 60, 120)), Region(Box(370, 5, 8, 6))]
    together = tracker.track(clip[5], around)
    assert tracker.track(clip[5], []) == []
    assert [tracker.track(clip[5], [region])[0] for region in around] == together
    for found in together:
        assert 0 <= found.box.cx <= clip[5].width and 0 <= found.box.cy <= clip[5].height
        assert 0 <= found.score <= 1
    # and what was learned since is forgotten
    tracker.update(clip[5], tracker.track(clip[5], around)[0], [])
    tracker.miss(clip[5])
    changed = tracker.track(clip[5], around[:1])
    tracker.init(clip[0], first_box())
    assert tracker.track(clip[5], around) == together and changed[0].score != together[0].score


@pytest.mark.parametrize('name', NAMES)
def test_a_file_that_does_not_fit_is_refused_in_one_line(tmp_path, clip, files, name):
    with pytest.raises(RuntimeError, match='call init first'):
        LOCAL_TRACKERS[name].build(str(files[name]), '', ENGINE).track(clip[0], [])
    state = torch.load(files['mdnet'])['shared_layers']
    state['conv1.0.weight'] = torch.zeros(96, 3, 11, 11)
    torch.save({'shared_layers': state}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other.pth .*conv1.0.weight expected shape') as e:
        LOCAL_TRACKERS[name].build(str(tmp_path / 'other.pth'), '', ENGINE)
    assert '\n' not in str(e.value) and len(str(e.value)) <= 300


def test_each_sees_pictures_and_begins_layers_as_its_authors_do(files, tmp_path):
    python, vgg_m = (published.BUILDERS['mdnet'](files[name], ENGINE, small('mdnet'))
                     for name in ('mdnet', 'dat'))
    assert python.extract.crop is warped
    assert (vgg_m.extract.crop is cut) == (files['dat'] != files['mdnet'])
    assert published.build_dat(files['dat'], ENGINE, small('dat')).extract.crop is cut
    chance, none = torch.Generator().manual_seed(0), Samples(torch.empty(0, 4608))
    for name, bound in (('mdnet', None), ('rtmdnet', 512 ** -0.5), ('dat', 512 ** -0.5)):
        made = published.BUILDERS[name](files[name], ENGINE, small(name)).make(chance, none, none)
        weight, bias = (p.detach() for p in made.head.layers[2].parameters())
        if bound is None:
            assert not bias.any()
        else:
            assert 0.9 * bound < float(weight.abs().max()) <= bound


def test_regression_counts_boxes_after_or_before_those_of_another_size_go(files):
    counted = {}
    for kept in (False, True):
        tracker = published.build_mdnet(files['mdnet'], ENGINE, replace(
            small('mdnet'), regression=60, regression_kept=kept))
        tracker._start()

        class View:
            """Counts what is asked."""

            def samples(self, boxes, kept=kept):
                """Give no features."""
                counted[kept] = len(boxes)
                return Samples(torch.zeros(len(boxes), 3))
        tracker._regress(View(), first_box())
    assert 50 < counted[True] <= 60 and 15 < counted[False] < 45


def test_every_frame_is_learned_from_as_the_policy_says(clip, make):
    tracker = make('mdnet')
    tracker.init(clip[0], first_box())
    memories, c = tracker._memories, tracker.schedule
    assert [len(x) for x in memories.long_term()] == [c.first_kept, c.negatives]
    region = [Region(first_box())]
    before = [p.clone() for p in tracker._classifier.head.parameters()]
    for _ in range(c.every):
        unlearned = all(map(torch.equal, before, tracker._classifier.head.parameters()))
        assert unlearned
        tracker.update(clip[0], tracker.track(clip[0], region)[0], [])
    assert not any(map(torch.equal, before, tracker._classifier.head.parameters()))
    assert [len(x) for x in memories.long_term()] == [c.first_kept + 2 * c.positives,
                                                      3 * c.negatives]


def test_without_its_loss_dat_is_its_host_to_the_bit(clip, files):
    """Candidates, memories and all: that attention could be asked for changes nothing."""
    schedule = small('dat', reciprocative=0.0)
    start = read_start(files['dat'], VGG_M, begun=False)
    patches = Patches(start.net, keep=True)
    asked = learner(start, (0.5, 0.5, 0.5), schedule, 'cpu', patches.maps, patches.rest,
                    uniform=True)
    found = []
    for tracker in (published.build_dat(files['dat'], ENGINE, schedule),
                    MdnetTracker(patches, asked, schedule, 1),
                    published.build_dat(files['dat'], ENGINE, small('dat'))):
        tracker.init(clip[0], first_box())
        found.append(tracker.track(clip[1], [Region(first_box())]))
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_the_parameter_sets_the_weight_of_dats_loss(files):
    settings = Settings(tracker='dat', tracker_weights=str(files['dat']), reciprocative=3.0,
                        redetector='none', threads=1)
    assert make_local(settings, settings.engine_config()).tracker.schedule == replace(
        published.DAT, reciprocative=3.0)


def test_dats_attention_is_shut_where_the_first_relu_is(files):
    start = read_start(files['dat'], VGG_M, begun=False)
    patches = Patches(start.net, keep=True)
    learned = learner(start, (0.5, 0.5, 0.5), published.DAT, 'cpu', patches.maps, patches.rest)(
        torch.Generator().manual_seed(0), None, None)
    pixels = torch.randint(0, 256, (1, 3, 107, 107), dtype=torch.uint8)
    found, _ = learned.attention(Samples(torch.empty(1, 0), pixels))
    before = start.net.conv1(pixels.float() - 128)
    after = before.relu().requires_grad_()
    score = learned.head(start.net.rest(after).flatten(1))[0, 1]
    gradient, = torch.autograd.grad(score, after)
    assert 0.2 < (before <= 0).float().mean() < 0.8
    wanted = (gradient * (before > 0)).square().sum(1)
    torch.testing.assert_close(found.detach() / wanted.mean(), wanted / wanted.mean())


def test_dats_loss_has_its_gradient_of_second_order_through_the_convolutions(files):
    start = read_start(files['dat'], VGG_M, begun=False)
    patches = Patches(start.net.double())
    chance = torch.Generator().manual_seed(0)
    learned = learner(start, (0.5, 0.5, 0.5), published.DAT, 'cpu', patches.maps, patches.rest)(
        chance, None, None)
    learned.head.double()
    # layers large enough for kinks to lie apart from the steps
    with torch.no_grad():
        learned.head.layers[1].weight.mul_(5)
    pixels = torch.randint(0, 256, (2, 3, 107, 107), generator=chance, dtype=torch.uint8)

    def maps(samples):
        return start.net.conv1(samples.inputs.double() - 128)
    learned._maps = maps
    samples = [Samples(torch.empty(1, 0), row[None]) for row in pixels]

    def r():
        return regularizer(*map(learned.attention, samples))
    weight = learned.head.layers[0].weight
    gradient, = torch.autograd.grad(r(), weight)
    direction = torch.randn(weight.shape, generator=chance, dtype=torch.double)
    values, step = [], 1e-7
    for sign in (1, -1):
        with torch.no_grad():
            weight.add_(sign * step * direction)
        values.append(float(r().detach()))
        with torch.no_grad():
            weight.sub_(sign * step * direction)
    wanted = (values[0] - values[1]) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(wanted, rel=1e-4)
    assert abs(wanted) > 1e-3
    assert np.isfinite(values).all()
