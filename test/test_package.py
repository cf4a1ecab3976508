"""The package as others meet it: metadata, interfaces, colcon."""

import ast
import json
import os
from pathlib import Path
import re
import runpy
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from lg_tracker_ros.types import Mode, Sight
import pytest

ROOT = Path(__file__).resolve().parent.parent
# as rosidl gives them for the packages of ROS itself
HASHES = {
    'vision_msgs/msg/Detection2D':
        'RIHS01_0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea',
    'vision_msgs/msg/Detection3D':
        'RIHS01_ddd703be132ab0b69d33121f1bb034132bfbb3b0ac5f9fb1516005ba1c8a265b',
    'tf2_msgs/msg/TFMessage':
        'RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'}

# module -> the rosdep keys that bring it
KEYS = {
    'cv2': {'python3-opencv'},
    'cv_bridge': {'cv_bridge'},
    'matplotlib': {'python3-matplotlib'},
    'numpy': {'python3-numpy'},
    'psutil': {'python3-psutil'},
    'torch': {'python3-torch', 'python3-pytorch-pip'},
    'tqdm': {'python3-tqdm'},
    'yaml': {'python3-yaml'},
}
# used where they are there, so never imported when a module is
OPTIONAL = {'aiohttp', 'av', 'onnx', 'onnxruntime',
            'onnxscript', 'ray', 'rosbags', 'safetensors', 'scipy', 'trax',
            'ffmpeg_image_transport_msgs', 'bond'}


def dependencies(package_xml):
    root = ElementTree.parse(package_xml).getroot()
    return {e.text for e in root if e.tag.endswith('depend')}


