"""The package's layers: which folder may import which, and how large files and folders may be."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'lg_tracker_ros'
SOURCES = sorted(PACKAGE.rglob('*.py'))
#: The folders that know neither how the package is measured nor how it is trained.
CORE = ('datasets', 'media', 'vision', 'parameters', 'recognition', 'search', 'runtime',
        'detections', 'geometry', 'ui', 'tracking', 'types')
#: What a node has only where a parameter asks for it.
OPTIONAL = ('ros.world', 'ros.several', 'ros.supervision', 'ros.choosing', 'ros.operators', 'ui')


def _module(path: Path) -> str:
    """Give the dotted name of a source file below the package ('' for the package itself)."""
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {_module(path) for path in SOURCES}


@cache  # every test asks for all files
def _imports(path: Path, everywhere: bool = True) -> set[str]:
    """List a file's imports: ours without the package's name, others behind a '!'.

    everywhere: imports inside functions count as well. Imports for types only never do.
    """
    found = set()
    stack: list[ast.AST] = [ast.parse(path.read_text())]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
            stack.extend(node.orelse)
            continue
        if not everywhere and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        stack.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: a relative import'
            names = [f'{node.module}.{alias.name}' for alias in node.names]
        else:
            continue
        for name in names:
            inside = name.removeprefix('lg_tracker_ros').removeprefix('.')
            if name.split('.')[0] != 'lg_tracker_ros':
                found.add('!' + name)
            else:  # a name out of a module, or the module itself
                found.add(inside if inside in MODULES else inside.rpartition('.')[0])
    return found


def _offences(folders: tuple[str, ...], forbidden: tuple[str, ...],
              allowed: tuple[str, ...] = ()) -> list[str]:
    """List every import of a forbidden folder (or library) by a file of the folders."""
    return [f'{path.relative_to(ROOT)} imports {name}'
            for path in SOURCES if path.relative_to(PACKAGE).parts[0] in folders
            for name in sorted(_imports(path))
            if name.split('.')[0] in forbidden and name not in allowed]


@pytest.mark.parametrize('folders, forbidden, allowed', [
    (('training',), ('evaluation',),
     tuple(name for name in MODULES if name.startswith('evaluation.metrics'))),
    (CORE, ('evaluation', 'training'), ()),
    (('search',), ('!torch',), ()),
])
def test_a_layer_imports_only_what_lies_below_it(folders: tuple[str, ...],
                                                 forbidden: tuple[str, ...],
                                                 allowed: tuple[str, ...]) -> None:
    assert _offences(folders, forbidden, allowed) == []


def test_only_ros_knows_ros() -> None:
    # but for the benchmark, which measures the node where there is ROS
    rooms = tuple({path.relative_to(PACKAGE).parts[0] for path in SOURCES} - {'ros', 'bench.py'})
    packages = {name.split('.')[0] for path in SOURCES for name in _imports(path)}
    known = {name for name in packages if name.endswith(('_msgs', '_interfaces', '_srvs'))}
    assert {'!sensor_msgs', '!lg_tracker_interfaces', '!std_srvs'} < known
    assert _offences(rooms, ('ros', '!rclpy', '!bond', *known)) == []


def test_the_search_imports_boxes_and_types_only() -> None:
    ours = {name for path in (PACKAGE / 'search').glob('*.py') for name in _imports(path)
            if not name.startswith(('!', 'search.'))}
    assert ours == {'boxes', 'types'}


def test_metrics_take_arrays() -> None:
    found = {name for path in (PACKAGE / 'evaluation/metrics').glob('*.py')
             for name in _imports(path) if name.startswith('evaluation.')}
    assert {name for name in found if not name.startswith('evaluation.metrics')} == set()


def test_imports_have_no_cycle() -> None:
    # also inside functions: what is imported late may be read together all the same
    graph = {_module(path): {name for name in _imports(path)
                             if not name.startswith('!') and name != _module(path)}
             for path in SOURCES}
    while free := {name for name, wanted in graph.items() if not wanted & graph.keys()}:
        graph = {name: wanted for name, wanted in graph.items() if name not in free}
    assert graph == {}  # what is left lies on a cycle, or above one


def _room(module: str) -> str:
    """Give a module's room: its folder or its file in the root; metrics are one of their own."""
    parts = module.split('.')
    return 'metrics' if parts[:2] == ['evaluation', 'metrics'] else parts[0]


def test_rooms_lie_above_each_other() -> None:
    # also what is imported inside functions; the package itself holds a version and nothing else
    rooms: dict[str, set[str]] = {}
    for path in SOURCES:
        if name := _module(path):
            rooms.setdefault(_room(name), set()).update(
                _room(other) for other in _imports(path) if other and not other.startswith('!'))
    while free := {name for name, wanted in rooms.items() if not wanted & rooms.keys() - {name}}:
        rooms = {name: wanted for name, wanted in rooms.items() if name not in free}
    assert rooms == {}  # rooms that import each other, or lie above such


def test_optional_parts_are_imported_where_they_are_asked_for() -> None:
    # nothing of them may slow the start of a node, or of `track`, that does without
    at_once = {_module(path): {name for name in _imports(path, everywhere=False)
                               if not name.startswith('!')} for path in SOURCES}
    found: set[str] = set()
    new = {'ros.node', 'offline.command'}
    while new:
        found |= new
        new = {name for module in new for name in at_once[module]} - found
    assert {'tracker', 'ros.stream'} < found
    assert [name for name in found if name.startswith(OPTIONAL)] == []


def test_every_room_is_in_the_table() -> None:
    page = (ROOT / 'docs/architecture.md').read_text()
    rooms = {path.parent.relative_to(PACKAGE) for path in SOURCES} - {Path()}
    assert [str(room) for room in rooms if f'`{room}/`' not in page
            and (len(room.parts) == 1 or room.parts[0] in ('local', 'redetect', 'ros'))] == []


def test_files_and_folders_stay_small() -> None:
    folders = [PACKAGE, *(path for path in PACKAGE.rglob('*') if path.is_dir())]
    full = {str(folder): count for folder in folders
            if (count := len(list(folder.glob('*.py')))) > 14}
    assert full == {}
    long = {str(path.relative_to(ROOT)): lines
            for path in [*SOURCES, *(ROOT / 'test').rglob('*.py')]
            if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}


@pytest.mark.parametrize('words', [
    'argparse.Namespace(',  # a command is a function with arguments, and calls no other's parser
    'shared/weights', '../shared',  # where a developer keeps what others made
])
def test_no_source_holds(words: str) -> None:
    assert [str(path) for path in SOURCES if words in path.read_text()] == []
