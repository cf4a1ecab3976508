"""How sure to tell of what was found again."""

from lg_tracker_ros.search.telling import found_again
import numpy as np
import pytest


def test_odds_above_what_is_seen_are_tempered():
    # odds 2/3 at .4; 24 at .96, which is 36 times that, of which 36 ** .65 = 10.27 is left
    assert found_again(0.96, 0.4) == pytest.approx(6.847 / 7.847, abs=1e-3)
    # 1 at .5; 9 at .9: 9 ** .65 = 4.171
    assert found_again(0.9, 0.5) == pytest.approx(4.171 / 5.171, abs=1e-3)


@pytest.mark.parametrize('least', [0.0, 0.4, 0.7, 1.0])
def test_what_is_seen_stays_so_and_who_is_surer_stays_surer(least):
    given = np.linspace(0, 1, 101)
    told = np.array([found_again(float(c), least) for c in given])
    seen = max(least, 0.4)
    assert (told[given > seen] > seen).all() and (np.diff(told) >= 0).all()
    assert (told <= given).all() and (told[given <= seen] == given[given <= seen]).all()
