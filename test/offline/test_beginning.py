"""``track --detections``: a detector's file instead of a box, and beside the search."""

import csv
import io

from helpers.clip import truth, VIDEO
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.cli import main
from lg_tracker_ros.types import Box
import numpy as np
import pytest

LIGHT = ('--param', 'tracker=opencv_kcf', '--param', 'redetector=none', '--param', 'device=cpu')


@pytest.fixture
def track(capsys):
    """Run ``track`` in this process; gives status, rows and the last line of standard error."""
    def run(*words):
        capsys.readouterr()
        status = main(['track', *map(str, words)])
        out, err = capsys.readouterr()
        return status, list(csv.DictReader(io.StringIO(out))), err.splitlines()[-1]
    return run


@pytest.fixture
def table(tmp_path):
    """From frame 143 on a detector sees the target, a large car, and something tiny."""
    file = tmp_path / 'd.csv'
    lines = ['frame,x,y,w,h,class,score']
    for i, (x, y, w, h) in enumerate(truth()):
        if i >= 143 and np.isfinite(x):
            lines += [f'{i},{x},{y},{w},{h},person,.8', f'{i},1,1,300,200,car,.9',
                      f'{i},9,9,2,2,person,.{99 if i == 143 else 1}']
    file.write_text('\n'.join(lines) + '\n')
    return file


def test_a_run_begins_where_the_selected_detection_can_be_tracked(track, table):
    words = (VIDEO, '--start', 140, *LIGHT, '--detections', table,
             '--param', 'detections_classes=person', '--param', 'select=best')
    status, rows, said = track(*words)
    assert status == 0 and [int(r['frame']) for r in rows] == list(range(140, 160))
    assert {(r['mode'], r['visible']) for r in rows[:4]} == {('IDLE', '0')}  # in 143: too small
    assert rows[4]['mode'] == 'LOCAL' and rows[4]['confidence'] == '1.0000'
    box = Box(*(float(rows[4][c]) for c in 'xywh'))
    assert iou(box, Box(*truth()[144])) > 0.99
    assert said.startswith('20 frames, target visible in ')
    # a box that is drawn goes first
    rows = track(*words, '--init', '10,10,40,40')[1]
    assert rows[0]['mode'] == 'LOCAL' and float(rows[0]['x']) == 10


@pytest.mark.parametrize('words, said', [
    ((), 'nothing says what to follow; give --init x,y,w,h, or --detections FILE with'),
    (('--detections', 'TABLE'), 'nothing says what to follow'),
    (('--init', '1,2,30,40', '--detections', 'TABLE', '--detections', 'TABLE'),
     '--detections is for one source each, got 2 files for 1 source(s)'),
    (('--init', '1,2,30,40', '--reject', '0'), 'frame 0 is the one that --init is for'),
    (('--init', '1,2,30,40', '--init', '1,2,30,40'), '--init 1,2,30,40 is given twice'),
    (('--init', '1,2,30,40', '--ui-port', '0'), '--ui-port is about the page, which is not'),
    (('--init', '1,2,30,40', '--ui-token', 'a'), '--ui-token is about the page'),
    (('--init', '1,2,30,40', '--detections', VIDEO), 'is not a table of detections'),
    (('--init', '1,2,30,40', '--detections', 'TABLE', '--out', 'TABLE'), 'which is read')])
def test_what_makes_no_sense_is_refused(track, table, words, said):
    words = [table if w == 'TABLE' else w for w in words]
    status, rows, error = track(VIDEO, *LIGHT, *words)
    assert status != 0 and not rows and said in error


def test_one_source_by_two_names_is_refused(track):
    again = VIDEO.parent / '..' / VIDEO.parent.name / VIDEO.name
    status, rows, error = track(VIDEO, again, '--init', '1,2,30,40', *LIGHT)
    assert status == 1 and not rows and 'each source must be named once' in error


def test_a_run_in_which_no_target_was_chosen_says_so(track, table):
    words = (VIDEO, '--start', 157, *LIGHT, '--detections', table, '--param', 'select=best')
    status, rows, said = track(*words, '--param', 'detections_classes=dog')
    assert status == 1 and [r['mode'] for r in rows] == ['IDLE'] * 3
    assert 'no target was chosen in the frames 157 to 159: none of the detections' in said


def test_a_word_about_a_frame_without_a_target_is_told_in_the_end(track, table):
    words = (VIDEO, '--start', 141, *LIGHT, '--detections', table, '--param', 'select=best',
             '--param', 'detections_classes=person')
    status, rows, said = track(*words, '--reject', 142)
    assert status == 1 and len(rows) == 19 and rows[-1]['mode'] == 'LOCAL'
    assert 'nothing was followed in frame 142, so nothing was said of it' in said
