"""Frames on their way to the tracker: each has one fate, whatever becomes of a replay."""

from lg_tracker_ros.runtime.buffers import FATES, Item
from lg_tracker_ros.runtime.intake import Intake
import pytest


def item(n):
    """Make frame n, 10 a second."""
    return Item('a', (n + 1) * 10**8, None, (n + 1) * 10**8, size=100)


@pytest.mark.parametrize('end', [
    lambda intake, last: intake.replay(last.serial),  # a target that is begun on the newest frame
    lambda intake, last: intake.forget(),
    lambda intake, last: intake.clear()])
def test_frames_of_a_replay_that_is_broken_off_were_not_wanted(end):
    intake = Intake(1.0, (60.0, 100.0), lockstep=False)
    intake.follow('a')
    frames = [item(n) for n in range(6)]
    for frame in frames[:3]:
        intake.offer(frame, held=True)
    intake.replay(frames[0].serial)
    for frame in frames[3:]:  # they queue up behind it
        intake.offer(frame, held=False)
    end(intake, frames[-1])
    assert not intake.ready
    counts = intake.counts('a')
    assert counts['not_wanted'] == 6 == counts['received'] == sum(counts[f] for f in FATES)
