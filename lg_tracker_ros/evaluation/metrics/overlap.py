"""
How well boxes fit: the short-term metrics of OTB, LaSOT, TrackingNet and GOT-10k.

OTB: Wu et al., Online Object Tracking: A Benchmark, CVPR 2013. LaSOT: Fan et al., CVPR 2019.
TrackingNet: Müller et al., ECCV 2018. GOT-10k: Huang et al., TPAMI 2019, and its toolkit got10k.
"""

from __future__ import annotations

from lg_tracker_ros.boxes import iou_pairs
import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

SUCCESS_AT = np.linspace(0, 1, 21)
"""IoU thresholds of the success curve."""
PRECISION_AT = np.arange(51.0)
"""Centre error thresholds of the precision curve in pixels."""
NORMALISED_AT = np.linspace(0, 0.5, 51)
"""Thresholds of the normalised precision curve in widths and heights of the true box."""


def _score(values: Values, boxes: Values, truth: Values, unclaimed: float) -> Values:
    values[~np.isfinite(boxes).all(axis=1)] = unclaimed
    values[~np.isfinite(truth).all(axis=1)] = np.nan
    return values


def overlaps(boxes: npt.ArrayLike, truth: npt.ArrayLike,
             size: tuple[int, int] | None = None) -> Values:
    """
    Compute the IoU of each frame's box (N x 4, nan: none claimed) with its truth (nan: none).

    Returns N values in [0, 1], 0 where no box is claimed and nan where there is no truth. With
    ``size``, the image's width and height, boxes are bounded first as got10k's rect_iou does: a
    corner left of or above the image is moved to its border while width and height stay, then
    they are cut where they reach beyond the other border.
    """
    both = np.array([boxes, truth], np.float64)
    if size is not None:
        limits = np.asarray(size, np.float64)
        both[..., :2] = np.clip(both[..., :2], 0, limits)
        both[..., 2:] = np.clip(both[..., 2:], 0, limits - both[..., :2])
    with np.errstate(divide='ignore', invalid='ignore'):  # a box without area overlaps nothing
        iou = np.nan_to_num(np.clip(iou_pairs(both[0], both[1]), 0, 1))
    return _score(iou, both[0], both[1], unclaimed=0)


def center_errors(boxes: npt.ArrayLike, truth: npt.ArrayLike, normalised: bool = False) -> Values:
    """
    Compute the distance of the centres in pixels, N values; inf: no claim, nan: no truth.

    ``normalised`` divides its x and y by the width and height of the true box (TrackingNet).
    """
    p, q = np.asarray(boxes, np.float64), np.asarray(truth, np.float64)
    # a pixel's own centre, as OTB and got10k have it: another form rounds otherwise at 20 px
    apart = p[:, :2] + (p[:, 2:] - 1) / 2 - (q[:, :2] + (q[:, 2:] - 1) / 2)
    if normalised:
        apart = apart / q[:, 2:]
    return _score(np.sqrt(np.sum(np.power(apart, 2), axis=1)), p, q, unclaimed=np.inf)


def _scored(values: npt.ArrayLike) -> Values:
    """Leave out the frames without truth; raises ValueError when none is left."""
    kept = np.asarray(values, np.float64)
    kept = kept[~np.isnan(kept)]
    if not len(kept):
        raise ValueError('no frame has a true box; at least one must')
    return kept


def success_curve(iou: npt.ArrayLike) -> Values:
    """Compute the share of frames with IoU strictly above SUCCESS_AT, 21 values (OTB, got10k)."""
    return np.asarray(np.mean(_scored(iou)[:, None] > SUCCESS_AT, axis=0))


def success_auc(iou: npt.ArrayLike) -> float:
    """Compute the mean of the success curve (OTB); 20/21 at most, for no IoU is above 1."""
    return float(success_curve(iou).mean())


def precision_curve(errors: npt.ArrayLike) -> Values:
    """Compute the share of frames with centre errors up to PRECISION_AT, 51 values (OTB)."""
    return np.asarray(np.mean(_scored(errors)[:, None] <= PRECISION_AT, axis=0))


def precision_at(errors: npt.ArrayLike, pixels: float = 20) -> float:
    """Compute the share of frames with a centre error up to ``pixels`` (OTB)."""
    return float(np.mean(_scored(errors) <= pixels))


def mean_error(errors: npt.ArrayLike) -> float:
    """Compute the mean centre error in px (OTB); inf where a frame has no box."""
    return float(_scored(errors).mean())


def normalised_precision_curve(errors: npt.ArrayLike) -> Values:
    """Compute the share of frames with normalised errors up to NORMALISED_AT, 51 values."""
    return np.asarray(np.mean(_scored(errors)[:, None] <= NORMALISED_AT, axis=0))


def normalised_precision(errors: npt.ArrayLike) -> float:
    """
    Compute the area under the normalised precision curve, in [0, 1].

    The mean of its 51 values, as LaSOT's and got10k's later toolkits have it; TrackingNet's takes
    21 thresholds and trapezes, on boxes rounded to whole pixels.
    """
    return float(normalised_precision_curve(errors).mean())


def average_overlap(iou: npt.ArrayLike) -> float:
    """Compute the AO: the mean IoU (GOT-10k, whose toolkit leaves the given first box out)."""
    return float(_scored(iou).mean())


def success_rate(iou: npt.ArrayLike, threshold: float) -> float:
    """Compute SR.50 or SR.75: the share of frames with IoU strictly above (GOT-10k)."""
    return float(np.mean(_scored(iou) > threshold))
