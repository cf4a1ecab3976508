"""Parameter files mean in ``track`` what they mean to the node."""

from lg_tracker_ros.parameters.reading import read_settings, unread
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node


def section(name, **values):
    """Return a node's section of a parameter file."""
    lines = ''.join(f'    {k}: {v}\n' for k, v in values.items())
    return f'{name}:\n  ros__parameters:\n{lines}'


def read(folder, text):
    """Read the settings of a file with this text."""
    path = folder / 'p.yaml'
    path.write_text(text)
    return read_settings(str(path), [])


CAMERA = section('/cam/driver', fps=30)


@pytest.mark.parametrize('text', [
    section('/**', use_sim_time='true') + section('/**/lg_tracker', beta2=3),
    CAMERA + section('/lg_tracker', beta2=3), section('lg_tracker', beta2=3) + CAMERA,
    section('/*', beta2=3), section('/**', beta2=3), section('/robot_1/lg_tracker', beta2=3),
    section('/**', beta2=5) + section('lg_tracker', beta2=3),
    section('/**', beta2=3) + section('/robot_1/lg_tracker', device='cpu'),
    section('lg_tracker', beta2=3) + section('/robot_1/lg_tracker', beta2=9),
    section('/robot_1/*', beta2=3) + section('/robot_1/lg_tracker', device='cpu'),
    'robot_1:\n  lg_tracker:\n    ros__parameters:\n      beta2: 3\ncam:\n  driver:\n'
    '    ros__parameters:\n      fps: 30\n',
    section('front_tracker', beta2=3), 'beta2: 3\n',
    section('lg_tracker', beta2=3, start_type_description_service='true', image_topics='[a]')])
def test_a_file_is_read_as_the_node_reads_it(tmp_path, text):
    assert read(tmp_path, text).beta2 == 3


@pytest.mark.parametrize('text, reason', [
    (section('/a/lg_tracker', beta2=3) + section('/b/lg_tracker', beta2=4),
     'parameters for /a/lg_tracker and /b/lg_tracker; keep those of one'),
    (CAMERA + section('/cam/other', fps=3),
     'no parameters for /lg_tracker, only for /cam/driver, /cam/other'),
    (section('/lg_tracker', fps=30), 'fps'), ('- 1\n', 'got list'),
    ('# beta2: 3\n', 'got nothing')])
def test_what_cannot_be_read_is_one_short_line_with_the_files_name(tmp_path, text, reason):
    with pytest.raises(ValueError, match=r'p\.yaml is ') as caught:
        read(tmp_path, text)
    line = str(caught.value)
    assert reason in line and '\n' not in line and len(line) <= 300


def test_sections_of_one_name_are_joined_as_ros_does(tmp_path):
    text = (section('/lg_tracker', beta2=3, beta1=0.5) + CAMERA + section('/lg_tracker', beta2=4)
            + section('/**', max_candidates=2) + section('/**', device='cpu'))
    read_ = read(tmp_path, text)
    assert (read_.beta1, read_.beta2, read_.max_candidates, read_.device) == (0.5, 4, 2, 'cpu')


@pytest.mark.parametrize('text', ['5e-1', '.5', '5.e-1', '+5E-1', '0.5e0'])
def test_numbers_are_written_as_ros_reads_them(tmp_path, text):
    assert read(tmp_path, section('/lg_tracker', beta1=text)).beta1 == 0.5


@pytest.mark.parametrize('text, reason', [
    ('betta1: 3\n', "unknown parameter 'betta1'; did you mean beta1 or"),
    ('Beta2: 3\n', "'Beta2'; did you mean beta2"),
    ('image_topic: [a]\n', "'image_topic'; did you mean image_topics"),
    ('fps: 3\n', 'config/tracker.yaml has all names'),
    ('beta2: 3\n' + section('/lg_tracker', beta1=0.5), "'beta2' must stand below ros__parameters"),
    ('/lg_tracker:\n  beta2: 3\n', 'ros__parameters: below it'),
    ('/lg_tracker:\n  ros__parameters:\n', 'ros__parameters: below it'),
    ('/lg_tracker:\n  ros__parameters:\n    # beta2: 3\n', "'/lg_tracker' names no parameter")])
def test_a_wrong_name_or_place_is_told_with_its_cure(tmp_path, text, reason):
    with pytest.raises(ValueError, match=r'p\.yaml is not a valid set') as caught:
        read(tmp_path, text)
    assert reason in str(caught.value)


@pytest.mark.parametrize('word, reason', [
    ('betta1=3', "--param 'betta1=3': unknown parameter 'betta1'; did you mean beta1"),
    ('asynchronous_search=true', 'asynchronous_search is for the node alone'),
    ('rules=absence,lock_on', 'joined by +')])
def test_a_wrong_word_is_told_with_its_cure(word, reason):
    with pytest.raises(ValueError, match=r'.') as caught:
        read_settings(None, [word])
    assert reason in str(caught.value)


@pytest.mark.parametrize('name, used', [
    ('lg_tracker', False), ('/robot/lg_tracker', True), ('/**', True), ('/robot/*', True),
    ('/*/lg_tracker', True), ('/robot/lg_trackr', False)])
def test_that_a_file_has_nothing_for_a_node_in_a_namespace_is_told(tmp_path, name, used):
    path = tmp_path / 'p.yaml'
    path.write_text(section('/cam/driver', fps=30) + section(name, beta1=0.9))
    full = '/' + name.strip('/')
    assert unread(path, '/robot/lg_tracker') == ('' if used else (
        f'{path} has nothing for /robot/lg_tracker, only for /cam/driver, {full}: its values are '
        'not used; name the section so, or /** for every node'))
    # so it is in ROS
    context = Context()
    rclpy.init(context=context)
    try:
        node = Node('lg_tracker', namespace='robot', context=context, cli_args=[
            '--ros-args', '--params-file', str(path)])
        assert ('beta1' in node._parameter_overrides) is used
        node.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)
