"""The launch file's arguments; `launch` isn't on PyPI, so that stand-ins take its place there."""

from pathlib import Path
import sys
from types import ModuleType, SimpleNamespace

from helpers.scripts import imported
from lg_tracker_ros.parameters.node import NodeOptions
import pytest

FILE = Path(__file__).resolve().parents[2] / 'launch/tracker.launch.py'


@pytest.fixture
def launch(monkeypatch):
    """Load the launch file; its actions keep what they were given."""
    def module(name, **names):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        vars(sys.modules[name]).update(names)

    def keep(*args, **kwargs):
        return SimpleNamespace(args=args, **kwargs)
    module('ament_index_python')
    module('ament_index_python.packages', get_package_prefix=str, PackageNotFoundError=KeyError,
           get_package_share_directory=lambda name: str(FILE.parents[1]))
    module('launch', LaunchDescription=keep)
    module('launch.actions', DeclareLaunchArgument=keep, LogInfo=keep, OpaqueFunction=keep)
    module('launch.substitutions', LaunchConfiguration=lambda name: SimpleNamespace(
        perform=lambda context: context[name]))
    module('launch_ros')
    module('launch_ros.actions', LifecycleNode=keep, Node=keep)
    module('launch_ros.parameter_descriptions',
           ParameterValue=lambda value, value_type: value_type(value))
    return imported(FILE)


def parameters(launch, **given):
    """Return the parameters that the node is started with."""
    context = {name: default for name, default, _ in launch.ARGUMENTS}
    node, = launch.start({**context, **given})
    return node.parameters[1]


def test_what_is_not_given_hides_no_config_file(launch):
    assert parameters(launch) == {'use_sim_time': False}


@pytest.mark.parametrize('name, text, value', [
    ('image_topics', 'a,b', ['a', 'b']), ('autostart', 'false', False), ('world', 'true', True),
    ('depth_topics', '[d]', ['d']), ('ui', 'True', True), ('ui_host', '0.0.0.0', '0.0.0.0'),
    ('ui_port', '8081', 8081), ('click_topic', 'image_mouse_left', 'image_mouse_left'),
    ('click_size', '48', 48.0), ('image_transport', 'compressed', 'compressed'),
    ('bond', 'true', True), ('autostart', '0', False), ('world', ' Yes', True)])
def test_an_argument_becomes_the_parameter_of_its_name(launch, name, text, value):
    given = parameters(launch, **{name: text})
    assert given == {'use_sim_time': False, name: value}
    others = {'depth_topics': value} if name == 'image_topics' else {}
    NodeOptions().changed({name: value, **others})  # a value that the node takes


@pytest.mark.parametrize('name, text, reason', [
    ('autostart', 'ture', "autostart must be true or false, got 'ture'"),
    ('use_sim_time', 'sim', "use_sim_time must be true or false, got 'sim'"),
    ('rviz', '', "rviz must be true or false, got ''"),
    ('config', '/no/such.yaml', "config must be a parameter file, and '/no/such.yaml' is none"),
    ('ui_port', 'http', "ui_port must be a number, int, got 'http'"),
    ('click_size', '48px', "click_size must be a number, float, got '48px'"),
    ('image_topics', '[/a, /b', "image_topics must be 'a,b' or '[a, b]', got '[/a, /b'")])
def test_an_argument_that_means_nothing_is_refused_by_its_name(launch, name, text, reason):
    # before: what is not the word true counted as false, in silence
    with pytest.raises(ValueError) as refused:
        parameters(launch, **{name: text})
    assert str(refused.value) == reason


def test_each_node_gets_its_own_enclave_and_none_where_none_is_given(launch):
    context = {name: default for name, default, _ in launch.ARGUMENTS}
    plain = launch.start({**context, 'video': 'v.mp4'})
    assert [n.arguments for n in plain] == [
        ['--ros-args', '--log-level', 'lg_tracker:=info'], []]
    nodes = launch.start({**context, 'video': 'v.mp4', 'enclave': '/lg_tracker'})
    assert [n.arguments[-3:] for n in nodes] == [
        ['--ros-args', '--enclave', name] for name in ('/lg_tracker', '/lg_tracker_camera')]


@pytest.mark.parametrize('given, topics', [
    ({}, ['image']), ({'image_topics': '/a,/b'}, ['/a', '/b'])])
def test_a_video_is_played_where_the_tracker_listens(launch, given, topics):
    """Whatever topics the config file names: those of a robot, say."""
    context = {name: default for name, default, _ in launch.ARGUMENTS}
    tracker, camera = launch.start({**context, 'video': 'v.mp4', **given})
    assert tracker.parameters[1]['image_topics'] == topics
    assert camera.remappings == [('image', topics[0])]


def test_rviz_that_is_not_installed_leaves_the_tracker_and_a_word(launch, monkeypatch):
    context = {name: default for name, default, _ in launch.ARGUMENTS}

    def absent(name):
        raise KeyError(name)
    node, view = launch.start({**context, 'rviz': 'true'})
    assert (node.executable, view.executable) == ('lg_tracker', 'rviz2')
    monkeypatch.setattr(launch, 'get_package_prefix', absent)
    # an error here would end the launch and leave the tracker running
    node, word = launch.start({**context, 'rviz': 'true'})
    assert node.executable == 'lg_tracker' and 'rviz2 is not installed' in word.msg


def test_the_real_launch_reads_it():
    pytest.importorskip('launch_ros', reason='launch is not on PyPI: needs ROS 2 from apt')
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    from launch import LaunchContext
    source = PythonLaunchDescriptionSource(str(FILE))
    description = source.get_launch_description(LaunchContext())
    names = {a.name for a in description.get_launch_arguments()}
    assert {'image_topics', 'config', 'namespace', 'device', 'log_level', 'rviz'} <= names
