"""Files that the package installs."""

from __future__ import annotations

from pathlib import Path


def share_file(name: str) -> Path:
    """Return the path of a file of the package's share folder, or of the source tree."""
    source = Path(__file__).resolve().parents[2] / name
    if source.is_file():
        return source
    from ament_index_python.packages import get_package_share_directory, PackageNotFoundError
    try:
        return Path(get_package_share_directory('lg_tracker_ros')) / name
    except PackageNotFoundError:
        return source
