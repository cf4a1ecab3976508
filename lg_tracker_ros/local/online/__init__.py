"""What learns online on top of a local tracker that opens its features and score maps (Host)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lg_tracker_ros.local.online.host import Host
from lg_tracker_ros.types import OnlineTracker

ATTENTION = ('after', 'before', 'none')
"""Where DROL's attention stands: after its compression, before it, or nowhere."""


@dataclass(frozen=True)
class OnlineConfig:
    """
    What DROL's Table 5 varies, as the parameters ``online_*`` have it.

    ``weight``: of the online score, 0 to 1. ``attention``: one of ATTENTION. ``template_frames``:
    accepted frames of which the best gives the short-term template, 0 for none.
    """

    weight: float = 0.8
    attention: str = 'after'
    template_frames: int = 5


def _drol(host: Host, config: OnlineConfig) -> OnlineTracker:
    from lg_tracker_ros.local.online.drol import Drol, DrolConfig
    return Drol(host, DrolConfig(weight=config.weight, period=config.template_frames,
                                 attention=config.attention))


def _thor(host: Host, config: OnlineConfig) -> OnlineTracker:
    from lg_tracker_ros.local.online.thor import Thor
    return Thor(host)


ONLINE_MODULES: Mapping[str, Callable[[Host, OnlineConfig], OnlineTracker] | None] = {
    'none': None, 'drol': _drol, 'thor': _thor}
"""By the value of the parameter ``online_module``; made of a host and of ``online_*``."""
