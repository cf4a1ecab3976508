"""How many boxes, how often and how fast a tracker of MDNet's kin learns."""

from __future__ import annotations

from dataclasses import dataclass

RECIPROCATIVE = 5.0
"""The weight that DAT gives its regulariser beside sums of losses."""


@dataclass(frozen=True)
class Schedule:
    """
    Numbers of the papers; the defaults are those of MDNet's authors in Python.

    Candidates: ``candidates`` boxes about each place (``samples.gaussian`` with ``shift`` and
    ``zoom``), the mean of the ``best`` is the result. ``grow``: factor of ``shift`` after each
    frame without a result, up to ``grown``.

    Samples (shifts and zooms as of candidates, of negatives uniform): positives overlap by
    ``positive_iou`` or more, negatives by ``first_negative_iou`` or less (first frame) and
    ``negative_iou``; ``whole``: share of the first negatives from all
    over the image, with zooms and aspects of their own. ``opposed``: by an aspect width grows as
    height shrinks, else each changes by itself. Memories in frames: positives of the last
    ``long``, negatives of the last ``short``; after a failure positives of the last ``short``,
    too. ``keep_first``: the first frame stays in them; ``first_kept`` of its positives.

    Learning: ``iterations`` of a batch of positives and the hardest ``batch_negatives`` of
    ``mined``; every ``every`` accepted frames, and every ``miss_every`` failing ones in a row.
    ``rate`` by the layers, ``last`` times as much in the last. ``mean``: of losses, not their
    sum. ``reciprocative``: the weight of DAT's regulariser beside that, 0 for none.

    Box regression: ridge of strength ``ridge`` on ``regression`` boxes, 0 for none; they count
    before those go that are smaller than the target, or over twice its area, or, with
    ``regression_kept``, after it.
    """

    candidates: int = 256
    shift: float = 0.6
    zoom: float = 1.05
    best: int = 5
    grow: float = 1.1
    grown: float = 1.5
    first_positives: int = 500
    first_negatives: int = 5000
    positives: int = 50
    negatives: int = 200
    positive_zoom: float = 1.3
    positive_iou: float = 0.7
    first_negative_iou: float = 0.5
    negative_iou: float = 0.3
    first_negative_shift: float = 1.0
    first_negative_zoom: float = 1.6
    first_negative_aspect: float = 1.0
    negative_shift: float = 2.0
    negative_zoom: float = 1.3
    whole: float = 0.5
    whole_zoom: float = 1.0
    whole_aspect: float = 1.0
    opposed: bool = False
    first_kept: int = 500
    long: int = 100
    short: int = 30
    keep_first: bool = False
    first_iterations: int = 50
    iterations: int = 15
    batch_positives: int = 32
    batch_negatives: int = 96
    mined: int = 1024
    every: int = 10
    miss_every: int = 1
    first_rate: float = 5e-4
    rate: float = 1e-3
    last: float = 10.0
    momentum: float = 0.9
    decay: float = 5e-4
    clip: float = 10.0
    mean: bool = True
    reciprocative: float = 0.0
    regression: int = 1000
    regression_zoom: float = 1.6
    regression_kept: bool = False
    ridge: float = 1000.0
