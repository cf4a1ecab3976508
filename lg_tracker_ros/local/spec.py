"""What the package has to know of a local tracker; each module ends with the one of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lg_tracker_ros.checkpoint import weights_file
from lg_tracker_ros.local.online.host import Host
from lg_tracker_ros.recognition.confidence import Confidence
from lg_tracker_ros.types import LocalTracker

BACKBONES = ('efficientnet_lite0', 'alexnet', 'resnet50', 'mobilenet_v2', 'resnet50_otb',
             'resnet50_lt', 'alexnet_published', 'googlenet_published')
"""Of all local trackers; each spec lists those that its own takes."""

OWN = -1.0
"""A parameter of CONSTANTS that leaves the published constant as it is; so does any below 0."""
CONSTANTS = ('penalty_k', 'window_influence', 'size_rate')
"""Parameters of published Siamese trackers: what their files don't say (docs/checkpoints.md)."""


def chosen(**constants: float) -> dict[str, Any]:
    """Keep the constants that somebody chose, those from 0 on."""
    return {name: value for name, value in constants.items() if value >= 0}


@dataclass(frozen=True)
class ExternalFiles:
    """
    Files that a user must give, for they aren't ours to ship.

    ``find`` looks below a folder and returns what ``tracker_weights`` must name, '' when it isn't
    there; ``files`` lists the files that a given ``tracker_weights`` stands for.
    """

    find: Callable[[Path], str]
    files: Callable[[str], list[Path]]


@dataclass(frozen=True)
class LocalSpec:
    """
    A local tracker: its name and all that the package has to know of it.

    ``build(tracker_weights, backbone, engine)`` reads weights and compiles networks for the
    resolved engine; it raises ValueError, in one line, when that can't be had. ``confidence`` is
    what ``train calibrate`` found; weights that bring their own in the header go before it.
    ``weights``: file name of weights of ours, ``{backbone}`` in it stands for the backbone; ''
    where it reads none. ``backbones``: those that it takes. ``trained_on``: what its files were
    trained on as their authors say (DATA SET/SEQUENCE, ``*`` for all), where the files say
    nothing themselves. ``host``, with the arguments of ``build``, opens it for what learns online
    on top of its features and score maps (local/online); None where it has none.
    ``parameters``: names of the parameters that both take besides, as keywords.
    """

    name: str
    summary: str
    build: Callable[..., LocalTracker]
    confidence: Confidence
    weights: str = ''
    backbones: tuple[str, ...] = BACKBONES[:1]
    external: ExternalFiles | None = None
    trained_on: tuple[str, ...] = ()
    host: Callable[..., Host] | None = None
    parameters: tuple[str, ...] = ()

    def found_below(self, folder: Path | None) -> str:
        """
        Find what ``tracker_weights`` must name below a folder of others' files, '' for none.

        Raises ValueError where it needs such files and there is no folder.
        """
        if self.external is None:
            return ''
        if folder is None:
            raise ValueError(f'{self.name} needs its ONNX files: name their folder with --peers')
        return self.external.find(folder) or str(folder)

    def file(self, backbone: str) -> str:
        """Name the file of our weights for ``backbone``, '' where it reads none."""
        return self.weights.format(backbone=backbone)

    def files(self, tracker_weights: str, backbone: str) -> list[Path]:
        """List the files that it reads; they need not exist."""
        if self.weights:
            return [weights_file(tracker_weights, self.file(backbone))]
        return self.external.files(tracker_weights) if self.external else []
