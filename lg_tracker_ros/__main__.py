"""``python -m lg_tracker_ros``."""

from __future__ import annotations

import signal
import sys

if __name__ == '__main__':
    # PyTorch takes seconds to load: Ctrl-C then just ends the process, without a traceback
    heard = signal.getsignal(signal.SIGINT)
    if heard is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from lg_tracker_ros.cli import main
    except ImportError as e:
        from lg_tracker_ros.words.packages import missing
        sys.exit(f'lg_tracker_ros: {missing(e)}')
    signal.signal(signal.SIGINT, heard)
    try:
        status = main()
    finally:
        # and it takes a moment to end, too
        if heard is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)
