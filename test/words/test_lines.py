"""What others wrote becomes one line that does nothing to a terminal."""

from lg_tracker_ros.words.lines import one_line, told
import pytest


@pytest.mark.parametrize('text, line', [
    ('two\nlines\t and  more', 'two lines and more'), (ValueError('a\nb'), 'a b'),
    ('\x1b[31mred\x07', '\\x1b[31mred\\x07'), ('Größe ✓', 'Größe ✓'),
    ('\u202egnp.exe', '\\u202egnp.exe'), ('x' * 300, 'x' * 300),
    ('x' * 10**6, 'x' * 299 + '…'), ('\x1b' * 10**6, ('\\x1b' * 75)[:299] + '…')])
def test_one_line(text, line):
    assert one_line(text) == line


def test_an_error_of_ours_needs_no_name():
    assert told(ValueError('a\nb')) == 'a b'
    assert told(SystemExit(3)) == 'SystemExit: 3'
