"""A video whose writing ended in whatever way can be played as far as it came."""

import os
import subprocess
import sys

from lg_tracker_ros.media.video import Source
from lg_tracker_ros.media.writer import VideoOut
import numpy as np
import pytest

av = pytest.importorskip('av', reason='PyAV is not installed')

WRITES = """
import os, resource, signal, sys
from pathlib import Path
import numpy as np
from lg_tracker_ros.media.writer import VideoOut
way, path = sys.argv[1:]
if way == 'full':
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
out = VideoOut(Path(path), 10)
noise = np.random.default_rng(0).integers(0, 255, (20, 48, 80, 3), np.uint8)
for i in range(20):
    try:
        out.write(noise[i])
    except OSError as e:
        print(i, e)
        break
if way == 'killed':
    os.kill(os.getpid(), signal.SIGKILL)
out.close()
"""


def write(way, path):
    """Write 20 frames in a process of its own; give its status and output."""
    # not measured: the limit would cut coverage's own file off, and spoil everybody's
    env = {k: v for k, v in os.environ.items() if not k.startswith('COV')}
    done = subprocess.run([sys.executable, '-c', WRITES, way, str(path)], capture_output=True,
                          text=True, check=False, timeout=200, env=env)
    return done.returncode, done.stdout


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv', '.avi'])
def test_killed(tmp_path, suffix):
    assert write('killed', tmp_path / f'o{suffix}')[0] == -9
    assert len(list(Source(str(tmp_path / f'o{suffix}')))) >= 18


def test_a_full_disk(tmp_path):
    path = tmp_path / 'o.mp4'
    status, said = write('full', path)
    wrote = int(said.split()[0])
    assert status == 0 and 'the video ends there' in said and '\n' not in said.strip()
    assert 0 < wrote < 20 and wrote - 2 <= len(list(Source(str(path)))) <= wrote


@pytest.mark.parametrize('suffix', ['.mp4', '.mov', '.mkv', '.avi'])
def test_a_whole_video_is_an_ordinary_one(tmp_path, suffix):
    path = tmp_path / f'o{suffix}'
    out = VideoOut(path, 29.97)
    for _ in range(9):
        out.write(np.full((47, 81, 3), 90, np.uint8))  # odd sides, too
    out.close()
    source = Source(str(path))
    assert source.fps == pytest.approx(29.97, abs=0.01)
    assert source.count == (0 if suffix == '.mkv' else 9) and len(list(source)) == 9


@pytest.mark.parametrize('suffix', ['.mp4', '.mov', '.mkv', '.avi'])
def test_images_are_shown_when_their_stamps_say(tmp_path, suffix):
    path = tmp_path / f'o{suffix}'
    out = VideoOut(path, 10)
    times = [0, 0.1, 0.2, 1.2, 1.3, 5.3]
    for i, t in enumerate(times):
        out.write(np.full((48, 80, 3), 40 * i, np.uint8), 10**18 + round(t * 1e9))
    # a clock that is set, forwards or back, stops nothing: such images come a frame later
    for i, stamp in enumerate((10**18 + 10**15, 7, 7, None)):
        out.write(np.full((48, 80, 3), 60 * i, np.uint8), stamp)
    out.close()
    shown = {round(f.stamp / 1e9, 3): round(float(f.image.mean())) for f in Source(str(path))}
    grey = [0, 40, 80, 120, 160, 200, 0, 60, 120, 180]
    due = dict(zip([*times, 5.4, 5.5, 5.6, 5.7], grey))
    assert {t: shown.get(t) for t in due} == pytest.approx(due, abs=5)
    assert len(shown) == len(due)


def test_images_faster_than_the_rate_of_an_avi_are_all_there(tmp_path):
    out = VideoOut(tmp_path / 'o.avi', 10)
    for i in range(6):
        out.write(np.full((48, 80, 3), 40 * i, np.uint8), 10_000_000 * i)
    out.close()
    assert [round(f.stamp / 1e9, 3) for f in Source(str(tmp_path / 'o.avi'))] == [
        0, 0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize('suffix, size', [('.mp4', (8190, 18)), ('.avi', (9000, 20))])
def test_a_panorama_is_made_as_small_as_its_codec_needs(tmp_path, suffix, size):
    out = VideoOut(tmp_path / f'o{suffix}', 1e6)  # such a rate is none
    for grey in (90, 180):
        out.write(np.full((20, 9000, 3), grey, np.uint8))
    out.close()
    images = [f.image for f in Source(str(tmp_path / f'o{suffix}'))]
    assert [i.shape[1::-1] for i in images] == [size] * 2
    assert [round(float(i.mean())) for i in images] == pytest.approx([90, 180], abs=6)


def test_no_video_has_that_name(tmp_path):
    with pytest.raises(ValueError, match=r'o\.txt: the name of a video must end in \.mp4'):
        VideoOut(tmp_path / 'o.txt', 10)
