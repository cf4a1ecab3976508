"""``train assets``: packages opened, models rendered, sources installed whole or not at all."""

import argparse
import hashlib
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib

import cv2
from lg_tracker_ros.training.assets import install as assets
from lg_tracker_ros.training.assets.archives import read_deb, read_rcc
from lg_tracker_ros.training.assets.catalogue import Asset, ASSETS
from lg_tracker_ros.training.assets.meshes import Mesh, read_obj
from lg_tracker_ros.training.assets.rasteriser import rasterise
from lg_tracker_ros.training.assets.render import (
    read_objects,
    render_library,
    render_views,
    SIDE,
    turn,
    VIEWS,
)
from lg_tracker_ros.training.data.material import read_stills
import numpy as np
import pytest

BLUE, GREEN, RED, YELLOW, CYAN, MAGENTA = [
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 255, 0), (255, 0, 255)]
FACES = {'front': (BLUE, GREEN), 'back': (RED, RED), 'right': (YELLOW, YELLOW),
         'left': (CYAN, CYAN), 'top': (MAGENTA, MAGENTA)}


def make_tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f'./{name}')
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def make_deb(files, name='data.tar.xz'):
    """Return the bytes of a .deb; its second member has an odd length, as ar pads."""
    out = b'!<arch>\n'
    for member, data in (('debian-binary', b'2.0\n'), ('control.tar.xz', b'odd'),
                         (name, lzma.compress(make_tar(files), preset=0))):
        out += f'{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n'.encode() + data
        out += b'\n' * (len(data) % 2)
    return out


def make_rcc(files, packed=()):
    """Return a Qt resource file, version 3: a folder named ``in`` with files in it."""
    names = tree = blobs = b''
    spelled = {}
    for name in ('in', *files):
        spelled[name] = len(names)
        names += struct.pack('>HI', len(name), 0) + name.encode('utf-16-be')
    tree += struct.pack('>IHIIQ', 0, 2, 1, 1, 0)  # the root, its child is node 1
    tree += struct.pack('>IHIIQ', spelled['in'], 2, len(files), 2, 0)
    for name, data in files.items():
        tree += struct.pack('>IHHHIQ', spelled[name], name in packed, 0, 0, len(blobs), 0)
        if name in packed:
            data = struct.pack('>I', len(data)) + zlib.compress(data)
        blobs += struct.pack('>I', len(data)) + data
    head = 4 * 6
    return struct.pack('>4s5I', b'qres', 3, head, head + len(tree),
                       head + len(tree) + len(blobs), 0) + tree + blobs + names


