"""Files inside of Debian packages and Qt resource files, read in Python alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
import lzma
from pathlib import Path, PurePosixPath
import struct
import tarfile
from typing import BinaryIO
import zlib

PACKINGS = ('data.tar', 'data.tar.gz', 'data.tar.xz', 'data.tar.bz2')


def matches(path: PurePosixPath, globs: Sequence[str]) -> bool:
    """Whether one of ``globs`` matches; ``*`` matches slashes too."""
    return any(fnmatchcase(str(path), g) for g in globs)


def find_data(file: BinaryIO) -> None:
    """Go to where the files of a .deb begin: an ar archive (man 5 deb) with a tar in it."""
    if file.read(8) != b'!<arch>\n':
        raise ValueError('it does not begin with !<arch>')
    while len(header := file.read(60)) == 60:
        name = header[:16].decode('ascii', 'replace').rstrip(' /')
        size = header[48:58].strip()
        if header[58:] != b'`\n' or not size.isdigit():
            raise ValueError('a header of its ar archive is damaged')
        if name in PACKINGS:
            return
        if name.startswith('data.tar'):
            raise ValueError(f'it holds {name}, expected one of {", ".join(PACKINGS)}')
        file.seek(int(size) + int(size) % 2, 1)
    raise ValueError('it holds no data.tar')


def read_deb(path: Path, wanted: Sequence[str]) -> Iterator[tuple[PurePosixPath, bytes]]:
    """
    Go through the files of a .deb whose path matches one of the globs ``wanted``.

    No path begins with a slash. A Qt resource file (.rcc) counts as a folder. Raises ValueError
    when the file isn't a .deb, is cut off, or is packed in another way (Ubuntu's zstd).
    """
    try:
        with path.open('rb') as file:
            find_data(file)
            with tarfile.open(fileobj=file, mode='r|*') as tar:
                for member in tar:
                    inner = PurePosixPath(member.name.removeprefix('./'))
                    nested = inner.suffix == '.rcc'
                    if not member.isfile() or not (nested or matches(inner, wanted)):
                        continue
                    data = tar.extractfile(member)
                    assert data is not None  # a regular file has data
                    if not nested:
                        yield inner, data.read()
                        continue
                    for name, part in read_rcc(data.read()):
                        if matches(inner / name, wanted):
                            yield inner / name, part
    except (ValueError, tarfile.TarError, lzma.LZMAError, EOFError, zlib.error) as e:
        raise ValueError(f'{path} is not a .deb that can be read: {e}; '
                         'delete it and try again') from e


COMPRESSED, FOLDER, ZSTD = 1, 2, 4


def read_rcc(data: bytes) -> Iterator[tuple[PurePosixPath, bytes]]:
    """
    Go through the files in a Qt resource file, those packed with zstd left out.

    The format is that of Qt's rcc (qtbase, src/tools/rcc/rcc.cpp), versions 1 to 3, big endian:
    a tree of nodes, names and data, each at an offset that the header tells. Raises ValueError
    when ``data`` is none or cut off.
    """
    try:
        magic, version, tree, blobs, names = struct.unpack_from('>4s4I', data)
        if magic != b'qres' or version not in (1, 2, 3):
            raise ValueError('not a Qt resource file of version 1 to 3')
        node_size = 14 if version == 1 else 22  # with the time of change
        todo = [(0, PurePosixPath())]
        while todo:
            number, here = todo.pop()
            node = tree + number * node_size
            name, flags = struct.unpack_from('>IH', data, node)
            if number:  # the root has no name; a name has its length and a hash before it
                length, = struct.unpack_from('>H', data, names + name)
                text = data[names + name + 6:names + name + 6 + 2 * length]
                here = here / text.decode('utf-16-be')
            if flags & FOLDER:
                count, first = struct.unpack_from('>2I', data, node + 6)
                if first <= number:  # children stand behind their folder, or this never ends
                    raise ValueError('its tree of files runs in a circle')
                todo += [(i, here) for i in range(first, first + count)]
            elif not flags & ZSTD:
                start = blobs + struct.unpack_from('>I', data, node + 10)[0]
                size, = struct.unpack_from('>I', data, start)
                blob = data[start + 4:start + 4 + size]
                # what is packed has its unpacked length before it
                yield here, zlib.decompress(blob[4:]) if flags & COMPRESSED else blob
    except (struct.error, zlib.error, UnicodeDecodeError) as e:
        raise ValueError(f'a Qt resource file is damaged: {e}') from e
