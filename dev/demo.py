"""
The demo: a video goes through a camera node, over DDS, into the tracker node, and is reported.

Camera, tracker and this recorder are three processes, as on a robot. Writes an annotated video,
a picture of confidence, mode and latency, and summary.json.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
import json
from pathlib import Path
import subprocess
import sys
import time
from typing import Any, Iterator

from diagnostic_msgs.msg import DiagnosticArray
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.boxes import clip_to_image, iou, parse_box
from lg_tracker_ros.media.drawing import annotate
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.media.writer import VideoOut
from lg_tracker_ros.offline.outputs import refuse_inputs
from lg_tracker_ros.ros.convert import detection_from_msg, time_from_msg
from lg_tracker_ros.ros.requests import GONE, NO_IMAGE_YET
from lg_tracker_ros.runtime.buffers import FATES
from lg_tracker_ros.types import Box, Mode, Track
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tqdm import tqdm
from vision_msgs.msg import Detection2D

CLIP = Path(__file__).resolve().parent.parent / 'test' / 'data' / 'woman' / 'video.mp4'
PATIENCE = 60.0
"""Seconds without any progress after which the demo gives up."""
ENDING = 10.0
"""Seconds that a node has to end by itself."""
NODE = """
import os, signal, sys, threading

def end_with_demo():
    os.read(0, 1)  # nothing is ever written: this returns when the demo is no more
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_demo, daemon=True).start()
from lg_tracker_ros.ros.main import {0}
sys.exit({0}())
"""
"""What a process runs: one of the two entry points that are installed."""


@dataclass
class Record:
    """What was heard, by the stamp of the image."""

    order: list[int] = field(default_factory=list)
    tracks: dict[int, Track] = field(default_factory=dict)
    boxes: dict[int, tuple[Box | None, float]] = field(default_factory=dict)
    statuses: dict[int, TrackerStatus] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)


class Recorder(Node):
    """Draws the box on the first image and writes down what comes out."""

    def __init__(self, box: Box, context: Context) -> None:
        """Subscribe; the box is sent with the first image's stamp."""
        super().__init__('lg_tracker_demo', context=context)
        self.record, self.box, self.answer = Record(), box, None
        self.same = 0  # rounds of diagnostics that counted nothing new
        self.first, self.deadline = Header(), 0.0
        self.client = self.create_client(InitTarget, 'init_target')
        deep = QoSProfile(depth=200)
        self.create_subscription(Image, 'image', self.on_image, qos_profile_sensor_data)
        self.create_subscription(Detection2D, 'tracked_target', self.on_detection, deep)
        self.create_subscription(TrackerStatus, 'lg_tracker/status', self.on_status, deep)
        self.create_subscription(DiagnosticArray, '/diagnostics', self.on_diagnostics, 10)

    def on_image(self, msg: Image) -> None:
        """Note the stamp; ask for the target on the first image until the node is there, too."""
        if self.answer is None:
            self.first, self.deadline = msg.header, time.monotonic() + PATIENCE
        if self.answer is None or self.early():
            # the box is the first image's, which the node keeps if it ever got it
            header = msg.header if GONE in self.refusal() else self.first
            self.answer = self.client.call_async(InitTarget.Request(
                header=header, x=self.box.x, y=self.box.y, width=self.box.w, height=self.box.h,
                image_width=msg.width, image_height=msg.height, label='target'))
        self.record.order.append(time_from_msg(msg.header.stamp))

    def refusal(self) -> str:
        """Return the node's reason for a no, '' for anything else."""
        if self.answer is None or not self.answer.done() or self.answer.result().success:
            return ''
        return str(self.answer.result().message)

    def early(self) -> bool:
        """Whether the node said no just because images reach it later than us."""
        behind = any(words in self.refusal() for words in (NO_IMAGE_YET, GONE))
        return behind and time.monotonic() < self.deadline

    def on_detection(self, msg: Detection2D) -> None:
        """Note the box."""
        self.record.boxes[time_from_msg(msg.header.stamp)] = detection_from_msg(msg)

    def on_status(self, msg: TrackerStatus) -> None:
        """Note mode and latency."""
        if msg.mode != TrackerStatus.IDLE:
            self.record.statuses[time_from_msg(msg.header.stamp)] = msg

    def on_diagnostics(self, msg: DiagnosticArray) -> None:
        """Note the frame counters."""
        for status in msg.status:
            if status.name.endswith(': tracking'):
                count = {p.key: int(p.value) for p in status.values if p.value.isdigit()}
                self.same = self.same + 1 if count == self.record.counters else 0
                self.record.counters = count

    def settled(self) -> bool:
        """Whether every image that was received met its fate and every result came here."""
        count = self.record.counters
        return (self.same >= 2 and count['received'] == sum(count[f] for f in FATES)
                and len(self.record.boxes) >= count['processed'] + count['replayed'])


