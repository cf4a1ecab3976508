"""MODEL_CARD's commands for more data, as they stand there, on tiny data sets as published."""

import csv
import json
from pathlib import Path
import re
import shlex

import cv2
from helpers.clip import first_box, frames, truth
from helpers.published import blank
from helpers.vggm import shared, write_pth
from lg_tracker_ros.backbones.alexnet import AlexNet
from lg_tracker_ros.backbones.resnet50 import ResNet50
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.experiments.proposals import make_redetector
from lg_tracker_ros.reading.notes import read_note, trained_on
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.redetect.c3d import C3D
from lg_tracker_ros.redetect.tanet_net import ResNet18
from lg_tracker_ros.training.data.media import held_out
from lg_tracker_ros.training.loop.checkpoints import set_values
from lg_tracker_ros.training.networks.registry import NETWORKS
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

CARD = Path(__file__).resolve().parents[2] / 'MODEL_CARD.md'
COUNT = 8
"""Frames of a video."""

TINY = {'batch': 2, 'steps': 1, 'held_out': 2, 'validate_every': 1, 'fresh': 'true'}
"""``fresh``: a ring would be filled, with what nobody looks at, until the network has learned."""
SMALLER = {'mdnet': {'domains': 8, 'positives': 2, 'negatives': 3},
           'siamfcpp': {'backbone': 'alexnet'}, 'siamrpnpp': {'backbone': 'alexnet'},
           'tanet': {'side': 112, 'judged': 1, 'lambda_appearance': 0, 'lambda_motion': 0,
                     'optimizer': 'sgd', 'batch': 1, 'held_out': 1}}
"""
What else has to be small: boxes and frames, the Siamese ones' backbone, and TANet's checkpoints,
which has no judges here and an optimizer without a state.
"""

CHEAP = ('pixelwise', 'tanet_lite', 'globaltrack_lite')
"""Whose files are looked at by the tracker as well: the others would take too long for a test."""


def commands():
    """Read the table: a network's words after ``python -m lg_tracker_ros``, or those to add."""
    text = CARD.read_text().partition('**With more data and a GPU.**')[2]
    rows = re.findall(r'^\| (`.*?) \| (.*?) \|$', text, re.MULTILINE)
    found, first = {}, None
    for names, cell in rows:
        words = shlex.split(re.search('`(.*?)`', cell)[1])
        if words[0] == 'python':
            words = words[3:]
            first = first or words
        else:
            assert cell.startswith('the same with')
            words = first + words
        for name in re.findall('`(.*?)`', names):
            found[name] = [name if w == 'NETWORK' else w for w in words]
    return found


COMMANDS = commands()


def split(form, learn, held):
    """Make names of a form, some to learn from and some that are held out."""
    names = [form.format(i) for i in range(1, 200)]
    return [n for n in names if not held_out(n)][:learn] + [n for n in names if held_out(n)][:held]


def coco(root, images):
    """2017: two splits, a crowd as runs of pixels, and the files of labels that aren't needed."""
    for part, count in (('train2017', 2), ('val2017', 1)):
        (root / part).mkdir(parents=True)
        pictures, marks = [], []
        for i, name in enumerate(split('{:012}.jpg', count, count)):
            (root / part / name).write_bytes(images[i])
            x, y, w, h = map(float, truth()[i])
            pictures.append({'id': i, 'file_name': name, 'height': 288, 'width': 352,
                             'license': 1, 'coco_url': f'http://images.cocodataset.org/{name}'})
            marks.append({'id': i, 'image_id': i, 'category_id': 1, 'iscrowd': 0, 'area': w * h,
                          'bbox': [x, y, w, h],
                          'segmentation': [[x, y, x + w, y, x + w, y + h, x, y + h]]})
        marks.append({'id': 99, 'image_id': 0, 'category_id': 1, 'iscrowd': 1, 'area': 9,
                      'bbox': [0, 0, 40, 40],
                      'segmentation': {'counts': [9, 9], 'size': [288, 352]}})
        (root / 'annotations').mkdir(exist_ok=True)
        for kind in ('instances', 'person_keypoints', 'captions'):
            (root / f'annotations/{kind}_{part}.json').write_text(json.dumps({
                'info': {}, 'licenses': [], 'images': pictures, 'annotations': marks,
                'categories': [{'id': 1, 'name': 'person', 'supercategory': 'person'}]}
                if kind == 'instances' else {}))


