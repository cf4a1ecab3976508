"""What was meant."""

from lg_tracker_ros.words.nearest import meant, not_there


def test_near_names_are_asked_for():
    known = ('tanet_lite', 'tanet', 'none')
    assert meant('TANet', known) == 'did you mean tanet or tanet_lite?'
    assert meant(' non ', known) == 'did you mean none?'
    assert meant('saliency', known) == meant('x', ()) == ''


def test_a_path_that_is_not_there(tmp_path):
    (tmp_path / 'Drive.MP4').touch()
    assert not_there(tmp_path / 'drive.mp4') == (
        f'{tmp_path}/drive.mp4 does not exist; did you mean Drive.MP4?')
    assert not_there(tmp_path / 'other') == f'{tmp_path}/other does not exist'
    assert not_there('no/folder/x') == 'no/folder/x does not exist'
