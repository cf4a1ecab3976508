"""make setup: what it says on machines that lack something, and what it pins."""

from importlib.util import find_spec
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = Path(__file__).resolve().parent.parent

TOOLS = ('awk', 'basename', 'bash', 'cat', 'cut', 'dirname', 'find', 'flock', 'getconf', 'head',
         'mkdir', 'realpath', 'rm', 'sed', 'sha256sum', 'sort', 'tail', 'uname', 'xargs')


@pytest.fixture
def bare(tmp_path):
    """Return a call of setup.sh with nothing in PATH but TOOLS and what is put there."""
    bin_dir = tmp_path / 'bin'
    bin_dir.mkdir()
    for tool in TOOLS:
        (bin_dir / tool).symlink_to(shutil.which(tool))

    def setup(*arguments, programs=None, **environment):
        for name, script in (programs or {}).items():
            (bin_dir / name).unlink(missing_ok=True)
            (bin_dir / name).write_text(f'#!{shutil.which("bash")}\n{script}\n')
            (bin_dir / name).chmod(0o755)
        done = subprocess.run(
            [shutil.which('bash'), str(ROOT / 'dev/setup.sh'), str(tmp_path / 'venv'), *arguments],
            env={'PATH': str(bin_dir), 'HOME': str(tmp_path), **environment},
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert done.stdout == ''
        assert not (tmp_path / 'venv').exists()
        line, = done.stderr.splitlines()
        return line

    return setup


COMPILER = {'c++': 'exit 0', 'cc': 'exit 0'}


def test_setup_names_a_missing_compiler(bare):
    assert bare() == ('make setup: no working C and C++ compiler; '
                      'install one: sudo apt install build-essential')


def test_setup_names_a_compiler_without_headers(bare):
    assert 'build-essential' in bare(programs={'cc': 'exit 0', 'c++': 'exit 1'})


def test_setup_names_a_missing_python(bare):
    assert bare(programs=COMPILER, PYTHON='/nowhere/python3') == (
        'make setup: no Python 3.10 to 3.14; '
        'install one: sudo apt install python3 python3-venv python3-dev')


def test_setup_refuses_a_python_that_is_too_old(bare):
    line = bare(programs={**COMPILER, 'old': 'echo 3.8'}, PYTHON='old')
    assert line.startswith('make setup: no Python 3.10 to 3.14; install one')


@pytest.mark.parametrize('missing, advice', [
    ('ensurepip', 'no_headers has no venv; install it: sudo apt install python3.12-venv'),
    ('Python.h', 'no_headers has no headers; install them: sudo apt install python3.12-dev')])
def test_setup_names_missing_parts_of_python(bare, missing, advice):
    fake = f'case "$2" in *version_info*) echo 3.12 ;; *{missing}*) exit 1 ;; esac'
    line = bare(programs={**COMPILER, 'no_headers': fake}, PYTHON='no_headers')
    assert line == f'make setup: {advice}'


def test_setup_sends_other_processors_to_apt(bare):
    line = bare(programs={'uname': '[ "$1" = -s ] && echo Linux || echo aarch64'})
    assert line == ('make setup: ROS 2 wheels exist for Linux on x86_64 only, this is Linux on '
                    'aarch64; install ROS 2 with apt (docs.ros.org), source it, and run make '
                    'again.')


def test_setup_refuses_an_old_glibc(bare):
    assert 'glibc 2.28 or newer, this machine has 2.17' in bare(
        programs={'getconf': 'echo glibc 2.17'})


def test_setup_refuses_an_unknown_distribution(bare):
    assert "not for 'foxy'" in bare('foxy')


def test_setup_refuses_wheels_where_another_ros_is_sourced(bare):
    assert bare('jazzy', ROS_DISTRO='humble', AMENT_PREFIX_PATH='/opt/ros/humble') == (
        'make setup: ROS 2 humble is sourced in this shell; '
        'DISTRO=jazzy needs a shell without it.')


def test_setup_asks_for_rclpy_where_ros_is_sourced(bare):
    fake = 'case "$2" in *version_info*) echo 3.10 ;; *rclpy*) exit 1 ;; esac'
    line = bare(programs={**COMPILER, 'ros_python': fake}, PYTHON='ros_python',
                ROS_DISTRO='humble', AMENT_PREFIX_PATH='/opt/ros/humble')
    assert line == ("make setup: ROS 2 humble is sourced but ros_python can't import rclpy; "
                    'install it: sudo apt install ros-humble-rclpy')


def test_pins_are_exact():
    wanted = [line for line in (ROOT / 'dev/pins.txt').read_text().splitlines()
              if line and line[0] not in '#[']
    assert len(wanted) > 150
    loose = [w for w in wanted if not re.match(r'[A-Za-z0-9._-]+==[0-9][^;]*(;|$)', w)]
    assert not loose


def hashed(section):
    """Return the lines of a section as pip gets them."""
    done = subprocess.run(['bash', '-c', f'source dev/pins.sh && hashed {section}'], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_every_pin_has_the_hashes_of_its_files():
    pins, section = (ROOT / 'dev/pins.txt').read_text().splitlines(), ''
    sections = {}
    for line in pins:
        if line.startswith('['):
            section = line[1:-1]
        elif line and line[0] != '#':
            sections.setdefault(section, []).append(line)
    assert sections.pop('torch') and len(sections) == 8
    for section, wanted in sections.items():
        lines = hashed(section)
        for pin, line in zip(wanted, lines, strict=True):
            assert re.fullmatch(re.escape(pin) + r'( --hash=sha256:[0-9a-f]{64})+', line), (
                f'{pin} has no hashes: run dev/hashes.sh')
    known = {line.split()[0] for line in (ROOT / 'dev/hashes.txt').read_text().splitlines()}
    assert len(known) == len({pin.split(';')[0].lower() for s in sections.values() for pin in s})


def test_pip_refuses_a_file_that_is_not_the_pinned_one(tmp_path):
    wheel = tmp_path / 'six-1.17.0-py2.py3-none-any.whl'
    with zipfile.ZipFile(wheel, 'w') as file:
        file.writestr('six.py', 'print("not the one")')
    line, = (line for line in hashed('build') if line.startswith('six=='))
    (tmp_path / 'pins.txt').write_text(line)
    done = subprocess.run(
        [sys.executable, '-m', 'pip', 'download', '--no-deps', '--require-hashes', '--no-index',
         '--find-links', str(tmp_path), '-d', str(tmp_path / 'got'), '-r',
         str(tmp_path / 'pins.txt')], capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert 'DO NOT MATCH THE HASHES' in done.stderr
    assert not list(tmp_path.glob('got/*'))


@pytest.mark.skipif(find_spec('rclpy') is None, reason='rclpy is not installed')
def test_environment_starts_python_once_more_at_most():
    """A child of a Python with the paths set is not executed again."""
    code = 'import os, rclpy; print(os.getpid(), os.environ["AMENT_PREFIX_PATH"])'
    child = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    out, _ = child.communicate(timeout=60)
    assert out.split()[0] == str(child.pid)
    assert sys.prefix in out.split()[1].split(os.pathsep) or sys.prefix == sys.base_prefix
