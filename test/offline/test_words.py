"""An operator's word in ``track``: heard in the frame after."""

import csv

from helpers.clip import truth, VIDEO
from lg_tracker_ros.cli import main
import pytest


def track(tmp_path, *words):
    """Follow the clip's last frames with the default tracker; give the rows by frame."""
    x, y, w, h = truth()[140]
    out = tmp_path / 'out.csv'
    status = main(['track', str(VIDEO), '--start', '140', '--init', f'{x},{y},{w},{h}',
                   '--out', str(out), *words])
    assert status == 0
    return {int(row['frame']): row for row in csv.DictReader(out.read_text().splitlines())}


@pytest.mark.rounding
def test_what_is_rejected_is_left_and_what_is_confirmed_is_kept(tmp_path):
    rows = track(tmp_path, '--reject', '146', '--confirm', '150')
    assert all(rows[i]['visible'] == '1' and rows[i]['mode'] == 'LOCAL' for i in range(140, 147))
    assert rows[147]['mode'] == 'GLOBAL' and rows[147]['visible'] == '0'
    assert rows[151]['visible'] == '1'


def test_a_frame_is_not_both(tmp_path, capsys):
    words = ['--init', '1,2,30,40', '--reject', '7', '--confirm', '7']
    assert main(['track', str(VIDEO), *words]) == 1
    assert 'frame 7 is both rejected and confirmed' in capsys.readouterr().err
