"""Which format an encoded image has, and how large it says that it is, before any decoder runs."""

from __future__ import annotations

CAMERA_FORMATS = ('jpeg', 'png')
FORMATS = (*CAMERA_FORMATS, 'webp', 'bmp')
"""What can be recognised by content; cameras send the first two."""

_MARKERS = 1000
"""Segments that a JPEG may have in front of its size."""


def recognise(data: bytes) -> str:
    """Name the format by its first bytes, '' for one that is not in FORMATS."""
    if data[:3] == b'\xff\xd8\xff':
        return 'jpeg'
    if data[:8] == b'\x89PNG\r\n\x1a\n':
        return 'png'
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        return 'webp'
    return 'bmp' if data[:2] == b'BM' else ''


def is_animated(data: bytes) -> bool:
    """Tell whether the first kilobytes of a PNG or WebP announce several images."""
    kind = recognise(data)
    if kind == 'png':  # the W3C's PNG, 11.3.6.1: acTL comes before the first IDAT
        return b'acTL' in data.partition(b'IDAT')[0]
    return kind == 'webp' and data[12:16] == b'VP8X' and bool(data[20] & 2)


def header_size(data: bytes, kind: str) -> tuple[int, int] | None:
    """Return width and height in pixels as the header has them, None where there is none."""
    if kind == 'jpeg':
        return _jpeg(data)
    if kind == 'png' and data[12:16] == b'IHDR' and len(data) >= 24:
        return int.from_bytes(data[16:20], 'big'), int.from_bytes(data[20:24], 'big')
    if kind == 'webp':
        return _webp(data)
    if kind == 'bmp' and len(data) >= 26:
        if int.from_bytes(data[14:18], 'little') == 12:  # the header of OS/2
            return int.from_bytes(data[18:20], 'little'), int.from_bytes(data[20:22], 'little')
        return (abs(int.from_bytes(data[18:22], 'little', signed=True)),
                abs(int.from_bytes(data[22:26], 'little', signed=True)))
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Go from marker to marker until that of a frame (ITU T.81, B.1.1.3 and B.2.2)."""
    at = 2
    for _ in range(_MARKERS):
        at = data.find(b'\xff', at)
        while 0 <= at < len(data) and data[at] == 0xff:  # any number of fill bytes
            at += 1
        if not 0 < at < len(data):
            return None
        marker = data[at]
        at += 1
        if marker in (0x00, 0x01) or 0xd0 <= marker <= 0xd8:  # no segment follows
            continue
        if marker in (0xd9, 0xda):  # the end, or the scan: too late for a size
            return None
        if 0xc0 <= marker <= 0xcf and marker not in (0xc4, 0xc8, 0xcc):
            found = data[at + 3:at + 7]
            if len(found) < 4:
                return None
            return int.from_bytes(found[2:], 'big'), int.from_bytes(found[:2], 'big')
        at += max(int.from_bytes(data[at:at + 2], 'big'), 2)
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    """Read the first chunk (RFC 9649, 2.5 to 2.7)."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if chunk == b'VP8X':
        return (1 + int.from_bytes(body[4:7], 'little'), 1 + int.from_bytes(body[7:10], 'little'))
    if chunk == b'VP8L' and body[0] == 0x2f:
        bits = int.from_bytes(body[1:5], 'little')
        return 1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)
    if chunk == b'VP8 ' and body[3:6] == b'\x9d\x01\x2a':
        return (int.from_bytes(body[6:8], 'little') & 0x3fff,
                int.from_bytes(body[8:10], 'little') & 0x3fff)
    return None
