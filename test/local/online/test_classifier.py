"""DROL's classifier on features made by hand: what it answers, what its samples weigh."""

from dataclasses import replace

from helpers import equations as eq
from lg_tracker_ros.local.online.classifier import Classifier, ClassifierConfig, gaussian
import numpy as np
import pytest
import torch

SMALL = ClassifierConfig(channels=4, kernel=4, steps=4, iterations=8, later=5, memory=8)
CELLS = 9


def scene(*places, channel=0):
    """Draw features, 1 x 6 x 9 x 9, with a bright spot in one channel at each (row, column)."""
    x = torch.from_numpy(np.random.default_rng(0).normal(0, .05, (1, 6, CELLS, CELLS))).float()
    for row, col in places:
        x[0, channel, row - 1:row + 2, col - 1:col + 2] += 1
    return x


def label(row, col):
    """Label of a target there."""
    return gaussian(CELLS, col, row, 1.0)


@pytest.fixture
def learned():
    """Give a classifier that has seen the spot at three places."""
    classifier = Classifier(SMALL)
    places = [(4, 4), (2, 6), (6, 3)]
    classifier.start(torch.cat([scene(p) for p in places]),
                     torch.stack([label(*p) for p in places]))
    return classifier


def peak(classifier, x):
    """Give row, column and value of the highest response."""
    response = classifier.respond(classifier.extract(x))[0].numpy()
    return *np.unravel_index(response.argmax(), response.shape), response.max()


def test_a_label_is_one_at_the_target():
    """By hand: e^(-1/2) a sigma away."""
    y = gaussian(5, 3, 1, 2.0)
    assert float(y[1, 3]) == 1
    assert float(y[1, 1]) == float(y[3, 3]) == pytest.approx(np.exp(-.5))


@pytest.mark.rounding
def test_it_answers_where_the_target_is(learned):
    row, col, value = peak(learned, scene((5, 6)))
    assert (row, col) == (5, 6) and value > 0.5
    assert peak(learned, scene())[2] < 0.3


def test_a_response_is_plain_where_it_is_read():
    """As in the published code: only what is learned from is bent below 0."""
    classifier = Classifier(SMALL)
    classifier._filter = torch.from_numpy(
        np.random.default_rng(1).normal(size=(1, 4, 4, 4))).float()
    z = torch.from_numpy(np.random.default_rng(2).normal(size=(1, 4, CELLS, CELLS))).float()
    want = eq.correlate(eq.pad(z.double().numpy(), 2), classifier._filter.double().numpy())
    want = want[0].sum(0)[:CELLS, :CELLS]
    assert want.min() < -1
    assert classifier.respond(z)[0].numpy() == pytest.approx(want, abs=1e-4)


def test_it_starts_as_far_from_0_as_the_published_code():
    """Without a step the random start stays: 1 / sqrt(channels), of the attention both layers."""
    classifier = Classifier(replace(SMALL, channels=64, steps=0))
    classifier.start(torch.cat([scene(), scene()]), torch.stack([label(4, 4)] * 2))
    projection, fc1, fc2 = classifier._frozen
    assert [tuple(w.shape[:2]) for w in (fc1, fc2)] == [(32, 64), (64, 32)]
    for weights, inputs in ((projection, 6), (fc1, 64), (fc2, 64)):
        assert float(weights.std()) == pytest.approx(inputs ** -.5, rel=0.1)


@pytest.mark.usefixtures('one_thread')
def test_the_first_frame_is_preconditioned_by_the_weights_of_the_squares():
    """As in the published code: the compression moves as far as the filter, or further."""
    places = [(4, 4), (2, 6), (6, 3)]
    x, y = torch.cat([scene(p) for p in places]), torch.stack([label(*p) for p in places])
    moved = {}
    for steps in (0, 1):
        classifier = Classifier(replace(SMALL, steps=steps, iterations=1))
        classifier.start(x, y)
        moved[steps] = [classifier._filter, *classifier._frozen]
    filter_, projection = (abs(b - a).max() for a, b in zip(moved[0][:2], moved[1][:2]))
    # without it the compression's gradient, times the small filter, is next to nothing
    assert projection > 0.3 * filter_


@pytest.mark.rounding
def test_a_rival_is_learned_and_what_was_learned_can_be_forgotten(learned):
    """A spot in another channel beside the target's own becomes less than it was."""
    both = scene((4, 2)) + scene((4, 6), channel=1) / 2 + scene((4, 6)) / 2
    z = learned.extract(both)
    before = learned.respond(z)[0]
    for _ in range(4):
        learned.add(z, label(4, 2), 0.1)
    learned.train()
    after = learned.respond(z)[0]
    wanted = label(4, 2)
    assert float((after - wanted).square().sum()) < float((before - wanted).square().sum())
    learned.forget()
    assert torch.equal(learned.respond(z)[0], before) and len(learned.weights) == 3


def test_weights_fade_and_the_first_frame_keeps_its_share(learned):
    """Each weighs more than the one before by the rate, the oldest goes; the first stay."""
    z, y = learned.extract(scene()), label(4, 4)
    learned.add(z, y, 0.01)
    assert learned.weights.tolist() == pytest.approx([.33] * 3 + [.01], abs=1e-6)
    learned.add(z, y, 0.02)
    total = 1 + .01 / .98
    assert learned.weights.tolist() == pytest.approx(
        [.33 / total] * 3 + [.01 / total, .01 / .98 / total], abs=1e-6)
    for _ in range(60):
        learned.add(z, y, 0.3)
        assert float(learned.weights.sum()) == pytest.approx(1, abs=1e-5)
        assert float(learned.weights[:3].sum()) > 0.25 - 1e-5
    assert len(learned.weights) == SMALL.memory
    later = learned.weights[3:]
    assert later[:-1].div(later[1:]).tolist() == pytest.approx([0.7] * 4, abs=1e-4)
    assert learned.weights[:3].tolist() == pytest.approx([0.25 / 3] * 3, abs=1e-6)


@pytest.mark.usefixtures('one_thread')
def test_attention_stands_before_the_compression_after_it_or_nowhere():
    """As Table 5 of DROL compares them: the equations written out in NumPy."""
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def attended(z, fc1, fc2):
        channel = fc2[:, :, 0, 0] @ np.maximum(fc1[:, :, 0, 0] @ z.mean((1, 2)), 0)
        return z * sigmoid(z.mean(0)) + z * sigmoid(channel)[:, None, None]
    x, found = scene((4, 4)), {}
    for attention in ('none', 'after', 'before'):
        classifier = Classifier(replace(SMALL, attention=attention, steps=1, iterations=2))
        classifier.start(torch.cat([x, scene((2, 6))]), torch.stack([label(4, 4), label(2, 6)]))
        projection, *weights = (w.numpy() for w in classifier._frozen)
        compressed = np.einsum('oc,chw->ohw', projection[:, :, 0, 0],
                               attended(x[0].numpy(), *weights) if attention == 'before'
                               else x[0].numpy())
        want = attended(compressed, *weights) if attention == 'after' else compressed
        found[attention] = classifier.extract(x)[0].numpy()
        np.testing.assert_allclose(found[attention], want, atol=1e-5)
        assert [w.shape[:2] for w in weights] == {
            'none': [], 'after': [(2, 4), (4, 2)], 'before': [(3, 6), (6, 3)]}[attention]
