"""``mdnet``, ``rtmdnet`` and ``dat`` as published: on VGG-M, with their authors' schedules."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lg_tracker_ros.checkpoint import checked_file
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local.mdnet.schedule import RECIPROCATIVE, Schedule
from lg_tracker_ros.local.mdnet.tracker import MdnetTracker
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import UNFITTED

MDNET = Schedule()
RTMDNET = Schedule(
    grow=1.4 / 0.6, grown=1.4, positive_zoom=1.2, first_negative_zoom=2.0,
    first_negative_aspect=1.1, negative_shift=1.5, negative_zoom=1.2, whole=0.0, opposed=True,
    first_kept=50, short=20, first_rate=1e-4, rate=3e-4, regression_zoom=1.5,
    regression_kept=True)
DAT = replace(RTMDNET, grow=2.5, grown=1.5, whole=0.5, whole_zoom=1.2, whole_aspect=1.1,
              batch_negatives=32, first_rate=2e-4, mean=False, reciprocative=RECIPROCATIVE)
SCHEDULES = {'mdnet': MDNET, 'rtmdnet': RTMDNET, 'dat': DAT}


def build_mdnet(weights: Path, engine: EngineConfig, schedule: Schedule) -> MdnetTracker:
    """Make MDNet with a file of its authors', or of VGG-M; raises as vggm.read_start."""
    from lg_tracker_ros.local.mdnet.patches import cut, Patches, warped
    from lg_tracker_ros.local.mdnet.vggm import learner, read_start
    start = read_start(weights)
    patches = Patches(start.net, engine.device, crop=warped if start.python else cut)
    return MdnetTracker(patches, learner(start, (0.0, 0.5, 0.5), schedule, engine.device),
                        schedule, engine.threads)


def build_rtmdnet(weights: Path, engine: EngineConfig, schedule: Schedule) -> MdnetTracker:
    """Make RT-MDNet with a file of its authors', or of VGG-M; raises as vggm.read_start."""
    from lg_tracker_ros.local.mdnet.scenes import Scenes
    from lg_tracker_ros.local.mdnet.vggm import learner, read_start, RT_MDNET
    start = read_start(weights, RT_MDNET, dense=True)
    scenes = Scenes(start.net, engine.device)
    make = learner(start, (0.0, 0.5, 0.5), schedule, engine.device, uniform=True)
    return MdnetTracker(scenes, make, schedule, engine.threads)


def build_dat(weights: Path, engine: EngineConfig, schedule: Schedule) -> MdnetTracker:
    """Make DAT with VGG-M, all behind it learned from nothing; raises as vggm.read_start."""
    from lg_tracker_ros.local.mdnet.patches import Patches
    from lg_tracker_ros.local.mdnet.vggm import learner, read_start, VGG_M
    start = read_start(weights, VGG_M, begun=False)
    patches = Patches(start.net, engine.device, keep=True)
    make = learner(start, (0.5, 0.5, 0.5), schedule, engine.device, patches.maps, patches.rest,
                   uniform=True)
    return MdnetTracker(patches, make, schedule, engine.threads)


BUILDERS = {'mdnet': build_mdnet, 'rtmdnet': build_rtmdnet, 'dat': build_dat}


def _make(name: str, weights: str, backbone: str, engine: EngineConfig, **changed: Any
          ) -> MdnetTracker:
    return BUILDERS[name](checked_file(weights, f'{name}.safetensors'), engine,
                          replace(SCHEDULES[name], **changed))


SPECS = tuple(
    LocalSpec(name, summary, partial(_make, name), UNFITTED, f'{name}.safetensors',
              parameters=parameters)
    for name, summary, parameters in (
        ('mdnet', 'MDNet (Nam & Han 2016); needs a checkpoint, and a GPU', ()),
        ('rtmdnet', 'RT-MDNet (Jung et al. 2018); needs a checkpoint', ()),
        ('dat', 'DAT (Pu et al. 2018); needs VGG-M, and a GPU', ('reciprocative',))))
