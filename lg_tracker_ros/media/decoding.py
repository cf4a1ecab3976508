"""
From the messages of a camera to BGR images: sensor_msgs/Image and CompressedImage, without ROS.

Any object with the message's fields does, so a bag is read by the same code as a topic.
NumPy and OpenCV only: cv_bridge is neither needed nor used (it breaks where NumPy's version isn't
the one that it was built for); a test compares the two where it is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from lg_tracker_ros.types import Image as Bgr
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# encoding -> channels, bits of a channel, cv2's colour conversion to BGR (None: it is BGR)
_BAYER = {'rggb': cv2.COLOR_BayerBG2BGR, 'bggr': cv2.COLOR_BayerRG2BGR,
          'gbrg': cv2.COLOR_BayerGR2BGR, 'grbg': cv2.COLOR_BayerGB2BGR}
_FORMATS: dict[str, tuple[int, int, int | None]] = {
    'mono8': (1, 8, cv2.COLOR_GRAY2BGR), '8UC1': (1, 8, cv2.COLOR_GRAY2BGR),
    'mono16': (1, 16, cv2.COLOR_GRAY2BGR), '16UC1': (1, 16, cv2.COLOR_GRAY2BGR),
    'bgr8': (3, 8, None), '8UC3': (3, 8, None), 'rgb8': (3, 8, cv2.COLOR_RGB2BGR),
    'bgra8': (4, 8, cv2.COLOR_BGRA2BGR), '8UC4': (4, 8, cv2.COLOR_BGRA2BGR),
    'rgba8': (4, 8, cv2.COLOR_RGBA2BGR),
    'bgr16': (3, 16, None), 'rgb16': (3, 16, cv2.COLOR_RGB2BGR),
    'bgra16': (4, 16, cv2.COLOR_BGRA2BGR), 'rgba16': (4, 16, cv2.COLOR_RGBA2BGR),
    'yuv422': (2, 8, cv2.COLOR_YUV2BGR_UYVY), 'uyvy': (2, 8, cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': (2, 8, cv2.COLOR_YUV2BGR_YUYV), 'yuyv': (2, 8, cv2.COLOR_YUV2BGR_YUYV),
    **{f'bayer_{p}{bits}': (1, bits, code) for p, code in _BAYER.items() for bits in (8, 16)}}
_PLANAR = {'nv12': cv2.COLOR_YUV2BGR_NV12, 'nv21': cv2.COLOR_YUV2BGR_NV21}
ENCODINGS = (*_FORMATS, *_PLANAR, 'nv24')
"""Every encoding of sensor_msgs/Image that can be tracked in."""

# BT.601 with limited range, as in OpenCV's conversions of the other YUV formats
_YUV_TO_BGR = np.array([[1.164383, 2.017232, 0.0, -276.835851],
                        [1.164383, -0.391762, -0.812968, 135.575295],
                        [1.164383, 0.0, 1.596027, -222.921566]], np.float32)
_BITS = (8, 10, 12, 14, 16)


@dataclass
class Decoder:
    """
    Turns the messages of one camera into BGR images.

    16-bit images: many cameras fill only the lower 10, 12 or 14 bits. The decoder remembers the
    smallest of 8, 10, 12, 14, 16 bits that held every value so far and shifts by what is above
    8. So the brightness of two images can be compared (a stretch for each image could not) and
    changes at most when a brighter value than ever comes; what a thermal camera packs into few
    of its steps stays flat.
    """

    bits: int = 8

    def msg_to_image(self, msg: Any) -> Bgr:
        """
        Decode an Image or CompressedImage; raises ValueError in one line.

        A bgr8 image is not copied: the array lives in the message's memory.
        """
        if not hasattr(msg, 'encoding'):
            return self._compressed(msg)
        if msg.encoding not in ENCODINGS:
            raise ValueError(f'encoding {msg.encoding!r} is not an image that can be tracked in; '
                             f'expected one of {", ".join(ENCODINGS)}')
        if msg.width == 0 or msg.height == 0:
            raise ValueError(f'image is empty: {msg.width} x {msg.height}')
        if msg.encoding in _PLANAR:
            if msg.width % 2 or msg.height % 2:
                raise ValueError(f'{msg.encoding} needs even sides, '
                                 f'got {msg.width} x {msg.height}')
            planes = _rows(msg, msg.height * 3 // 2, msg.width, np.dtype(np.uint8))
            return cv2.cvtColor(np.ascontiguousarray(planes), _PLANAR[msg.encoding])
        if msg.encoding == 'nv24':
            return _nv24(msg)
        channels, bits, code = _FORMATS[msg.encoding]
        kind: np.dtype[Any] = np.dtype(np.uint8)
        if bits == 16:
            kind = np.dtype('>u2' if msg.is_bigendian else '<u2')
        image = _rows(msg, msg.height, msg.width * channels, kind)
        if bits == 16:
            image = self._to_8_bits(image)
        if channels > 1:
            image = image.reshape(msg.height, msg.width, channels)
        if channels == 2 and msg.width % 2:
            raise ValueError(f'{msg.encoding} needs an even width, got {msg.width}')
        if code is None:
            return image
        if 'bayer' in msg.encoding and min(image.shape) < 3:
            raise ValueError(f'{msg.encoding} needs at least 3 x 3 px, '
                             f'got {msg.width} x {msg.height}')
        return cv2.cvtColor(image, code)

    def _compressed(self, msg: Any) -> Bgr:
        if 'compressedDepth' in msg.format:
            raise ValueError(f'format {msg.format!r} is a depth image; expected jpeg or png')
        data = np.frombuffer(msg.data, np.uint8)
        # a camera's stream means what its pixels say: no turning by the tags of a file
        flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.imdecode(data, flags) if data.size else None
        if image is None:
            raise ValueError(f'compressed image of {data.size} bytes, format {msg.format!r}, '
                             "can't be decoded; expected jpeg or png")
        if image.dtype == np.uint16:
            image = self._to_8_bits(image)
        if image.dtype != np.uint8:
            raise ValueError(f'compressed image holds {image.dtype}; expected 8 or 16 bits')
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image

    def _to_8_bits(self, image: Array) -> Bgr:
        need = int(image.max()).bit_length()
        self.bits = max(self.bits, next(b for b in _BITS if need <= b))
        return (image >> (self.bits - 8)).astype(np.uint8)


def _rows(msg: Any, rows: int, columns: int, kind: np.dtype[Any]) -> Array:
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
    luma = _rows(msg, msg.height, msg.width, np.dtype(np.uint8))
    data = np.frombuffer(msg.data, np.uint8)
    need = 3 * step * msg.height
    if data.size < need:
        raise ValueError(f'nv24 image of {msg.width} x {msg.height}, step {step}, needs {need} '
                         f'bytes, got {data.size}')
    chroma = data[step * msg.height:need].reshape(msg.height, 2 * step)[:, :2 * msg.width]
    yuv = cv2.merge([np.ascontiguousarray(luma), np.ascontiguousarray(chroma[:, 0::2]),
                     np.ascontiguousarray(chroma[:, 1::2])])
    return cv2.transform(yuv, _YUV_TO_BGR)
