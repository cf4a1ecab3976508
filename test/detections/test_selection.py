"""Which detection counts, and which becomes the target."""

from lg_tracker_ros.detections.selection import Detection, Selection
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box
import pytest

CAR = Detection(Box(0, 0, 100, 50), 'car', 0.9, '1')
NEAR = Detection(Box(200, 100, 20, 40), 'person', 0.6, '2')
FAR = Detection(Box(400, 100, 30, 60), 'person', 0.8, '3')
PLAIN = Detection(Box(300, 10, 10, 10))
ALL = [NEAR, FAR, CAR]


@pytest.mark.parametrize('selection, chosen', [
    (Selection(), None),
    (Selection(select='best'), CAR),
    (Selection(select='largest'), CAR),
    (Selection(select='largest', classes='person, dog'), FAR),
    (Selection(select='best', classes='person', score=0.7), FAR),
    (Selection(select='best', classes='dog'), None),
    (Selection(select='nearest', x=215, y=115), NEAR),
    (Selection(select='nearest', classes='car', x=215, y=115), CAR),
    (Selection(select='id', name='2'), NEAR),
    (Selection(select='id', name='7'), None)])
def test_the_target_is_chosen_among_those_that_count(selection, chosen):
    assert selection.choose(selection.counting(ALL)) == chosen


def test_a_detector_without_classes_and_scores_counts_unless_a_class_is_asked_for():
    assert Selection(select='best', score=0.9).counting([PLAIN]) == [PLAIN]
    assert Selection(classes='person').counting([PLAIN]) == []
    nan = Detection(Box(0, 0, 5, 5), 'car', float('nan'))
    assert Selection().counting([nan, NEAR, CAR]) == [CAR, NEAR]  # the best first


def test_what_can_not_choose_is_refused():
    with pytest.raises(ValueError, match='select must be one of none, best, largest, nearest, id'):
        Settings(select='first')
    with pytest.raises(ValueError, match='select_id is empty'):
        Settings(select='id')
    assert Settings(select='id', select_id='2').selection() == Selection(select='id', name='2')
