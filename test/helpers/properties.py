"""Property tests: what Hypothesis draws is the same in every run, and little."""

from hypothesis import settings
from hypothesis import strategies as st
from lg_tracker_ros.types import Box

cheap = settings(derandomize=True, database=None, deadline=None, max_examples=40)
"""For every property: no seed but that of the test's own name, no milliseconds, no files."""


def numbers(low, high):
    """Draw floats of that range."""
    return st.floats(low, high, allow_nan=False)


boxes = st.builds(Box, numbers(-2e3, 2e3), numbers(-2e3, 2e3), numbers(0.01, 2e3),
                  numbers(0.01, 2e3))
sides = st.integers(1, 2000)


def assert_one_line(error, most=300):
    """Check the form that all our errors have."""
    text = str(error)
    assert text and len(text) <= most and text.isprintable(), repr(text)


@st.composite
def damaged(draw, data):
    """Draw ``data`` with some bytes overwritten, cut out, or put in."""
    data = bytearray(data)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        # the head of a file says most of it: every other damage is there
        at = at % 64 if draw(st.booleans()) else at
        few = draw(st.binary(max_size=8))
        data[at:at + draw(st.integers(0, 8))] = few
    return bytes(data[:draw(st.integers(0, len(data)))] if draw(st.integers(0, 3)) == 0 else data)
