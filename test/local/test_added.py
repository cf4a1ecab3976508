"""A local tracker of one's own: a file with a class and a spec, and a line that registers it."""

import csv
from dataclasses import fields, replace

from helpers.clip import first_box, VIDEO
from helpers.scripts import imported
from lg_tracker_ros.cli import main
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.provenance import weights_of, what_made_it
import pytest

MODULE = """
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import platt
from lg_tracker_ros.types import TrackerOutput


class Still:
    def init(self, frame, box):
        self.box = box

    def track(self, frame, regions):
        return [TrackerOutput(self.box, 1.0, 1.0) for _ in regions]


SPEC = LocalSpec('still', 'a target that never moves', lambda weights, backbone, engine: Still(),
                 platt(0.0, 0.0, 3.0))
"""


@pytest.fixture
def still(tmp_path):
    """Write the module and import it."""
    (tmp_path / 'still.py').write_text(MODULE)
    return imported(tmp_path / 'still.py')


def test_a_tracker_is_built_with_the_parameters_that_its_spec_names(still, monkeypatch):
    took = {}

    def build(weights, backbone, engine, **more):
        took.update(more)
        return still.Still()
    spec = replace(still.SPEC, build=build, parameters=('beta2', 'reciprocative'))
    monkeypatch.setitem(LOCAL_TRACKERS, 'still', spec)
    settings = Settings(tracker='still', redetector='none', recognition='first_look', beta2=7)
    make_local(settings, settings.engine_config())
    assert took == {'beta2': 7, 'reciprocative': settings.reciprocative}
    known = {f.name for f in fields(Settings)}
    assert all(set(s.parameters) <= known for s in LOCAL_TRACKERS.values())


def test_a_tracker_is_a_file_and_a_line(still, tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match='tracker must be one of'):
        Settings(tracker='still')
    monkeypatch.setitem(LOCAL_TRACKERS, still.SPEC.name, still.SPEC)
    box = first_box()
    out = tmp_path / 'out.csv'
    words = ['track', str(VIDEO), '--init', f'{box.x},{box.y},{box.w},{box.h}', '--start', '150',
             '--param', 'tracker=still', '--param', 'redetector=none',
             '--param', 'recognition=first_look', '--out', str(out)]
    assert main(words) == 0, capsys.readouterr().err
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert len(rows) == 10
    for row in rows[1:]:
        assert [float(row[c]) for c in 'xywh'] == pytest.approx([box.x, box.y, box.w, box.h],
                                                                abs=0.01)
        assert float(row['confidence']) == pytest.approx(0.9526, abs=1e-3)
    settings = Settings(tracker='still', redetector='none')
    made = what_made_it('still', weights_of(settings))
    assert list(made['weights']) == ['efficientnet_lite0.safetensors']
    with pytest.raises(ValueError, match="backbone 'alexnet' is for the trackers siamfcpp and"):
        Settings(tracker='still', backbone='alexnet')
