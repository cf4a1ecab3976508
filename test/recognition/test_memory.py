"""What was learned: rows of features, gallery, ridge against rivals, an operator's word."""

from lg_tracker_ros.recognition.memory import Memory, MemoryConfig, rows
import numpy as np
import pytest


def look(*values):
    """Make a unit vector of these and zeros."""
    v = np.zeros(8, np.float32)
    v[:len(values)] = values
    return v / np.linalg.norm(v)


FIRST = look(1)


def noisy(rng, center, spread=0.3):
    """Draw a look around another."""
    v = center + rng.normal(0, spread, len(center)).astype(np.float32)
    return v / np.linalg.norm(v)


def test_rows_are_cosines_and_forgive_a_step_aside():
    features = np.zeros((2, 3, 4, 4), np.float32)
    features[0, 0, 1, 1] = features[0, 1, 2, 1] = 1
    features[1, 0, 1, 2] = features[1, 1, 2, 2] = 1  # the same one cell to the right
    cover = np.zeros((4, 4), np.float32)
    cover[1:3, 1:3] = 1
    a, b = rows(features, cover)
    assert a.shape == (12,) and a @ a == pytest.approx(1) and a @ b == pytest.approx(1)
    upside_down = rows(features[:1, :, ::-1], cover)[0]
    assert a @ upside_down == pytest.approx(0)


def test_the_first_look_is_all_there_is_at_first():
    memory = Memory(FIRST)
    x = np.stack([FIRST, look(0, 1), look(1, 1)])
    assert memory.gallery(x) == pytest.approx([1, 0, 0.5 ** 0.5])
    assert memory.ridge(x).tolist() == [0, 0, 0]
    assert memory.likeness_to_vetoed(x).tolist() == [0, 0, 0]


@pytest.mark.parametrize('apart, twin', [(0, 1.0), (41, 1.0), (51.3, 0.5), (60, 0.0), (90, 0.0)])
def test_how_alike_the_likest_rival_is(apart, twin):
    memory = Memory(FIRST)
    assert memory.crowd == memory.confusable == 0.0
    a = np.radians(apart)
    memory.reject([look(0, 1), look(np.cos(a), 0, np.sin(a))])
    assert memory.confusable == pytest.approx(twin, abs=0.01)
    assert memory.crowd == pytest.approx(min(max((np.cos(a) - 0.3) / 0.3, 0), 1), abs=0.01)


def test_it_takes_less_to_be_mistaken_for_a_target_that_changes():
    steady, changing = Memory(FIRST, MemoryConfig(every=1)), Memory(FIRST, MemoryConfig(every=1))
    for sign in (1, -1, 1, -1):
        steady.accept(FIRST)
        changing.accept(look(1, 0.8 * sign))
    for memory in (steady, changing):
        memory.reject([look(0.5, 0, 0.866)])
    assert steady.confusable == pytest.approx(0.0, abs=0.01) and changing.confusable > 0.5


def test_ridge_equals_a_dense_weighted_ridge():
    """The primal problem, solved by itself: each class weighs a half."""
    rng, config = np.random.default_rng(0), MemoryConfig(every=1)
    memory = Memory(FIRST, config)
    for _ in range(5):
        memory.accept(noisy(rng, FIRST))
    memory.reject([noisy(rng, look(0, 1), 0.6) for _ in range(4)])
    own, others = np.stack([FIRST, *memory.recent]), np.stack(memory.rivals)
    x = np.concatenate([own, others]).astype(np.float64)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)  # the bias is a feature like others
    y = np.repeat([1.0, -1.0], [len(own), len(others)])
    w = np.repeat([0.5 / len(own), 0.5 / len(others)], [len(own), len(others)])
    theta = np.linalg.solve((x.T * w) @ x + config.ridge * np.eye(x.shape[1]), x.T @ (w * y))
    asked = np.stack([noisy(rng, FIRST) for _ in range(6)])
    assert memory.ridge(asked) == pytest.approx(asked @ theta[:-1] + theta[-1], abs=1e-5)


def test_the_gallery_holds_new_and_lasting_looks_and_no_more_than_it_may():
    config = MemoryConfig(lasting=4, recent=3, every=2)
    memory = Memory(FIRST, config)
    each = [look(1, i / 100) for i in range(200)]
    for x in each:
        memory.accept(x)
    assert len(memory.recent) == 3 and memory.recent[-1] is each[198]
    kept = [next(i for i, x in enumerate(each) if x is k) for k in memory.lasting]
    assert len(kept) <= 4 and kept == sorted(kept)
    # thinned over the whole time: the oldest is from the beginning, the newest far from it
    assert kept[0] < 20 and kept[-1] > 100


def test_like_rivals_are_one_and_the_easiest_goes():
    memory = Memory(FIRST, MemoryConfig(rivals=2))
    memory.reject([look(0, 1), look(0, 1, 0.01)])
    assert len(memory.rivals) == 1 and memory.rivals[0] == pytest.approx(look(0, 1, 0.01))
    memory.reject([look(1, 1), look(-1, 0.2)])
    assert len(memory.rivals) == 2
    assert all(r[0] >= 0 for r in memory.rivals)  # what looks least like the target is gone


def test_an_operators_word_counts_at_once_and_can_be_taken_back():
    memory = Memory(FIRST)
    wrong = look(1, 0.5)
    memory.veto(wrong)
    assert memory.likeness_to_vetoed(np.stack([wrong, FIRST])) == pytest.approx(
        [1 - wrong[0], 0], abs=1e-6)
    memory.vow(wrong)
    assert not memory.vetoed and memory.gallery(wrong[None]) == pytest.approx([1])


def test_a_copy_does_not_learn_with_the_other():
    memory = Memory(FIRST, MemoryConfig(every=1))
    before = memory.copy()
    memory.accept(look(1, 1))
    memory.reject([look(0, 1)])
    assert before.accepted == 0 and not before.recent and not before.rivals


def test_a_look_that_counts_for_several_frames_is_kept_as_often_as_they():
    config = MemoryConfig(every=3)
    fast, slow = Memory(FIRST, config), Memory(FIRST, config)
    for _ in range(9):
        fast.accept(FIRST)
    for _ in range(3):
        slow.accept(FIRST, span=3)
    assert fast.accepted == slow.accepted == 9
    assert len(fast.recent) == len(slow.recent) == 3
