"""Parameters given at the start, as users and launch files write them."""

from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros import params
import pytest
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

QUOTE = """quote what you wrote, for YAML: "'{}'\""""


@pytest.fixture
def declared():
    """Declare our parameters on a node that was given these; returns what is wrong, and all."""
    rclpy.init()
    nodes = []

    def make(**given):
        nodes.append(Node('given', parameter_overrides=[
            Parameter(name, value=value) for name, value in given.items()]))
        return params.declare(nodes[-1]), params.read(nodes[-1])[1]
    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()


@pytest.mark.parametrize('given, cli_args', [
    ({'image_topics': ['image', 'given/debug_image']}, []),
    ({'image_topics': ['/given/attention']}, []),
    ({'depth_topics': ['looped'], 'image_topics': ['image']},
     ['--ros-args', '-r', '~/debug_image:=/looped']),
    ({'detections_topic': '/given/targets'}, [])])
def test_a_node_takes_nothing_of_its_own_in(given, cli_args):
    rclpy.init()
    node = Node('given', cli_args=cli_args)
    try:
        options = NodeOptions().changed(given)
        with pytest.raises(ValueError, match="is this node's own output; name the topic of a cam"):
            params.check_topics(node, options)
        params.check_topics(node, NodeOptions().changed({'image_topics': ['/other/debug_image']}))
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def test_one_topic_without_brackets_is_a_list_of_one(declared):
    wrong, options = declared(image_topics='/cam/image_raw', compressed_formats='png')
    assert not wrong
    assert options.image_topics == ('/cam/image_raw',) and options.compressed_formats == ('png',)


@pytest.mark.parametrize('name', ['image_topics', 'beta1'])
def test_an_empty_list_which_has_no_type_in_ros_is_refused(name):
    rclpy.init()
    node = Node('given', cli_args=['--ros-args', '-p', f'{name}:=[]'])
    try:
        wrong = params.declare(node)
        assert list(wrong) == [name] and 'an empty list has no type in ROS' in wrong[name]
        assert params.read(node)[1].image_topics == ('image',)  # before: the node died here
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


@pytest.mark.parametrize('word, told', [
    ('select_id:=7', 'select_id must be text, got 7; ' + QUOTE.format('7')),
    ('ui_token:=on', 'ui_token must be text, got True; ' + QUOTE.format('...')),
    ('detections_classes:=[0, 1]', 'must be text, got [0, 1]; ' + QUOTE.format('0,1')),
    ('image_topics:=5', 'must be a list of texts, got 5; ' + QUOTE.replace("'{}'", "['5']")),
    ('beta2:=3.0', 'beta2 must be a whole number, got 3.0'),
    ('threads:=auto', "threads must be a whole number, got 'auto'"),
    ('world:=1', 'world must be true or false, got 1')])
def test_a_value_of_another_type_is_told_with_how_text_is_written(word, told):
    rclpy.init()
    node = Node('given', cli_args=['--ros-args', '-p', word])
    try:
        name = word.partition(':=')[0]
        wrong = params.declare(node)
        assert list(wrong) == [name] and wrong[name].endswith(told)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


@pytest.mark.parametrize('words', ['/a,/b', '[/a, /b]'])
def test_several_topics_in_one_word_are_told_the_cure(words):
    rclpy.init()
    node = Node('given')
    try:
        with pytest.raises(ValueError, match=r"'}'; several are a list: \[/a, /b\]"):
            params.check_topics(node, NodeOptions(image_topics=(words,)))
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def test_a_word_where_a_list_must_be_is_told_the_cure():
    with pytest.raises(ValueError, match=r'image_topics must be a list: image_topics:=\[/cam/a\]'):
        NodeOptions().changed({'image_topics': '/cam/a'})
    with pytest.raises(ValueError, match=r"must be of jpeg, png, webp, bmp, got \['jp2'\]"):
        NodeOptions(compressed_formats=('jp2',))
