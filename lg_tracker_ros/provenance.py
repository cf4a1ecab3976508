"""What made a result: weights and what they were trained on, code, machine."""

from __future__ import annotations

from importlib import metadata
import os
from pathlib import Path
import platform
import subprocess
from typing import Any, Sequence

import cv2
import lg_tracker_ros
from lg_tracker_ros.checkpoint import FOLDER, must_be_there
from lg_tracker_ros.files import sha256
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.notes import trained_on
from lg_tracker_ros.redetect import REDETECTORS

ROOT = Path(lg_tracker_ros.__file__).resolve().parent.parent
BACKBONE = FOLDER / 'efficientnet_lite0.safetensors'


def weights_of(settings: Settings) -> list[Path]:
    """
    List the files of weights that a configuration reads: backbone, local tracker, re-detector.

    The backbone is read by the look, whatever the tracker. The defaults are those of local/ and
    redetect/; a user's own paths as they are given (a folder of training stands for the file in
    it). A file need not exist.
    """
    spec = LOCAL_TRACKERS[settings.tracker]
    return [BACKBONE, *spec.files(settings.tracker_weights, settings.backbone),
            *REDETECTORS[settings.redetector].files(settings.redetector_weights)]


def peer_files(tracker: str, weights: str) -> list[Path]:
    """List the files that one of OpenCV's trackers itself reads."""
    spec = LOCAL_TRACKERS.get(tracker)
    return spec.external.files(weights) if spec and spec.external else []


def authors_word(tracker: str) -> tuple[str, ...]:
    """Name what a tracker's files were trained on as their authors say; () where they don't."""
    spec = LOCAL_TRACKERS.get(tracker)
    return spec.trained_on if spec else ()


def training_sets(tracker: str, files: Sequence[Path]) -> tuple[str, ...]:
    """
    Name what a tracker's files were trained on: DATA SET/SEQUENCE, ``*`` for all.

    Files of weights speak for themselves (reading.notes.trained_on); for NanoTrack and VitTrack,
    whose files say nothing, their authors do. Raises FileNotFoundError or ValueError for a file
    that is missing or damaged.
    """
    names = {n for path in files for n in trained_on(path)}
    return tuple(sorted(names.union(authors_word(tracker))))


def seen_in_training(source: str, trained: Sequence[str]) -> str | None:
    """
    Return the entry of ``trained`` that holds the sequence ``source``, None when none does.

    Both are DATA SET/SEQUENCE; case doesn't count. An entry that ends in ``*`` holds every
    sequence that begins so, of a source that names that data set. A source without a data set,
    as of a plain folder, is compared by the sequence's own name.
    """
    data, slash, sequence = source.casefold().partition('/')
    if not slash:
        data, sequence = '', data
    for entry in trained:
        its_data, _, its = entry.casefold().partition('/')
        if data and data != its_data:
            continue
        if (data and sequence.startswith(its[:-1])) if its.endswith('*') else its == sequence:
            return entry
    return None


def digest(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the file's SHA-256."""
    return sha256(path)[:16]


def commit(root: Path = ROOT) -> str:
    """
    Return the commit of the checkout ``root``, with '+' when the package in it was changed.

    The package's version when ``root`` is no checkout of its own (an installed package).
    """
    def git(*words: str) -> str:
        done = subprocess.run(['git', '-C', str(root), *words], capture_output=True, text=True,
                              check=True, timeout=30)
        return done.stdout.strip()
    try:
        # an installed package may lie inside another project's checkout
        if Path(git('rev-parse', '--show-toplevel')).resolve() == root.resolve():
            dirty = '+' if git('status', '--porcelain', '--', 'lg_tracker_ros') else ''
            return git('rev-parse', '--short=12', 'HEAD') + dirty
    except (OSError, subprocess.SubprocessError):
        pass  # no git here, or no commit
    return lg_tracker_ros.__version__


def machine() -> dict[str, str | int]:
    """Say what runs here: processor, cores, Python, OpenCV and, where installed, the engines."""
    model = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.is_file():
        model = next((line.partition(':')[2].strip() for line in info.read_text().splitlines()
                      if line.startswith('model name')), model)
    found: dict[str, str | int] = {
        'cpu': model, 'cores': os.cpu_count() or 1, 'python': platform.python_version(),
        'opencv': cv2.__version__}
    for name in ('torch', 'onnxruntime', 'onnxruntime-gpu'):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # it may well be absent; then it made nothing
    return found


def what_made_it(tracker: str, files: Sequence[Path]) -> dict[str, Any]:
    """
    Return what a run's sidecar says of its making, ready for JSON.

    ``files`` are the weights (``weights_of``, ``peer_files``) of the local tracker ``tracker``.
    ``weights`` (file name: digest), ``trained_on`` (training_sets), ``undeclared`` (files of
    weights that say nothing of their training and whose authors' word isn't known here),
    ``commit`` and ``machine``. Raises ValueError for a file that is missing or damaged.
    """
    for path in files:
        must_be_there(path)
    known = bool(authors_word(tracker))
    return {
        'weights': {p.name: digest(p) for p in files},
        'trained_on': list(training_sets(tracker, files)),
        'undeclared': [p.name for p in files
                       if not trained_on(p) and not (known and p.suffix == '.onnx')],
        'commit': commit(), 'machine': machine()}
