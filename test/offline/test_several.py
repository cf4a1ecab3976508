"""``track`` with several targets: rows, words, refusals."""

import csv
import io

from helpers.clip import first_box, VIDEO
from helpers.crossing import crossing
from lg_tracker_ros.cli import main
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.media.writer import VideoOut
import pytest

LIGHT = ('--param', 'tracker=ncc', '--param', 'recognition=first_look', '--param',
         'redetector=none', '--param', 'device=cpu')


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """Write two targets that cross as a video; its path, and the first boxes as words."""
    path = tmp_path_factory.mktemp('clip') / 'two.mp4'
    drawn = list(crossing(12))
    out = VideoOut(path, 30.0)
    for i, (frame, _, _) in enumerate(drawn):
        out.write(frame.image, i * 10**8 + (i > 1) * 10**9)  # not at one rate
    out.close()
    return path, [f'{b.x:g},{b.y:g},{b.w:g},{b.h:g}' for b in drawn[0][1:]]


def test_a_line_for_each_target_of_each_frame(clip, tmp_path, capsys):
    path, (one, two) = clip
    video = tmp_path / 'out.mp4'
    assert main(['track', str(path), '--init', one, '--init', two, *LIGHT, '--video',
                 str(video)]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(int(r['frame']), int(r['target'])) for r in rows] == [
        (n, target) for n in range(12) for target in (1, 2)]
    x = [[float(r['x']) for r in rows if r['target'] == t] for t in '12']
    assert abs(x[0][0] - 40) < 1 and x[0][-1] > 350 - 40  # each went its way, and through
    assert abs(x[1][0] - 396) < 1
    assert err.splitlines()[-1] == '12 frames, target visible in ' + ', '.join(
        str(sum(r['visible'] == '1' for r in rows if r['target'] == t)) for t in '12')
    assert [f.stamp / 1e9 for f in Source(str(video))] == [
        float(r['stamp']) for r in rows if r['target'] == '1']


def test_looking_at_both_at_the_same_time_changes_no_row(clip, capsys):
    path, (one, two) = clip
    rows = []
    for count in '12':
        assert main(['track', str(path), '--init', one, '--init', two, *LIGHT, '--param',
                     f'search_threads={count}']) == 0
        read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        # the frame's time is that of both
        assert all(a['ms'] == b['ms'] for a, b in zip(read[::2], read[1::2]))
        rows.append([{k: v for k, v in row.items() if k != 'ms'} for row in read])
    assert len(rows[0]) == 24 and rows[0] == rows[1]


def test_what_is_about_one_target_is_refused_with_several(capsys):
    b = first_box()
    box = f'{b.x},{b.y},{b.w},{b.h}'
    for words in (['--ui'], ['--reject', '3']):
        assert main(['track', str(VIDEO), '--init', box, '--init', box, *words]) == 1
        assert 'give --init once' in capsys.readouterr().err


def test_a_wrong_box_is_told_before_anything_is_tracked(clip, capsys):
    path, (one, _) = clip
    assert main(['track', str(path), '--init', one, '--init', '5,5,2,2', *LIGHT]) == 1
    assert 'box of 2 x 2 px is too small' in capsys.readouterr().err
