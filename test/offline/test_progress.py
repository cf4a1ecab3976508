"""Images that can't be decoded, where the run goes on; cameras that drift apart, where it ends."""

import csv
import io
from types import SimpleNamespace

import cv2
from helpers.bags import write_bag
from helpers.clip import frames, truth
from lg_tracker_ros.cli import main
from lg_tracker_ros.media.writer import VideoOut
from lg_tracker_ros.offline.progress import Clocks
from lg_tracker_ros.types import Frame
import numpy as np
import pytest

LIGHT = ('--param', 'tracker=opencv_kcf', '--param', 'redetector=none')
BOX = ','.join(f'{v:.2f}' for v in truth()[0])


def folder(path, broken=(), count=5):
    """Make a folder of the clip's first images, some of which are broken."""
    path.mkdir()
    for i, frame in enumerate(frames(count)):
        cv2.imwrite(str(path / f'{i}.png'), frame.image)
    for i in broken:
        (path / f'{i}.png').write_bytes(b'no image')
    return path


def pages(path):
    """Make a TIFF of which one page can't be decoded."""
    cv2.imwritemulti(str(path), [f.image[..., 0] for f in frames(5)])
    data = bytearray(path.read_bytes())
    at = int.from_bytes(data[4:8], 'little')
    for _ in range(2):  # the third directory
        count = int.from_bytes(data[at:at + 2], 'little')
        at = int.from_bytes(data[at + 2 + 12 * count:at + 6 + 12 * count], 'little')
    for entry in range(at + 2, at + 2 + 12 * int.from_bytes(data[at:at + 2], 'little'), 12):
        if int.from_bytes(data[entry:entry + 2], 'little') == 262:  # what 0 means: unknown
            data[entry + 8:entry + 10] = (77).to_bytes(2, 'little')
    path.write_bytes(data)
    return path


def bag(path, message):
    """Make a bag whose third message is broken, or holds a broken image."""
    write_bag(path, 'SQLITE3', message == 'image', [f.image for f in frames(5)])
    import sqlite3
    with sqlite3.connect(path / f'{path.name}.db3') as storage:
        data, = storage.execute('SELECT data FROM messages WHERE id = 3').fetchone()
        data = data[:9] if message == 'message' else data.replace(b'PNG', b'GNP')
        storage.execute('UPDATE messages SET data = ? WHERE id = 3', (data,))
    return path


def track(capsys, *words):
    """Run ``track``; gives status, the frames that have a row and the lines of errors."""
    status = main(['track', *map(str, words), *LIGHT])
    out, err = capsys.readouterr()
    ours = [line for line in err.splitlines() if line.startswith('lg_tracker_ros')]
    return status, list(csv.DictReader(io.StringIO(out))), ours


@pytest.mark.parametrize('make, reason', [
    (lambda p: folder(p, [2]), '2.png cannot be read as an image'),
    (lambda p: pages(p.with_suffix('.tif')), 'page 2 of '),
    (lambda p: bag(p, 'image'), "format 'png', can't be decoded"),
    (lambda p: bag(p, 'message'), 'no message of sensor_msgs/msg/Image'),
], ids=['folder', 'pages', "bag's image", "bag's message"])
def test_a_run_goes_on_behind_an_image_that_cannot_be_decoded(make, reason, tmp_path, capsys):
    source = make(tmp_path / 'source')
    status, rows, err = track(capsys, source, '--init', BOX)
    assert status == 1 and [r['frame'] for r in rows] == ['0', '1', '3', '4']
    assert len(err) == 1 and reason in err[0]
    assert f"{source}: 1 of 5 images can't be decoded; the first is frame 2: " in err[0]


def test_a_box_for_an_image_that_cannot_be_decoded_is_refused(tmp_path, capsys):
    source = folder(tmp_path / 'a', [1])
    for words in (['--init', BOX], ['--init', BOX, '--init', '5,5,50,50']):
        status, rows, err = track(capsys, source, '--start', 1, *words)
        assert status == 1 and not rows and len(err) == 1
        assert "a: frame 1 can't be decoded, and the box is for it; begin with a later" in err[0]


