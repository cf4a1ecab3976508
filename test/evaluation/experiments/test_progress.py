"""What is said while jobs are done, where there is no terminal to draw a bar on."""

from dataclasses import dataclass
import re

from lg_tracker_ros.evaluation.experiments import progress


@dataclass(frozen=True)
class Named:
    """A job of some frames."""

    label: str
    frames: int


JOBS = [Named('a on x', 30), Named('a on y', 10), Named('b on x', 60)]


def carried_out(errors):
    return progress.carry_out(((j, None, e) for j, e in zip(JOBS, errors)), JOBS, 'frame',
                              lambda j: j.frames)


def test_without_a_terminal_lines_say_how_far_it_is(capsys, monkeypatch):
    """Silent until the end before, however many hours; nothing is said after the last job."""
    monkeypatch.setattr(progress, 'QUIET_SECONDS', 0.0)
    assert carried_out(['', 'no box', '']) == 1
    first, second, failed = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r'30 of 100 frames, about \d+:\d\d left; last a on x', first)
    assert re.fullmatch(r'40 of 100 frames, about \d+:\d\d left; last a on y', second)
    assert failed == 'lg_tracker_ros: a on y: no box'


def test_what_takes_less_than_a_minute_says_nothing(capsys):
    assert carried_out(['', '', '']) == 0 and capsys.readouterr().err == ''
