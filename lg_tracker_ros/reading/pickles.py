"""
Pickles of tensors, looked through before anything is made of them.

``torch.load(weights_only=True)`` runs no code, but believes what a file says of sizes, and a few
hundred bytes of nested tuples keep it busy for hours: each holds the one before it twice, and a
hash or a message visits all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import io
from pathlib import Path
import pickletools
import sys
from typing import Any, BinaryIO, NamedTuple
import zipfile

OPERATIONS = 300_000
"""Of a pickle, at most; that of SiamRPN++ on ResNet-50 with AdamW has 53,000."""
REPEATED = 1_000_000
"""Values that are visited again because they stand in several places, at most."""
DEPTH = 100
"""Containers inside of one another, at most: CPython hashes tuples by recursion in C."""

ITEM_BYTES = {'Double': 8, 'Float': 4, 'Half': 2, 'BFloat16': 2, 'Long': 8, 'Int': 4, 'Short': 2,
              'Char': 1, 'Byte': 1, 'Bool': 1, 'ComplexDouble': 16, 'ComplexFloat': 8,
              'Untyped': 1}
NAMES = {'collections OrderedDict', 'collections Counter', 'torch Size', 'torch device',
         '__builtin__ set', 'builtins set', 'torch._utils _rebuild_tensor',
         'torch._utils _rebuild_tensor_v2', 'torch._utils _rebuild_parameter',
         *(f'torch {kind}Storage' for kind in ITEM_BYTES),
         *(f'torch {name}' for name in ('float64', 'float32', 'float16', 'bfloat16', 'int64',
                                        'int32', 'int16', 'int8', 'uint8', 'bool'))}
"""What a pickle may name: what state dicts and plain values are made of."""
KNOWN = {*sys.stdlib_module_names, '__builtin__', 'copy_reg', 'torch', 'lg_tracker_ros'}
"""Packages of which nothing else is taken: one who names more of them wants code to run."""
BYTES = '_codecs encode'
"""How bytes are written, those of NumPy's numbers among them; they are left out, too."""

FETCH = {'BINGET', 'LONG_BINGET'}
KEEP = {'BINPUT', 'LONG_BINPUT'}
ATOMS = {'NONE', 'NEWTRUE', 'NEWFALSE', 'BININT', 'BININT1', 'BININT2', 'LONG1', 'BINFLOAT',
         'BINUNICODE', 'SHORT_BINSTRING', 'GLOBAL'}
MAKE = {'EMPTY_TUPLE', 'EMPTY_LIST', 'EMPTY_DICT', 'EMPTY_SET', 'TUPLE', 'TUPLE1', 'TUPLE2',
        'TUPLE3', 'REDUCE', 'NEWOBJ', 'BINPERSID'}
CHANGE = {'APPEND', 'APPENDS', 'SETITEM', 'SETITEMS', 'BUILD'}
"""The operations that torch's own unpickler knows."""


class Contents(NamedTuple):
    """Bytes of each storage that a pickle refers to, by key, and the foreign names in it."""

    storages: dict[Any, int]
    foreign: set[str]


@dataclass(eq=False)
class Value:
    """What an operation makes: an atom, or a container of parts."""

    atom: Any = None
    parts: list[Value] = field(default_factory=list)
    fetched: int = 0


def look_through(file: BinaryIO) -> Contents:
    """
    Go through one pickle, up to its end.

    Makes nothing of it. Names of packages that aren't KNOWN (``package.module.Class``) are listed:
    what is made of them must be inert. Raises ValueError where unpickling would name anything else
    but NAMES or take time or memory without measure, and whatever pickletools does for what is no
    pickle.
    """
    made: list[Value] = []
    storages: dict[Any, int] = {}
    foreign: set[str] = set()
    stack: list[Value | None] = []  # None: a mark
    memo: dict[int, Value] = {}
    arg: Any
    for count, (op, arg, _) in enumerate(pickletools.genops(file)):
        if count >= OPERATIONS:
            raise ValueError(f'its pickle has more than {OPERATIONS} operations')
        if op.name in FETCH:
            memo[arg].fetched += 1
            stack.append(memo[arg])
        elif op.name in KEEP:
            memo[arg] = _top(stack)
        elif op.name == 'MARK':
            stack.append(None)
        elif op.name in ATOMS:
            if op.name == 'GLOBAL' and arg not in NAMES:
                foreign.add(arg.replace(' ', '.'))
                if arg.partition(' ')[0].partition('.')[0] in KNOWN and arg != BYTES:
                    raise ValueError(f'it names {arg.replace(" ", ".")}, expected tensors and '
                                     'plain values alone')
            made.append(Value(arg))
            stack.append(made[-1])
        elif op.name in MAKE | CHANGE:
            taken = _taken(stack, op)
            if op.name in CHANGE:
                target = taken.pop(0)
                target.parts += taken
                stack.append(target)
                continue
            made.append(Value(parts=taken))
            stack.append(made[-1])
            if op.name == 'BINPERSID':
                key, size = _storage(taken[0])
                storages[key] = max(storages.get(key, 0), size)
        elif op.name not in ('PROTO', 'STOP'):
            raise ValueError(f'its pickle has the operation {op.name}, which torch.save never '
                             'writes')
    _check_repeats(made)
    return Contents(storages, foreign)


