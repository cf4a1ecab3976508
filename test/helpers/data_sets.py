"""Tiny data sets in the layouts of the official archives, and what tests ask of readers."""

import json

import cv2
from lg_tracker_ros.datasets.readers import (
    read_dataset,
)
from lg_tracker_ros.media.writer import VideoOut
import numpy as np
import pytest

NAN = [np.nan] * 4


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def images(folder, names, size=(16, 16)):
    """Write small images; ``size`` is width and height."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((size[1], size[0], 3), 90, np.uint8))
    return folder


def numbered(first, last, form='{:04}.jpg'):
    return [form.format(i) for i in range(first, last + 1)]


def video(path, count):
    path.parent.mkdir(parents=True, exist_ok=True)
    out = VideoOut(path, 25.0)
    for _ in range(count):
        out.write(np.full((32, 32, 3), 90, np.uint8))
    out.close()


def otb(root):
    write(root / 'Dog/groundtruth_rect.txt', '3\t4\t5\t6\n4, 4,5,6\n1 1 0 0\n')
    images(root / 'Dog/img', numbered(1, 3))
    return root


def got10k(root):
    write(root / 'val/list.txt', 'GOT-10k_Val_000001\n')
    one = root / 'val/GOT-10k_Val_000001'
    write(one / 'groundtruth.txt', '3.0000,4.0000,5.0000,6.0000\n' * 3 + '-1,-1,-1,-1\n')
    write(one / 'absence.label', '0\n1\n0\n0\n')
    write(one / 'cover.label', '8\n3\n0\n8\n')
    write(one / 'meta_info.ini', '[METAINFO]\nurl: https://x.org/a\nobject_class: bear\n'
          'motion_class: walking\n')
    images(one, numbered(1, 4, '{:08}.jpg'))
    return root


def lasot(root):
    one = root / 'tiger/tiger-6'
    write(one / 'groundtruth.txt', '3,4,5,6\n3,4,5,6\n0,0,0,0\n613,731,247,-11\n')
    write(one / 'full_occlusion.txt', '0,1,0,0')
    write(one / 'out_of_view.txt', '0,0,1,0')
    images(one / 'img', numbered(1, 4, '{:08}.jpg'))
    return root


def trackingnet(root):
    write(root / 'TEST/anno/abc_1.txt', '3.00,4.00,5.00,6.00\n')
    write(root / 'TRAIN_0/anno/xyz_0.txt', ''.join(f'{i},0,5,6\n' for i in range(11)))
    images(root / 'TEST/frames/abc_1', numbered(0, 2, '{}.jpg'))
    images(root / 'TRAIN_0/frames/xyz_0', numbered(0, 10, '{}.jpg'))
    return root


def vot_set(root):
    write(root / 'sequences/list.txt', 'bag\n')
    one = root / 'sequences/bag'
    write(one / 'sequence', 'fps=30\nchannels.color=color/%08d.jpg\nname=bag\n')
    write(one / 'groundtruth.txt', '\n'.join((
        '3,4,5,6', 'nan,nan,nan,nan', '2,3,9,1,8,11,1,13', 'm2,3,4,3,5,2,2,2,1',
        'm0,0,0,0,0', '0')) + '\n')
    write(one / 'occlusion.tag', '0\n1\n0\n0\n0\n0\n')
    write(one / 'motion_change.label', '0\n' * 6)
    images(one / 'color', numbered(1, 6, '{:08}.jpg'))
    return root


CONFIG = """function seqs=configSeqs

seqUAV123={struct('name','bike1','path','F:\\UAV123\\data_seq\\UAV123\\bike1\\','startFrame',1,\
'endFrame',2,'nz',6,'ext','jpg','init_rect',[0,0,0,0]),...
    struct('name', 'car1_2', 'path','F:\\UAV123\\data_seq\\UAV123\\car1\\','startFrame',3,\
'endFrame',4,'nz',6,'ext','jpg','init_rect',[0,0,0,0])};

