"""A re-detector of one's own: a file with a class and a spec, and a line that registers it."""

import csv

from helpers.clip import first_box, VIDEO
from lg_tracker_ros.cli import main
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.provenance import weights_of
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.redetect.spec import RedetectorSpec
from lg_tracker_ros.types import Box, Proposals
import pytest


class Fixed:
    """Proposes the first box and one beside it, whatever the image."""

    history = 2

    def __init__(self, threshold):
        """Take attention_threshold."""
        self.threshold, self.clips = threshold, []

    def init(self, frame, box):
        """Take the first box."""
        self.box = box

    def propose(self, clip, size, k):
        """Propose them."""
        self.clips.append(len(clip))
        assert k >= 2 and clip[-1].stamp == max(f.stamp for f in clip)
        return Proposals([Box.from_center(self.box.cx + x, self.box.cy, *size) for x in (0, 150)])


def test_a_redetector_is_a_file_and_a_line(tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match='redetector must be one of'):
        Settings(redetector='fixed')
    made = []

    def build(weights, threshold, engine):
        made.append(Fixed(threshold))
        return made[-1]
    monkeypatch.setitem(REDETECTORS, 'fixed',
                        RedetectorSpec('fixed', 'where it was first', build))
    box, out = first_box(), tmp_path / 'out.csv'
    # beta2: 0 searches the whole image in every frame
    words = ['tracker=ncc', 'redetector=fixed', 'policy=paper', 'beta2=0',
             'recognition=first_look', 'attention_threshold=0.3']
    assert main(['track', str(VIDEO), '--init', f'{box.x},{box.y},{box.w},{box.h}', '--start',
                 '150', '--out', str(out),
                 *(w for word in words for w in ('--param', word))]) == 0, capsys.readouterr().err
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row['mode'] for row in rows[1:]] == ['GLOBAL'] * 9
    assert made[0].threshold == 0.3 and made[0].clips == [2] * 9
    assert 'fixed' not in str(weights_of(Settings(tracker='ncc', redetector='fixed')))