def _top(stack: list[Value | None]) -> Value:
    if not stack or stack[-1] is None:
        raise ValueError('its pickle takes from an empty stack')
    return stack[-1]


def _taken(stack: list[Value | None], op: pickletools.OpcodeInfo) -> list[Value]:
    """Take from the stack what ``op`` does, in order."""
    taken: list[Value] = []
    fixed = len(op.stack_before)
    if pickletools.markobject in op.stack_before:
        fixed = op.stack_before.index(pickletools.markobject)
        while (value := stack.pop()) is not None:
            taken.append(value)
    for _ in range(fixed):
        taken.append(_top(stack))
        stack.pop()
    return taken[::-1]


def _storage(wanted: Value) -> tuple[Any, int]:
    """Read the words of a storage ('storage', type, key, place, items[, view]): key, bytes."""
    kind, key, items = (wanted.parts[i].atom for i in (1, 2, 4))
    if type(items) is not int or items < 0:
        raise ValueError('it has a storage of no size')
    return key, items * ITEM_BYTES[kind.removeprefix('torch ').removesuffix('Storage')]


def _check_repeats(made: list[Value]) -> None:
    """Raise ValueError when values are too deep, run in a circle or are repeated too often."""
    size: dict[Value, int] = {}
    deep: dict[Value, int] = {}
    for root in made:
        todo = [(root, iter(root.parts))] if root not in size else []
        while todo:
            value, parts = todo[-1]
            part = next((p for p in parts if p not in size), None)
            if part is not None:
                todo.append((part, iter(part.parts)))
            else:
                todo.pop()
                size[value] = 1 + sum(size[p] for p in value.parts)
                deep[value] = 1 + max((deep[p] for p in value.parts), default=0)
            if max(len(todo), deep.get(value, 0)) > DEPTH:  # a circle goes down for ever
                raise ValueError(f'its values are nested more than {DEPTH} deep')
    if sum(v.fetched * size[v] for v in made if v.parts) > REPEATED:
        raise ValueError('its values hold one another again and again, without measure')


def check_checkpoint(path: Path) -> set[str]:
    """
    Look through a file of ``torch.save``, of today's form (a zip) or that of before 1.6.

    Takes no memory for tensors; returns the foreign names in it. Raises as ``look_through``, and
    ValueError when the file says more bytes of tensors than it has.
    """
    with path.open('rb') as file:
        zipped = file.read(4) == b'PK\x03\x04'
        file.seek(0)
        wanted, foreign = _zipped(file) if zipped else _plain(file)
        size = path.stat().st_size
        if sum(wanted.values()) > size:
            raise ValueError(f'it says {sum(wanted.values())} bytes of tensors, and has {size}')
    return foreign


def _zipped(file: BinaryIO) -> Contents:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = {e.filename.lower(): e for e in entries}  # as PyTorch's reader compares them
        if len(names) < len(entries) or any(e.compress_type for e in entries):
            raise ValueError('its zip packs files, or has two of a name, as torch.save never does')
        stem = entries[0].filename.partition('/')[0]
        found = look_through(io.BytesIO(archive.read(f'{stem}/data.pkl')))
        for key, size in found.storages.items():
            entry = names.get(f'{stem}/data/{key}'.lower())
            if entry is None or entry.file_size < size:
                raise ValueError(f'its tensors want {size} bytes of data/{key}, which has '
                                 f'{entry.file_size if entry else "none"}')
    return found


def _plain(file: BinaryIO) -> Contents:
    """Look through a mark, a version, a machine, the values and the storages' order."""
    return [look_through(file) for _ in range(5)][3]
