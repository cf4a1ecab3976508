"""``eval run`` and ``eval cameras`` with a detector's boxes."""

import json

from helpers.clip import shorter
from lg_tracker_ros.cli import main
from lg_tracker_ros.detections.recent import Recent
from lg_tracker_ros.types import Box
import pytest

TRACKER = 'ncc+none@beta2=0'


def test_a_detectors_boxes_are_searched_and_the_results_say_so(tmp_path, capsys):
    data, tables = shorter(tmp_path / 'data', 6), tmp_path / 'tables'
    tables.mkdir()
    words = ['eval', 'run', '--data', str(data), '--trackers', TRACKER, '--out',
             str(tmp_path / 'out'), '--detections', str(tables)]
    assert main(words) != 0
    assert 'short.csv is missing; --detections needs a table' in capsys.readouterr().err
    (tables / 'short.csv').write_text('frame,x,y,w,h\n3,10,20,30,40\n')
    assert main(words) == 0
    sidecar = json.loads((tmp_path / 'out' / TRACKER / 'short.json').read_text())
    assert len(sidecar['detections']) == 16
    # every frame is searched (beta2=0): by the detector alone, for there is no other re-detector
    assert None not in sidecar['stages']['redetect']
    assert main(words) == 0 and 'done already' in capsys.readouterr().err
    assert main(words[:-2]) != 0
    assert 'was made with other detections' in capsys.readouterr().err
    assert main([*words[:-2], '--again']) == 0
    sidecar = json.loads((tmp_path / 'out' / TRACKER / 'short.json').read_text())
    assert sidecar['detections'] == '' and 'redetect' not in sidecar['stages']


def test_of_a_slower_camera_the_tables_are_those_of_the_recording(tmp_path, monkeypatch):
    """Its second frame is the recording's fourth."""
    data = shorter(tmp_path / 'data', 7)
    (tmp_path / 'short.csv').write_text('frame,x,y,w,h\n3,10,20,30,40\n')
    seen = []
    put = Recent.put
    monkeypatch.setattr(Recent, 'put', lambda self, camera, stamp, boxes: (
        seen.append(boxes), put(self, camera, stamp, boxes)))
    assert main(['eval', 'run', '--data', str(data), '--trackers', TRACKER, '--out',
                 str(tmp_path / 'out'), '--detections', str(tmp_path), '--every', '3']) == 0
    assert seen == [[], [Box(10, 20, 30, 40)], []]


def test_a_peer_has_no_search_to_help(tmp_path, capsys):
    data = shorter(tmp_path / 'data', 2)
    (tmp_path / 'short.csv').write_text('frame,x,y,w,h\n')
    assert main(['eval', 'run', '--data', str(data), '--trackers', 'opencv_kcf', '--out',
                 str(tmp_path / 'out'), '--detections', str(tmp_path)]) != 0
    assert 'opencv_kcf has no search' in capsys.readouterr().err


@pytest.mark.rounding
def test_each_camera_has_a_table(tmp_path, capsys):
    for name in ('hall_cam1', 'hall_cam2'):
        shorter(tmp_path / 'data', 4, name)
        (tmp_path / f'{name}.csv').write_text('frame,x,y,w,h\n2,10,20,30,40\n')
    assert main(['eval', 'cameras', '--data', str(tmp_path / 'data'), '--trackers', TRACKER,
                 '--out', str(tmp_path / 'out'), '--detections', str(tmp_path)]) == 0
    assert 'hall_cams: 2 cameras, 4 moments' in capsys.readouterr().out
