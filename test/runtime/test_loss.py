"""Frames lost on the way: by numbers, by reports, or not measurable."""

from lg_tracker_ros.runtime.loss import LossMeter, UNNUMBERED


def test_gaps_in_the_publishers_numbers_are_frames_lost():
    meter = LossMeter()
    meter.reports = True
    for n in (7, 8, 12, 13, 1, 2, 4):  # 3 lost, a restart, 1 lost
        meter.take({'publication_sequence_number': n})
        meter.reported(1)  # the numbers have told it
    assert meter.lost == 4 and all(meter.recent() == (4, 11) for _ in range(9))
    assert meter.recent() == (4, 11) and meter.recent() == (0, 0)
    assert meter.measurable


def test_without_numbers_the_middlewares_own_reports_count():
    meter = LossMeter()
    meter.reports = True
    meter.take({'source_timestamp': 1})  # Humble has no number
    meter.take(type('Info', (), {'publication_sequence_number': UNNUMBERED})())  # CycloneDDS
    meter.reported(20)
    assert meter.lost == 20 and meter.recent() == (20, 22) and meter.measurable


def test_with_neither_the_loss_cannot_be_measured():
    meter = LossMeter()
    assert meter.measurable  # nobody knows yet
    meter.take({'publication_sequence_number': None})
    assert not meter.measurable and meter.lost == 0
