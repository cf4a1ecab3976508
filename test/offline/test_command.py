"""Options of ``track`` that mean something else than they seem to; streams that aren't there."""

import io
import os
import signal
import subprocess
import sys

import cv2
from helpers.clip import frames, truth, VIDEO
from lg_tracker_ros.cli import main
import pytest

LIGHT = ('--param', 'tracker=opencv_kcf', '--param', 'redetector=none')


def box_at(frame):
    """Box of the target in a frame, as a word for --init."""
    return ','.join(f'{v:.2f}' for v in truth()[frame])


LAST_TEN = (VIDEO, '--init', box_at(150), '--start', 150, *LIGHT)


def run(capsys, *words):
    """Run ``track`` in this process; gives status, standard output and standard error."""
    status = main(['track', *map(str, words)])
    return status, *capsys.readouterr()


def test_rows_go_to_the_standard_output_by_its_usual_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(capsys, *LAST_TEN, '--out', '-')
    assert status == 0 and out.count('\n') == 11 and not os.listdir(tmp_path)


def test_what_was_to_be_said_of_a_frame_that_never_came_is_told(capsys):
    status, out, err = run(capsys, *LAST_TEN, '--reject', 3)
    assert status == 1 and out.count('\n') == 11
    assert 'frame 3 did not come, so nothing was said of it; frames 150 to 159 did' in err


@pytest.fixture
def named(tmp_path):
    """Words for a run over two folders, the first with a letter that ASCII lacks in its name."""
    folders = [tmp_path / 'mürz', tmp_path / 'b']
    for folder in folders:
        folder.mkdir()
        cv2.imwrite(str(folder / '0.png'), frames(1)[0].image)
    return ['track', *map(str, folders), '--init', box_at(0), *LIGHT]


def test_standard_streams_may_be_closed_or_lack_letters(named, tmp_path, monkeypatch):
    with io.TextIOWrapper(io.BytesIO(), 'ascii') as narrow:
        monkeypatch.setattr(sys, 'stdout', narrow)
        assert main(named) == 0
        narrow.flush()
        assert narrow.buffer.getvalue().endswith(b'm\\xfcrz\n')
    for name in ('stdin', 'stdout', 'stderr'):
        monkeypatch.setattr(sys, name, None)
    assert main([*named, '--out', str(tmp_path / 'o.csv')]) == main(named) == 0
    assert (tmp_path / 'o.csv').read_text('utf-8').endswith('mürz\n')


def test_rows_in_a_file_are_in_utf_8_whatever_the_locale(named, tmp_path):
    env = {**os.environ, 'LC_ALL': 'C', 'PYTHONUTF8': '0', 'PYTHONCOERCECLOCALE': '0'}
    subprocess.run([sys.executable, '-m', 'lg_tracker_ros', *named, '--out', tmp_path / 'o.csv'],
                   env=env, check=True)
    assert (tmp_path / 'o.csv').read_text('utf-8').endswith('mürz\n')


@pytest.mark.parametrize('option', ['--out', '--config', '--video', '--data'])
def test_an_empty_word_is_not_the_folder_that_we_are_in(option, capsys):
    words = ['eval', 'run'] if option == '--data' else ['track', 'x.mp4']
    for given in ([option, ''], [f'{option}=']):
        with pytest.raises(SystemExit) as e:
            main([*words, *given])
        assert e.value.code == 2 and f'{option} names nothing' in capsys.readouterr().err


def test_a_package_that_is_missing_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    monkeypatch.setattr('lg_tracker_ros.offline.command.read_settings', _wants_matplotlib)
    status, _, err = run(capsys, *LAST_TEN)
    assert status == 1 and err.count('\n') == 1 and 'pip install matplotlib' in err


def _wants_matplotlib(*unused):
    import matplotlib
    return matplotlib


def test_weights_that_nothing_reads_are_told(capsys, caplog):
    words = ('--param', 'tracker_weights=a.pth', '--param', 'redetector_weights=b.pth')
    status = run(capsys, *LAST_TEN, *words)[0]
    assert status == 0 and [r.message for r in caplog.records] == [
        'tracker_weights a.pth is not read: tracker opencv_kcf reads no weights',
        'redetector_weights b.pth is not read: redetector none reads no weights']


def test_ctrl_c_at_the_end_prints_no_traceback():
    code = ('import atexit, os, runpy, signal, sys; sys.argv[1:] = ["eval", "summary"]\n'
            'atexit.register(os.kill, os.getpid(), signal.SIGINT)\n'
            'runpy.run_module("lg_tracker_ros", run_name="__main__")')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          check=False, timeout=200)
    assert done.returncode == -signal.SIGINT and not done.stderr
    assert 'pixelwise' in done.stdout.splitlines(), 'what was printed is whole'
