"""What MDNet's kin draw, keep, mine and regress."""

from lg_tracker_ros.local.mdnet import samples as draw
from lg_tracker_ros.local.mdnet.classifier import Classifier, Head, Samples
from lg_tracker_ros.local.mdnet.memory import Memories
from lg_tracker_ros.local.mdnet.regression import applied, BoxRegression, offsets
from lg_tracker_ros.local.mdnet.schedule import Schedule
from lg_tracker_ros.types import Box
import numpy as np
import pytest
import torch

BOX = Box(100, 50, 40, 20)


def centers(boxes):
    return (boxes[:, :2] + boxes[:, 2:] / 2 - [BOX.cx, BOX.cy]) / 30  # in mean sides


def test_candidates_have_the_stated_statistics():
    boxes = draw.gaussian(BOX, 20000, 0.6, 1.05, np.random.default_rng(0))
    shifts, zooms = centers(boxes) / 0.6, np.log(boxes[:, 2:] / [40, 20]) / np.log(1.05)
    assert zooms[:, 0] == pytest.approx(zooms[:, 1])
    for chance in (*shifts.T, zooms[:, 0]):
        # a normal number of deviation .5, cut at -1 and 1: 4.55 % of it lies on the cuts
        assert abs(chance).max() <= 1 + 1e-9
        assert np.mean(abs(chance) > 1 - 1e-9) == pytest.approx(0.0455, abs=0.005)
        assert chance.mean() == pytest.approx(0, abs=0.015)
        assert chance.std() == pytest.approx(0.48, abs=0.01)


def test_negatives_are_uniform_and_may_lie_anywhere():
    rng = np.random.default_rng(0)
    boxes = draw.uniform(BOX, 20000, 2.0, 1.3, rng, 1.1)
    shifts = centers(boxes)
    assert abs(shifts).max() <= 2 and shifts.std(0) == pytest.approx(2 / 3 ** 0.5, abs=0.02)
    across, down = np.log(boxes[:, 2:] / [40, 20]).T
    assert abs(across).max() <= np.log(1.3 * 1.1) and across.std() > 0.1
    assert abs(across - down).max() <= 2 * np.log(1.1)
    across, down = np.log(draw.uniform(BOX, 200, 2.0, 1.0, rng, 1.1, opposed=True)[:, 2:]
                          / [40, 20]).T
    assert across == pytest.approx(-down) and abs(across).max() <= np.log(1.1)


@pytest.mark.parametrize('zoom, aspect', [(1.0, 1.0), (1.2, 1.1)])
def test_negatives_from_all_over_the_image_begin_half_a_box_from_its_corner(zoom, aspect):
    rng = np.random.default_rng(0)
    anywhere = draw.whole(BOX, 20000, zoom, (640, 480), rng, aspect)
    middles = anywhere[:, :2] + anywhere[:, 2:] / 2
    assert (middles >= [20, 10]).all() and (middles <= [639, 479]).all()
    assert middles.std(0) == pytest.approx(np.array([619, 469]) / 12 ** 0.5, rel=0.02)
    across, down = np.log(anywhere[:, 2:] / [40, 20]).T
    assert across.max() == pytest.approx(np.log(zoom * aspect), abs=0.01)
    assert (across - down).max() == pytest.approx(2 * np.log(aspect), abs=0.01)


@pytest.mark.parametrize('low, high, shift', [(0.7, 1, 0.1), (0, 0.5, 1.0)])
def test_samples_respect_their_overlap(low, high, shift):
    rng = np.random.default_rng(0)
    boxes = draw.within(lambda n: draw.gaussian(BOX, n, shift, 1.3, rng), BOX, low, high, 200)
    ious = draw.overlaps(boxes, BOX)
    assert len(boxes) == 200 and (ious >= low).all() and (ious <= high).all()
    none = draw.within(lambda n: draw.uniform(BOX, n, 0.1, 1.0, rng), BOX, 0, 0.01, 50)
    assert none.shape == (0, 4)


def test_offsets_are_inverted_and_bounded():
    boxes = draw.uniform(BOX, 50, 0.2, 1.3, np.random.default_rng(0), 1.1)
    assert applied(boxes, offsets(boxes, BOX)) == pytest.approx(
        np.broadcast_to(draw.as_row(BOX), (50, 4)))
    wild = applied(boxes[:1], np.array([[9.0, -9, 9, -9]]))
    assert wild[0, 2:] / boxes[0, 2:] == pytest.approx(np.exp([0.5, -0.5]))


