"""Parameters given at the start, as users and launch files write them."""

from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros import params
import pytest
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter


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


def test_one_topic_without_brackets_is_a_list_of_one(declared):
    wrong, options = declared(image_topics='/cam/image_raw', compressed_formats='png')
    assert not wrong
    assert options.image_topics == ('/cam/image_raw',) and options.compressed_formats == ('png',)


def test_a_word_where_a_list_must_be_is_told_the_cure():
    with pytest.raises(ValueError, match=r'image_topics must be a list: image_topics:=\[/cam/a\]'):
        NodeOptions().changed({'image_topics': '/cam/a'})
    with pytest.raises(ValueError, match=r"must be of jpeg, png, webp, bmp, got \['jp2'\]"):
        NodeOptions(compressed_formats=('jp2',))
