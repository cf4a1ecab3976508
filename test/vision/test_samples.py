"""Weights of an online learner's samples, as a table over 60 frames."""

from lg_tracker_ros.vision.samples import SampleWeights
import numpy as np
import pytest


def test_free_places_fill_first_then_the_smallest_weight_goes():
    memory = SampleWeights(50, 15)
    places = [memory.add(0.02 if frame % 7 == 0 else 0.01) for frame in range(60)]
    assert places[:35] == list(range(15, 50))
    assert places[35:] == [*range(15, 40)]
    assert memory.used == 50


def test_weights_decay_by_the_rate_and_the_first_keep_a_quarter():
    memory = SampleWeights(100, 10)
    rows = []
    for _ in range(60):
        memory.add(0.05)
        rows.append(memory.values.copy())
        # as long as the first ones are held up, the sum is a little more, as in ATOM's code
        assert 1 - 1e-9 <= memory.values.sum() < 1.005
    table = np.array(rows)
    # .05 of .95, .05, .05 / .95 ... come to what was there, until a quarter of all is left of that
    later = 0.05 * 0.95 * np.cumsum(0.95 ** -np.arange(60.0))
    np.testing.assert_allclose(table[:, :10].sum(1), np.maximum(1 / (1 + later), 0.25))
    np.testing.assert_allclose(table[-1, 11:70] / table[-1, 10:69], 1 / 0.95)


def test_a_memory_without_room_is_refused():
    with pytest.raises(ValueError, match='no room for 8 first samples'):
        SampleWeights(8, 8)