seqUAV20L={struct('name','bike1','path','F:\\UAV123\\data_seq\\UAV123\\bike1\\','startFrame',2,\
'endFrame',3,'nz',6,'ext','jpg','init_rect',[0,0,0,0])};
"""


def uav(root):
    write(root / 'configSeqs.m', CONFIG)
    write(root / 'anno/UAV123/bike1.txt', '3,4,5,6\nNaN,NaN,NaN,NaN\n')
    write(root / 'anno/UAV123/car1_2.txt', '7,8,5,6\n8,8,5,6\n')
    write(root / 'anno/UAV123/att/car1_2.txt', '1,0,0,0,0,0,1,0,0,0,0,1\n')
    write(root / 'anno/UAV20L/bike1.txt', '9,9,5,6\n9,8,5,6\n')
    for name in ('bike1', 'car1'):
        images(root / 'data_seq/UAV123' / name, numbered(1, 5, '{:06}.jpg'))
    return root


def tlp(root):
    write(root / 'Bike/groundtruth_rect.txt', '1,3,4,5,6,0\n2,3,4,5,6,1\n3,3,4,0,6,0\n')
    images(root / 'Bike/img', numbered(1, 3, '{:05}.jpg'))
    images(root / 'CarChase4/img', numbered(1, 2, '{:05}.jpg'))
    return root


def oxuva(root):
    head = 'vid0001,obj0000,20,elephant,unknown,unknown'
    write(root / 'annotations/dev.csv',
          f'{head},2,present,0.25,0.75,0.1,0.6\n{head},4,absent,0.0,0.0,0.0,0.0\n'
          f'{head},6,present,0.5,1.0,0.0,0.5\n')
    write(root / 'tasks/dev.csv', 'vid0001,obj0000,2,6,0.25,0.75,0.1,0.6\n')
    write(root / 'tasks/test.csv', 'vid0002,obj0001,0,2,0.25,0.75,0.1,0.6\n')
    images(root / 'images/dev/vid0001', numbered(0, 7, '{:06}.jpeg'), (20, 10))
    images(root / 'images/test/vid0002', numbered(0, 3, '{:06}.jpeg'), (20, 10))
    return root


def davis_set(root):
    """Two sequences: one object as 255, and two objects with an area to pass over."""
    for name in ('bear', 'dogs'):
        images(root / 'JPEGImages/480p' / name, numbered(0, 1, '{:05}.jpg'))
        (root / 'Annotations/480p' / name).mkdir(parents=True)
    for i in range(2):
        bear, dogs = np.zeros((2, 16, 16), np.uint8)
        bear[3:5, 2 + i:6 + i] = 255
        dogs[1:3, 1:4] = 1
        dogs[8, 9] = 2 * (1 - i)
        dogs[0] = 255
        cv2.imwrite(str(root / f'Annotations/480p/bear/{i:05}.png'), bear)
        cv2.imwrite(str(root / f'Annotations/480p/dogs/{i:05}.png'), dogs)
    return root


def vid_set(root):
    """One snippet: a track that ends, and one that comes."""
    snippet = 'VID/train/P/ILSVRC2015_train_0'
    images(root / 'Data' / snippet, numbered(0, 2, '{:06}.JPEG'))
    for i, tracks in enumerate(({0: (1, 2, 6, 8)}, {0: (2, 2, 7, 8), 1: (1, 2, 4, 3)},
                                {1: (3, 2, 6, 3)})):
        write(root / 'Annotations' / snippet / f'{i:06}.xml', '<annotation>' + ''.join(
            f'<object><trackid>{t}</trackid><name>n02084071</name><bndbox><xmax>{b[2]}</xmax>'
            f'<xmin>{b[0]}</xmin><ymax>{b[3]}</ymax><ymin>{b[1]}</ymin></bndbox></object>'
            for t, b in tracks.items()) + '</annotation>')
    return root


def plain_set(root):
    write(root / 'cup/groundtruth.txt', '3,4,5,6\nnan,nan,nan,nan\n3.5,4,5,6\n')
    video(root / 'cup/video.mp4', 3)
    write(root / 'hat/groundtruth.txt', '3,4,5,6\n4,4,5,6\n')
    images(root / 'hat/images', ['9.png', '10.png'])
    write(root / 'hat/protocol.json', json.dumps(
        {'protocol': 'absent', 'source': 'OTB/Dog', 'attributes': ['cut-away'], 'seed': 3}))
    (root / 'notes').mkdir()
    return root


MAKERS = {'otb': otb, 'got10k': got10k, 'lasot': lasot, 'trackingnet': trackingnet, 'vot': vot_set,
          'uav123': uav, 'uav20l': uav, 'tlp': tlp, 'oxuva': oxuva, 'vid': vid_set,
          'davis': davis_set, 'plain': plain_set}


def check(sequence, truth, absent=()):
    np.testing.assert_array_equal(sequence.truth, np.array(truth, float))
    assert np.flatnonzero(sequence.absent).tolist() == list(absent)


def complaint(folder, layout=''):
    """Return the error of reading, which must be one line."""
    with pytest.raises(ValueError) as caught:
        read_dataset(folder, layout)
    assert '\n' not in str(caught.value)
    return str(caught.value)