@contextmanager
def started(entry: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a node as a process of its own, which ends with the ``with``, or with a killed demo."""
    with subprocess.Popen([sys.executable, '-c', NODE.format(entry), '--ros-args',
                           '--log-level', 'warn', *words],
                          stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(ENDING)
            except subprocess.TimeoutExpired:  # what brought us here must be told, not this
                process.kill()


def parameter(name: str, text: str) -> str:
    """Return a rule for ROS's command line; quoted: in YAML # is a comment and 0001 a number."""
    return f'{name}:={json.dumps(text, ensure_ascii=False)}'


def play(video: str, box: Box, rate: float, extra: list[str]) -> Record:
    """Start camera and tracker as processes of their own and record until the video ends."""
    source, context, camera = Source(video), Context(), None
    with ExitStack() as stack:
        rclpy.init(context=context)
        stack.callback(rclpy.try_shutdown, context=context)
        recorder = Recorder(box, context)
        stack.callback(recorder.destroy_node)
        executor = SingleThreadedExecutor(context=context)
        stack.callback(executor.shutdown)
        executor.add_node(recorder)
        tracker = stack.enter_context(started('main', *extra))
        bar = stack.enter_context(tqdm(total=source.count or None, unit='frame', desc='demo'))
        progress = time.monotonic()
        while True:
            executor.spin_once(timeout_sec=0.05)
            if camera is None and recorder.client.service_is_ready():
                camera = stack.enter_context(started(
                    'camera', '-p', parameter('source', video), '-p', f'rate:={rate}',
                    '-p', 'wait_for:=2'))
                progress = time.monotonic()
            done = len(recorder.record.order)
            if done > bar.n:
                bar.update(done - bar.n)
                progress = time.monotonic()
            ended = camera is not None and camera.poll() is not None
            if recorder.refusal() and (ended or not recorder.early()):
                raise ValueError(f'init_target was refused: {recorder.refusal()}')
            if tracker.poll() is not None:
                raise ValueError(f'the tracker node ended with status {tracker.returncode}')
            if ended:
                break
            if time.monotonic() - progress > PATIENCE:
                raise ValueError(f'no image and no answer for {PATIENCE:.0f} s')
        if camera.returncode:
            raise ValueError(f'the camera node ended with status {camera.returncode}')
        if not recorder.record.order:
            raise ValueError('the camera node ended and none of its images came; see what it says')
        recorder.same, deadline = 0, time.monotonic() + PATIENCE
        while not recorder.settled() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.05)
        return recorder.record


def collect(record: Record) -> list[Track | None]:
    """Join boxes and statuses, a Track for each published frame; None where none came."""
    tracks: list[Track | None] = []
    for stamp in record.order:
        status, found = record.statuses.get(stamp), record.boxes.get(stamp)
        if status is None or found is None:
            tracks.append(None)
            continue
        ms = {'total': float(status.latency_total_ms)}
        tracks.append(Track('image', stamp, Mode(status.mode), found[0], float(status.confidence),
                            status.consecutive_failures, ms))
    return tracks


