"""A package that is missing is told in one line."""

from pathlib import Path
import re
import subprocess
import sys

from lg_tracker_ros.words.packages import DISTRIBUTIONS, missing
import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import runpy, sys
sys.modules[sys.argv[1]] = None
sys.argv[1:] = ['track', '--help']
runpy.run_module('lg_tracker_ros', run_name='__main__')
"""


@pytest.mark.parametrize('module, pip', [
    ('numpy', 'numpy'), ('torch', 'torch'), ('tqdm', 'tqdm'),
    ('cv2', 'opencv-contrib-python-headless'), ('yaml', 'PyYAML')])
def test_what_everything_needs_is_told_in_a_line(module, pip):
    done = subprocess.run([sys.executable, '-c', RUN, module], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert done.stdout == '' or module == 'numpy'  # without it OpenCV says so, too
    assert done.stderr == (
        f'lg_tracker_ros: {sys.executable} has no package {module}; pip install {pip}, or all '
        "that is needed: pip install '.[run,onnx]' in the checkout\n")


def test_pips_names_are_those_of_setup():
    listed = re.search(r"'run': \[(.*?)\]", (ROOT / 'setup.py').read_text(), re.S)[1]
    assert set(DISTRIBUTIONS.values()) <= set(re.findall(r"'([^']+)'", listed))


def test_a_library_below_a_package_is_told_as_it_is():
    error = ImportError('libGL.so.1: cannot open shared object file', name='cv2')
    assert missing(error) == 'libGL.so.1: cannot open shared object file'
