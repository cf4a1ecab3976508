"""How sure to tell others of a target that was found again."""

from __future__ import annotations

AGAIN = 0.65
"""Power of the odds that is left of what was found again, above ``least``."""
UNPROVEN = 0.4
"""Confidence up to which nobody is too sure of what was found again."""
SURE = 1 - 1e-6


def found_again(confidence: float, least: float) -> float:
    """
    Temper the confidence, in [0, 1], in a target that was found again: it may be another like it.

    To follow it proves nothing, for a twin is followed as well as the target, and whether there is
    one can't be seen. So this is for a world that has twins now and then: temperature scaling (Guo
    et al., ICML 2017) from ``least`` on, above which the target counts as seen, and stays so.
    """
    least = max(least, UNPROVEN)
    if confidence <= least or least >= SURE:
        return confidence
    sure, start = min(confidence, SURE), least / (1 - least)
    odds: float = start * (sure / (1 - sure) / start) ** AGAIN
    return odds / (1 + odds)