def test_regression_equals_ridge_written_out_and_finds_its_targets():
    rng = np.random.default_rng(0)
    boxes = draw.uniform(BOX, 300, 0.3, 1.3, rng, 1.1)
    x = offsets(boxes, BOX) @ rng.normal(size=(4, 12)) + 1.0  # features that tell the offsets
    fitted = BoxRegression(torch.from_numpy(x), boxes, BOX, 1e-6)
    assert fitted(torch.from_numpy(x), boxes) == pytest.approx(
        np.broadcast_to(draw.as_row(BOX), (300, 4)), abs=1e-3)
    y, strength = offsets(boxes, BOX), 50.0
    a = x - x.mean(0)
    w = np.linalg.solve(a.T @ a + strength * np.eye(12), a.T @ (y - y.mean(0)))
    wanted = applied(boxes, a @ w + y.mean(0))
    found = BoxRegression(torch.from_numpy(x), boxes, BOX, strength)(torch.from_numpy(x), boxes)
    assert found == pytest.approx(wanted)


def classifier(**changed):
    chance = torch.Generator().manual_seed(0)
    schedule = Schedule(mined=32, batch_negatives=8, **changed)
    head = Head((6, 8, 2), (0.0, 0.5), chance, None)
    return Classifier(head, schedule, lambda s: s.features, lambda m: m, chance)


def test_layers_begin_as_their_authors_have_them():
    """Normal numbers and .1, or what PyTorch draws: even within 1 / root of the width."""
    chance = torch.Generator().manual_seed(0)
    own, even = (Head((900, 400, 2), (0.0, 0.0), chance, uniform=u) for u in (False, True))
    assert [float(layer.weight.detach().std()) for layer in own.layers] == pytest.approx(
        [0.01, 0.01], rel=0.1)
    assert [layer.bias.unique().tolist() for layer in own.layers] == [[pytest.approx(0.1)], [0]]
    for layer, width in zip(even.layers, (900, 400)):
        assert float(layer.weight.detach().std()) == pytest.approx((3 * width) ** -0.5, rel=0.1)
        assert all(float(p.detach().abs().max()) <= width ** -0.5 for p in layer.parameters())
    assert float(even.layers[0].bias.detach().std()) == pytest.approx(2700 ** -0.5, rel=0.15)


def test_hard_negatives_are_those_most_like_the_target():
    learner = classifier()
    features = torch.randn(40, 6)
    hard = learner.hardest(features, 8)
    scores = learner.logits(features)[:, 1]
    rest = torch.ones(40, dtype=torch.bool)
    rest[hard] = False
    assert len(hard) == 8 and scores[hard].min() >= scores[rest].max()
    assert len(learner.hardest(features[:3], 8)) == 3


def test_a_classifier_learns_the_same_each_time_and_needs_both_kinds():
    chance = torch.Generator().manual_seed(3)
    yes = Samples(torch.randn(50, 6, generator=chance) + 1)
    no = Samples(torch.randn(100, 6, generator=chance) - 1)
    learned = []
    for _ in range(2):
        learner = classifier(first_rate=0.05)
        before = learner.logits(yes.features)
        learner.learn(yes, no[:0], 'first')
        assert torch.equal(learner.logits(yes.features), before)
        learner.learn(yes, no, 'first')
        learned.append(learner.logits(torch.cat([yes.features, no.features])))
    assert torch.equal(*learned)
    hits = learned[0].argmax(1) == torch.arange(150).lt(50).long()
    assert hits.float().mean() > 0.9


def of(number):
    return Samples(torch.full((1, 1), float(number)))


@pytest.mark.parametrize('keep, long, short', [
    (False, [2, 3, 4, 5], [4, 5]), (True, [0, 2, 3, 4, 5], [0, 4, 5])])
def test_memories_are_long_for_the_target_and_short_for_the_rest(keep, long, short):
    memories = Memories(4, 2, keep)
    for i in range(6):
        memories.add(of(i), of(10 + i))
    for (positives, negatives), wanted in ((memories.long_term(), long),
                                           (memories.short_term(), short)):
        assert positives.features.ravel().tolist() == wanted
        assert negatives.features.ravel().tolist() == [10 + i for i in short]
