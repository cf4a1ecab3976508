"""What the recogniser adds to the confidence: planted weights come back; a real closed loop."""

from helpers.clip import VIDEO
from helpers.fakes import ScriptedLocal
from lg_tracker_ros.cli import main
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.recognition.confidence import logistic
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.training.calibration.learned import closed_loop, CUES, fit_learned
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


def test_the_command_follows_a_real_clip_and_fits(capsys):
    """Boxes right and wrong are met, in a closed loop that learns meanwhile."""
    assert main(['train', 'recogniser', 'pixelwise', '--real', str(VIDEO.parent)]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith('| pixelwise'))
    boxes, right = (float(cell) for cell in row.split('|')[3:5])
    assert boxes > 100 and 0.3 < right < 1 and 'online = Confidence(' in out


def test_what_learns_nothing_cannot_be_fitted():
    tracker = LongTermTracker(ScriptedLocal(lambda frame, region: 0.9))
    sequence, = read_dataset(VIDEO.parent)
    with pytest.raises(ValueError, match='nothing is learned without recognition: online'):
        next(closed_loop(tracker, sequence))
