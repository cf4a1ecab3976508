"""The page about a GPU."""

from lg_tracker_ros.gpu.page import page


def test_frames_are_told_beside_each_other_by_where_crops_are_made():
    column = {'LOCAL frame': (2.0, 2.5)}
    text = page({'command': 'x', 'date': '2026-11-27', 'pictures: 640x480: torch fp32': {
        'on the CPU': column | {'GLOBAL frame': (4.0, 5.0)}, 'on the GPU': column}})
    assert '640x480: torch fp32:' in text
    assert '| part         |  on the CPU |  on the GPU |' in text
    assert '| GLOBAL frame | 4.00 (5.00) |           – |' in text
