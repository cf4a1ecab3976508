"""Detections of a recording, from a file."""

from lg_tracker_ros.detections.recorded import RecordedDetector
from lg_tracker_ros.detections.selection import Detection, Selection
from lg_tracker_ros.detections.table import read_detections
from lg_tracker_ros.types import Box, Frame
import numpy as np
import pytest


def test_columns_are_found_by_name(tmp_path):
    file = tmp_path / 'd.csv'
    file.write_text('class,frame,x,y,w,h\nperson,3,1,2,30,40\n,3,5,6,7,8\n')
    assert read_detections(file) == {3: [
        Detection(Box(1, 2, 30, 40), 'person'), Detection(Box(5, 6, 7, 8))]}
    file.write_text('frame,x,y,w,h,class,score,id\n0,1,2,3,4,car,.5,x9\n')
    want = {0: [Detection(Box(1, 2, 3, 4), 'car', 0.5, 'x9')]}
    assert read_detections(file) == want
    for again in (file.read_text().replace(',', ', '), file.read_text().replace('\n0,', '\n0.0,')):
        file.write_text(again)
        assert read_detections(file) == want, 'as a table program writes it'


@pytest.mark.parametrize('text, said', [
    ('', r'd\.csv must begin with the line frame,x,y,w,h,class,score,id'),
    ('1,2,3,4,5\n', 'must begin with the line'),
    ('frame,x,y,w,h\n0,1,2,nan,4\n', r'd\.csv:2: box x,y,w,h must be finite numbers'),
    ('frame,x,y,w,h\n0,1,2,3,4\n1,1,2\n', r'd\.csv:3: '),
    ('frame,x,y,w,h\none,1,2,3,4\n', r'd\.csv:2: '),
    ('frame,x,y,w,h\n-1,1,2,3,4\n', r"frame must be a whole number from 0 on, got '-1'"),
    ('frame,x,y,w,h\n.5,1,2,3,4\n', r"frame must be a whole number from 0 on, got '.5'"),
    ('frame,x,y,w,h,score\n0,1,2,3,4,nan\n', r"d\.csv:2: score must be a finite number, got 'n")])
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, said):
    file = tmp_path / 'd.csv'
    file.write_text(text)
    with pytest.raises(ValueError, match=said) as e:
        read_detections(file)
    assert '\n' not in str(e.value)


def test_what_counts_is_shown_frame_by_frame(tmp_path):
    file = tmp_path / 'd.csv'
    file.write_text('frame,x,y,w,h,class\n1,1,2,30,40,person\n1,5,6,70,80,car\n')
    detector = RecordedDetector([file], Selection(classes='person', select='largest'))
    frame = Frame(np.zeros((9, 9, 3), np.uint8), 7, 'a')
    assert detector.show(0, [frame]) == []
    assert detector.show(1, [frame]) == [(frame, Detection(Box(1, 2, 30, 40), 'person'))]
