"""
Compare a GPU with the CPU: tests, boxes on real sequences, ms, memory, starts; writes a page.

Nothing of it stops at the first failure: each part's error stands in its place on the page.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial
import json
import os
from pathlib import Path
import subprocess
import sys
import time
import traceback
from typing import Any, Callable

import cv2
from lg_tracker_ros.crops import context_side, mean_color
from lg_tracker_ros.engine.config import here
from lg_tracker_ros.engine.uploads import UploadedImage, Uploads
from lg_tracker_ros.gpu import times
from lg_tracker_ros.gpu.boxes import ask, Clip, compare, follow, read_clip
from lg_tracker_ros.gpu.page import page
from lg_tracker_ros.gpu.ways import machine, reference, refusal, settings, WAYS
from lg_tracker_ros.vision.cells import SEARCH
import torch

ROOT = Path(__file__).resolve().parents[2]
TESTS = ('test/engine/test_gpu.py', 'test/engine/test_uploads.py', 'test/local/test_contract.py',
         'test/redetect/test_contract.py')
"""Files with tests that are marked gpu: others may want packages that a GPU machine lacks."""


class Report:
    """What was found, written anew after every part."""

    def __init__(self, out: Path, seconds: float) -> None:
        """Begin; parts are left out once ``seconds`` are over."""
        self.out, self.begun, self.seconds = out, time.perf_counter(), seconds
        self.found: dict[str, Any] = {
            'command': ' '.join(('python -m lg_tracker_ros.gpu', *sys.argv[1:])),
            'date': time.strftime('%Y-%m-%d'), 'errors': {}}

    def say(self, text: str) -> None:
        """Print a line with the seconds since the beginning."""
        print(f'[{time.perf_counter() - self.begun:6.1f} s] {text}', flush=True)

    def part(self, name: str, need_s: float, work: Callable[[], Any]) -> Any:
        """Do a part, keep what it returns under ``name``, and its error where it fails."""
        left = self.seconds - (time.perf_counter() - self.begun)
        if left < need_s:
            self.found['errors'][name] = f'left out: {left:.0f} s left, about {need_s:.0f} needed'
            self.say(f'{name}: {self.found["errors"][name]}')
            return None
        self.say(f'{name} ...')
        result = None
        try:
            result = work()
        except Exception as e:  # whatever it is: the other parts are worth having
            self.found['errors'][name] = f'{type(e).__name__}: {e}'
            self.say(f'{name} FAILED')
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
        else:
            self.found[name] = result
            self.say(f'{name}: {json.dumps(result)[:600]}')
        self.write()
        return result

    def write(self) -> None:
        """Write JSON and page."""
        (self.out / 'gpu.json').write_text(json.dumps(self.found, indent=1))
        (self.out / 'gpu.md').write_text(page(self.found))


def child(module: str, *args: str, seconds: float, cache: Path) -> tuple[str, float, int]:
    """Run a module of Python in a process of its own: what it printed, seconds, status."""
    begun = time.perf_counter()
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH'))))
    try:
        done = subprocess.run(
            [sys.executable, '-m', module, *args], cwd=ROOT, text=True, timeout=seconds,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, 'XDG_CACHE_HOME': str(cache), 'PYTHONPATH': paths})
    except subprocess.TimeoutExpired as e:
        said = e.stdout or b''
        raise TimeoutError(f'{module} took more than {seconds:.0f} s and said: '
                           f'{said.decode() if isinstance(said, bytes) else said}'[-4000:]) from e
    return done.stdout, time.perf_counter() - begun, done.returncode


def tests(cache: Path) -> dict[str, Any]:
    """Run the tests that are marked gpu, in several processes where pytest-xdist is there."""
    cores = os.cpu_count() or 1
    several = ('-n', str(min(cores - 1, 12))) if here('xdist') and cores > 2 else ()
    text, seconds, status = child('pytest', '-m', 'gpu', *TESTS, *several, '-q', '-rA',
                                  '-p', 'no:cacheprovider', '--tb=short', '--durations=5',
                                  seconds=120 if several else 600, cache=cache)
    print(text[-8000:], flush=True)
    lines = text.splitlines()
    return {'status': status, 'seconds': seconds, 'summary': lines[-1] if lines else '',
            'lines': [line for line in lines if line.startswith(
                ('PASSED', 'FAILED', 'SKIPPED', 'ERROR', 'XFAIL'))]}


def start(way: str, device: str, clip: Path, cache: Path) -> dict[str, float]:
    """Start a tracker in a process of its own."""
    before = 0.0
    if device != 'cpu':
        free, total = torch.cuda.mem_get_info()
        before = (total - free) / 2**20
    text, seconds, status = child('lg_tracker_ros.gpu.start', '--way', way, '--device', device,
                                  '--clip', str(clip), '--begun', str(time.time()), seconds=60,
                                  cache=cache)
    if status:
        raise RuntimeError(text[-3000:])
    found: dict[str, float] = {'process_s': seconds, **json.loads(text.splitlines()[-1])}
    if 'gpu_used_mib' in found:
        found['gpu_used_mib'] -= before
    return found


def cuts(clip: Clip, device: str, count: int) -> dict[str, times.Timed]:
    """Time what the GPU does to images, up to when it is done: upload, crops, the small image."""
    found = {}
    for width, height in times.SIZES:
        frames, box = times.resized(clip, width, height, 2)
        image, fill = frames[0].image, mean_color(frames[0].image)
        there = UploadedImage(image, device)
        square = (box.cx, box.cy, 2 * context_side(box.w, box.h))

        def wait(work: Callable[[], Any]) -> Callable[[], None]:
            def run() -> None:
                work()
                if device != 'cpu':
                    torch.cuda.synchronize()
            return run
        parts = {'upload the image': wait(partial(UploadedImage, image, device)),
                 'upload the image and squeeze it (GPU)': wait(partial(
                     lambda image, shares: UploadedImage(image, device).small(320, 320, shares),
                     image, Uploads()))}
        for n in (1, 5, 10):
            parts[f'cut {n} search crop{"s" * (n > 1)} (GPU)'] = wait(
                partial(there.crops, [square] * n, SEARCH, fill))
        found[f'{width}x{height}'] = times.timed(parts, count)
    return found


def run(args: argparse.Namespace) -> None:
    """Do all parts."""
    args.out.mkdir(parents=True, exist_ok=True)
    cache = args.out / 'cache'
    os.environ['XDG_CACHE_HOME'] = str(cache)
    cv2.setNumThreads(1)
    report = Report(args.out, args.seconds)
    found = report.found
    found['settings'] = {'device': args.device, 'threads': args.threads, 'frames': args.frames,
                         'times': args.times}
    report.part('machine', 0, lambda: machine(args.device))
    folders = sorted(p.parent for p in args.data.glob('*/groundtruth.txt'))
    clips = report.part('clips', 0, lambda: [
        {'name': p.name, 'frames': len(read_clip(p, args.frames).frames)} for p in folders])
    read = [read_clip(p, args.frames) for p in folders] if clips else []
    if not read:
        report.say(f'no sequences in {args.data}: nothing to compare')
        return
    refused = {way: refusal(way, args.device) for way in args.ways}
    found['refused'] = {way: why for way, why in refused.items() if why}
    ways = [way for way in args.ways if not refused[way]]
    for way, why in found['refused'].items():
        report.say(f'{way}: not here: {why}')
    theirs, asked = {}, {}

    def followed(wanted: Any, words: str) -> list[dict[str, Any]]:
        rows = []
        for clip in read:
            tracks, ms = follow(clip, wanted)
            if words == 'cpu':
                theirs[clip.name] = tracks
                asked[clip.name] = ask(clip, wanted, tracks)
            rows.append(asdict(compare(
                clip, tracks, theirs[clip.name], ms,
                (ask(clip, wanted, theirs[clip.name]), asked[clip.name]))))
        return rows
    report.part('boxes: cpu', 15, lambda: followed(reference(args.threads), 'cpu'))
    for way in ways:
        report.part(f'boxes: {way}', 8, partial(
            followed, settings(way, args.device, args.threads), way))
    if not args.no_tests:
        report.part('tests', 45, lambda: tests(cache))
    first = read[-1]

    def parts_at(width: int, height: int) -> None:
        frames, box = times.resized(first, width, height, 20)
        size = f'{width}x{height}'
        report.part(f'images: {size}', 2,
                    lambda: times.cpu_parts(frames, box, args.times))
        report.part(f'parts: {size}: cpu', 6, lambda: times.tracker_parts(
            reference(args.threads), frames, box, max(args.times // 4, 3)))
        for way in ways:
            report.part(f'parts: {size}: {way}', 4, partial(
                times.tracker_parts, settings(way, args.device, args.threads), frames, box,
                args.times))
        for way in ways:
            if WAYS[way][0] == 'torch':
                report.part(f'pictures: {size}: {way}', 6, partial(
                    times.picture_parts, settings(way, args.device, args.threads), frames, box,
                    args.times))
    for width, height in times.SIZES:
        parts_at(width, height)
    report.part('cuts', 4, lambda: cuts(first, args.device, args.times))
    for way in ways:
        report.part(f'networks: {way}', 4, partial(
            times.network_parts, settings(way, args.device, args.threads).engine_config(),
            args.times))
    folder = folders[-1]
    for way in ('cpu', *ways):
        for turn in ('first', 'second') if way != 'cpu' else ('second',):
            report.part(f'start: {way}: {turn}', 10, partial(
                start, way, args.device, folder, cache))
    report.say('done')


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog='python -m lg_tracker_ros.gpu', description=__doc__)
    parser.add_argument('--data', type=Path, required=True, metavar='FOLDER',
                        help='a folder for each sequence: video.mp4, groundtruth.txt')
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER',
                        help='gets gpu.md and gpu.json')
    parser.add_argument('--ways', nargs='+', choices=WAYS, default=list(WAYS),
                        help='to run the networks; default: all that are here')
    parser.add_argument('--device', default='cuda', help="'cpu' tries the command itself")
    parser.add_argument('--threads', type=int, default=1, help="the CPU's, for a network")
    parser.add_argument('--frames', type=int, default=250, help='of each sequence, at most')
    parser.add_argument('--times', type=int, default=40, help='that each part is timed')
    parser.add_argument('--seconds', type=float, default=3600,
                        help='after which parts are left out')
    parser.add_argument('--no-tests', action='store_true', help='leave out the tests')
    run(parser.parse_args())
    return 0


if __name__ == '__main__':
    sys.exit(main())