def imports(path, top_level_only=False):
    """Return the names of the modules that a file imports, without sub-modules."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split('.')[0]


def sources():
    return [*ROOT.glob('lg_tracker_ros/**/*.py'), *ROOT.glob('launch/*.py')]


def fields(definition):
    """Return [(type, name)] of each part of a definition, comments left out."""
    parts = [[]]
    for line in definition.read_text().splitlines():
        line = line.split('#')[0].strip()
        if line == '---':
            parts.append([])
        elif line:
            parts[-1].append(tuple(line.split()))
    return parts


def test_one_version():
    version = re.search(r"version='(.+?)'", (ROOT / 'setup.py').read_text())[1]
    assert version == '0.1.0'
    for path in ('package.xml', 'lg_tracker_interfaces/package.xml'):
        assert ElementTree.parse(ROOT / path).getroot().findtext('version') == version, path
    assert (f"__version__ = '{version}'"
            in (ROOT / 'lg_tracker_ros/__init__.py').read_text().splitlines())
    newest = re.search(r'^(\S+) \(\d{4}-\d\d-\d\d\)\n-+$', (ROOT / 'CHANGELOG.rst').read_text(),
                       re.MULTILINE)
    assert newest[1] == version


def test_package_xml_says_what_is_built():
    root = ElementTree.parse(ROOT / 'package.xml').getroot()
    assert root.get('format') == '3'
    assert root.findtext('export/build_type') == 'ament_python'
    assert root.findtext('license') == 'Apache-2.0'
    assert 'Apache License' in (ROOT / root.find('license').get('file')).read_text()[:200]
    assert {'rclpy', 'sensor_msgs', 'vision_msgs', 'cv_bridge', 'diagnostic_msgs', 'launch_ros',
            'python3-opencv', 'python3-numpy', 'lg_tracker_interfaces'} <= dependencies(
                ROOT / 'package.xml')


def test_every_import_is_declared():
    declared = dependencies(ROOT / 'package.xml')
    missing = {}
    for path in sources():
        for name in imports(path):
            if name in sys.stdlib_module_names | OPTIONAL | {'lg_tracker_ros'}:
                continue
            if not KEYS.get(name, {name}) <= declared:
                missing.setdefault(name, path.name)
    assert not missing


def test_optional_modules_are_not_imported_at_the_top():
    eager = {(path.name, name) for path in sources()
             for name in imports(path, top_level_only=True) if name in OPTIONAL}
    assert not eager


def test_init_target_fields():
    request, response = fields(ROOT / 'lg_tracker_interfaces/srv/InitTarget.srv')
    assert request == [
        ('std_msgs/Header', 'header'),
        ('float64', 'x'), ('float64', 'y'), ('float64', 'width'), ('float64', 'height'),
        ('uint32', 'image_width'), ('uint32', 'image_height'),
        ('string', 'camera'), ('string', 'label'), ('string', 'target_id')]
    assert response == [('bool', 'success'), ('string', 'message'), ('string', 'target_id'),
                        ('std_msgs/Header', 'header')]


def test_track_fields():
    goal, result, feedback = fields(ROOT / 'lg_tracker_interfaces/action/Track.action')
    box = fields(ROOT / 'lg_tracker_interfaces/srv/InitTarget.srv')[0]
    assert goal == [*box, ('float64', 'lost_after')]  # the same names mean the same
    assert [name for _, name in result] == [
        'NONE=0', 'REFUSED=1', 'LOST=2', 'REPLACED=3', 'STOPPED=4', 'error_code', 'error_msg',
        'target_id']
    assert feedback == [('TrackerStatus', 'status')]


STATUS_TYPES = {
    'header': 'std_msgs/Header', 'mode': 'uint8', 'confidence': 'float', 'visible': 'boolean',
    'sight': 'uint8', 'unsure_x': 'float', 'unsure_y': 'float', 'unsure_width': 'float',
    'unsure_height': 'float',
    'consecutive_failures': 'uint32', 'time_since_last_seen': 'double', 'camera': 'string',
    'target_id': 'string', 'latency_queue_ms': 'float', 'latency_convert_ms': 'float',
    'latency_local_ms': 'float', 'latency_redetect_ms': 'float', 'latency_publish_ms': 'float',
    'latency_total_ms': 'float'}


def test_interfaces_that_were_built_are_those_of_the_sources():
    msg = pytest.importorskip('lg_tracker_interfaces.msg')
    srv = pytest.importorskip('lg_tracker_interfaces.srv')
    assert msg.TrackerStatus.get_fields_and_field_types() == STATUS_TYPES
    assert [getattr(msg.TrackerStatus, m.name) for m in (*Mode, *Sight)] == [0, 1, 2] * 2
    request, response = fields(ROOT / 'lg_tracker_interfaces/srv/InitTarget.srv')
    for part, built in ((request, srv.InitTarget.Request), (response, srv.InitTarget.Response)):
        assert list(built.get_fields_and_field_types()) == [name for _, name in part]


@pytest.mark.parametrize('name', HASHES)
def test_type_hashes_are_those_of_upstream(name):
    index = pytest.importorskip('ament_index_python.packages')
    package, _, message = name.split('/')
    description = Path(index.get_package_share_directory(package)) / f'msg/{message}.json'
    if not description.exists():
        pytest.skip('this ROS 2 (Humble) has no type hashes')
    hashes = {entry['type_name']: entry['hash_string']
              for entry in json.loads(description.read_text())['type_hashes']}
    assert hashes[name] == HASHES[name]


def test_no_large_file_is_installed_twice(monkeypatch):
    monkeypatch.chdir(ROOT)
    given = {}
    monkeypatch.setattr('setuptools.setup', lambda **kwargs: given.update(kwargs))
    runpy.run_path('setup.py')
    paths = [ROOT / p for _, files in given['data_files'] for p in files]
    for pattern in given['package_data']['lg_tracker_ros']:
        paths += [p for p in (ROOT / 'lg_tracker_ros').glob(pattern) if p.is_file()]
    large = [p.name for p in paths if p.stat().st_size > 100_000]
    assert len(large) == len(set(large)) and 'pixelwise.safetensors' in large


def test_the_package_is_found():
    index = pytest.importorskip('ament_index_python.packages')
    share = Path(index.get_package_share_directory('lg_tracker_ros'))
    assert (share / 'package.xml').read_text() == (ROOT / 'package.xml').read_text()


# what README's lines ask of a robot and this machine lacks
STAND_INS = """
git() { cp -r "$CHECKOUT" "${@: -1}"; }
command -v rosdep >/dev/null || rosdep() { :; }
python3() {
    mkdir -p venv/bin
    touch venv/bin/activate
    ln -s /bin/true venv/bin/pip
}
command -v ros2 >/dev/null || ros2() {
    cd install/lg_tracker_ros/lib/lg_tracker_ros
    exec ./lg_tracker --ros-args -p image_topics:="[${4#*:=}]"
}
set -euo pipefail +u
"""


@pytest.mark.slow
@pytest.mark.colcon
@pytest.mark.skipif(not shutil.which('colcon', path=f'{Path(sys.executable).parent}:/usr/bin'),
                    reason='colcon is not installed')
def test_the_lines_of_the_readme_bring_a_node_that_answers(tmp_path):
    """A fresh workspace, and nothing but what README says: clone, rosdep, colcon build, launch."""
    pytest.importorskip('rclpy')
    from helpers.ros import Rig
    copy = tmp_path / 'checkout'
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(
        '.git', '.venv*', 'build', 'install', 'log', 'demo_out', '__pycache__', '.*_cache',
        'shared', 'docs', 'data'))
    section = (ROOT / 'README.md').read_text().split('## Install it on a robot')[1]
    lines = section.split('```')[1].strip().replace('<this repository>', 'here')
    assert len(lines.splitlines()) == 4
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    node = subprocess.Popen(
        ['bash', '-c', STAND_INS + lines], text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**{k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}, 'PATH': path,
             'HOME': str(tmp_path), 'CHECKOUT': str(copy),
             # what the compiler makes of it is not asked here, only whether
             'CFLAGS': '-O0 -g0', 'CXXFLAGS': '-O0 -g0', 'CMAKE_GENERATOR': 'Ninja'})
    try:
        with Rig(node=False) as rig:
            status = rig.part('lg_tracker: engine', lambda s: s.message == 'ready', 280)
            assert {v.key: v.value for v in status.values}['tracker'] == 'pixelwise'
            rig.part('lg_tracker: camera /camera/image_raw')
        os.killpg(node.pid, signal.SIGTERM)
        said, _ = node.communicate(timeout=100)
        assert node.returncode == 0, said[-2000:]
    finally:
        if node.poll() is None:
            os.killpg(node.pid, signal.SIGKILL)
        print(node.stdout.read() if not node.stdout.closed else '')
    assert '2 packages finished' in said
    _check_what_was_installed(tmp_path / 'ws/install', copy)


def _check_what_was_installed(install, source):
    assert {p.name for p in install.iterdir() if p.is_dir()} == {
        'lg_tracker_interfaces', 'lg_tracker_ros'}
    prefix = install / 'lg_tracker_ros'
    scripts = [*(prefix / 'lib/lg_tracker_ros').iterdir()]
    assert {p.name for p in scripts} == {'lg_tracker', 'lg_tracker_camera'}
    # the Python that is active when it starts: a virtual environment counts
    assert {p.read_text().splitlines()[0] for p in scripts} == {'#!/usr/bin/env python3'}
    share = prefix / 'share/lg_tracker_ros'
    for folder in ('launch', 'config', 'examples'):
        expected = {p.name for p in (source / folder).glob('*')
                    if p.is_file() and (p.suffix != '.py' or folder in ('launch', 'examples'))}
        assert {p.name for p in (share / folder).glob('*') if p.is_file()} == expected
    assert (share / 'config/sros2/policies/lg_tracker.policy.xml').is_file()
    # every module and network arrives: sub-packages without __init__.py would be left out
    package, = prefix.glob('lib/python3*/site-packages/lg_tracker_ros')
    for pattern in ('*.py', '*.html', '*.onnx', '*.bin', '*.safetensors', 'SHA256SUMS'):
        assert ({p.relative_to(package) for p in package.rglob(pattern)}
                == {p.relative_to(source / 'lg_tracker_ros')
                    for p in (source / 'lg_tracker_ros').rglob(pattern)}), pattern


@pytest.mark.skipif(not (ROOT / '.git').exists(), reason='no checkout of git')
def test_a_release_has_both_packages_side_by_side(tmp_path):
    """For bloom, which finds no package inside another one."""
    def git(*arguments):
        return subprocess.run(
            ['git', '-c', 'user.name=a', '-c', 'user.email=a@b', *arguments], cwd=tmp_path,
            check=True, capture_output=True, text=True, timeout=60).stdout
    git('clone', '-q', '--shared', str(ROOT), '.')
    for _ in range(2):  # the second goes on with the first
        subprocess.run(['bash', str(ROOT / 'dev/release.sh')], cwd=tmp_path, check=True,
                       timeout=60, stdout=subprocess.DEVNULL, env={
                           **os.environ, 'GIT_DIR': str(tmp_path / '.git'),
                           'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@b',
                           'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@b'})
    assert len(git('log', '--format=%h', 'release').split()) == 2
    inside = set(git('ls-tree', '-r', '--name-only', 'release').split('\n'))
    before = set(git('ls-tree', '-r', '--name-only', 'HEAD').split('\n')) - {''}
    assert inside - {''} == {
        p if p.startswith('lg_tracker_interfaces/') else f'lg_tracker_ros/{p}' for p in before}
    assert git('rev-parse', 'release:lg_tracker_ros/lg_tracker_ros') == git(
        'rev-parse', 'HEAD:lg_tracker_ros')
