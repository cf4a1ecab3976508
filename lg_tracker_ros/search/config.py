"""The search policies' parameters."""

from __future__ import annotations

from dataclasses import dataclass

POLICIES = ('joint', 'paper')
RULES = ('absence', 'lock_on', 'confirmation', 'sizes', 'size_guard', 'hold', 'few_at_once')
"""What ``joint`` adds to Algorithm 2, each a class of its own in ``rules.py``."""


@dataclass(frozen=True)
class SearchConfig:
    """
    The search policies' parameters; raises ValueError for values out of range, all in one line.

    ``policy``: one of POLICIES. ``beta1``: confidence in (0, 1] from which a result is reliable.
    ``beta2``: consecutive failing frames (below beta1) after which the whole image is searched;
    0 searches it in every frame, as the conference version does. ``max_candidates``: candidates
    of a global search.

    Of ``joint`` alone: ``visible_threshold``: confidence from which a followed target counts as
    seen. ``retry_frames``: local frames between two global searches while the target stays lost
    (the paper: beta2). ``confirm_frames``: frames in a row in which a candidate must clear beta1,
    if it isn't far clearer. ``max_size_ratio``: how many times larger or smaller than in the first
    frame each side may become; ``max_size_step``: the same from one reliable frame to the next.
    ``rules``: which of RULES are on.
    """

    beta1: float = 0.65
    beta2: int = 5
    max_candidates: int = 5
    policy: str = 'joint'
    visible_threshold: float = 0.4
    retry_frames: int = 1
    confirm_frames: int = 2
    max_size_ratio: float = 6.0
    max_size_step: float = 1.3
    rules: frozenset[str] = frozenset(RULES)

    def __post_init__(self) -> None:
        """Refuse values out of range, all named at once."""
        unknown = ', '.join(map(repr, sorted(self.rules - set(RULES))))
        wrong = [text for good, text in (
            (self.policy in POLICIES,
             f'policy must be one of {", ".join(POLICIES)}, got {self.policy!r}'),
            (0 < self.beta1 <= 1, f'beta1 must be in (0, 1], got {self.beta1:g}'),
            (self.beta2 >= 0, f'beta2 must be at least 0, got {self.beta2}'),
            (0 < self.visible_threshold <= self.beta1,
             f'visible_threshold must be in (0, beta1], got {self.visible_threshold:g} with '
             f'beta1 {self.beta1:g}'),
            (self.confirm_frames >= 1,
             f'confirm_frames must be at least 1, got {self.confirm_frames}'),
            (self.retry_frames >= 0, f'retry_frames must be at least 0, got {self.retry_frames}'),
            (1 <= self.max_candidates <= 64,
             f'max_candidates must be in 1..64, got {self.max_candidates}'),
            (self.max_size_ratio >= 1,
             f'max_size_ratio must be at least 1, got {self.max_size_ratio:g}'),
            (self.max_size_step >= 1,
             f'max_size_step must be at least 1, got {self.max_size_step:g}'),
            (not unknown, f'rules must be of {", ".join(RULES)}, joined by +, or none, '
             f'got {unknown}')) if not good]
        if wrong:
            raise ValueError('; '.join(wrong))
