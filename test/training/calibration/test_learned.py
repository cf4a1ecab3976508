"""What the recogniser adds to the confidence: planted weights come back; a real closed loop."""

from lg_tracker_ros.recognition.confidence import logistic
from lg_tracker_ros.training.calibration.learned import CUES, fit_learned
import numpy as np
import pytest


def test_planted_weights_come_back_beside_what_is_known():
    rng = np.random.default_rng(0)
    planted, offset = rng.uniform(-2, 2, len(CUES)), 0.5
    parts = []
    for n in (20_000, 30_000):
        cues = rng.normal(size=(n, len(CUES)))
        trust, known = rng.uniform(0.2, 1, n), rng.normal(size=n)
        odds = known + trust * (cues @ planted + offset)
        right = rng.random(n) < [logistic(v) for v in odds]
        parts.append(np.column_stack([trust[:, None] * cues, trust, known, right]))
    found = fit_learned(parts)
    assert [found.weights[c] for c in CUES] == pytest.approx(list(planted), abs=0.1)
    assert found.offset == pytest.approx(offset, abs=0.1)