def write_box(folder, size=(2.0, 1.0, 1.0), texture=True):
    """Write a box with its centre at the origin; each face is two colours, left and right."""
    folder.mkdir(parents=True, exist_ok=True)
    image = np.array([[c for pair in FACES.values() for c in pair]], np.uint8)
    image = cv2.resize(image, (320, 64), interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(folder / 'colors.png'), image)
    x, y, z = np.array(size) / 2
    quads = {'front': [(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)],
             'back': [(x, -y, -z), (-x, -y, -z), (-x, y, -z), (x, y, -z)],
             'right': [(x, -y, z), (x, -y, -z), (x, y, -z), (x, y, z)],
             'left': [(-x, -y, -z), (-x, -y, z), (-x, y, z), (-x, y, -z)],
             'top': [(-x, y, z), (x, y, z), (x, y, -z), (-x, y, -z)]}
    lines = ['mtllib box.mtl', 'usemtl painted']
    for i, face in enumerate(FACES):
        lines += [f'v {a} {b} {c}' for a, b, c in quads[face]]
        lines += [f'vt {(i + u) / 5} {v}' for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
    lines += ['f ' + ' '.join(f'{4 * i + k}/{4 * i + k}' for k in (1, 2, 3, 4))
              for i in range(len(FACES))]
    (folder / 'box.obj').write_text('\n'.join(lines))
    (folder / 'box.mtl').write_text(
        'newmtl painted\nKd 1 1 1\n' + ('map_Kd colors.png\n' if texture else ''))
    return folder / 'box.obj'


def draw(mesh, azimuth, elevation=0.0, scale=40.0, size=(120, 100)):
    r = turn(azimuth, elevation)
    middle = np.array([size[0] / 2, size[1] / 2, 0], np.float32)
    moved = Mesh(mesh.points @ r.T * scale + middle, mesh.normals @ r.T, mesh.uv, mesh.material,
                 mesh.materials)
    return rasterise(moved, size, np.array([0, 0, 1], np.float32))


def hue(view, x, y):
    """Return the colour at a pixel, without its shading."""
    return tuple(255 * (view[y, x, :3] > 60).astype(int))


def test_deb_gives_what_is_wanted(tmp_path):
    path = tmp_path / 'a.deb'
    path.write_bytes(make_deb({'usr/a.png': b'A', 'usr/doc/b.txt': b'B', 'usr/doc/c.png': b'C'}))
    assert [(str(p), d) for p, d in read_deb(path, ['*.png'])] == [
        ('usr/a.png', b'A'), ('usr/doc/c.png', b'C')]


def test_qt_resources_in_a_deb_are_a_folder(tmp_path):
    rcc = make_rcc({'x.webp': b'X' * 99, 'y.webp': b'Y', 'z.txt': b'Z'}, packed=('x.webp',))
    assert {str(p): d for p, d in read_rcc(rcc)} == {
        'in/x.webp': b'X' * 99, 'in/y.webp': b'Y', 'in/z.txt': b'Z'}
    path = tmp_path / 'a.deb'
    path.write_bytes(make_deb({'usr/a.rcc': rcc}))
    assert {str(p): d for p, d in read_deb(path, ['*.rcc/*.webp'])} == {
        'usr/a.rcc/in/x.webp': b'X' * 99, 'usr/a.rcc/in/y.webp': b'Y'}


@pytest.mark.parametrize(('data', 'why'), [
    (b'PK', 'begin with !<arch>'),
    (b'!<arch>\n', 'no data.tar'),
    (b'!<arch>\n' + b'x' * 60, 'header'),
    (make_deb({'a': b'A'}, 'data.tar.zst'), 'holds data.tar.zst, expected'),
    (make_deb({'a': bytes(range(256)) * 99})[:-100], 'can be read'),
    (make_deb({'a.rcc': b'qres'}), 'Qt resource'),
    (make_deb({'a.rcc': make_rcc({'x': b'X' * 50})[:60]}), 'Qt resource'),
])
def test_a_damaged_deb_is_one_line(tmp_path, data, why):
    path = tmp_path / 'bad.deb'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=why) as e:
        list(read_deb(path, ['*']))
    assert str(path) in str(e.value)
    assert '\n' not in str(e.value)


def test_a_box_is_drawn_where_it_is(tmp_path):
    mesh = read_obj(write_box(tmp_path))
    assert len(mesh.points) == 10  # five quads
    view = draw(mesh, 0)
    # 2 x 1 units at 40 pixels a unit, in the middle of 120 x 100
    assert cv2.boundingRect(np.ascontiguousarray(view[..., 3])) == (20, 30, 80, 40)
    assert hue(view, 40, 50) == BLUE
    assert hue(view, 80, 50) == GREEN
    side = draw(mesh, np.pi / 2)
    assert cv2.boundingRect(np.ascontiguousarray(side[..., 3])) == (40, 30, 40, 40)
    assert hue(side, 60, 50) == YELLOW  # the camera went to the right, around the box
    assert hue(draw(mesh, np.pi), 40, 50) == RED
    assert hue(draw(mesh, -np.pi / 2), 60, 50) == CYAN
    above = draw(mesh, 0, np.deg2rad(45))
    assert hue(above, 60, 30) == MAGENTA
    assert hue(above, 40, 66) == BLUE  # the front is below the top


