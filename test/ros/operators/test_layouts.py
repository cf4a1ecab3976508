"""The layouts that ship name what the node really publishes and offers, by its real types."""

import json
from pathlib import Path

from helpers.ros import Rig
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_interfaces.srv import InitTarget
import pytest
import yaml

CONFIG = Path(__file__).resolve().parents[3] / 'config'
DRAWN_BY_FOXGLOVE = {'visualization_msgs/msg/ImageMarker'}


@pytest.fixture(scope='module')
def offered():
    """Return {topic: types} of node and camera, and {service: types}."""
    with Rig(annotations=True) as rig:
        publishers = [rig.node.get_publisher_names_and_types_by_node, 'lg_tracker', '/']
        names = ['/lg_tracker/annotations', '/lg_tracker/debug_image', '/lg_tracker/status']
        rig.until(lambda: set(names) <= {n for n, _ in publishers[0](*publishers[1:])}, names)
        topics = dict(publishers[0](*publishers[1:]))
        topics['/image'] = ['sensor_msgs/msg/Image']
        yield topics, dict(rig.node.get_service_names_and_types_by_node('lg_tracker', '/'))


def panels(tree):
    """Name the panels of a layout's tree."""
    if isinstance(tree, str):
        return [tree]
    assert set(tree) - {'splitPercentage'} == {'direction', 'first', 'second'}
    assert tree['direction'] in ('row', 'column')
    return [*panels(tree['first']), *panels(tree['second'])]


def test_foxglove(offered):
    topics, services = offered
    layout = json.loads((CONFIG / 'foxglove_layout.json').read_text())
    configs = layout['configById']
    assert sorted(panels(layout['layout'])) == sorted(configs)
    for name, config in configs.items():
        kind = name.partition('!')[0]
        if kind == 'Image':
            assert topics[config['imageMode']['imageTopic']] == ['sensor_msgs/msg/Image']
            for topic in config['imageMode'].get('annotations', ()):
                assert set(topics[topic]) <= DRAWN_BY_FOXGLOVE
        elif kind == 'Plot':
            for path in config['paths']:
                topic, _, field = path['value'].partition('.')
                assert topics[topic] == ['lg_tracker_interfaces/msg/TrackerStatus']
                assert TrackerStatus.get_fields_and_field_types()[field] in ('float', 'double')
        elif kind == 'RawMessages':
            assert config['topicPath'] in topics
        else:
            assert kind == 'CallService'
            assert services[config['serviceName']] == ['lg_tracker_interfaces/srv/InitTarget']
            asked = json.loads(config['requestPayload'])
            assert asked.keys() <= InitTarget.Request.get_fields_and_field_types().keys()


def test_rviz(offered):
    topics, _ = offered
    shown = yaml.safe_load((CONFIG / 'tracker.rviz').read_text())
    displays = shown['Visualization Manager']['Displays']
    for display in displays:
        assert display['Class'] == 'rviz_default_plugins/Image'
        # relative: RViz is started in the node's namespace
        assert topics['/' + display['Topic']['Value']] == ['sensor_msgs/msg/Image']
    assert {d['Name'] for d in displays} == shown['Window Geometry'].keys() - {'Height', 'Width'}