def summarise(record: Record, tracks: list[Track | None], truth: np.ndarray | None
              ) -> dict[str, Any]:
    """Make summary.json; what needs boxes of the truth is null without them."""
    known = [t for t in tracks if t is not None]
    modes = [t.mode for t in known]
    count = record.counters
    # a frame from before the target was known is not wanted at first, then replayed
    count['not_wanted'] = max(count.get('not_wanted', 0) - count.get('replayed', 0), 0)
    ms = [t.ms['total'] for t in known]
    result: dict[str, Any] = {
        'published': len(record.order),
        'received': count.get('received', 0),
        'processed': len(record.boxes),
        'dropped': {k: count.get(k, 0) for k in
                    ('lost_on_the_way', 'overwritten', 'not_wanted', 'undecodable', 'failed')},
        'mode_changes': sum(a is not b for a, b in pairwise(modes)),
        'reacquired_after_frames': None, 'mean_iou': None, 'visible_when_absent': None,
        'latency_ms': {'median': round(float(np.median(ms)), 2),
                       'p95': round(float(np.percentile(ms, 95)), 2)} if ms else None}
    if truth is None or not known:
        return result
    overlaps, claimed, back, absent = [], [], None, False
    for i, track in enumerate(tracks[:len(truth)]):
        if track is None:
            continue
        if np.isnan(truth[i, 0]):
            absent = True
            claimed.append(track.visible)
            continue
        want = Box(*truth[i])
        value = iou(track.box, want) if track.box is not None else 0.0
        overlaps.append(value)
        if absent and back is None:
            back = i
        if back is not None and result['reacquired_after_frames'] is None and value > 0.5:
            result['reacquired_after_frames'] = i - back
    result['mean_iou'] = round(float(np.mean(overlaps)), 3) if overlaps else None
    result['visible_when_absent'] = round(float(np.mean(claimed)), 3) if claimed else None
    return result


def picture(path: Path, tracks: list[Track | None], truth: np.ndarray | None) -> None:
    """Draw confidence, mode and latency over the frames."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    known = [(i, t) for i, t in enumerate(tracks) if t is not None]
    x = [i for i, _ in known]
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 5), sharex=True, height_ratios=(2, 1))
    for i, t in known:
        if t.mode is Mode.GLOBAL:
            top.axvspan(i - 0.5, i + 0.5, color='orange', alpha=0.35, lw=0)
    if truth is not None:
        gone = np.isnan(truth[:len(tracks), 0])
        top.fill_between(np.arange(len(gone)), 0, 1, where=gone, color='grey', alpha=0.25,
                         step='mid', label='target absent')
    top.plot(x, [t.confidence for _, t in known], color='tab:blue', lw=1.2, label='confidence')
    seen = [(i, t.confidence) for i, t in known if t.visible]
    top.plot([i for i, _ in seen], [c for _, c in seen], '.', color='tab:green', label='visible')
    top.bar([0], [0], color='orange', alpha=0.35, label='global search')
    top.set(ylim=(0, 1.02), ylabel='confidence')
    top.legend(loc='lower left', ncols=4, fontsize=8)
    bottom.plot(x, [t.ms['total'] for _, t in known], color='tab:red', lw=1)
    bottom.set(xlabel='frame', ylabel='latency, ms', ylim=(0, None))
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> int:
    """Run the demo; an error is one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--video', default=str(CLIP), help='default: the bundled clip')
    parser.add_argument('--box', default='', help='x,y,w,h of the target in the first frame')
    parser.add_argument('--out', type=Path, default=Path('demo_out'))
    parser.add_argument('--rate', type=float, default=0.0,
                        help='frames a second; 0: as in the video')
    parser.add_argument('--param', action='append', default=[], help='name:=value for the node')
    args = parser.parse_args()
    try:
        truth = np.genfromtxt(CLIP.with_name('groundtruth.txt'), delimiter=',') \
            if Path(args.video) == CLIP else None
        if truth is None and not args.box:
            raise ValueError('your own video needs BOX=x,y,w,h: the target in its first frame')
        box = parse_box(args.box) if args.box else Box(*truth[0])
        source = Source(args.video)
        refuse_inputs([args.out / n for n in ('tracked.mp4', 'timeline.png', 'summary.json')],
                      source.files)
        first = next(iter(source), None)
        if first is None or clip_to_image(box, first.width, first.height) is None:
            raise ValueError(f'the box {args.box} lies outside the first frame of {args.video}')
        record = play(args.video, box, args.rate, [w for p in args.param for w in ('-p', p)])
        tracks = collect(record)
        summary = summarise(record, tracks, truth)
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
        source = Source(args.video)
        writer = VideoOut(args.out / 'tracked.mp4', args.rate or source.fps)
        for frame, track in zip(source, tracks):
            writer.write(annotate(frame.image, track))
        writer.close()
        picture(args.out / 'timeline.png', tracks, truth)
    except (ValueError, OSError) as e:
        print(f'demo: {e}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('demo: interrupted', file=sys.stderr)
        return 130
    for key, value in summary.items():
        print(f'{key:24s} {json.dumps(value)}')
    print(f'written to {args.out}/: tracked.mp4, timeline.png, summary.json')
    return 0


if __name__ == '__main__':
    sys.exit(main())
