"""All figures of a run over one sequence or many, ready for JSON: None for what isn't defined."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from lg_tracker_ros.evaluation.metrics import longterm, overlap, redetection, twins
from lg_tracker_ros.evaluation.metrics.calibration import (
    calibration_error,
    Reliability,
    reliability,
)
from lg_tracker_ros.evaluation.metrics.frames import Run, score
from lg_tracker_ros.evaluation.metrics.record import Record
from lg_tracker_ros.evaluation.metrics.speed import speed
from lg_tracker_ros.types import Mode
import numpy as np
import numpy.typing as npt

Figures = dict[str, Any]
"""Figures by name: float, int or None."""


def plain(value: Any) -> Any:
    """Turn what NumPy gives into plain Python for JSON, through dicts and lists; None for nan."""
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def _pool(runs: Sequence[Run], values: Callable[[Run], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Join the tracker's own frames of all runs: the first is given, and left out."""
    return np.concatenate([values(run)[1:] for run in runs])


def _sweep_point(sweep: longterm.Sweep) -> Figures:
    """Give the best point of a sweep, and the last one: the tracker's own decision."""
    i = sweep.best
    return {'f': sweep.f[i], 'p': sweep.p[i], 'r': sweep.r[i], 'threshold': sweep.threshold[i],
            'f_reported': sweep.f[-1], 'p_reported': sweep.p[-1], 'r_reported': sweep.r[-1]}


def _curve(runs: Sequence[Run]) -> Reliability:
    """Compute the reliability of the claimed boxes in the labelled frames."""
    confidence, iou = _pool(runs, lambda r: r.confidence), _pool(runs, lambda r: r.iou)
    judged = np.isfinite(confidence) & (np.isfinite(iou) | _pool(runs, lambda r: r.absent))
    return reliability(confidence[judged], iou[judged] > 0.5)


def _overlap_figures(run: Run) -> Figures:
    """Compute the figures that are averaged over sequences; None for one frame's AO (GOT-10k)."""
    iou, ratio = run.iou[1:], run.ratio[1:]
    followed, both = bool(np.isfinite(iou).any()), ratio[np.isfinite(ratio)]
    return {
        'auc': overlap.success_auc(run.iou),
        'auc_ope': overlap.success_auc(run.guessed),
        'precision_20': overlap.precision_at(run.errors),
        'normalised_precision': overlap.normalised_precision(run.normalised),
        'centre_error': overlap.mean_error(run.astray),
        'ao': overlap.average_overlap(iou) if followed else None,
        'sr_50': overlap.success_rate(iou, 0.5) if followed else None,
        'sr_75': overlap.success_rate(iou, 0.75) if followed else None,
        'claimed_when_absent': (float(run.claimed[run.absent].mean())
                                if run.absent.any() else None),
        'size_ratio_p95': float(np.percentile(both, 95)) if len(both) else None,
        'global_share': (float(np.mean(run.mode[1:] == Mode.GLOBAL.name))
                         if len(run.mode) > 1 else None)}


def _speed_figures(runs: Sequence[Run]) -> Figures:
    """Compute times over the frames of all runs, less the first, in which targets are learned."""
    ms, mode = _pool(runs, lambda r: r.ms), _pool(runs, lambda r: r.mode)
    whole = speed(ms)
    found: Figures = {'ms_median': whole.median, 'ms_p95': whole.p95, 'fps': whole.fps}
    for stage in ('local', 'redetect'):
        part = speed(np.concatenate([run.stage(stage)[1:] for run in runs]))
        found.update({f'ms_{stage}_median': part.median, f'ms_{stage}_p95': part.p95})
    for kind in (Mode.LOCAL, Mode.GLOBAL):
        found[f'ms_median_in_{kind.name.lower()}'] = speed(ms[mode == kind.name]).median
    return found


def _twin_figures(runs: Sequence[Run]) -> Figures:
    """Compute what is claimed on look-alikes, pooled over the runs that have any."""
    told = [r for r in runs if r.on_other is not None]
    if not told:
        return twins.Twins(None, None, None)._asdict()
    return twins.twins(_pool(told, lambda r: r.iou), _pool(told, lambda r: r.claimed),
                       _pool(told, lambda r: r.absent),
                       _pool(told, lambda r: np.asarray(r.on_other)))._asdict()


