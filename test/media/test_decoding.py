"""What is refused before a decoder sees it, and that nothing but ValueError comes out."""

import sys
from types import SimpleNamespace

import cv2
from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.media.formats import header_size, recognise
import numpy as np
import pytest

IMAGE = np.random.default_rng(0).integers(0, 255, (48, 70, 3), np.uint8)


def encoded(kind, image=IMAGE):
    """Return an image file's bytes."""
    return cv2.imencode(f'.{kind}', image)[1].tobytes()


def jpeg_of_size(width, height):
    """Return a JPEG whose header claims that size."""
    data = encoded('jpg')
    at = data.index(b'\xff\xc0')
    return data[:at + 5] + height.to_bytes(2, 'big') + width.to_bytes(2, 'big') + data[at + 9:]


def decode(data, form='jpeg', decoder=None):
    """Decode a CompressedImage."""
    return (decoder or Decoder()).msg_to_image(SimpleNamespace(format=form, data=data))


@pytest.mark.parametrize('kind, name', [('jpg', 'jpeg'), ('png', 'png'), ('webp', 'webp'),
                                        ('bmp', 'bmp')])
def test_a_format_and_its_size_are_read_from_the_content(kind, name):
    data = encoded(kind)
    assert recognise(data) == name and header_size(data, name) == (70, 48)
    # whatever is cut off, altered or put in front: an answer, no exception
    for i in range(0, 200, 3):
        header_size(data[:i], name)
        header_size(data[:i] + b'\xff' + data[i + 1:], name)


def test_a_jpeg_with_other_segments_in_front():
    data = encoded('jpg')
    thumb = b'\xff\xe1' + (len(data) + 2).to_bytes(2, 'big') + data
    assert header_size(data[:2] + thumb + b'\xff\xff' + data[2:], 'jpeg') == (70, 48)


def test_only_formats_of_cameras_reach_a_decoder(monkeypatch):
    assert decode(encoded('png')).shape == IMAGE.shape
    refused = [encoded(k) for k in ('jp2', 'tiff', 'webp', 'bmp', 'ppm', 'hdr')]
    decoded = []
    monkeypatch.setattr(cv2, 'imdecode', lambda *a: decoded.append(a))
    for data in refused:
        with pytest.raises(ValueError, match='expected jpeg or png'):
            decode(data)
    assert not decoded


def test_a_parameter_adds_formats():
    assert np.array_equal(decode(encoded('bmp'), decoder=Decoder(('jpeg', 'bmp'))), IMAGE)


@pytest.mark.parametrize('size', [(20000, 20000), (60000, 60000), (65500, 65500)])
def test_the_size_is_checked_before_decoding(size, monkeypatch):
    monkeypatch.delattr(cv2, 'imdecode')
    with pytest.raises(ValueError, match=rf'says {size[0]} x {size[1]}, more than the 64 mega'):
        decode(jpeg_of_size(*size))


def test_an_exception_of_opencv_becomes_ours(monkeypatch):
    # the header passes, the decoder does not
    decoder = Decoder(megapixels=1e6)
    with pytest.raises(ValueError, match="can't be decoded") as caught:
        decode(jpeg_of_size(65500, 65500), decoder=decoder)
    assert '\n' not in str(caught.value) and len(str(caught.value)) <= 300

    def raises(*unused):
        raise RuntimeError('two\nlines')
    monkeypatch.setattr(cv2, 'cvtColor', raises)
    raw = SimpleNamespace(encoding='rgb8', width=2, height=1, step=6, is_bigendian=0,
                          data=bytes(6))
    with pytest.raises(ValueError, match=r"'rgb8', can't be decoded: RuntimeError: 'two lines'"):
        Decoder().msg_to_image(raw)


def test_long_words_are_cut():
    long = 'x' * 10**6 + '\n'
    raw = SimpleNamespace(encoding=long, width=2, height=1, step=6, data=bytes(6))
    for ask in (lambda: decode(b'junk', long), lambda: Decoder().msg_to_image(raw),
                lambda: decode(b'junk', 'compressedDepth' + long)):
        with pytest.raises(ValueError) as caught:
            ask()
        assert len(str(caught.value)) <= 300 and '\n' not in str(caught.value)


def test_a_thermal_camera_keeps_its_contrast():
    grey = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2GRAY).astype(np.uint16) * 4 + 29500
    raw = SimpleNamespace(encoding='mono16', width=70, height=48, step=140,
                          is_bigendian=int(sys.byteorder == 'big'), data=grey.tobytes())
    assert len(np.unique(Decoder().msg_to_image(raw))) > 150


def test_files_go_the_same_way_as_messages(tmp_path):
    grey = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2GRAY).astype(np.uint16) * 4
    cv2.imwrite(str(tmp_path / 'a.png'), grey)
    raw = SimpleNamespace(encoding='mono16', width=70, height=48, step=140,
                          is_bigendian=int(sys.byteorder == 'big'), data=grey.tobytes())
    got = Decoder().file_to_image(tmp_path / 'a.png')
    assert np.array_equal(got, Decoder().msg_to_image(raw)) and np.ptp(got) == 255
    cv2.imwrite(str(tmp_path / 'b.png'), IMAGE)
    assert np.array_equal(Decoder().file_to_image(tmp_path / 'b.png'), IMAGE)
    (tmp_path / 'c.png').write_bytes(b'none')
    for name in ('c.png', 'd.png'):
        with pytest.raises(ValueError, match=f'{name} cannot be read as an image'):
            Decoder().file_to_image(tmp_path / name)
