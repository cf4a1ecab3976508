"""An output folder has one owner."""

import subprocess
import sys

from lg_tracker_ros.files import owned
import pytest

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