def _figures(runs: Sequence[Run]) -> Figures:
    """
    Compute every figure that both a sequence and a mean have.

    Those of _overlap_figures are averaged over the sequences, F and its like in VOT-LT's own
    order, times and waits and calibration pooled, and what is counted is summed.
    """
    each = [_overlap_figures(run) for run in runs]
    waits = [wait for run in runs for _, wait in redetection.find_returns(run.iou, run.absent)]
    found: Figures = {key: _mean([e[key] for e in each]) for key in each[0]}
    found.update(_sweep_point(longterm.sweep([run.scores for run in runs])))
    found.update({
        'returns': len(waits), 'returns_found': sum(w is not None for w in waits),
        'reacquired_after_median': redetection.wait_percentile(waits, 50),
        'reacquired_after_p90': redetection.wait_percentile(waits, 90),
        'false_reacquisitions': sum(redetection.false_reacquisitions(r.iou, r.claimed, r.absent)
                                    for r in runs),
        'ece': calibration_error(_curve(runs)),
        'frames': sum(len(r.iou) for r in runs),
        'frames_present': sum(np.count_nonzero(np.isfinite(r.iou)) for r in runs),
        'frames_absent': sum(np.count_nonzero(r.absent) for r in runs)})
    found.update(_twin_figures(runs))
    found.update(_speed_figures(runs))
    return found


def _mean_figures(runs: Sequence[Run]) -> Figures:
    """Add what only several sequences together have; GOT-10k's toolkit pools their frames."""
    found = _figures(runs)
    tpr, tnr = longterm.true_rates(
        _pool(runs, lambda r: r.iou), _pool(runs, lambda r: r.claimed),
        _pool(runs, lambda r: r.absent))
    if tpr is None or tnr is None:  # one rate without the other says nothing
        oxuva: Figures = {'tpr': None, 'tnr': None, 'maxgm': None}
    else:
        oxuva = {'tpr': tpr, 'tnr': tnr, 'maxgm': longterm.max_geometric_mean(tpr, tnr)}
    iou = _pool(runs, lambda r: r.iou)
    followed = bool(np.isfinite(iou).any())
    return {
        **found, **oxuva,
        'ao_pooled': overlap.average_overlap(iou) if followed else None,
        'sr_50_pooled': overlap.success_rate(iou, 0.5) if followed else None,
        'sr_75_pooled': overlap.success_rate(iou, 0.75) if followed else None,
        'false_reacquisitions_per_hour': redetection.per_hour(
            found['false_reacquisitions'], found['frames']),
        'sequences': len(runs)}


def _sequence_figures(run: Run) -> dict[str, float | int | None]:
    """
    Compute every figure of one sequence; none is nan or infinite.

    Frames before the first with a box are left out. The given first box counts in ``auc``,
    ``precision_20``, ``normalised_precision``, ``centre_error`` and VOT-LT's figures, but not in
    ``ao`` and ``sr_*``, as in the toolkits, nor in any other. ``frames_present`` and
    ``frames_absent`` are those labelled so; times are in ms, waits in frames.
    """
    figures: dict[str, float | int | None] = plain(_figures([run]))
    return figures


def _attributes(records: Mapping[str, Record], sequences: Mapping[str, Figures]) -> Figures:
    """Average AUC and precision over the sequences of each tag."""
    tags = sorted({tag for record in records.values() for tag in record.labels.attributes})
    found = {}
    for tag in tags:
        own = [sequences[name] for name, record in records.items()
               if tag in record.labels.attributes]
        found[tag] = {**{key: _mean([s[key] for s in own]) for key in ('auc', 'precision_20')},
                      'sequences': len(own)}
    return found


def tracker_metrics(records: Mapping[str, Record]) -> dict[str, Any]:
    """
    Compute every figure of one tracker over its sequences, ready for JSON.

    Gives ``mean``, ``where_targets_leave`` (the same over the sequences with absent frames, None
    without any), ``sequences``, ``attributes`` and ``curves`` (their thresholds: overlap module;
    the sweep's begins with None, for inf). Raises ValueError when ``records`` is empty or a
    sequence has no true box.
    """
    if not records:
        raise ValueError('no sequence to score; expected at least one')
    runs = {name: score(record) for name, record in records.items()}
    every = list(runs.values())
    leaving = [run for run in every if run.absent.any()]
    sequences = {name: _sequence_figures(run) for name, run in runs.items()}
    curve = _curve(every)
    figures: dict[str, Any] = plain({
        'mean': _mean_figures(every),
        'where_targets_leave': _mean_figures(leaving) if leaving else None,
        'sequences': sequences,
        'attributes': _attributes(records, sequences),
        'curves': {
            'success': np.mean([overlap.success_curve(r.iou) for r in every], axis=0),
            'precision': np.mean([overlap.precision_curve(r.errors) for r in every], axis=0),
            'normalised_precision': np.mean(
                [overlap.normalised_precision_curve(r.normalised) for r in every], axis=0),
            'longterm': longterm.sweep([run.scores for run in every])._asdict(),
            'reliability': {'confidence': curve.confidence, 'accuracy': curve.accuracy,
                            'count': curve.counts}}})
    return figures
