"""Local trackers: one file each, which ends with its spec; one word each in LOCAL_TRACKERS."""

from __future__ import annotations

from lg_tracker_ros.local import ncc, opencv, pixelwise, siamfcpp, siamrpnpp
from lg_tracker_ros.local.dimp import dimp
from lg_tracker_ros.local.dimp import lite as dimp_lite
from lg_tracker_ros.local.mdnet import lite as mdnet_lite
from lg_tracker_ros.local.mdnet import published as mdnet
from lg_tracker_ros.local.siamese import siammask
from lg_tracker_ros.local.spec import LocalSpec

LOCAL_TRACKERS: dict[str, LocalSpec] = {s.name: s for s in (
    pixelwise.SPEC,
    ncc.SPEC,
    siamfcpp.SPEC,
    siamrpnpp.SPEC,
    *opencv.SPECS,
    siammask.SPEC,
    dimp_lite.SPEC,
    *dimp.SPECS,
    *mdnet_lite.SPECS,
    *mdnet.SPECS,
)}
"""Every local tracker by its name; all else that names them looks here."""
