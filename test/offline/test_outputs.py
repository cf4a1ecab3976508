"""Result files are never inputs, and whole rows whatever happens."""

import os
from pathlib import Path
import resource
import signal
import threading

from lg_tracker_ros.offline.outputs import Growing, refuse_inputs, Rows
from lg_tracker_ros.offline.signals import Ended, Signals
import pytest


def test_an_output_is_no_input(tmp_path):
    source = tmp_path / 'clip.mp4'
    source.write_text('video')
    (tmp_path / 'link.mp4').symlink_to(source)
    os.link(source, tmp_path / 'hard.mp4')
    (tmp_path / 'sub').mkdir()
    for name in ('clip.mp4', 'link.mp4', 'hard.mp4', 'sub/../clip.mp4'):
        with pytest.raises(ValueError, match=r'clip\.mp4, which is read'):
            refuse_inputs([tmp_path / name], [source])
    with pytest.raises(ValueError, match='named for two outputs'):
        refuse_inputs([tmp_path / 'a.csv', tmp_path / 'sub/../a.csv'], [source])
    refuse_inputs([tmp_path / 'a.csv', tmp_path / 'b.mp4'], [source])


def test_a_new_file_grows_under_its_name_and_an_old_one_stays_whole(tmp_path):
    new = Growing(tmp_path / 'new' / 'a.csv')
    assert new.working == tmp_path / 'new' / 'a.csv' and new.working.exists()
    new.drop()
    assert not new.working.exists()
    old = tmp_path / 'b.csv'
    old.write_text('before')
    growing = Growing(old)
    growing.working.write_text('after')
    assert growing.working.parent == tmp_path and old.read_text() == 'before'
    growing.keep()
    assert old.read_text() == 'after' and not growing.working.exists()
    Growing(old).drop()
    assert sorted(os.listdir(tmp_path)) == ['b.csv', 'new']


def test_a_device_stays_a_device():
    growing = Growing(Path(os.devnull))
    growing.keep()
    growing.drop()
    assert os.path.exists(os.devnull) and not os.path.isfile(os.devnull)


def test_a_named_pipe_is_opened_once(tmp_path):
    pipe, got = tmp_path / 'rows.csv', []
    os.mkfifo(pipe)

    def write():
        growing = Growing(pipe)
        with open(growing.working, 'w') as file:
            file.write('row\n')
        growing.keep()
    ways = [threading.Thread(target=way, daemon=True)
            for way in (lambda: got.append(pipe.read_text()), write)]
    for way in ways:
        way.start()
    for way in ways:
        way.join(20)
    assert got == ['row\n'] and pipe.is_fifo()


def test_a_full_device_is_named_once():
    with open('/dev/full', 'w') as out:
        with pytest.raises(OSError, match=r"the rows end there\).*'/dev/full'"):
            Rows(out).write(['row'])
        out.write('and closing it is no second error')


def test_a_row_is_written_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'o.csv'
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with open(path, 'w') as out:
            rows = Rows(out)
            resource.setrlimit(resource.RLIMIT_FSIZE, (30, before[1]))
            with pytest.raises(OSError, match='the rows end there'):
                for i in range(9):
                    rows.write([str(i), 'twelve'])
                    assert path.read_text().endswith(f'{i},twelve\n')  # at once
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == '0,twelve\n1,twelve\n2,twelve\n'


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_after_what_must_be_whole(number):
    done = []
    with pytest.raises(Ended) as end, Signals() as signals:
        with signals.whole():
            os.kill(os.getpid(), number)
            done.append('whole')
        done.append('never')
    assert done == ['whole'] and end.value.status == 128 + number
    with pytest.raises(Ended), Signals():
        os.kill(os.getpid(), number)
        done.append('never')
    assert done == ['whole']


def test_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
