"""What learns online on top of a local tracker that opens its features and score maps (Host)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lg_tracker_ros.local.online.host import Host
from lg_tracker_ros.types import OnlineTracker


def _drol(host: Host, weight: float) -> OnlineTracker:
    from lg_tracker_ros.local.online.drol import Drol, DrolConfig
    return Drol(host, DrolConfig(weight=weight))


def _thor(host: Host, weight: float) -> OnlineTracker:
    from lg_tracker_ros.local.online.thor import Thor
    return Thor(host)


ONLINE_MODULES: Mapping[str, Callable[[Host, float], OnlineTracker] | None] = {
    'none': None, 'drol': _drol, 'thor': _thor}
"""By the value of the parameter ``online_module``; made of a host and of ``online_weight``."""
