"""What a video says of itself counts: its stamps, its rotation, its end, its codec."""

from fractions import Fraction
from pathlib import Path

import cv2
from helpers.clip import VIDEO
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.media.writer import VideoOut
import numpy as np
import pytest

av = pytest.importorskip('av', reason='PyAV is not installed')

# corners of different colours, so that a rotation shows
SIGN = np.zeros((48, 80, 3), np.uint8)
SIGN[:24, :40], SIGN[:24, 40:], SIGN[24:, :40] = 250, 120, 60


def video(path, stamps_ms=range(0, 3000, 100), image=SIGN, codec='mpeg4'):
    """Write a video of one image at these times."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], 'yuv420p'
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for ms in stamps_ms:
            frame = av.VideoFrame.from_ndarray(image, format='bgr24')
            frame.pts, frame.time_base = ms, Fraction(1, 1000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def turned(path, matrix):
    """Write a display matrix (a, b, c, d in ISO 14496-12, 8.3.2) into an .mp4's track."""
    data = bytearray(path.read_bytes())
    at = data.index(b'tkhd') + 44
    a, b, c, d = (v << 16 for v in matrix)
    for i, v in enumerate((a, b, 0, c, d, 0, 0, 0, 1 << 30)):
        data[at + 4 * i:at + 4 * i + 4] = v.to_bytes(4, 'big', signed=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv'])
def test_stamps_are_the_containers(tmp_path, suffix):
    stamps = [0, 100, 200, 2500, 2600, 2640, 2990]
    source = Source(str(video(tmp_path / f'vfr{suffix}', stamps)))
    assert [f.stamp for f in source] == [ms * 10**6 for ms in stamps]
    later = Source(source.name, start=3)
    assert [f.stamp for f in later] == [ms * 10**6 for ms in stamps[3:]]


@pytest.mark.parametrize('matrix, turns', [
    ((1, 0, 0, 1), 0), ((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)])
def test_the_rotation_is_honoured(tmp_path, matrix, turns):
    frame = next(iter(Source(str(turned(video(tmp_path / 'phone.mp4'), matrix)))))
    want = np.rot90(SIGN, turns)
    assert frame.image.shape == want.shape
    assert np.abs(frame.image.astype(int) - want).mean() < 5


@pytest.mark.parametrize('matrix, want', [
    ((-1, 0, 0, 1), SIGN[:, ::-1]), ((1, 0, 0, -1), SIGN[::-1]),
    ((0, 1, 1, 0), SIGN.transpose(1, 0, 2)),
    ((0, -1, -1, 0), SIGN.transpose(1, 0, 2)[::-1, ::-1])])
def test_a_mirrored_video_is_shown_as_players_show_it(tmp_path, matrix, want):
    frame = next(iter(Source(str(turned(video(tmp_path / 'selfie.mp4'), matrix)))))
    assert frame.image.shape == want.shape and frame.image.flags.c_contiguous
    assert np.abs(frame.image.astype(int) - want).mean() < 5


def photograph(orientation):
    """Return a JPEG whose EXIF names this orientation."""
    tags = (b'Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0' + bytes([orientation])
            + b'\0\0\0\0\0\0')
    jpeg = cv2.imencode('.jpg', SIGN)[1].tobytes()
    return jpeg[:2] + b'\xff\xe1' + (len(tags) + 2).to_bytes(2, 'big') + tags + jpeg[2:]


def test_what_pyav_cannot_name_is_passed_over(tmp_path):
    # FFmpeg 8 hands EXIF on, and PyAV 18 knows no such kind of data
    (tmp_path / 'one.mjpeg').write_bytes(photograph(6))
    frames = list(Source(str(tmp_path / 'one.mjpeg')))
    assert [sorted(f.image.shape) for f in frames] == [[3, 48, 80]]


@pytest.mark.parametrize('orientation,want', [
    (1, SIGN), (2, SIGN[:, ::-1]), (4, SIGN[::-1]), (5, SIGN.transpose(1, 0, 2)),
    (6, np.rot90(SIGN, -1)), (7, SIGN.transpose(1, 0, 2)[::-1, ::-1])])
def test_a_photograph_is_turned_and_mirrored_as_in_a_folder(orientation, want, tmp_path):
    path = tmp_path / 'photo.JPG'
    path.write_bytes(photograph(orientation))
    (alone,), (in_folder,) = (list(Source(str(p))) for p in (path, tmp_path))
    np.testing.assert_array_equal(alone.image, in_folder.image)
    assert np.abs(alone.image.astype(int) - want).mean() < 2


@pytest.mark.parametrize('suffix', ['.png', '.webp', '.bmp'])
def test_a_still_image_is_no_video(suffix, tmp_path):
    cv2.imwrite(str(tmp_path / f'one{suffix}'), SIGN)
    source = Source(str(tmp_path / f'one{suffix}'))
    assert source.count == 1 and not source.timed and len(list(source)) == 1


def test_an_animated_png_is_a_video(tmp_path):
    with av.open(str(tmp_path / 'moving.png'), 'w', format='apng') as container:
        stream = container.add_stream('apng', rate=10)
        stream.height, stream.width, stream.pix_fmt = *SIGN.shape[:2], 'rgb24'
        for image in (SIGN, SIGN[::-1], SIGN):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='bgr24')
            container.mux(stream.encode(frame.reformat(format='rgb24')))
        container.mux(stream.encode())
    frames = list(Source(str(tmp_path / 'moving.png')))
    assert [f.image.tolist() == SIGN.tolist() for f in frames] == [True, False, True]


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv', '.avi'])
def test_a_file_that_was_cut_off_ends_with_a_word(tmp_path, suffix):
    path = tmp_path / f'whole{suffix}'
    noise = np.random.default_rng(0).integers(0, 255, (31, 48, 80, 3), np.uint8)
    with av.open(str(path), 'w', options={'movflags': 'faststart'} if suffix == '.mp4' else {}
                 ) as container:
        stream = container.add_stream('mpeg4', rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 80, 'yuv420p'
        for i in range(31):
            frame = None if i == 30 else av.VideoFrame.from_ndarray(noise[i], format='bgr24')
            for packet in stream.encode(frame):
                container.mux(packet)
    assert len(list(Source(str(path)))) == 30
    cut = tmp_path / f'cut{suffix}'
    cut.write_bytes(path.read_bytes()[:path.stat().st_size * 6 // 10])
    got = []
    with pytest.raises(ValueError, match=rf'cut{suffix} ends early, after \d+ .*cut off') as end:
        got.extend(frame.stamp for frame in Source(str(cut)))
    assert 5 <= len(got) < 30 and got == [i * 10**8 for i in range(len(got))]
    assert '\n' not in str(end.value)


@pytest.mark.parametrize('suffix, size', [('.ts', 188), ('.m2ts', 192)])
def test_a_transport_stream_that_ends_within_a_packet_is_told(tmp_path, suffix, size):
    path = video(tmp_path / f'a{suffix}')
    assert len(list(Source(str(path)))) == 30
    data = path.read_bytes()
    assert len(data) % size == 0
    end = data.rfind(b'\x00\x00\x01\xe0') // size * size  # the last picture's first packet
    path.write_bytes(data[:end + 100])
    got = []
    with pytest.raises(ValueError, match=r'ends early, after \d+ frames .*ends within a packet'):
        got.extend(Source(str(path)))
    assert 25 < len(got) < 30
    path.write_bytes(data[:end])  # between two pictures: nothing tells
    assert len(list(Source(str(path)))) == len(got)


def test_what_cannot_be_opened_or_decoded_is_told_at_once(tmp_path):
    path = video(tmp_path / 'a.mkv')
    path.write_bytes(path.read_bytes().replace(b'V_MPEG4', b'V_MPEGZ'))
    with pytest.raises(ValueError, match=r'a\.mkv can be decoded; its codec is unknown'):
        Source(str(path))
    path = video(tmp_path / 'a.mp4')
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])  # the index of an .mp4 lies at its end
    with pytest.raises(ValueError, match=r'a\.mp4 cannot be opened as a video .*whole'):
        Source(str(path))
    path.write_bytes(b'')
    with pytest.raises(ValueError, match=r'a\.mp4 cannot be opened'):
        Source(str(path))


def test_names_that_mean_something_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('run #2.mp4', "it's.mp4", 'http:x.mp4', '%03d.mp4', '0001'):
        target = Path(name)
        video(tmp_path / 'plain.mp4').rename(target)
        source = Source(name)
        assert not source.live and len(list(source)) == 30 and source.files == [target]


def test_a_video_that_was_gone_through_is_not_called_damaged(tmp_path):
    source = Source(str(video(tmp_path / 'a.mp4')))
    assert len(list(source)) == 30
    with pytest.raises(ValueError, match=r'a\.mp4 was gone through before; open it again'):
        list(source)


@pytest.mark.parametrize('name', ['img%04d.png', '*.png', 'img?.png'])
def test_a_pattern_of_names_is_answered_with_its_folder(name, tmp_path):
    with pytest.raises(ValueError, match=f'of images name their folder, {tmp_path}$'):
        Source(str(tmp_path / name))


def test_a_folder_may_have_a_number_for_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path('0001')
    folder.mkdir()
    from cv2 import imwrite
    imwrite('0001/1.png', SIGN)
    assert [f.image.shape for f in Source('0001')] == [SIGN.shape]


def test_a_webcam_that_goes_away_ends_with_a_word(monkeypatch):
    clip = cv2.VideoCapture(str(VIDEO))  # ends as a device does that is unplugged
    monkeypatch.setattr(cv2, 'VideoCapture', lambda number: clip)
    source = iter(Source('7', start=158))
    assert [next(source).image.shape for _ in range(2)] == [(288, 384, 3)] * 2
    with pytest.raises(ValueError, match='webcam 7 gives no more images'):
        next(source)


@pytest.mark.parametrize('said, rate', [(25.0, 25.0), (0.0, 30.0), (-1.0, 30.0),
                                        (float('nan'), 30.0)])
def test_a_webcam_that_knows_no_rate_has_30(said, rate, monkeypatch):
    class Driver:
        """As much of a device as is asked before the first image."""

        def isOpened(self):  # noqa: N802
            """Say yes."""
            return True

        def get(self, what):
            """Give the rate."""
            return said
    monkeypatch.setattr(cv2, 'VideoCapture', lambda number: Driver())
    assert Source('7').fps == rate


def test_a_thermal_video_keeps_its_contrast(tmp_path):
    grey = (29500 + 4 * np.tile(np.arange(80, dtype=np.uint16), (48, 1)))
    path = tmp_path / 'thermal.mkv'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('ffv1', rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 80, 'gray16le'
        frame = av.VideoFrame.from_ndarray(grey, format='gray16le')
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    assert len(np.unique(next(iter(Source(str(path)))).image)) > 70


def test_the_bundled_clip_is_as_opencv_reads_it():
    import cv2
    capture = cv2.VideoCapture(str(VIDEO))
    for frame in Source(str(VIDEO)):
        assert np.abs(frame.image.astype(int) - capture.read()[1]).max() <= 1


def test_images_of_another_size_are_fitted_in(tmp_path):
    out = VideoOut(tmp_path / 'o.mp4', 10)
    out.write(SIGN)
    out.write(np.full((24, 80, 3), 200, np.uint8))
    out.write(np.full((96, 160, 3), 100, np.uint8))
    out.close()
    first, wide, large = (f.image for f in Source(str(tmp_path / 'o.mp4')))
    assert first.shape == wide.shape == large.shape
    assert wide[:10].max() < 20 and abs(int(wide[24, 40, 0]) - 200) < 6 and wide[-10:].max() < 20
    assert np.abs(large.astype(int) - 100).max() < 6


@pytest.mark.parametrize('kind, low, high', [(np.uint8, 0, 250), (np.uint16, 0, 255),
                                             (np.float32, 0, 255)])
def test_every_page_of_a_tiff_is_a_frame(kind, low, high, tmp_path):
    name = str(tmp_path / 'stack.tif')
    pages = [np.roll(SIGN[..., 0], 8 * i, axis=1) for i in range(5)]
    scale = 1 if kind is np.uint8 else 40
    assert cv2.imwritemulti(name, [page.astype(kind) * scale for page in pages])
    source = Source(name, 2)
    got = list(source)
    assert source.count == 5 and len(got) == 3 and got[0].stamp == round(2e9 / 30)
    for frame, page in zip(got, pages[2:]):
        assert frame.image.shape == (48, 80, 3) and frame.image.dtype == np.uint8
        assert abs(int(frame.image[page == 250].mean()) - high) <= 2
        assert abs(int(frame.image[page == 0].mean()) - low) <= 2


def test_a_tiff_of_no_pages_is_named(tmp_path):
    (tmp_path / 'a.tif').write_bytes(b'II*\0 and no more')
    with pytest.raises(ValueError, match=r'a\.tif cannot be read as a TIFF'):
        Source(str(tmp_path / 'a.tif'))
