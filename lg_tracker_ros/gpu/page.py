"""The page that ``python -m lg_tracker_ros.gpu`` writes, made of its JSON."""

from __future__ import annotations

import math
from typing import Any, Mapping, Sequence

from lg_tracker_ros.files import table

Found = Mapping[str, Any]


def page(found: Found) -> str:
    """Write the page as Markdown; what is missing in ``found`` is left out, errors are told."""
    parts = [_head(found), _tests(found), _boxes(found), _tracker(found), _networks(found),
             _images(found), _pictures(found), _starts(found), _errors(found)]
    return '\n\n'.join('\n'.join(part) for part in parts if part) + '\n'


def _of(found: Found, prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}


def _number(value: float, digits: int = 2) -> str:
    return '–' if value is None or math.isnan(value) else f'{value:.{digits}f}'


def _head(found: Found) -> list[str]:
    machine, chosen = found.get('machine', {}), found.get('settings', {})
    lines = ['# On a GPU', '', f'Made on {found["date"]} with', '', f'    {found["command"]}', '',
             f'CPU rows: the default (ONNX Runtime), {chosen.get("threads")} thread(s), the same '
             'machine, the same run. In PyTorch fp32 keeps all bits; ONNX Runtime and TensorRT '
             'round what they convolve to 11 (TF32).', '']
    lines += table(['what', 'which'], [[k, str(v)] for k, v in machine.items()], 2)
    for way, why in found.get('refused', {}).items():
        lines += ['', f'**{way}** was not run: {why}.']
    return lines


def _tests(found: Found) -> list[str]:
    tests = found.get('tests')
    if tests is None:
        return []
    return ['## Tests marked gpu', '', f'`{tests["summary"].strip("= ")}`', '',
            *(f'- `{line}`' for line in tests['lines'] if not line.startswith('PASSED'))]


def _boxes(found: Found) -> list[str]:
    ways = _of(found, 'boxes: ')
    rows = [[way, r['clip'], str(r['frames']), _number(r['iou'], 4), _number(r['least']),
             f'{r["modes"]:.1%}', f'{r["seen"]:.1%}', str(r['searched']),
             _number(r['confidence'], 3), _number(r['ms']), _number(r['same_place'], 4)]
            for way, results in ways.items() for r in results]
    if not rows:
        return []
    return ["## Boxes beside the CPU's", '',
            'Each runs by itself from the first box on. IoU: of the frames in which both see the '
            'target, mean and least. Same mode, same visible: shares of all frames. Searched: '
            'frames in which the CPU searched the whole image. Confidence: the largest '
            'difference. ms: median of a frame. Same place: mean IoU where both are asked at the '
            "CPU's places, so that nothing grows from frame to frame.", '',
            *table(['way', 'sequence', 'frames', 'IoU', 'least', 'same mode', 'same visible',
                    'searched', 'confidence', 'ms', 'same place'], rows, 2)]


def _beside(columns: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """Tell parts (rows) by ways (columns): median ms, and the 95th percentile in brackets."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = [[name, *(f'{c[name][0]:.2f} ({c[name][1]:.2f})' if name in c else '–'
                     for c in columns.values())] for name in names]
    return table(['part', *columns], rows)


def _tracker(found: Found) -> list[str]:
    lines = []
    for size in dict.fromkeys(k.partition(':')[0] for k in _of(found, 'parts: ')):
        lines += ['', f'{size}:', '', *_beside(_of(found, f'parts: {size}: '))]
    if not lines:
        return []
    return ['## The tracker, part by part', '',
            'Median ms (95th percentile), images in memory, everything included that '
            'happens to them.', *lines]


def _networks(found: Found) -> list[str]:
    columns = _of(found, 'networks: ')
    if not columns:
        return []
    return ['## The two networks of every frame', '',
            'Crops in host memory to outputs in host memory, median ms (95th '
            'percentile). Recorded: as CUDA graphs, which is how the tracker runs '
            'them.', '', *_beside(columns)]


def _images(found: Found) -> list[str]:
    lines = []
    for size, column in _of(found, 'images: ').items():
        rows = {**column, **found.get('cuts', {}).get(size, {})}
        lines += ['', f'{size}:', '', *_beside({'ms': rows})]
    if not lines:
        return []
    return ['## Images before the networks', '',
            'On the CPU (OpenCV, one thread) and on the GPU, up to when it is done.',
            *lines]


def _pictures(found: Found) -> list[str]:
    parts = _of(found, 'pictures: ')
    if not parts:
        return []
    return ['## Crops and small images, where they are made', '',
            'Median ms (95th percentile) of frames, timed in turn. Where that wins: the default.',
            *(line for which, columns in parts.items()
              for line in ('', f'{which}:', '', *_beside(columns)))]


def _starts(found: Found) -> list[str]:
    names = {'process_s': 'whole process, s', 'import_s': 'imports, s', 'build_s': 'build, s',
             'init_s': 'first box, s', 'rss_mib': 'memory, MiB',
             'gpu_used_mib': 'GPU memory with context, MiB',
             'torch_peak_mib': 'of it tensors, MiB'}
    rows = [[name.rpartition(': ')[0], name.rpartition(': ')[2],
             *(_number(row[k], 1) if k in row else '–' for k in names)]
            for name, row in _of(found, 'start: ').items()]
    if not rows:
        return []
    return ['## Starts and memory', '',
            'A process of its own each time, with an empty cache the first time.', '',
            *table(['way', 'start', *names.values()], rows, 2)]


def _errors(found: Found) -> list[str]:
    errors = found.get('errors', {})
    if not errors:
        return []
    return ['## What failed or was left out', '',
            *(f'- {name}: `{" ".join(str(text).split())[:600]}`'
              for name, text in errors.items())]
