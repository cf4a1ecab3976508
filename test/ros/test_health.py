"""What reaches the node's log, and how often."""

from lg_tracker_ros.reading.guard import LOG
from lg_tracker_ros.ros import health
from lg_tracker_ros.ros.health import Health, passed_on
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

    error = warning


def test_what_is_told_while_a_tracker_is_made_is_in_the_nodes_log():
    node = Heard()
    LOG.warning('before')
    with pytest.raises(ValueError, match='a part failed'):
        with passed_on(node):
            LOG.warning('%s is not calibrated', 'a.pth')
            raise ValueError('a part failed')
    LOG.warning('after')
    assert node.lines == ['a.pth is not calibrated'] and not LOG.handlers


def test_a_log_is_not_flooded_by_damaged_images_of_ever_other_sizes(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(health.time, 'perf_counter', lambda: now[0])
    node = Heard()
    told = Health(node)
    for i in range(64):  # 16 a second, each with a text of its own, and good frames in between
        told.complain('/a', f'image of {i} bytes is damaged')
        told.complain('/b', 'always the same')
        told.complain('', f'step {i} failed')
        told.trouble = ''  # as after a result
        told.mishap(f'callback {i} failed')
        now[0] += 1 / 16
    assert [line for line in node.lines if '/a' in line] == [
        f'/a: image of {i} bytes is damaged' for i in (0, 16, 32, 48)]
    assert [line for line in node.lines if 'step' in line] == [
        f'step {i} failed' for i in (0, 16, 32, 48)]
    assert node.lines.count('/b: always the same') == 1 and len(node.lines) == 13
    assert told.refused('/a') == 'image of 63 bytes is damaged'  # /diagnostics has the last
    now[0] += 60  # it was well meanwhile: the same once more is news
    told.complain('/b', 'always the same')
    assert node.lines[-1] == '/b: always the same'
