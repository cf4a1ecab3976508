"""Every encoding gives the same picture; what can't be read is refused in one line."""

import array

import cv2
from helpers.ros import scene
from lg_tracker_ros.media.decoding import Decoder, ENCODINGS
from lg_tracker_ros.media.levels import Levels
from lg_tracker_ros.ros.convert import (
    compressed_to_msg,
    detection_from_msg,
    detection_to_msg,
    image_to_msg,
    time_from_msg,
    time_to_msg,
)
from lg_tracker_ros.types import Box
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

# colours that vary slowly, so that what Bayer and YUV leave out can be put back
SMOOTH = cv2.GaussianBlur(scene(100, 100), (0, 0), 6)
GREY = cv2.cvtColor(SMOOTH, cv2.COLOR_BGR2GRAY)
H, W = GREY.shape


def message(encoding, pixels, big=False, pad=0):
    """Make an Image of rows of pixels, each row padded with junk."""
    rows = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)
    if rows.dtype.itemsize > 1:
        rows = rows.astype(rows.dtype.newbyteorder('>' if big else '<'))
    rows = rows.view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.hstack([rows, np.full((len(rows), pad), 213, np.uint8)])
    msg = Image(height=H, width=W, encoding=encoding, step=rows.shape[1], is_bigendian=int(big))
    msg.data = array.array('B', rows.tobytes())
    return msg


