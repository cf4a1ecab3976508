"""Parameters: the file that is written from them, what they hand to the search, refusals."""

from dataclasses import fields
from pathlib import Path
import re

from lg_tracker_ros.parameters.as_yaml import as_yaml
from lg_tracker_ros.parameters.node import NEEDS, NodeOptions, without_effect
from lg_tracker_ros.parameters.reading import read_settings
from lg_tracker_ros.parameters.tracker import RENAMED, Settings
from lg_tracker_ros.search import RULES, SearchConfig
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_parameter_file_is_current():
    assert (ROOT / 'config/tracker.yaml').read_text() == as_yaml(), (
        'python -m lg_tracker_ros.parameters.as_yaml > config/tracker.yaml')


def test_a_dump_of_the_node_is_taken(tmp_path):
    file = tmp_path / 'dump.yaml'
    file.write_text("""/lg_tracker:
  ros__parameters:
    autostart: true
    beta1: 0.5
    image_topics: [image]
    qos_overrides./parameter_events.publisher.depth: 1000
    start_type_description_service: true
    use_sim_time: false
""")
    assert read_settings(str(file), []) == Settings(beta1=0.5)


def test_rules_and_policy_reach_the_search():
    assert Settings().search() == SearchConfig() and Settings().search().rules == set(RULES)
    assert Settings(rules='none').search().rules == frozenset()
    chosen = read_settings(None, ['policy=paper', 'rules=sizes+absence', 'beta2=0']).search()
    assert (chosen.policy, chosen.rules, chosen.beta2) == ('paper', {'sizes', 'absence'}, 0)
    assert not Settings().needs_rebuild(Settings(policy='paper', rules='none'))


@pytest.mark.parametrize('old, new', RENAMED.items())
def test_a_name_of_before_is_refused_with_that_of_today(old, new):
    for ask in (lambda: read_settings(None, [f'{old}=1']), lambda: Settings().changed({old: 1})):
        with pytest.raises(ValueError) as e:
            ask()
        assert str(e.value) == f'parameter {old!r} is now called {new!r}'
    assert hasattr(Settings(), new)


def test_values_that_a_part_alone_reads_which_is_off_are_told():
    names = {f.name for kind in (NodeOptions, Settings) for f in fields(kind)}
    assert names >= {n for part, others in NEEDS.items() for n in (part, *others)}
    assert without_effect(NodeOptions(), Settings()) == []
    options = NodeOptions(depth_topics=('/depth',), target_frame='cup', click_size=48.0,
                          lockstep=True, asynchronous_search=True)
    assert without_effect(options, Settings(select='largest')) == [
        'depth_topics, target_frame: without effect, for world is not set',
        'select: without effect, for detections_topic is not set',
        'click_size: without effect, for click_topic is not set',
        'asynchronous_search: without effect, for lockstep is set']
    options = NodeOptions(world=True, depth_topics=('/depth',), ui=True, ui_port=0, targets=2,
                          targets_every=2, detections_topic='boxes', asynchronous_search=True)
    assert without_effect(options, Settings(select='largest')) == []


@pytest.mark.parametrize('wrong,told', [
    ({'beta2': 1.5}, 'beta2 must be int, got float 1.5'),
    ({'beta1': '0.5'}, "beta1 must be float, got str '0.5'"),
    ({'beta1': True}, 'beta1 must be float, got bool True'),
    ({'redetector': None}, 'redetector must be str, got NoneType None')])
def test_a_value_of_another_type_is_refused_in_python_too(wrong, told):
    with pytest.raises(ValueError, match=f'^{re.escape(told)}$'):
        Settings(**wrong)


def test_whole_numbers_and_those_of_numpy_are_kept_as_pythons():
    found = Settings(beta1=1, beta2=np.int64(3), online_weight=np.float32(0.5))
    assert found == Settings(beta1=1.0, beta2=3, online_weight=0.5)
    assert (type(found.beta1), type(found.beta2), type(found.online_weight)) == (float, int, float)
