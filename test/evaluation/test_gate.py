"""
The regression gate: on the bundled clip every configuration gives the boxes that it gave.

A change of behaviour that is meant: ``python test/test_eval_gate.py`` writes what is expected
anew, and the commit says why.
"""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.clip import CLIP
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.evaluation.experiments.one_pass import follow, plan, result_path
from lg_tracker_ros.evaluation.experiments.records import read_records, write_labels
from lg_tracker_ros.rows import COLUMNS
import numpy as np
import pytest

EXPECTED = Path(__file__).resolve().parents[1] / 'data' / 'gate'
ENGINE = '@engine=onnx@device=cpu'
GATED = {'default': f'default{ENGINE}', 'correlation': f'pixelwise+correlation{ENGINE}',
         'ncc': f'ncc+tanet_lite{ENGINE}', 'csrt': f'opencv_csrt+tanet_lite{ENGINE}'}
KEPT = ('frame', 'x', 'y', 'w', 'h', 'confidence', 'visible', 'mode')


def results(tracker, out):
    """Run a configuration over the clip; the columns that don't depend on the clock."""
    sequences = read_dataset(CLIP.parent, only=[CLIP.name])
    jobs, marks = plan([tracker], sequences, out, out, seen=False)
    write_labels(out, sequences, marks)
    follow(jobs[0])
    with open(result_path(out, tracker, CLIP.name), newline='') as file:
        return [{k: row[k] for k in KEPT} for row in csv.DictReader(file)]


@pytest.mark.parametrize('name', GATED)
def test_the_boxes_are_those_of_the_last_release(name, tmp_path):
    """Exact but for what another CPU's rounding may do to the last digit."""
    pytest.importorskip('onnxruntime')
    got = results(GATED[name], tmp_path)
    with open(EXPECTED / f'{name}.csv', newline='') as file:
        wanted = list(csv.DictReader(file))
    assert len(got) == len(wanted) == 160
    assert [r['mode'] for r in got] == [r['mode'] for r in wanted]
    assert [r['visible'] for r in got] == [r['visible'] for r in wanted]
    for columns, tolerance in (('xywh', 0.05), (('confidence',), 0.002)):
        a, b = (np.array([[float(r[c]) for c in columns] for r in rows]) for rows in (got, wanted))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
    assert tuple(read_records(tmp_path)) and set(KEPT) < set(COLUMNS)


def main(folder):
    """Write what is expected anew; ``folder`` takes the results."""
    EXPECTED.mkdir(exist_ok=True)
    for name, tracker in GATED.items():
        with open(EXPECTED / f'{name}.csv', 'w', newline='') as file:
            writer = csv.DictWriter(file, KEPT, lineterminator='\n')
            writer.writeheader()
            writer.writerows(results(tracker, folder))


if __name__ == '__main__':
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