def mosaic(pattern, image):
    """Take of each pixel the channel that a Bayer sensor of this pattern has there."""
    out = np.empty(image.shape[:2], image.dtype)
    for n, letter in enumerate(pattern):
        out[n // 2::2, n % 2::2] = image[n // 2::2, n % 2::2, 'bgr'.index(letter)]
    return out


def yuv():
    """Return Y, Cb, Cr of SMOOTH, BT.601 with limited range."""
    b, g, r = (SMOOTH[..., i].astype(float) for i in range(3))
    y = 16 + 0.256788 * r + 0.504129 * g + 0.097906 * b
    u = 128 - 0.148223 * r - 0.290993 * g + 0.439216 * b
    v = 128 + 0.439216 * r - 0.367788 * g - 0.071427 * b
    return [np.round(c).astype(np.uint8) for c in (y, u, v)]


def pixels(encoding):
    """Return SMOOTH as the sensor with this encoding would give it."""
    if encoding.startswith('bayer'):
        wide = SMOOTH.astype(np.uint16) * 257 if encoding.endswith('16') else SMOOTH
        return mosaic(encoding[6:10], wide)
    if encoding in ('mono8', '8UC1'):
        return GREY
    if encoding in ('mono16', '16UC1'):
        return GREY.astype(np.uint16) * 257
    if encoding == '32FC1':
        return GREY.astype(np.float32) / 10
    y, u, v = yuv()
    if encoding in ('nv12', 'nv21'):
        pair = (u, v) if encoding == 'nv12' else (v, u)
        half = np.stack([c[::2, ::2] for c in pair], axis=-1).reshape(H // 2, W)
        return np.vstack([y, half])
    if encoding == 'nv24':
        return np.vstack([y, np.stack([u, v], axis=-1).reshape(2 * H, W)])
    if encoding in ('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv'):
        color = np.empty((H, W), np.uint8)
        color[:, 0::2], color[:, 1::2] = u[:, ::2], v[:, ::2]
        order = (color, y) if encoding in ('yuv422', 'uyvy') else (y, color)
        return np.stack(order, axis=-1)
    wide = SMOOTH.astype(np.uint16) * 257 if encoding.endswith('16') else SMOOTH
    code = {'rgb': cv2.COLOR_BGR2RGB, 'rgba': cv2.COLOR_BGR2RGBA, 'bgra': cv2.COLOR_BGR2BGRA,
            '8UC4': cv2.COLOR_BGR2BGRA}.get(encoding.rstrip('168') if encoding[0] != '8'
                                            else encoding)
    return wide if code is None else cv2.cvtColor(wide, code)


@pytest.mark.parametrize('pad', [0, 6])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_every_encoding_gives_the_same_image(encoding, pad):
    if encoding == 'nv24' and pad:
        pytest.skip('a padded nv24 has no agreed layout of its second plane')
    want = cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR) if encoding in (
        'mono8', '8UC1', 'mono16', '16UC1', '32FC1') else SMOOTH
    if '16' in encoding or encoding == '32FC1':  # shown over the range that they have
        want = Levels()(want.astype(np.uint16) * 257)
    for big in (False, True):
        got = Decoder().msg_to_image(message(encoding, pixels(encoding), big, pad))
        assert got.shape == want.shape and got.dtype == np.uint8
        inner = np.s_[2:-2, 2:-2]  # demosaicing has no neighbours at the border
        error = np.abs(got[inner].astype(int) - want[inner].astype(int))
        exact = not encoding.startswith(('bayer', 'yuv', 'yuyv', 'nv', 'uyvy'))
        most = 1 if encoding == '32FC1' else 0
        assert error.max() <= (most if exact else 12) and error.mean() <= (most if exact else 2.5)


def test_bgr8_is_not_copied():
    msg = message('bgr8', SMOOTH)
    assert np.shares_memory(Decoder().msg_to_image(msg), np.frombuffer(msg.data, np.uint8))


@pytest.mark.parametrize('change, reason', [
    ({'encoding': '32FC3'}, "encoding '32FC3' is not an image"),
    ({'encoding': ''}, "encoding '' is not"),
    ({'step': 5}, 'step must be at least 960, got 5'),
    ({'height': H + 1}, f'needs {960 * (H + 1)} bytes, got {960 * H}'),
    ({'width': 0}, 'empty'),
    ({'encoding': 'nv21', 'width': 319, 'step': 0}, 'even sides')])
def test_what_cannot_be_read_is_refused(change, reason):
    msg = message('bgr8', SMOOTH)
    for key, value in change.items():
        setattr(msg, key, value)
    with pytest.raises(ValueError, match='(?i)' + reason.replace('(', r'\(')) as e:
        Decoder().msg_to_image(msg)
    assert '\n' not in str(e.value)


@pytest.mark.parametrize('kind, most', [('png', 0), ('jpeg', 12)])
def test_compressed_there_and_back(kind, most):
    msg = compressed_to_msg(SMOOTH, Header(), kind)
    error = np.abs(Decoder().msg_to_image(msg).astype(int) - SMOOTH)
    assert error.max() <= most


def test_compressed_grey_and_16_bit():
    wide = GREY.astype(np.uint16) * 257
    for pixels_, kind, want in ((GREY, 'jpeg', GREY), (wide, 'png', Levels()(wide))):
        got = Decoder().msg_to_image(compressed_to_msg(pixels_, Header(), kind))
        assert np.abs(got[..., 1].astype(int) - want).max() <= 12


@pytest.mark.parametrize('form, data', [('jpeg', b''), ('jpeg', b'junk'), ('png', b'\x89PNG'),
                                        ('16UC1; compressedDepth png', b'x' * 99)])
def test_compressed_that_cannot_be_read_is_refused(form, data):
    with pytest.raises(ValueError, match='expected jpeg or png'):
        Decoder().msg_to_image(CompressedImage(format=form, data=data))


@pytest.mark.parametrize('image, encoding', [(SMOOTH, 'bgr8'), (GREY, 'mono8')])
def test_image_there_and_back(image, encoding):
    msg = image_to_msg(image, Header(frame_id='f'), encoding)
    assert (msg.header.frame_id, msg.step, len(msg.data)) == ('f', image.nbytes // H, image.nbytes)
    back = Decoder().msg_to_image(msg)
    assert np.array_equal(back if encoding == 'bgr8' else back[..., 0], image)


def test_detection_there_and_back():
    box = Box(10, 20, np.float32(30.5), 40)  # whole and NumPy numbers too: rclpy would abort
    msg = detection_to_msg(box, np.float32(0.75), Header(), 'id', 'label')
    assert detection_from_msg(msg) == (box, 0.75)
    assert (msg.id, msg.results[0].hypothesis.class_id) == ('id', 'label')
    assert msg.results[0].pose.pose.position.x == box.cx
    gone = detection_to_msg(None, 0.3, Header(), 'id', 'label')
    assert detection_from_msg(gone) == (None, 0.0) and gone.bbox.size_x == 0


def test_time_there_and_back():
    for stamp in (0, 1, 1_795_258_494_319_551_853):
        assert time_from_msg(time_to_msg(stamp)) == stamp


# cv_bridge makes grey of 16 bits and YUV by rules of its own: compared is what has one meaning
@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8', 'yuv422',
                                      'yuv422_yuy2', 'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8',
                                      'bayer_grbg8'])
def test_same_as_cv_bridge(encoding):
    bridge = pytest.importorskip('cv_bridge', reason='cv_bridge is not installed here')
    msg = message(encoding, pixels(encoding))
    want = bridge.CvBridge().imgmsg_to_cv2(msg, 'bgr8')
    assert np.array_equal(Decoder().msg_to_image(msg), want)