def numbered(folder, images):
    """Write the images of a video as both number theirs."""
    folder.mkdir(parents=True)
    for i, data in enumerate(images, 1):
        (folder / f'{i:08}.jpg').write_bytes(data)


def got10k(root, images):
    """Three splits with their lists; test videos have the first box only."""
    for part, name in (('train', 'GOT-10k_Train_{:06}'), ('val', 'GOT-10k_Val_{:06}'),
                       ('test', 'GOT-10k_Test_{:06}')):
        names = split(name, 2, 1) if part == 'train' else [name.format(1)]
        for folder in (root / part / n for n in names):
            numbered(folder, images)
            known = 1 if part == 'test' else COUNT
            np.savetxt(folder / 'groundtruth.txt', truth()[:known], '%.4f', ',')
            if part == 'test':
                continue
            (folder / 'absence.label').write_text('0\n' * COUNT)
            (folder / 'cover.label').write_text('8\n' * COUNT)
            (folder / 'cut_by_image.label').write_text('0\n' * COUNT)
            (folder / 'meta_info.ini').write_text(
                '[METAINFO]\nurl: https://youtu.be/a\nbegin: 00:00:01\nend: 00:00:03\n'
                'anno_fps: 10Hz\nobject_class: person\nmotion_class: walking\n'
                'major_class: person\nroot_class: person\nmotion_adverb: slowly\n'
                'resolution: (352, 288)\n')
        (root / part / 'list.txt').write_text('\n'.join(names) + '\n')


def lasot(root, images):
    """Classes with their videos: images beside the boxes, a flag for each frame in one line."""
    for name in split('person-{}', 1, 1):
        folder = root / 'person' / name
        numbered(folder / 'img', images)
        np.savetxt(folder / 'groundtruth.txt', np.add(truth()[:COUNT], [1, 1, 0, 0]), '%d', ',')
        for flags in ('full_occlusion.txt', 'out_of_view.txt'):
            (folder / flags).write_text(','.join('0' * COUNT))
        (folder / 'nlp.txt').write_text('a woman walking\n')


def assets(root, images):
    """Write what ``train assets`` leaves: photographs, rendered objects, cut-outs."""
    photos, objects, stamps = (root / n for n in ('photos', 'objects', 'stamps'))
    names = split('{}.jpg', 1, 1)
    for folder in (photos / 'images', objects / 'Office', stamps / 'stamps/animals'):
        folder.mkdir(parents=True)
    for name in names:
        (photos / 'images' / name).write_bytes(images[0])
    (photos / 'instances.json').write_text(json.dumps({
        'images': [{'id': i, 'file_name': n, 'source': 'photos (CC0-1.0)'}
                   for i, n in enumerate(names)], 'annotations': [], 'categories': []}))
    rng = np.random.default_rng(0)
    with open(objects / 'models.csv', 'w', newline='') as file:
        csv.writer(file).writerow(['file'])
    for name in split('desk{}', 1, 1):
        strip = np.dstack([rng.integers(0, 256, (64, 16 * 48, 3), np.uint8),
                           np.full((64, 16 * 48), 255, np.uint8)])
        cv2.imwrite(str(objects / 'Office' / f'{name}.png'), strip)
    for name in split('cat{}', 1, 1):
        cut = rng.integers(0, 256, (80, 80, 4), np.uint8)
        cut[..., 3] = 255
        cv2.imwrite(str(stamps / 'stamps/animals' / f'{name}.png'), cut)
    for folder in (photos, objects, stamps):
        (folder / 'LICENCE').write_text('CC0-1.0\n')
        (folder / 'source.json').write_text('{}')
    (root / 'sources.json').write_text('[]')


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """Make what the commands name in capitals: data sets, and files to begin with."""
    root = tmp_path_factory.mktemp('tiny')
    images = [cv2.imencode('.jpg', f.image)[1].tobytes() for f in frames(COUNT)]
    makers = {'ASSETS': assets, 'COCO': coco, 'GOT-10k': got10k, 'LaSOT': lasot}
    for name, make in makers.items():
        make(root / name, images)
    (root / 'two').mkdir()
    for i, data in enumerate(images[:2]):
        (root / f'two/{i}.jpg').write_bytes(data)
    return {name: root / name for name in (*makers, 'two')}


