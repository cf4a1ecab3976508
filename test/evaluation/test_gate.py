"""
The regression gate: on the bundled clip every configuration decides and answers as it did.

Nothing here depends on how a processor rounds (see rails.py): decisions are compared exactly, on
recorded answers; answers of networks by bounds that are wide for rounding and narrow for a change.
A change of behaviour that is meant: ``PYTHONPATH=test python test/evaluation/test_gate.py``
writes what is expected anew, and the commit says why.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from helpers.clip import first_box, frames
from helpers.rails import answers, decided_otherwise, LeftTheRails, Rails, read, write
from lg_tracker_ros.evaluation.experiments.trackers import make_runner, settings_of
from lg_tracker_ros.search import RULES
import pytest

EXPECTED = Path(__file__).resolve().parents[1] / 'data' / 'gate'
# what is proposed is looked at in the same frame, so that the rows of a frame tell what that was
ENGINE = f"@engine=onnx@device=cpu@rules={'+'.join(r for r in RULES if r != 'few_at_once')}"
GATED = {'default': f'default{ENGINE}', 'correlation': f'pixelwise+correlation{ENGINE}',
         'ncc': f'ncc+tanet_lite{ENGINE}', 'csrt': f'opencv_csrt+tanet_lite{ENGINE}'}
SEARCH = settings_of(GATED['default']).search()


LATE = ('default', 'correlation')
"""Configurations that begin a frame after that of the box: with its own the target is taken for
another throughout."""


@lru_cache(maxsize=2)
def pictures(name):
    """
    Return every other frame of the clip until the target is back, as if it went twice as fast.

    So confidences fall low enough, often enough, that each threshold decides.
    """
    first = int(name in LATE)
    return [replace(f, stamp=f.stamp // 2) for f in frames(120 + first)[first::2]]


def decisions(name, search=SEARCH):
    """List what is decided otherwise on the recorded answers of a configuration."""
    recorded, rows = read(EXPECTED, name)
    try:
        journey = Rails(None, recorded).run(pictures(name), first_box(), search)
    except LeftTheRails as e:
        return [str(e)]
    return decided_otherwise(journey.tracks, rows)


def differences(name, tracker, box=None):
    """List what the parts of a tracker answer otherwise than those of a configuration did."""
    recorded, _ = read(EXPECTED, name)
    journey = Rails(tracker, recorded).run(pictures(name), first_box(), SEARCH, box)
    got = answers(journey, recorded)
    # two processors, images changed by a grey level and weights by 1e-5 are well within these
    bounds = {'iou': (0.9, 1), 'low': (0.8, 1), 'apart': (0, 0.06), 'far': (0, 0.12),
              'there': (0.85, 1)}
    return [f'{k} is {got[k]:.3f}, not in {bounds[k]}' for k in bounds
            if not bounds[k][0] <= got[k] <= bounds[k][1]]


@pytest.fixture(scope='module')
def tracker():
    """Build each configuration once."""
    pytest.importorskip('onnxruntime')
    return lru_cache(lambda name: make_runner(GATED[name]).tracker)


@pytest.mark.parametrize('name', GATED)
def test_the_decisions_are_those_of_the_last_release(name):
    assert settings_of(GATED[name]).search() == SEARCH
    assert decisions(name) == []
    _, rows = read(EXPECTED, name)
    assert len(rows) == 60
    assert {r['mode'] for r in rows} == {'LOCAL', 'GLOBAL'}
    assert {r['visible'] for r in rows} == {'0', '1'}


@pytest.mark.rounding
@pytest.mark.parametrize('name', GATED)
def test_the_answers_are_those_of_the_last_release(name, tracker):
    assert differences(name, tracker(name)) == []


@pytest.mark.parametrize('value', ['beta1', 'visible_threshold'])
@pytest.mark.parametrize('by', [-0.1, 0.1])
def test_the_gate_refuses_a_moved_threshold(value, by):
    moved = replace(SEARCH, **{value: getattr(SEARCH, value) + by})
    assert decisions('default', moved)


@pytest.mark.rounding
@pytest.mark.parametrize('other, words', [
    ('ncc', {'iou', 'low', 'apart', 'far'}), ('correlation', {'there'})])
def test_the_gate_refuses_another_part(other, words, tracker):
    """Another local tracker, then another re-detector, in the place of the default's."""
    assert {line.split()[0] for line in differences('default', tracker(other))} == words


@pytest.mark.rounding
def test_the_gate_refuses_another_target(tracker):
    """The first box moved by a quarter of its width, the questions as recorded."""
    box = first_box()
    box = replace(box, x=box.x + box.w / 4)
    assert {'iou', 'low', 'apart', 'far'} <= {
        line.split()[0] for line in differences('default', tracker('default'), box)}


def main():
    """Write what is expected anew."""
    for name, words in GATED.items():
        write(Rails(make_runner(words).tracker).run(pictures(name), first_box(), SEARCH), EXPECTED,
              name)


if __name__ == '__main__':
    main()
