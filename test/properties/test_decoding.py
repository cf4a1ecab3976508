"""Images of any bytes: decoded, or refused with a ValueError of one line."""

from types import SimpleNamespace

import cv2
from helpers.properties import assert_one_line, cheap, damaged
from hypothesis import given
from hypothesis import strategies as st
from lg_tracker_ros.media.decoding import Decoder, ENCODINGS
from lg_tracker_ros.media.formats import FORMATS, header_size, recognise
import numpy as np
import pytest

IMAGE = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


def encoded(kind, image=IMAGE):
    return cv2.imencode(f'.{kind}', image)[1].tobytes()


def decoded(message, **how):
    """Decode, or check how it is refused."""
    try:
        image = Decoder(**how).msg_to_image(message)
    except ValueError as e:
        assert_one_line(e, 400)
        return None
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size
    return image


@cheap
@given(st.one_of(st.sampled_from(ENCODINGS), st.text(max_size=8)), st.integers(0, 12),
       st.integers(0, 12), st.integers(0, 60), st.booleans(), st.binary(max_size=600),
       st.booleans())
def test_a_raw_message_of_any_bytes(encoding, width, height, step, big, data, enough):
    if enough:  # as many as it takes, so that more than the count is looked at
        step, data = 0, (data or b'\0') * 2000
    image = decoded(SimpleNamespace(encoding=encoding, width=width, height=height, step=step,
                                    is_bigendian=big, data=data))
    if image is not None:
        assert image.shape == (height, width, 3) and encoding in ENCODINGS


@cheap
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 9), st.integers(0, 99))
def test_pixels_come_through_whatever_the_padding(width, height, padding, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    rows = np.zeros((height, 3 * width + padding), np.uint8)
    rows[:, :3 * width] = image.reshape(height, -1)
    for encoding, want in (('bgr8', image), ('rgb8', image[..., ::-1])):
        got = decoded(SimpleNamespace(encoding=encoding, width=width, height=height,
                                      step=rows.shape[1], is_bigendian=False,
                                      data=rows.tobytes()))
        assert (got == want).all()


@pytest.mark.parametrize('kind', ['jpg', 'png'])
def test_a_damaged_file_in_a_message(kind):
    @cheap
    @given(damaged(encoded(kind)))
    def check(data):
        decoded(SimpleNamespace(format=f'bgr8; {kind} compressed bgr8', data=data),
                megapixels=0.1)  # a damaged header may ask for many
    check()


@cheap
@given(st.binary(max_size=64), st.text(max_size=20))
def test_a_compressed_message_of_any_bytes(data, form):
    kind = recognise(data)
    assert kind == '' or kind in FORMATS
    size = header_size(data, kind)
    assert size is None or min(size) >= 0
    decoded(SimpleNamespace(format=form, data=data))


@cheap
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(('jpg', 'png')))
def test_the_header_says_the_size(width, height, kind):
    data = encoded(kind, np.zeros((height, width, 3), np.uint8))
    assert header_size(data, recognise(data)) == (width, height)
    message = SimpleNamespace(format=kind, data=data)
    assert decoded(message, megapixels=width * height / 1e6).shape == (height, width, 3)
    assert decoded(message, megapixels=(width * height - 1) / 1e6) is None