@pytest.mark.parametrize('several', [[], ['--init', '5,5,50,50']])
def test_cameras_stay_together_where_one_has_a_broken_image(several, tmp_path, capsys):
    one, other = folder(tmp_path / 'a', [2]), folder(tmp_path / 'b', [3])
    status, rows, err = track(capsys, one, other, '--init', BOX, *several)
    per = 1 + bool(several)
    assert status == 1 and [r['frame'] for r in rows] == [n for n in '01234' for _ in range(per)]
    blind = [r for r in rows if r['frame'] == '2']
    assert len(blind) == per and all(
        (r['visible'], r['x'], r['confidence']) == ('0', 'nan', '0.0000') for r in blind)
    assert all(r['camera'] == str(one) for r in rows if r not in blind)
    assert [line for line in err if f"{one}: 1 of 5 images can't be decoded" in line] == err


def test_the_last_camera_tells_what_it_lacks_too(tmp_path, capsys):
    one, other = folder(tmp_path / 'a'), folder(tmp_path / 'b', [3], count=6)
    status, rows, err = track(capsys, one, other, '--init', BOX)
    assert status == 1 and len(rows) == 5
    assert len(err) == 1 and "b: 1 of 6 images can't be decoded" in err[0]


def recording(path, rate, count=24):
    """Write the clip's first image again and again, as a video of this rate."""
    video = VideoOut(path, rate)
    for _ in range(count):
        video.write(frames(1)[0].image)
    video.close()
    return path


@pytest.mark.parametrize('several', [[], ['--init', '5,5,50,50']])
def test_cameras_of_different_rates_do_not_show_the_same_moments(several, tmp_path, capsys):
    pytest.importorskip('av', reason='PyAV is not installed')
    slow, fast = recording(tmp_path / 'slow.mp4', 10), recording(tmp_path / 'fast.mp4', 25)
    status, rows, err = track(capsys, fast, slow, '--init', BOX, *several)
    assert status == 1 and {r['frame'] for r in rows} == {str(i) for i in range(17)}
    assert len(err) == 1 and (f'{slow} is 1.0 s ahead of {fast} at frame 17: ') in err[0]
    assert err[0].endswith('give them one rate (ffmpeg -i IN -r 30 OUT)') and len(err[0]) < 300


def test_a_camera_is_taken_beside_one_of_its_rate_and_beside_a_folder(tmp_path, capsys):
    pytest.importorskip('av', reason='PyAV is not installed')
    one, other = recording(tmp_path / 'a.mp4', 10, 14), recording(tmp_path / 'b.mp4', 10.5, 14)
    still = folder(tmp_path / 'c', count=14)  # its 30 a second mean nothing
    status, rows, err = track(capsys, one, other, still, '--init', BOX)
    assert status == 0 and len(rows) == 14 and not err


def test_a_clock_that_is_set_is_no_time_that_went_by():
    def frame(seconds):
        return None if seconds is None else Frame(np.zeros((1, 1, 3), np.uint8),
                                                  round(seconds * 1e9))
    sources = [SimpleNamespace(name=n, timed=True) for n in 'ab']
    clocks = Clocks(sources)
    for pair in ((0, 50), (1, 51), (None, 52), (3, 53), (4, 3), (5, 4), (9000, 5), (9001, 6)):
        clocks.check(0, [frame(s) for s in pair])
    with pytest.raises(ValueError, match=r'a is 2\.5 s ahead of b at frame 8'):
        clocks.check(8, [frame(9004.5), frame(7)])


@pytest.mark.parametrize('counts', [(5, 3), (3, 5), (3, 3)])
def test_a_run_says_that_a_longer_source_was_left(counts, tmp_path, capsys, caplog):
    sources = [folder(tmp_path / name, count=n) for name, n in zip('ab', counts)]
    status, rows, err = track(capsys, *sources, '--init', BOX)
    assert status == 0 and [r['frame'] for r in rows] == ['0', '1', '2'] and not err
    short, long = sorted(zip(counts, sources))
    assert [r.message for r in caplog.records] == [
        f'{short[1]} ends before frame 3, and {long[1]} goes on: what is left of it was not '
        'looked at'] * (counts[0] != counts[1])
