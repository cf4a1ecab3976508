"""What others wrote (ids, error texts), made fit for one line of a log. No ROS."""

from __future__ import annotations

MOST = 300
"""Characters of a line that comes from others."""


def one_line(text: str, most: int = MOST) -> str:
    """
    Return ``text`` as one line of at most ``most`` characters.

    Runs of white space become a space. What a terminal would obey or hide (escape codes, marks
    that turn the direction of writing) is shown as Python would write it.
    """
    text = text[:most * 4]  # a megabyte is not worth looking at
    line = ' '.join(''.join(c if c.isprintable() or c.isspace() else ascii(c)[1:-1]
                            for c in text).split())
    return line if len(line) <= most else line[:most - 1] + '…'


def told(error: BaseException) -> str:
    """Return an error's text as one line; its type too unless the text was written for users."""
    text = one_line(str(error))
    return text if isinstance(error, ValueError) else f'{type(error).__name__}: {text}'