def to_begin_with(setting, folder):
    """Write the file that a setting of a command names, in its published layout."""
    path = folder / f'{setting}.pth'
    if setting == 'convolutions':
        return write_pth(path, shared())
    torch.manual_seed(0)
    torch.save(AlexNet().state_dict() if setting == 'pretrained' else
               blank({'encoder': ResNet18, 'motion': C3D}[setting]), path)
    return path


def is_file(setting):
    """Tell whether a word of a command is a setting that names a file."""
    return setting.partition('=')[2] in ('FILE', 'imagenet-vgg-m.mat')


def test_the_card_has_a_command_for_each_network():
    assert COMMANDS.keys() == NETWORKS.keys()


@pytest.mark.parametrize('network', NETWORKS)
def test_it_learns_from_them_and_the_tracker_takes_what_it_gives(network, tiny, tmp_path, capsys):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    words = []
    for word in COMMANDS[network]:
        if is_file(word):
            setting = word.partition('=')[0]
            word = f'{setting}={to_begin_with(setting, tmp_path)}'
        place, *below = word.split('/')
        words.append('/'.join([str({**tiny, 'run': tmp_path / 'run'}.get(place, place)), *below]))
    tinier = TINY | SMALLER.get(network, {})
    assert main([*words, '--workers', '1', '--device', 'cpu',
                 *(w for k, v in tinier.items() for w in ('--set', f'{k}={v}'))]) == 0
    file = tmp_path / f'{network}.safetensors'
    assert main(['train', 'export', str(tmp_path / 'run/best.pt'), str(file)]) == 0
    assert read_note(file, 'network') == network
    seen = {name.partition('/')[0] for name in trained_on(file)}
    assert {'GOT-10k'} <= seen
    if network != 'mdnet':
        assert {'COCO 2017', 'LaSOT', 'photos', 'objects', 'stamps'} <= seen
    if network in REDETECTORS and network in CHEAP:
        redetector = make_redetector(f'{network}@engine=torch@redetector_weights={file}')
        clip = frames(2)
        redetector.init(clip[0], first_box())
        assert redetector.propose(clip, (first_box().w, first_box().h), 3).boxes
    elif network in CHEAP:
        capsys.readouterr()
        assert main(['track', str(tiny['two']), '--init', ','.join(map(str, truth()[0])),
                     '--param', f'tracker={network}', '--param', f'tracker_weights={file}',
                     '--param', 'redetector=none', '--param', 'engine=torch']) == 0
        head, *rows = csv.reader(capsys.readouterr().out.splitlines())
        assert len(rows) == 2 and 'frame' in head


def test_the_siamese_ones_begin_with_resnet50(tmp_path):
    """What is said of their backbone, for it would take too long to learn with it here."""
    path = tmp_path / 'resnet50.model'
    state = blank(ResNet50)
    state['conv1.weight'] += 1
    torch.save({**state, 'fc.weight': torch.zeros(1000, 2048)}, path)
    settings = [w.replace('FILE', str(path)) for w in COMMANDS['siamrpnpp'] if '=' in w]
    assert settings == [w.replace('FILE', str(path)) for w in COMMANDS['siamfcpp'] if '=' in w]
    config = set_values(NETWORKS['siamrpnpp'].defaults, settings)
    assert config.backbone == 'resnet50'
    backbone = NETWORKS['siamrpnpp'].make_model(config).backbone
    assert all(torch.equal(v, state[k]) for k, v in backbone.state_dict().items())
