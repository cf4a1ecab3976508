"""``dev/options.py``: what it starts nodes with, and what its rows are."""

from pathlib import Path

from helpers.scripts import imported
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros.bench import NodeTimes
import numpy as np
import pytest
import yaml

SCRIPT = Path(__file__).resolve().parents[1] / 'dev' / 'options.py'


@pytest.fixture(scope='module')
def options():
    """Import the script, which is in no package."""
    return imported(SCRIPT)


def test_every_part_that_a_node_has_is_turned_on(options):
    asked = {}
    for part in options.PARTS.values():
        values = {name: yaml.safe_load(text) for name, _, text in
                  (p.partition(':=') for p in part.parameters)}
        assert NodeOptions().changed(values) != NodeOptions() or not values
        asked |= values
    assert set(asked) >= {'world', 'depth_topics', 'ui', 'detections_topic', 'annotations',
                          'click_topic', 'bond', 'track_action', 'asynchronous_search', 'targets'}


def test_a_ratio_is_of_the_plain_node_in_the_same_round(options):
    def times(ms, lost=0):
        return NodeTimes(np.array([ms, 2 * ms, 9 * ms]), np.ones(3), np.array([ms, 3 * ms, ms]),
                         10 * ms, 20.0, 3, {'lost_on_the_way': lost, 'overwritten': 1})
    plain, part = [times(1), times(2), times(5)], [times(2), times(6), times(5, 2)]
    assert options.line('part', part, plain) == [
        'part', '50.0', '2.00', '10.0', '2.00', '5.0', '2.00', '5']
    assert options.line('plain', plain, plain)[2:7:2] == ['1.00', '1.00', '1.00']
