"""Results of an `eval run`, written by hand."""

import json

import cv2
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.records import write_labels
from lg_tracker_ros.evaluation.metrics.record import Labels
from lg_tracker_ros.rows import COLUMNS
import numpy as np

AWAY = range(10, 15)
SETTINGS = {'tracker': 'pixelwise', 'redetector': 'tanet_lite', 'beta1': 0.8,
            'tracker_weights': ''}
MADE = {
    'default': {'settings': SETTINGS, 'weights': {'pixelwise.safetensors': '00aa'},
                'trained_on': ['COCO 2017/*', 'Birds/a', 'Birds/b'], 'commit': 'c0ffee+',
                'machine': {'cpu': 'a slow one', 'cores': 2}},
    'other': {'settings': {**SETTINGS, 'beta1': 0.7}, 'commit': 'c0ffee+', 'trained_on': [],
              'undeclared': ['mine.onnx']},
    'opencv_csrt': {'settings': {'peer': 'opencv_csrt'}}}


def sequence(folder, name, n, away=(), attributes=(), protocol='plain'):
    """Make a sequence of small images in which a 12 x 8 target moves by a pixel a frame."""
    truth = np.array([[5.0 + i, 10, 12, 8] for i in range(n)])
    absent = np.isin(np.arange(n), list(away))
    truth[absent] = np.nan
    images = [folder / name / 'img' / f'{i:03d}.png' for i in range(n)]
    images[0].parent.mkdir(parents=True)
    for path, box in zip(images, truth):
        image = np.full((48, 64, 3), 90, np.uint8)
        if np.isfinite(box).all():
            cv2.rectangle(image, (int(box[0]), 10), (int(box[0]) + 11, 17), (200, 60, 20), -1)
        cv2.imwrite(str(path), image)
    return LabelledSequence(name, truth, absent, tuple(images), attributes=attributes,
                            source=name, protocol=protocol)


def labels(name, rows):
    """Make labels of rows of x, y, w, h; nan: the target is absent."""
    boxes = np.array(rows, np.float64)
    return Labels(name, boxes, np.isnan(boxes[:, 0]))


def write_run(out, tracker, s, shift, silent, ms):
    """Write a run whose boxes lie ``shift`` px beside the truth; ``silent`` where it's absent."""
    lines = [','.join(COLUMNS)]
    box = s.truth[0]
    for i, truth in enumerate(s.truth):
        here = np.isfinite(truth).all()
        if here:
            box = truth + np.array([shift * (i > 0), 0, 0, 0])
        claimed = here or not silent
        sides = [f'{v:.2f}' if claimed else 'nan' for v in box]
        lines.append(','.join([str(i), f'{i / 30:.6f}', *sides, '0.9000' if claimed else '0.1000',
                               str(int(claimed)), 'LOCAL' if claimed else 'GLOBAL', f'{ms:.2f}']))
    folder = out / tracker
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'{s.name}.csv').write_text('\n'.join(lines) + '\n')
    stages = {'local': [ms / 2] * len(s.truth)} if silent else {}
    (folder / f'{s.name}.json').write_text(json.dumps({**MADE[tracker], 'stages': stages}))


def three_trackers(folder):
    """Write an OUT of three trackers over two sequences, walk and car; returns it."""
    sequences = [sequence(folder / 'data', 'walk', 30, AWAY, ('OV', 'FM')),
                 sequence(folder / 'data', 'car', 20, (), ('FM',))]
    out = folder / 'out'
    write_labels(out, sequences, {'car': ['default was trained on it']})
    for s in sequences:
        write_run(out, 'default', s, 0, True, 20)
        write_run(out, 'other', s, 2, True, 30)
        write_run(out, 'opencv_csrt', s, 6, False, 5)
    return out
