# ruff: noqa: I001 - it takes `launch` for the folder that this file is in
"""Launch the tracker: ``ros2 launch lg_tracker_ros tracker.launch.py --show-args``."""

import os

from ament_index_python.packages import (
    get_package_prefix,
    get_package_share_directory,
    PackageNotFoundError,
)
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
import yaml

SHARE = get_package_share_directory('lg_tracker_ros')
ARGUMENTS = (
    ('image_topics', '', "Image topics, 'a,b' or '[a, b]'; empty: those of the config file."),
    ('config', os.path.join(SHARE, 'config', 'tracker.yaml'), 'Parameter file.'),
    ('namespace', '', 'Namespace of the node and its topics; two trackers need two.'),
    ('device', '', "'cpu', 'cuda', 'cuda:N' or 'auto'; empty: that of the config file."),
    ('autostart', '', 'true: configure and activate at once; false: by hand; empty: as config.'),
    ('use_sim_time', 'false', 'Take the time from /clock, as for bag replay.'),
    ('log_level', 'info', 'debug, info, warn, error or fatal.'),
    ('rviz', 'false', 'Start RViz with the image, the box and the attention map.'),
    ('world', '', 'true: bearing, pose and prediction of the target; empty: as config.'),
    ('depth_topics', '', 'Depth images, one topic for each image topic; empty: as config.'),
    ('ui', '', 'true: a page in the browser, on ui_host and ui_port; empty: as config.'),
    ('ui_host', '', 'Address of the page; any but 127.0.0.1 needs the token that the log shows.'),
    ('ui_port', '', 'Port of the page.'),
    ('click_topic', '', 'Clicks of RViz or rqt_image_view, the target; empty: as config.'),
    ('click_size', '', 'Side of the square around a click, 0: two clicks; empty: as config.'),
    ('image_transport', '', 'auto, raw, compressed or ffmpeg; empty: as config.'),
    ('bond', '', "true: heartbeats for nav2's lifecycle manager; empty: as config."),
    ('enclave', '', 'SROS 2 enclave of the node; the camera of video has it with _camera behind.'),
    ('video', '', 'A video, image folder or webcam number to play on the first of image_topics.'),
)


def truth(name, text):
    """Return whether an argument says yes; ValueError for what is neither yes nor no."""
    words = {'true': True, 'yes': True, 'on': True, '1': True,
             'false': False, 'no': False, 'off': False, '0': False}
    if text.strip().lower() not in words:
        raise ValueError(f'{name} must be true or false, got {text!r}')
    return words[text.strip().lower()]


def number(name, text, kind):
    """Return a number of this kind; ValueError, with the argument's name, for what is none."""
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f'{name} must be a number, {kind.__name__}, got {text!r}') from None


def topics(name, text):
    """Return the topics of 'a,b' or '[a, b]'; ValueError for another form."""
    try:
        parts = yaml.safe_load(text) if text.strip().startswith('[') else text.split(',')
    except yaml.YAMLError:
        raise ValueError(f"{name} must be 'a,b' or '[a, b]', got {text!r}") from None
    return [str(p).strip() for p in parts if str(p).strip()]


def enclave(name, suffix=''):
    """Return ROS arguments that name a node's enclave; none without a name."""
    return ['--ros-args', '--enclave', name + suffix] if name else []


def rviz(namespace):
    """Return RViz; where it isn't installed a word, for an error here would orphan the tracker."""
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        return LogInfo(msg='rviz:=true, but rviz2 is not installed: sudo apt install '
                           f"ros-{os.environ.get('ROS_DISTRO', 'jazzy')}-rviz2")
    return Node(package='rviz2', executable='rviz2', name='rviz', output='log',
                namespace=namespace,
                arguments=['-d', os.path.join(SHARE, 'config', 'tracker.rviz')])


def start(context):
    """Return the nodes for the arguments as they are."""
    value = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    if not os.path.isfile(value['config']):
        # launch itself would go on without it
        raise ValueError(f"config must be a parameter file, and {value['config']!r} is none")
    # only what is given: an argument left empty must not hide the config file
    parameters = {'use_sim_time': truth('use_sim_time', value['use_sim_time'])}
    for name in ('autostart', 'world', 'ui', 'bond'):
        if value[name]:
            parameters[name] = truth(name, value[name])
    for name in ('image_topics', 'depth_topics'):
        if found := topics(name, value[name]):
            parameters[name] = found
    if value['video']:  # is heard also where the config file names the topics of a robot
        parameters.setdefault('image_topics', ['image'])
    for name, kind in (('ui_port', int), ('click_size', float)):
        if value[name]:
            parameters[name] = number(name, value[name], kind)
    for name in ('ui_host', 'device', 'click_topic', 'image_transport'):
        if value[name]:
            # as a string: launch would read YAML in it
            parameters[name] = ParameterValue(value[name], value_type=str)
    # the logger's name has the namespace in it; a level for all would let rcl talk too
    logger = '.'.join([*value['namespace'].strip('/').split('/'), 'lg_tracker']).lstrip('.')
    nodes = [LifecycleNode(
        package='lg_tracker_ros', executable='lg_tracker', name='lg_tracker',
        namespace=value['namespace'], output='screen', emulate_tty=True,
        parameters=[value['config'], parameters],
        arguments=['--ros-args', '--log-level', f"{logger}:={value['log_level']}",
                   *enclave(value['enclave'])])]
    if value['video']:
        nodes.append(Node(
            package='lg_tracker_ros', executable='lg_tracker_camera', output='screen',
            namespace=value['namespace'],
            # as a string: launch would read YAML in it, where # begins a comment and 0001 is 1
            parameters=[{'source': ParameterValue(value['video'], value_type=str), 'loop': True}],
            arguments=enclave(value['enclave'], '_camera'),
            remappings=[('image', parameters['image_topics'][0])]))
    if truth('rviz', value['rviz']):
        nodes.append(rviz(value['namespace']))
    return nodes


def generate_launch_description():
    """Declare the arguments and start the nodes."""
    return LaunchDescription(
        [DeclareLaunchArgument(name, default_value=default, description=text)
         for name, default, text in ARGUMENTS]
        + [OpaqueFunction(function=start)])
