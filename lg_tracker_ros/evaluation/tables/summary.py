"""
``eval summary``: a network's layers as a table, as papers print them (TANet's Tables I and II).

torchinfo was weighed: it prints no strides, and brings a package for what a walk over the modules
says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, Mapping, NamedTuple

from lg_tracker_ros.files import table
from lg_tracker_ros.words.nearest import meant
import torch
from torch import nn, Tensor


class Printed(NamedTuple):
    """A network that can be printed: what makes it, and the shapes that its ``forward`` takes."""

    make: Callable[[], nn.Module]
    shapes: Sequence[tuple[int, ...]] = ()


def networks() -> Mapping[str, Printed]:
    """List them by name; imported here, for nothing else of the evaluation needs them."""
    from lg_tracker_ros.local.dimp.net import DimpNet
    from lg_tracker_ros.local.mdnet.vggm import PY_MDNET, RT_MDNET, VggM
    from lg_tracker_ros.local.pixelwise_net import PixelwiseHead
    from lg_tracker_ros.local.siamese.siamfcpp_published import PUBLISHED, PublishedNet
    from lg_tracker_ros.local.siamese.siammask_net import SiamMaskNet
    from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet
    from lg_tracker_ros.local.siamfcpp_net import VARIANTS as FCPP
    from lg_tracker_ros.local.siamrpnpp_net import VARIANTS as RPN
    from lg_tracker_ros.redetect.globaltrack.lite_net import QueryHead
    from lg_tracker_ros.redetect.globaltrack.net import GlobalTrackNet
    from lg_tracker_ros.redetect.tanet_lite_net import TanetLiteHead
    from lg_tracker_ros.redetect.tanet_net import TANetGenerator
    from lg_tracker_ros.training.adversarial.discriminators import (
        AppearanceDiscriminator,
        MotionDiscriminator,
    )
    frame = (1, 3, 300, 300)
    return {
        'tanet': Printed(TANetGenerator, (frame, frame, (1, 3, *frame[1:]))),
        'appearance_discriminator': Printed(AppearanceDiscriminator, (frame, (1, 1, 300, 300))),
        'motion_discriminator': Printed(MotionDiscriminator,
                                        ((1, 3, *frame[1:]), (1, 3, 1, 300, 300))),
        'tanet_lite': Printed(TanetLiteHead),
        'globaltrack': Printed(GlobalTrackNet, ((1, 3, 800, 1344),)),
        'globaltrack_lite': Printed(QueryHead),
        'pixelwise': Printed(PixelwiseHead),
        'dimp50': Printed(DimpNet),
        'siammask': Printed(SiamMaskNet),
        'mdnet': Printed(partial(VggM, PY_MDNET), ((1, 3, 107, 107),)),
        'rtmdnet': Printed(partial(VggM, RT_MDNET, True), ((1, 3, 321, 321),)),
        **{f'siamrpnpp/{name}': Printed(make) for name, (make, _) in RPN.items()},
        **{f'siamfcpp/{name}': Printed(partial(SiamFCppNet, v)) for name, v in FCPP.items()},
        **{f'siamfcpp/{name}': Printed(partial(PublishedNet, v)) for name, v in PUBLISHED.items()},
    }


def _by(value: Any) -> str:
    """Write a kernel or a stride: 3 x 3 for (3, 3), - for none."""
    return '-' if value is None else ' x '.join(map(str, value)) or '-'


def layers(net: nn.Module, shapes: Sequence[tuple[int, ...]] = ()) -> list[list[str]]:
    """
    List the layers that have weights, but for normalisations, in the order of their making.

    A row: name, kind, kernel, stride, channels in and out, parameters and, where ``shapes`` are
    given and ``forward`` runs the layer, the size of what it gives ('-' else). ``net`` and what
    runs through it have no values (device ``meta``), so that a large one costs nothing.
    """
    named = {name: m for name, m in net.named_modules()
             if not list(m.children()) and any(True for _ in m.parameters(recurse=False))
             and not isinstance(m, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm))}
    given: dict[str, str] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            given.setdefault(name, _by(tuple(output.shape[1:])))
        return hook
    if shapes:
        hooks = [m.register_forward_hook(note(name)) for name, m in named.items()]
        with torch.no_grad():
            net.eval()(*(torch.empty(s, device='meta') for s in shapes))
        for hook in hooks:
            hook.remove()
    rows = []
    for name, m in named.items():
        ends = [getattr(m, f'{end}_{what}', None) for what in ('channels', 'features')
                for end in ('in', 'out')]
        into, out = [e for e in ends if e is not None] or (None, None)
        rows.append([name, type(m).__name__, _by(getattr(m, 'kernel_size', None)),
                     _by(getattr(m, 'stride', None)), str(into or '-'), str(out or '-'),
                     f'{sum(prod(p.shape) for p in m.parameters()):,}', given.get(name, '-')])
    return rows


def summary(name: str) -> list[str]:
    """Write the table of a network; ValueError for an unknown name."""
    known = networks()
    if name not in known:
        raise ValueError(f'unknown network {name!r}; ' + (
            meant(name, known) or 'without a name `eval summary` lists them'))
    with torch.device('meta'):
        net = known[name].make()
    total = sum(prod(p.shape) for p in net.parameters())
    return [f'# {name}', '', *table(['layer', 'kind', 'kernel', 'stride', 'in', 'out',
                                     'parameters', 'gives'], layers(net, known[name].shapes), 4),
            '', f'{total:,} parameters, those of normalisations included.']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval summary``."""
    parser.add_argument('network', metavar='NETWORK', nargs='?', default='',
                        help='without it, their names')


def run(args: argparse.Namespace) -> int:
    """Run ``eval summary``."""
    print('\n'.join(summary(args.network) if args.network else networks()))
    return 0