def test_the_nearer_triangle_hides_the_other(tmp_path):
    path = tmp_path / 'two.obj'
    path.write_text('mtllib two.mtl\n'
                    'v -1 -1 0\nv 1 -1 0\nv 0 1 0\nv -1 -1 1\nv 1 -1 -1\nv 0 1 0\n'
                    'usemtl red\nf 1 2 3\nusemtl blue\nf 4 5 6\n')
    (tmp_path / 'two.mtl').write_text('newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n')
    view = draw(read_obj(path), 0)
    # they cut through each other: blue is nearer on the left, red on the right
    assert hue(view, 45, 70) == BLUE
    assert hue(view, 75, 70) == RED


def test_holes_of_a_texture_show_what_is_behind(tmp_path):
    path = write_box(tmp_path)
    image = np.dstack([cv2.imread(str(tmp_path / 'colors.png')), np.full((64, 320), 255)])
    image[:, :32, 3] = 0  # the left half of the front
    cv2.imwrite(str(tmp_path / 'colors.png'), image)
    view = draw(read_obj(path), 0)
    assert hue(view, 40, 50) == RED  # the back, from inside
    assert hue(view, 80, 50) == GREEN


def test_views_go_around(tmp_path):
    views = render_views(read_obj(write_box(tmp_path)), seed=3, views=8)
    assert len(views) == 8
    assert all(max(v.shape[:2]) <= SIDE for v in views)
    assert max(max(v.shape[:2]) for v in views) > 0.85 * SIDE
    assert all(v[0, :, 3].any() and v[-1, :, 3].any() for v in views)  # tight
    front, back = views[0], views[4]
    h, w = front.shape[:2]
    assert hue(front, w // 4, h - h // 4) == BLUE
    assert hue(back, w // 4, h - h // 4) == RED
    # antialiased: between the views that stand straight the edges are slanted
    alpha = views[1][..., 3]
    assert 0.01 < ((alpha > 0) & (alpha < 255)).mean() < 0.2
    # no dark rim: where it half shows the colour is still that of the box
    rim = (front[..., 3] > 60) & (front[..., 3] < 200)
    assert front[rim][:, :3].max(1).min(initial=255) > 60
    again = render_views(read_obj(tmp_path / 'box.obj'), seed=3, views=2)
    assert all(np.array_equal(a, b) for a, b in zip(views[::4], again))


@pytest.mark.parametrize(('text', 'why'), [
    ('v 0 0 0\n', 'no faces'),
    ('v 0 0 0\nf 1 2 3\n', 'can be used'),
    ('v 0 0 0\nf a b c\n', 'can be used'),
    ('v 0 0 0\nv 1 0 0\nv 0 1 0\n' + 'f 1 2 3\n' * 31_000, 'more than 30000'),
])
def test_a_model_that_is_no_use(tmp_path, text, why):
    (tmp_path / 'bad.obj').write_text(text)
    with pytest.raises(ValueError, match=why) as e:
        read_obj(tmp_path / 'bad.obj')
    assert 'bad.obj' in str(e.value)


def make_library(tmp_path):
    """Return a Sweet Home 3D library: a box turned by 90 degrees, a flat, a plain, a lost one."""
    write_box(tmp_path / 'lib/box')
    write_box(tmp_path / 'lib/rug', size=(2, 0.01, 1))
    write_box(tmp_path / 'lib/plain', texture=False)
    lines = []
    for i, (name, extra) in enumerate(
            [('box', 'modelRotation#1=0 0 -1 0 1 0 1 0 0\n'), ('rug', ''), ('plain', ''),
             ('lost', '')], 1):
        lines.append(f'name#{i}=A {name}\ncategory#{i}=Toys\ncreator#{i}=Someone\n'
                     f'model#{i}=/lib/{name}/box.obj\n{extra}')
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as archive:
        archive.writestr('PluginFurnitureCatalog.properties', '\n'.join(lines))
        archive.writestr('LICENSE.TXT', 'CC0')
        for path in sorted((tmp_path / 'lib').rglob('*.*')):
            archive.write(path, path.relative_to(tmp_path))
    return out.getvalue()


def test_a_library_becomes_sprites_with_views(tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    assert render_library(make_library(tmp_path), out) == 1  # the others are no use
    assert (out / 'models.csv').read_text() == 'Toys/lib-box.png,A box,Someone,lib\n'
    assert (out / 'LICENCE-lib').read_text() == 'CC0'
    sprite, = read_objects(out)
    assert (sprite.name, sprite.category, len(sprite.views)) == ('lib-box', 'Toys', VIEWS)
    assert sprite.image is sprite.views[0]
    h, w = sprite.image.shape[:2]
    assert hue(sprite.image, w // 2, h - h // 4) == YELLOW  # turned: its right side is in front
    assert w < sprite.views[4].shape[1]
    small, = read_objects(out, max_side=64)
    assert max(max(v.shape[:2]) for v in small.views) <= 64
    with pytest.raises(ValueError, match=r'lib-box\.png: expected a PNG of 7 views'):
        read_objects(out, views=7)
    with pytest.raises(ValueError, match='not a Sweet Home 3D library'):
        render_library(b'nothing', out)


def photo(side=400):
    image = np.random.default_rng(side).integers(0, 255, (side // 20, side // 10, 3), np.uint8)
    image = cv2.resize(image, (2 * side, side), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode('.jpg', image)[1].tobytes()


@pytest.fixture
def archive(tmp_path):
    """Serve two packages of one source from a folder, as a mirror."""
    pool = tmp_path / 'mirror/pool'
    pool.mkdir(parents=True)
    licence = {'usr/share/doc/x/copyright': b'CC0-1.0\n'}
    debs = {'one.deb': make_deb({**licence, 'usr/big.jpg': photo(700), 'usr/small.jpg': photo(
                200), 'usr/notes.txt': b'no'}),
            'two.deb': make_deb({**licence, 'usr/other.jpg': photo(400)})}
    for name, data in debs.items():
        (pool / name).write_bytes(data)
    asset = Asset('photos', 'photos', 'debian', 'pool', '1.0', tuple(
        (name, hashlib.sha256(data).hexdigest()) for name, data in debs.items()), 'CC0-1.0',
        ('*.jpg',))
    return tmp_path / 'mirror', asset


def install(archive, out):
    mirror, asset = archive
    return assets.install(asset, out, [mirror.as_uri()])


def test_a_source_is_installed(archive, tmp_path):
    out = tmp_path / 'cache'
    source = install(archive, out)
    assert source.files == 2  # the small one is too small
    assert cv2.imread(str(out / 'photos/images/big.jpg')).shape == (480, 960, 3)
    assert cv2.imread(str(out / 'photos/images/other.jpg')).shape == (400, 800, 3)
    assert (out / 'photos/LICENCE').read_text() == 'CC0-1.0\n'
    stills = read_stills(out / 'photos')
    assert [(s.path.name, s.instances, s.source) for s in stills] == [
        ('big.jpg', (), 'photos'), ('other.jpg', (), 'photos')]
    told = json.loads((out / 'photos/source.json').read_text())
    assert told['asset']['licence'] == 'CC0-1.0'
    assert told['asset']['packages'] == [list(p) for p in archive[1].packages]
    assert told['urls'][0].endswith('mirror/pool/one.deb')
    assert not any((out / '.packages').iterdir())  # nothing is kept twice


def test_what_broke_off_is_done_again(archive, tmp_path):
    mirror, asset = archive
    out = tmp_path / 'cache'
    two = (mirror / 'pool/two.deb').read_bytes()
    (mirror / 'pool/two.deb').unlink()
    with pytest.raises(OSError, match=r'two\.deb can.t be had .*--debian-mirror'):
        install(archive, out)
    assert not (out / 'photos').exists()
    assert not assets.is_complete(asset, out / 'photos')
    # a package that came whole is not fetched again, what was half extracted is thrown away
    (mirror / 'pool/one.deb').unlink()
    (mirror / 'pool/two.deb').write_bytes(two)
    (out / '.photos').mkdir(exist_ok=True)
    (out / '.photos/half.jpg').write_bytes(b'half')
    assert install(archive, out).files == 2
    assert sorted(p.name for p in (out / 'photos').iterdir()) == [
        'LICENCE', 'images', 'instances.json', 'source.json']
    assert assets.is_complete(asset, out / 'photos')


def test_a_damaged_package_or_note_is_brought_anew(archive, tmp_path):
    """A package of another sum waits in the folder; the note of a source is cut off."""
    mirror, asset = archive
    waiting = tmp_path / '.packages/photos'
    waiting.mkdir(parents=True)
    for name, _ in asset.packages:
        (waiting / name).write_bytes((mirror / 'pool' / name).read_bytes()[:-1])
    assert install(archive, tmp_path).files == 2
    (tmp_path / 'photos/source.json').write_text('{"asset": ')
    assert not assets.is_complete(asset, tmp_path / 'photos')
    assert install(archive, tmp_path).files == 2 and assets.is_complete(asset, tmp_path / 'photos')


def test_a_wrong_checksum_is_said_and_the_next_mirror_asked(archive, tmp_path):
    mirror, asset = archive
    bad = tmp_path / 'bad/pool'
    bad.mkdir(parents=True)
    for name, _ in asset.packages:
        (bad / name).write_bytes(b'something else')
    with pytest.raises(OSError, match=f'expected SHA-256 {asset.packages[0][1]}, got '):
        assets.install(asset, tmp_path / 'a', [bad.parent.as_uri()])
    assert not list((tmp_path / 'a').rglob('*.part'))
    source = assets.install(asset, tmp_path / 'a', [bad.parent.as_uri(), mirror.as_uri()])
    assert all(url.startswith(mirror.as_uri()) for url in source.urls)


def parse(*words):
    parser = argparse.ArgumentParser()
    assets.add_arguments(parser)
    return parser.parse_args([str(w) for w in words])


def test_the_command(archive, tmp_path, capsys):
    mirror, asset = archive
    lost = Asset('lost', 'photos', 'debian', 'pool', '1', (('no.deb', '0'),), 'CC0-1.0', ('*',))
    args = parse('--out', tmp_path / 'o', '--debian-mirror', mirror.as_uri(), '--only', 'photos')
    assert assets.run(args, [lost, asset]) == 0
    told = json.loads((tmp_path / 'o/sources.json').read_text())
    assert [s['asset']['name'] for s in told] == ['photos']
    # what is complete needs no mirror
    (mirror / 'pool/one.deb').unlink()
    assert assets.run(args, [lost, asset]) == 0
    assert 'photos: is there' in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"no source is called 'x', expected of lost, photos"):
        assets.run(parse('--only', 'x'), [lost, asset])


def test_the_cache_follows_the_desktop_standard(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setenv('DEBIAN_MIRROR', 'http://near')
    args = parse()
    assert args.out == tmp_path / 'lg_tracker_ros/assets'
    assert args.debian_mirror == 'http://near'
    for empty in ('', 'relative'):
        monkeypatch.setenv('XDG_CACHE_HOME', empty)
        monkeypatch.setenv('HOME', str(tmp_path))
        assert parse().out == tmp_path / '.cache/lg_tracker_ros/assets'


def test_the_table():
    assert len({a.name for a in ASSETS}) == len(ASSETS)
    for a in ASSETS:
        assert 'NC' not in a.licence, a.name
        assert all(len(digest) == 64 and name.endswith('.deb') for name, digest in a.packages)
