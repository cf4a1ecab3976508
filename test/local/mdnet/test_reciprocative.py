"""DAT's regulariser: its values, its gradients of second order, what it does to attention."""

from dataclasses import replace

from lg_tracker_ros.local.mdnet.classifier import Classifier, Head, Samples
from lg_tracker_ros.local.mdnet.reciprocative import attention, regularizer
from lg_tracker_ros.local.mdnet.schedule import Schedule
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.usefixtures('one_thread')

SCHEDULE = Schedule(first_iterations=50, first_rate=0.003, last=1.0, mined=64, mean=False)


def samples(count, target, channels=4, side=3, seed=0):
    """Make features of noise, with a patch of the target all over the first channel."""
    chance = torch.Generator().manual_seed(seed)
    maps = torch.randn(count, channels, side, side, generator=chance)
    maps[:, 0] += 1.5 * target
    return Samples(maps.flatten(1))


def classifier(schedule, dropout=0.0):
    chance = torch.Generator().manual_seed(0)
    head = Head((36, 16, 2), (0.0, dropout), chance, None)
    return Classifier(head, schedule, lambda s: s.features.unflatten(1, (4, 3, 3)),
                      lambda m: m.flatten(1), chance)


def test_r_is_the_sum_of_four_ratios():
    rng = np.random.default_rng(0)
    maps = rng.random((4, 5, 6, 7))
    (p, n), (q, m) = (((x.std((1, 2)).sum(), x.mean((1, 2)).sum()) for x in maps[:2]),
                      ((x.std((1, 2)).sum(), x.mean((1, 2)).sum()) for x in maps[2:]))
    wanted = p[0] / p[1] + n[1] / n[0] + q[1] / q[0] + m[0] / m[1]
    for scale in (1.0, 1e-38):  # squares of small gradients
        a, b, c, d = torch.from_numpy(maps * scale)
        assert float(regularizer((a, b), (c, d))) == pytest.approx(wanted)


def test_a_classifier_without_maps_says_that_it_has_no_attention():
    made = classifier(SCHEDULE)
    bare = Classifier(made.head, SCHEDULE, None, None, torch.Generator())
    with pytest.raises(ValueError, match='no maps whose attention could be asked'):
        bare.attention(samples(2, 1.0))


def test_attention_is_the_squared_gradient_by_the_maps():
    weights = torch.randn(3, 2, 2, dtype=torch.double)
    maps = torch.randn(5, 3, 2, 2, dtype=torch.double, requires_grad=True)
    scores = (maps.square() * weights).sum((1, 2, 3))
    wanted = (2 * maps * weights).square().sum(1)
    torch.testing.assert_close(attention(scores, maps), wanted)


def test_gradients_of_second_order_are_finite_differences():
    chance = torch.Generator().manual_seed(1)
    maps = torch.randn(6, 2, 3, 3, dtype=torch.double, generator=chance)
    w = torch.randn(5, 18, dtype=torch.double, generator=chance, requires_grad=True)
    v = torch.randn(2, 5, dtype=torch.double, generator=chance, requires_grad=True)

    def r(w, v):
        def seen(x):
            x = x.detach().requires_grad_()
            logits = torch.tanh(x.flatten(1) @ w.T) @ v.T
            return attention(logits[:, 1], x), attention(logits[:, 0], x)
        return regularizer(seen(maps[:3]), seen(maps[3:]))
    assert torch.autograd.gradcheck(r, (w, v))


def test_without_a_graph_there_is_nothing_to_learn():
    maps = torch.randn(3, 2, 2, 2, requires_grad=True)
    weights = torch.randn(8, requires_grad=True)
    scores = torch.tanh(maps.flatten(1) @ weights)
    assert attention(scores, maps).requires_grad
    assert not attention(scores, maps, create_graph=False).requires_grad
    # and the classifier makes one: the loss with R has another gradient than that without
    learner = classifier(replace(SCHEDULE, reciprocative=5.0))
    parts = samples(8, True), samples(8, False, seed=1)
    r = regularizer(*map(learner.attention, parts))
    found = torch.autograd.grad(r, learner.head.layers[0].weight)[0]
    assert found.abs().max() > 0


def test_a_constant_attention_has_finite_gradients():
    a = torch.ones(2, 3, 3, requires_grad=True)
    regularizer((a, torch.rand(2, 3, 3)), (torch.rand(2, 3, 3), a)).backward()
    assert torch.isfinite(a.grad).all()


def test_lambda_0_is_mdnet_to_the_bit():
    learned = []
    for asked in (True, False):
        learner = classifier(replace(SCHEDULE, reciprocative=0.0, first_iterations=5), 0.5)
        if asked:  # nothing of it is used
            learner._maps = learner._rest = None
        learner.learn(samples(40, True), samples(200, False, seed=1), 'first')
        learned.append(learner.head.state_dict())
    other = classifier(replace(SCHEDULE, reciprocative=1.0, first_iterations=5), 0.5)
    other.learn(samples(40, True), samples(200, False, seed=1), 'first')
    assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in learned)))
    assert not torch.equal(other.head.layers[0].weight, learned[0]['layers.0.weight'])


def test_attention_on_the_target_becomes_even():
    positives, negatives = samples(60, True), samples(300, False, seed=1)

    def unevenness(weight):
        learner = classifier(replace(SCHEDULE, reciprocative=weight))
        learner.learn(positives, negatives, 'first')
        a = learner.attention(positives)[0].detach()
        hits = learner.logits(positives.features).argmax(1).float().mean()
        return float((a.std((1, 2)) / a.mean((1, 2))).mean()), float(hits)
    start = classifier(SCHEDULE).attention(positives)[0].detach()
    before = float((start.std((1, 2)) / start.mean((1, 2))).mean())
    (plain, hits), (even, hits_too) = unevenness(0.0), unevenness(5.0)
    assert even < before and even < plain
    assert hits > 0.9 and hits_too > 0.9
