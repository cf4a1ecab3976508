"""
The training loop of every network.

Bit for bit the same weights come out of a run on a CPU that was killed and went on, as long as
its batches depend on the step alone (stream.py); on a GPU sums differ in their last bits.
"""

from __future__ import annotations

from dataclasses import asdict
import math
from pathlib import Path
import sys
import time
from typing import Any, Callable, Iterable, Sequence

from lg_tracker_ros.provenance import commit, machine
from lg_tracker_ros.training.loop.distributed import find_place, joined, Place
from lg_tracker_ros.training.loop.log import Log
from lg_tracker_ros.training.loop.optim import check_config
from lg_tracker_ros.training.loop.run import make_run, Means
from lg_tracker_ros.training.networks.network import Batch, Network, Training
from tqdm import tqdm

Source = Callable[[range, int, int], Iterable[Batch]]
"""From steps, rank and number of processes to a batch (this process's part) for each step."""


def fit(network: Network[Any, Any], c: Training, source: Source,
        held: Callable[[], Iterable[Batch]], out: Path, name: str = '', start: Path | None = None,
        trained_on: Sequence[str] = (), place: Place | None = None,
        seconds: float = math.inf) -> float:
    """
    Train ``network`` until ``c.steps`` or ``c.patience``, going on where ``out``/last.pt stopped.

    After ``seconds`` (in one process) it is judged and saved, and ends, to be gone on with.
    ``held`` gives the batches that are held out; ``start`` is a file of weights to begin with.
    Writes out/best.pt (weights and how they came about), out/last.pt (that and what it takes to
    go on), out/log.jsonl and out/tensorboard/. Returns the best quality. Raises ValueError for a
    configuration that can't be, another than that of last.pt, and a loss that isn't finite.
    """
    place = place or find_place()
    check_config(c, place.world)
    with joined(place):
        about: dict[str, Any] = {
            'network': name, 'config': asdict(c), 'trained_on': sorted(trained_on),
            'commit': commit(), 'machine': machine()}
        run = make_run(network, c, place, start, out / 'last.pt', about)
        log = Log(out, run.step) if place.rank == 0 else None  # only the first judges and writes
        ready = time.perf_counter()
        bar = tqdm(total=c.steps, initial=run.step, unit='step', file=sys.stderr,
                   disable=log is None or not sys.stderr.isatty())
        batches = iter(source(range(run.step, c.steps), place.rank, place.world))
        means = Means(c.batch)
        end, over = time.perf_counter() + seconds, False
        while not (run.done or over):
            batch = next(batches)
            share = (time.perf_counter() - ready) / seconds if c.timed else 0.0
            means.add(run.learn(batch, share))
            bar.update()
            over = place.world == 1 and time.perf_counter() >= end
            judge = run.step % c.validate_every == 0 or run.step == c.steps or over
            if judge or run.step % c.log_every == 0:
                mean = means.take()
                if not math.isfinite(mean['loss']):
                    raise ValueError(f'the loss is {mean["loss"]} before step {run.step}: lower '
                                     f'--set rate={c.rate}, or --set precision=fp32')
                if log:
                    log.write(run.step, 'train', {**mean, 'rate': run.rate})
                bar.set_postfix_str(f'loss {mean["loss"]:.4f}', refresh=False)
            if judge:
                if log:
                    with means.paused():
                        run.judge(held, out, about, log)
                run.agree()
        bar.close()
        if log:
            why = '' if run.step >= c.steps else ' (time is over, the same command goes on)' \
                if over else f' ({run.stale} validations without a better one, so it ends)'
            log.say(f'{run.step} of {c.steps} steps are done{why}; {out / "best.pt"} has quality '
                    f'{run.best:.4f}')
            log.close()
    return run.best
