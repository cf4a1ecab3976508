"""What a user's folders hold: recognised by their files, split by name, read when needed."""

import csv
import json

import cv2
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.training.data.material import data_set, find, read_material, read_stills
from lg_tracker_ros.training.data.media import Files, held_out, make_clip, spread
import numpy as np
import pytest

NAN = 'nan,nan,nan,nan'


def picture(path, seed=0, size=(120, 160)):
    """Write a picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    cv2.imwrite(str(path), image)
    return path


def coco(folder, names, labels='instances.json', images='images', source=None):
    """Write stills with one 60 x 50 instance each."""
    entries, marks = [], []
    for i, name in enumerate(names):
        picture(folder / images / name, i)
        entries.append({'id': i, 'file_name': name} | ({'source': source} if source else {}))
        marks.append({'image_id': i, 'category_id': 7, 'bbox': [20, 30, 60, 50],
                      'segmentation': [[20, 30, 80, 30, 80, 80, 20, 80]]})
    path = folder / labels
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({'images': entries, 'annotations': marks,
                                'categories': [{'id': 7, 'name': 'cat'}]}))


def plain(folder, rows):
    """Write a sequence in the plain form."""
    for i in range(len(rows)):
        picture(folder / 'images' / f'{i:03d}.jpg', i)
    (folder / 'groundtruth.txt').write_text('\n'.join(rows) + '\n')


def split(count, validation, prefix='s'):
    """Make names that fall into one split."""
    names = (f'{prefix}{i}' for i in range(1000))
    return [n for n in names if held_out(n + '.png') == validation][:count]


def test_stills_of_both_forms_say_their_data_set(tmp_path):
    coco(tmp_path / 'own', ['a.png'])
    coco(tmp_path / 'told', ['a.png'], source='Zoo (CC0-1.0)')
    coco(tmp_path / 'coco', ['b.png'], 'annotations/instances_val2017.json', 'val2017')
    got = {}
    for name in ('own', 'told', 'coco'):
        still, = read_stills(tmp_path / name)
        got[name] = still.source
        assert still.image().shape == (120, 160, 3)
        item, = still.instances
        assert (item.category, item.box.x, item.box.h) == ('cat', 20, 50)
        assert item.polygons[0].shape == (4, 2)
    assert got == {'own': 'own', 'told': 'Zoo', 'coco': 'COCO 2017'}


@pytest.mark.parametrize('text, words', [
    ('{"images": []}', "KeyError 'categories'"), ('nonsense', 'JSONDecodeError')])
def test_labels_of_another_form_are_refused_by_name(tmp_path, text, words):
    (tmp_path / 'instances.json').write_text(text)
    with pytest.raises(ValueError, match=rf'instances.json is not in COCO form: .*{words}'):
        read_stills(tmp_path)


def test_missing_images_are_named(tmp_path):
    coco(tmp_path, ['a.png'])
    (tmp_path / 'images/a.png').unlink()
    with pytest.raises(ValueError, match=r'images/a.png does not exist; the images of '):
        read_stills(tmp_path)


def test_clips_keep_usable_frames_and_read_them_when_asked(tmp_path):
    plain(tmp_path / 'walk', [f'{10 + i},20,30,40' for i in range(7)] + [NAN, '20,20,4,40'])
    sequence, = read_dataset(tmp_path)
    clip = make_clip(sequence, 'Set/walk')
    assert isinstance(clip.frames, Files) and len(clip.frames) == len(clip.boxes) == 7
    assert clip.frames[3] == (tmp_path / 'walk/images/003.jpg').read_bytes()
    assert len(clip.frames[2:5]) == 3 and clip.boxes[6].x == 16
    plain(tmp_path / 'short', ['10,20,30,40'] * 5)
    assert make_clip(read_dataset(tmp_path / 'short')[0], 'Set/short') is None


def test_a_video_is_thinned_and_shrunk(tmp_path):
    folder = tmp_path / 'ride'
    folder.mkdir()
    video = cv2.VideoWriter(str(folder / 'video.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 30,
                            (640, 320))
    for i in range(40):
        video.write(np.full((320, 640, 3), 6 * i, np.uint8))
    video.release()
    (folder / 'groundtruth.txt').write_text('\n'.join(f'{i},20,30,40' for i in range(40)))
    clip = make_clip(read_dataset(folder)[0], 'Set/ride', most=8, max_side=320)
    assert [b.x for b in clip.boxes] == [i / 2 for i in range(0, 32, 4)]
    image = cv2.imdecode(np.frombuffer(clip.frames[2], np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (160, 320, 3) and abs(int(image.mean()) - 48) < 6


def test_material_of_several_kinds_is_split_by_name(tmp_path):
    names = [f'{n}.png' for n in split(4, False) + split(2, True)]
    coco(tmp_path / 'pool/photos', names)
    rows = [f'{10 + i},20,30,40' for i in range(8)]
    clips = [n for n in map('walk{}'.format, range(100)) if not held_out(n)][:2]
    for name in clips:
        plain(tmp_path / 'films' / name, rows)
    (tmp_path / 'films/SOURCE.txt').write_text('repo: https://example.org/who/RealFilms\n')
    strip = np.zeros((64, 16 * 40, 4), np.uint8)
    strip[10:50] = 200
    (tmp_path / 'pool/things/Office').mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'pool/things/Office/desk.png'), strip)
    with open(tmp_path / 'pool/things/models.csv', 'w', newline='') as file:
        csv.writer(file).writerow(['file'])
    assert [(k, p.name) for k, p in find(tmp_path / 'pool')] == [
        ('stills', 'photos'), ('objects', 'things')]
    learn, held = (read_material([tmp_path / 'pool', tmp_path / 'films'], validation)
                   for validation in (False, True))
    assert [s.path.name for s in learn.stills] == names[:4]
    assert [s.path.name for s in held.stills] == names[4:]
    assert [c.name for c in learn.clips] == clips and held.clips == []
    assert learn.names == {'photos/*', f'RealFilms/{clips[0]}', f'RealFilms/{clips[1]}',
                           'things/*'}
    desk = [s for s in learn.sprites + held.sprites if s.name == 'desk']
    assert [len(s.views) for s in desk] == [16] and desk[0].category == 'Office'
    assert len(learn.backgrounds) == 4 + 2 and data_set(tmp_path / 'pool') == 'pool'


def test_folders_without_material_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r'--data .*/none: there is no such folder'):
        read_material([tmp_path / 'none'], False)
    with pytest.raises(ValueError, match=r'holds nothing to train on: expected stills in COCO'):
        read_material([tmp_path], False)
    plain(tmp_path / 'walk', [f'{10 + i},20,30,40' for i in range(8)])
    with pytest.raises(ValueError, match=r'split has 0 cut-outs and 1 photographs.*train assets'):
        read_material([tmp_path], held_out('walk'))


def test_data_sets_are_left_out_by_name(tmp_path):
    names = [f'{n}.png' for n in split(4, False)]
    for source in ('Mine', 'Theirs (for research only)'):
        coco(tmp_path / source[:4], names, source=source)
    both = read_material([tmp_path], False)
    one = read_material([tmp_path], False, without=['Theirs'])
    assert len(both.stills) == 8 and both.names == {'Mine/*', 'Theirs/*'}
    assert {s.source for s in one.stills} == {'Mine'} and one.names == {'Mine/*'}
    assert len(one.sprites) == len(both.sprites) / 2 == len(one.backgrounds)
    with pytest.raises(ValueError, match='--without COCO: no stills of that data set are in'):
        read_material([tmp_path], False, without=['Theirs', 'COCO'])


def test_spread_takes_evenly():
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(3), 4) == [0, 1, 2]
