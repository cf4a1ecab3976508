"""One start of a tracker in a process of its own; prints a line of JSON."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import time

from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.gpu.boxes import read_clip
from lg_tracker_ros.gpu.ways import reference, settings, WAYS
import torch


def main() -> None:
    """Import, build, track a few frames; say how long each took and what memory it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--way', choices=[*WAYS, 'cpu'], required=True)
    parser.add_argument('--device', required=True)
    parser.add_argument('--clip', type=Path, required=True)
    parser.add_argument('--begun', type=float, required=True, help='time.time() before it')
    args = parser.parse_args()
    import_s = time.time() - args.begun
    imported = time.perf_counter()
    wanted = reference(1) if args.way == 'cpu' else settings(args.way, args.device, 1)
    tracker = build_tracker(wanted)
    built = time.perf_counter()
    clip = read_clip(args.clip, 4)
    begun = time.perf_counter()
    tracker.init(clip.frames[0], clip.box)
    first = time.perf_counter()
    for frame in clip.frames[1:]:
        tracker.step([frame])
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    found = {'import_s': import_s, 'build_s': built - imported, 'init_s': first - begun,
             'frames_s': time.perf_counter() - first,
             'rss_mib': pages * os.sysconf('SC_PAGE_SIZE') / 2**20}
    if args.device != 'cpu' and args.way != 'cpu':
        free, total = torch.cuda.mem_get_info()
        found |= {'gpu_used_mib': (total - free) / 2**20,
                  'torch_allocated_mib': torch.cuda.memory_allocated() / 2**20,
                  'torch_reserved_mib': torch.cuda.memory_reserved() / 2**20,
                  'torch_peak_mib': torch.cuda.max_memory_allocated() / 2**20}
    print(json.dumps(found), flush=True)


if __name__ == '__main__':
    main()
