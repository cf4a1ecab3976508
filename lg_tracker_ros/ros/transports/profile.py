"""The Fast DDS profile with which the process of a camera carries whole images."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory, PackageNotFoundError

NAME = 'config/fastdds_camera.xml'


def profile() -> Path:
    """Return its path: in the source tree, or in the package's share folder."""
    source = Path(__file__).resolve().parents[3] / NAME
    if source.is_file():
        return source
    try:
        return Path(get_package_share_directory('lg_tracker_ros')) / NAME
    except PackageNotFoundError:
        return source


def use_profile() -> None:
    """Let Fast DDS of this process carry images; a profile that the user chose stays."""
    names = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
    if not any(os.environ.get(n) for n in names):
        for name in names:  # the second is the name from Fast DDS 3 on
            os.environ[name] = str(profile())
