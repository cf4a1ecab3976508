"""What others wrote (ids, file names, error texts), made fit for one line of a log."""

from __future__ import annotations

LONGEST = 300
"""Characters of a message at most."""


def one_line(text: object, most: int = LONGEST) -> str:
    """
    Return a text as one line of at most ``most`` characters; its end goes first.

    Runs of white space become a space. What a terminal would obey or hide (escape codes, marks
    that turn the direction of writing) is shown as Python would write it.
    """
    head = str(text)[:10 * most]  # a file may bring megabytes
    line = ' '.join(''.join(c if c.isprintable() or c.isspace() else ascii(c)[1:-1]
                            for c in head).split())
    return line if len(line) <= most else line[:most - 1] + '…'


def told(error: BaseException) -> str:
    """Return an error's text as one line; its type too unless the text was written for users."""
    text = one_line(error)
    return text if isinstance(error, ValueError) else f'{type(error).__name__}: {text}'
