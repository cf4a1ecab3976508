"""Files are written whole, and an output folder has one owner."""

import os
import subprocess
import sys

from lg_tracker_ros.engine.exporting import keep
from lg_tracker_ros.files import network_cache, owned
import pytest

FULL = """
import resource, signal, sys
from pathlib import Path
from lg_tracker_ros.files import replace_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
try:
    replace_file(Path(sys.argv[1]), bytes(100000))
except OSError as e:
    print(e)
"""


def test_a_full_disk_keeps_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / 'rows.csv'
    path.write_text('before')
    # not measured: the limit would cut coverage's own file off
    env = {k: v for k, v in os.environ.items() if not k.startswith('COV')}
    done = subprocess.run([sys.executable, '-c', FULL, str(path)], env=env, text=True,
                          capture_output=True, timeout=60)
    assert done.stdout == f"[Errno 27] File too large: '{path}'\n" and not done.stderr
    assert list(tmp_path.iterdir()) == [path] and path.read_text() == 'before'


def test_a_user_without_a_home_goes_without_a_cache(monkeypatch):
    def unknown(number):
        raise KeyError(number)  # as in a container that is run under some number
    for name in ('HOME', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr('pwd.getpwuid', unknown)
    keep(network_cache() / 'a.onnx', b'a network')
    assert not network_cache().exists()


OWNS = """
import sys
from pathlib import Path
from lg_tracker_ros.files import owned
with owned(Path(sys.argv[1])):
    print('mine', flush=True)
    sys.stdin.read()
"""


def test_a_folder_has_one_owner_until_its_process_ends(tmp_path):
    out = tmp_path / 'out'
    other = subprocess.Popen([sys.executable, '-c', OWNS, str(out)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == 'mine\n'
        with pytest.raises(ValueError, match=f'out is being written by process {other.pid}; wait'
                           ), owned(out):
            pass
    finally:
        other.kill()
        other.communicate()
    with owned(out):
        pass
    with owned(out):
        pass
