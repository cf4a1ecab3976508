"""``python -m lg_tracker_ros``."""

from __future__ import annotations

import sys

from lg_tracker_ros.cli import main

if __name__ == '__main__':
    sys.exit(main())
