"""The SROS 2 policy against the graph of the real nodes, over DDS, with every optional part on."""

from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

from geometry_msgs.msg import PointStamped, PoseStamped
from helpers.clip import VIDEO
from helpers.ros import Build, Rig
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros.camera import CameraNode
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

POLICY = Path(__file__).parents[3] / 'config/sros2/policies/lg_tracker.policy.xml'
IMAGE, DEPTH = '/camera/image_raw', '/depth/image_raw'
EVERYTHING = {
    'image_topics': [IMAGE], 'detections_topic': '/detections', 'track_action': True,
    'world': True, 'camera_info_topics': ['auto'], 'depth_topics': [DEPTH],
    'depth_info_topics': ['auto'], 'depth_alignment': 'separate', 'target_frame': 'target',
    'asynchronous_search': True, 'click_topic': f'{IMAGE}/mouse_click', 'annotations': True,
    'bond': True, 'targets': 2, 'use_sim_time': True}
NO_TOPIC_OF_THEIR_OWN = {'autostart', 'lockstep', 'images_rectified', 'ui'}
"""Switches that bring no topic and no service: the page of ``ui`` is HTTP."""
ACTION = ({'reply': 'request', 'publish': 'subscribe'}, {
    'reply': ('send_goal', 'cancel_goal', 'get_result'), 'publish': ('feedback', 'status')})


class BuildTeam(Build):
    """Makes the trackers of several targets, which share nothing here."""

    def __call__(self, settings, shared):
        """Build as build_tracker does."""
        return super().__call__(settings)


def allowed(node):
    """Return what the policy lets a node do: (publish, subscribe, reply or request, name)."""
    profile = ElementTree.parse(POLICY).find(f".//profile[@node='{node}']")
    found = set()
    for block in profile:
        for right, value in block.attrib.items():
            assert value == 'ALLOW'
            for element in block:
                name = element.text.replace('~', f'/{node}')
                name = name if name.startswith('/') else f'/{name}'
                if block.tag != 'actions':
                    assert (right, name) not in found, f'{right} {name} stands there twice'
                    found.add((right, name))
                for kind, parts in ACTION[1].items() if block.tag == 'actions' else ():
                    kind = kind if right == 'execute' else ACTION[0][kind]
                    found |= {(kind, f'{name}/_action/{part}') for part in parts}
    return found


def graph(client, node):
    """Return what the node does, as others see it."""
    asked = {'publish': client.get_publisher_names_and_types_by_node,
             'subscribe': client.get_subscriber_names_and_types_by_node,
             'reply': client.get_service_names_and_types_by_node,
             'request': client.get_client_names_and_types_by_node}
    return {(right, name) for right, ask in asked.items() for name, _ in ask(node, '/')}


def differences(policy, seen):
    """Return what is done and not allowed, and what is allowed and not done."""
    def fits(done, rule):
        return done[0] == rule[0] and fnmatchcase(done[1], rule[1])
    return ({d for d in seen if not any(fits(d, r) for r in policy)},
            {r for r in policy if not any(fits(d, r) for d in seen)})


def test_every_part_of_the_node_that_is_off_by_default_is_on_here():
    switches = {f.name for f in fields(NodeOptions)
                if isinstance(f.default, bool) or f.name.endswith(('_topic', '_topics'))}
    assert switches - NO_TOPIC_OF_THEIR_OWN <= set(EVERYTHING)


def test_the_policy_is_the_graph_of_the_node():
    pytest.importorskip('bond.msg', reason='needs the package bond')
    packet = pytest.importorskip('ffmpeg_image_transport_msgs.msg').FFMPEGPacket
    with Rig(BuildTeam(), cameras=(IMAGE,), started=False, **EVERYTHING) as rig:
        client, make = rig.client, rig.client.create_publisher
        rig.until(lambda: rig.node.state == 'active', 'node active')
        seen = set()
        for kind, topic in ((CompressedImage, f'{IMAGE}/compressed'), (packet, f'{IMAGE}/ffmpeg'),
                            (Image, IMAGE)):  # one after the other: it takes one at a time
            images = make(kind, topic, 1)
            rig.until(images.get_subscription_count, f'{topic} subscribed')
            seen |= graph(client, 'lg_tracker')
            if kind is not Image:
                client.destroy_publisher(images)
        client.create_subscription(PoseStamped, 'lg_tracker/target_pose', print, 1)
        for kind, topic in ((CameraInfo, '/camera/camera_info'), (Image, DEPTH),
                            (CameraInfo, '/depth/camera_info'),
                            (PointStamped, f'{IMAGE}/mouse_click')):
            rig.until(make(kind, topic, 1).get_subscription_count, f'{topic} subscribed')
        policy = allowed('lg_tracker')
        rig.until(lambda: differences(policy, seen | graph(client, 'lg_tracker')) == (
            set(), set()), lambda: str(differences(policy, seen | graph(client, 'lg_tracker'))))


def test_the_policy_of_the_camera_is_what_it_does():
    context = Context()
    rclpy.init(context=context)
    try:
        client, seen = Node('client', context=context), set()
        for compressed in (False, True):
            camera = CameraNode(context=context, parameter_overrides=[
                Parameter('source', value=str(VIDEO)), Parameter('compressed', value=compressed)],
                cli_args=['--ros-args', '-r', f'image:={IMAGE}',
                          '-r', f'image/compressed:={IMAGE}/compressed'])
            seen |= graph(camera, 'lg_tracker_camera')
            camera.destroy_node()
        client.destroy_node()
        assert differences(allowed('lg_tracker_camera'), seen) == (set(), set())
    finally:
        rclpy.try_shutdown(context=context)


def test_the_security_tools_make_permissions_of_it(tmp_path):
    tools = pytest.importorskip('sros2.api._artifact_generation',
                                reason='sros2 is not on PyPI: needs ROS 2 from apt')
    tools.generate_artifacts(tmp_path, [], [POLICY])
    made = sorted(p.parent.name for p in tmp_path.glob('enclaves/*/permissions.p7s'))
    assert made == ['lg_tracker', 'lg_tracker_camera', 'lg_tracker_operator']
    rules = ElementTree.parse(tmp_path / 'enclaves/lg_tracker/permissions.xml')
    names = {e.text for e in rules.iterfind('.//publish/topics/topic')}
    assert {'rt/tracked_target', 'rt/lg_tracker/status', 'rr/init_targetReply',
            'rr/track/_action/send_goalReply', 'ros_discovery_info'} <= names


def test_nothing_but_enclaves_stands_among_them():
    builder = ElementTree.TreeBuilder(insert_comments=True)
    enclaves = ElementTree.parse(POLICY, ElementTree.XMLParser(target=builder)).find('enclaves')
    # sros2 makes keys for each child, and fails at a comment
    assert [e.tag for e in enclaves] == ['enclave'] * 3


def test_the_operator_may_only_do_what_the_node_is_there_for():
    node, other = allowed('lg_tracker'), allowed('lg_tracker_operator')
    mirrored = {'publish': 'subscribe', 'reply': 'request'}
    everybody = {('publish', '/rosout'), ('publish', '/parameter_events'),
                 ('reply', '/lg_tracker_operator/*')}
    assert other - everybody <= {(mirrored.get(right), name) for right, name in node}
    assert everybody <= other and len(other) > 5
