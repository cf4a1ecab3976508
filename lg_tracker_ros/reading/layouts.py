"""How others wrap a state dict, and what they call its parts: one table for all formats."""

from __future__ import annotations

from collections.abc import Mapping
import re
from typing import Any, NamedTuple


class Layout(NamedTuple):
    """
    A format of checkpoints.

    ``nested``: the name under which the state dict lies, '' where the file is one. ``prefixes``:
    what the beginning of a name there becomes here.
    """

    nested: str
    prefixes: Mapping[str, str] = {}


def _grouped(whose: str) -> Mapping[str, str]:
    """Rename AlexNet's layers, which PySOT trains in five groups, and published in one row."""
    return {f'{whose}layer{i}.{part}.': f'{whose}features.{first + part}.'
            for i, first in enumerate((0, 4, 8, 11, 14), 1) for part in (0, 1)}


LAYOUTS: Mapping[str, Layout] = {
    'SiamMask': Layout('state_dict', {
        'features.features.': 'backbone.', 'features.downsample.': 'neck.downsample.',
        'rpn_model.': 'rpn_head.', 'mask_model.mask.': 'mask_head.',
        'refine_model.': 'refine_head.'}),
    'PySOT in training, AlexNet': Layout('state_dict', _grouped('backbone.')),
    'the same, plain': Layout('', _grouped('backbone.')),
    'its AlexNet alone': Layout('state_dict', _grouped('')),
    'its AlexNet alone, plain': Layout('', _grouped('')),
    'PySOT, mmdetection, train fit': Layout('state_dict'),
    'pytracking': Layout('net'),
    'video_analyst': Layout('model_state_dict'),
    'MDNet, RT-MDNet': Layout('shared_layers'),
    # MDNet's own layers follow the first three of VGG-M, with ReLU and dropout between them
    "MDNet's .mat": Layout('layers', {
        '0.': 'conv1.0.', '4.': 'conv2.0.', '8.': 'conv3.0.', '10.': 'fc4.0.', '13.': 'fc5.1.'}),
    # VGG-M of MatConvNet, its layers by number; the names are those of MDNet
    '.mat': Layout('layers', {'0.': 'conv1.0.', '4.': 'conv2.0.', '8.': 'conv3.0.'}),
    'plain': Layout(''),
}
"""By format; the first that fits counts: the name is there, and every prefix occurs."""

PARALLEL = re.compile(r'^(module\.)+')
"""Left before every name by each DataParallel around a network."""


def unwrapped(data: Any) -> Any:
    """
    Take the state dict out of what a file holds, with the names that it has here.

    What fits no layout is returned as it is.
    """
    for layout in LAYOUTS.values():
        state = data.get(layout.nested) if layout.nested and isinstance(data, Mapping) else data
        if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
            continue
        plain = {PARALLEL.sub('', name): value for name, value in state.items()}
        if all(any(name.startswith(p) for name in plain) for p in layout.prefixes):
            return {_renamed(name, layout.prefixes): value for name, value in plain.items()}
    return data


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    for theirs, ours in prefixes.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name
