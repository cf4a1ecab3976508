"""
From what cameras send and files hold to BGR images, without ROS.

Any object with the fields of sensor_msgs/Image or CompressedImage does, so a bag is read by the
same code as a topic; image files have the same way to 8 bits.
NumPy and OpenCV only: cv_bridge is neither needed nor used (it breaks where NumPy's version isn't
the one that it was built for); a test compares the two where it is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Sequence

import cv2
from lg_tracker_ros.media.formats import CAMERA_FORMATS, header_size, recognise
from lg_tracker_ros.media.levels import Levels
from lg_tracker_ros.reading.guard import refuse_pointer
from lg_tracker_ros.types import Image as Bgr
from lg_tracker_ros.words.lines import one_line
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# encoding -> channels, bits of a channel, cv2's colour conversion to BGR (None: it is BGR)
_BAYER = {'rggb': cv2.COLOR_BayerBG2BGR, 'bggr': cv2.COLOR_BayerRG2BGR,
          'gbrg': cv2.COLOR_BayerGR2BGR, 'grbg': cv2.COLOR_BayerGB2BGR}
_FORMATS: dict[str, tuple[int, int, int | None]] = {
    'mono8': (1, 8, cv2.COLOR_GRAY2BGR), '8UC1': (1, 8, cv2.COLOR_GRAY2BGR),
    'mono16': (1, 16, cv2.COLOR_GRAY2BGR), '16UC1': (1, 16, cv2.COLOR_GRAY2BGR),
    '32FC1': (1, 32, cv2.COLOR_GRAY2BGR),
    'bgr8': (3, 8, None), '8UC3': (3, 8, None), 'rgb8': (3, 8, cv2.COLOR_RGB2BGR),
    'bgra8': (4, 8, cv2.COLOR_BGRA2BGR), '8UC4': (4, 8, cv2.COLOR_BGRA2BGR),
    'rgba8': (4, 8, cv2.COLOR_RGBA2BGR),
    'bgr16': (3, 16, None), 'rgb16': (3, 16, cv2.COLOR_RGB2BGR),
    'bgra16': (4, 16, cv2.COLOR_BGRA2BGR), 'rgba16': (4, 16, cv2.COLOR_RGBA2BGR),
    'yuv422': (2, 8, cv2.COLOR_YUV2BGR_UYVY), 'uyvy': (2, 8, cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': (2, 8, cv2.COLOR_YUV2BGR_YUYV), 'yuyv': (2, 8, cv2.COLOR_YUV2BGR_YUYV),
    **{f'bayer_{p}{bits}': (1, bits, code) for p, code in _BAYER.items() for bits in (8, 16)}}
_PLANAR = {'nv12': cv2.COLOR_YUV2BGR_NV12, 'nv21': cv2.COLOR_YUV2BGR_NV21}
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
ENCODINGS = (*_FORMATS, *_PLANAR, 'nv24')
"""Every encoding of sensor_msgs/Image that can be tracked in."""

# BT.601 with limited range, as in OpenCV's conversions of the other YUV formats
_YUV_TO_BGR = np.array([[1.164383, 2.017232, 0.0, -276.835851],
                        [1.164383, -0.391762, -0.812968, 135.575295],
                        [1.164383, 0.0, 1.596027, -222.921566]], np.float32)
_HEADER = 1 << 20  # bytes in which an encoded image must say how large it is


def brief(text: str, most: int = 60) -> str:
    """Quote a foreign text for a message, as one line of at most ``most`` characters."""
    return repr(one_line(text, most))


def attempt(decode: Callable[..., Bgr], *given: Any) -> Bgr | ValueError:
    """Decode; what ``decode`` raises is returned, so that the images behind it can be had."""
    try:
        return decode(*given)
    except ValueError as e:
        return e


class Decoder:
    """
    Turns the images of one camera, or of one folder, into BGR images of 8 bits.

    Images of 16 bits and floats share ``levels``, the range of what the camera sees. Encoded
    messages are decoded only in ``formats`` (of media.formats.FORMATS), recognised by content,
    and up to ``megapixels`` by their header: the rarer decoders of OpenCV can be crashed, and a
    few bytes can ask for gigabytes.
    """

    def __init__(self, formats: Sequence[str] = CAMERA_FORMATS, megapixels: float = 64.0) -> None:
        """Start without a range."""
        self.formats, self.megapixels = tuple(formats), megapixels
        self.levels = Levels()

    def msg_to_image(self, msg: Any) -> Bgr:
        """
        Decode an Image or CompressedImage; raises ValueError in one line, and nothing else.

        A bgr8 image is not copied: the array lives in the message's memory.
        """
        try:
            return self._raw(msg) if hasattr(msg, 'encoding') else self._compressed(msg)
        except ValueError:
            raise
        except Exception as e:  # whatever a library makes of foreign bytes: nobody may die of it
            what = brief(str(getattr(msg, 'encoding', getattr(msg, 'format', ''))))
            raise ValueError(f"image, {what}, can't be decoded: {type(e).__name__}: "
                             f'{brief(str(e), 120)}') from e

    def file_to_image(self, path: Path, page: int | None = None) -> Bgr:
        """
        Read an image file, turned as its tags say; raises ValueError with the file's name.

        ``page`` counts from 0 in a file of several; None: the only one, or the first.

        The bytes are a user's own, so every format that OpenCV reads is taken.
        """
        name = path if page is None else f'page {page} of {path}'
        try:
            if page is None:
                data = np.fromfile(path, np.uint8)
                image = cv2.imdecode(data, _FLAGS) if data.size else None
            else:
                image = next(iter(cv2.imreadmulti(str(path), page, 1, flags=_FLAGS)[1]), None)
            if image is not None:
                return self._to_bgr(image)
        except (cv2.error, OSError, MemoryError, ValueError) as e:
            reason = brief(getattr(e, 'strerror', None) or getattr(e, 'err', None) or str(e), 120)
            raise ValueError(f'{name} cannot be read as an image: {reason}') from e
        refuse_pointer(path, 'an image')
        raise ValueError(f'{name} cannot be read as an image')

    def _raw(self, msg: Any) -> Bgr:
        if msg.encoding not in ENCODINGS:
            raise ValueError(f'encoding {brief(msg.encoding)} is not an image that can be tracked '
                             'in; expected one that docs/ros.md lists, as bgr8, rgb8, mono8, '
                             'mono16 or 32FC1')
        if msg.width == 0 or msg.height == 0:
            raise ValueError(f'image is empty: {msg.width} x {msg.height}')
        if msg.encoding in _PLANAR:
            if msg.width % 2 or msg.height % 2:
                raise ValueError(f'{msg.encoding} needs even sides, '
                                 f'got {msg.width} x {msg.height}')
            planes = pixel_rows(msg, msg.height * 3 // 2, msg.width, np.dtype(np.uint8))
            return cv2.cvtColor(np.ascontiguousarray(planes), _PLANAR[msg.encoding])
        if msg.encoding == 'nv24':
            return _nv24(msg)
        channels, bits, code = _FORMATS[msg.encoding]
        kind: np.dtype[Any] = np.dtype(np.uint8)
        if bits > 8:
            order = '>' if msg.is_bigendian else '<'
            kind = np.dtype(f'{order}u2' if bits == 16 else f'{order}f4')
        image = pixel_rows(msg, msg.height, msg.width * channels, kind)
        if bits > 8:
            image = image.astype(kind.newbyteorder('='))
        if channels > 1:
            image = image.reshape(msg.height, msg.width, channels)
        if channels == 2 and msg.width % 2:
            raise ValueError(f'{msg.encoding} needs an even width, got {msg.width}')
        if 'bayer' in msg.encoding and min(image.shape) < 3:
            raise ValueError(f'{msg.encoding} needs at least 3 x 3 px, '
                             f'got {msg.width} x {msg.height}')
        if bits > 8 and code == cv2.COLOR_GRAY2BGR:
            image = self.levels(image)
        if code is not None:
            image = cv2.cvtColor(image, code)
        # colours (and Bayer's, now in full) share one range; alpha is gone
        return image if image.dtype == np.uint8 else self.levels(image)

    def _compressed(self, msg: Any) -> Bgr:
        if 'compressedDepth' in msg.format:
            raise ValueError(f'format {brief(msg.format)} is a depth image in a wrapping of its '
                             'own; expected jpeg or png: subscribe to the raw depth image')
        data = np.frombuffer(msg.data, np.uint8)
        head = data[:_HEADER].tobytes()
        kind = recognise(head)
        what = f'compressed image of {data.size} bytes, format {brief(msg.format)},'
        if kind not in self.formats:
            is_ = f'is {kind}' if kind else 'is none of those'
            raise ValueError(f"{what} can't be decoded; expected {' or '.join(self.formats)}, "
                             f'and by its content it {is_}')
        size = header_size(head, kind)
        if size is None or not size[0] * size[1]:
            raise ValueError(f"{what} can't be decoded: its {kind} header names no size; "
                             f"expected {' or '.join(self.formats)}")
        if size[0] * size[1] > self.megapixels * 1e6:
            raise ValueError(f"{what} isn't decoded: its header says {size[0]} x {size[1]}, more "
                             f'than the {self.megapixels:g} megapixels of max_megapixels')
        # a camera's stream means what its pixels say: no turning by the tags of a file
        image = cv2.imdecode(data, _FLAGS | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None:
            raise ValueError(f"{what} can't be decoded: damaged {kind}; "
                             f"expected {' or '.join(self.formats)}")
        return self._to_bgr(image)

    def _to_bgr(self, image: Array) -> Bgr:
        """Bring what OpenCV decoded, with any depth, to 8 bits and three channels."""
        if image.dtype != np.uint8:
            image = self.levels(image if image.dtype == np.uint16 else image.astype(np.float32))
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image


def pixel_rows(msg: Any, rows: int, columns: int, kind: np.dtype[Any]) -> Array:
    """Return the message's rows without their padding; not copied."""
    wide = columns * kind.itemsize
    step = msg.step or wide
    if step < wide:
        raise ValueError(f'{msg.encoding} image of {msg.width} x {msg.height}: step must be at '
                         f'least {wide}, got {step}')
    data = np.frombuffer(msg.data, np.uint8)
    need = step * (rows - 1) + wide
    if data.size < need:
        raise ValueError(f'{msg.encoding} image of {msg.width} x {msg.height}, step {step}, '
                         f'needs {need} bytes, got {data.size}')
    view = np.lib.stride_tricks.as_strided(data, (rows, wide), (step, 1))
    if kind.itemsize > 1:
        view = np.ascontiguousarray(view).view(kind)
    elif step != wide:
        view = np.ascontiguousarray(view)
    return view


def _nv24(msg: Any) -> Bgr:
    """Convert 4:4:4 in two planes: luma, then pairs of Cb and Cr."""
    step = msg.step or msg.width
    luma = pixel_rows(msg, msg.height, msg.width, np.dtype(np.uint8))
    data = np.frombuffer(msg.data, np.uint8)
    need = 3 * step * msg.height
    if data.size < need:
        raise ValueError(f'nv24 image of {msg.width} x {msg.height}, step {step}, needs {need} '
                         f'bytes, got {data.size}')
    chroma = data[step * msg.height:need].reshape(msg.height, 2 * step)[:, :2 * msg.width]
    yuv = cv2.merge([np.ascontiguousarray(luma), np.ascontiguousarray(chroma[:, 0::2]),
                     np.ascontiguousarray(chroma[:, 1::2])])
    return cv2.transform(yuv, _YUV_TO_BGR)
