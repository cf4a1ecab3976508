"""What parts say while they are made reaches the node's log."""

from lg_tracker_ros.reading.guard import LOG
from lg_tracker_ros.ros.health import passed_on
import pytest


class Heard:
    """A node of which only the log is asked."""

    def __init__(self):
        """Hear nothing yet."""
        self.lines = []

    def get_logger(self):
        """Give the log."""
        return self

    def warning(self, line):
        """Take a line."""
        self.lines.append(line)


def test_what_is_told_while_a_tracker_is_made_is_in_the_nodes_log():
    node = Heard()
    LOG.warning('before')
    with pytest.raises(ValueError, match='a part failed'):
        with passed_on(node):
            LOG.warning('%s is not calibrated', 'a.pth')
            raise ValueError('a part failed')
    LOG.warning('after')
    assert node.lines == ['a.pth is not calibrated'] and not LOG.handlers
