"""The order of images in a folder, the same for ``track`` and ``eval``."""

from lg_tracker_ros.datasets.readers.files import find_images, subfolders
from lg_tracker_ros.media.folder import in_order, list_images
import pytest


@pytest.mark.parametrize('names', [
    '1.png 2.png 9.png 10.png 11.png 100.png',
    'frame9.JPG frame10.jpg Frame11.jpg',
    '1305031102.875304.png 1305031102.975312.png 1305031103.075326.png',
    '0.png 1.png 1.125.png 1.25.png 1.5.png 2.png 10.5.png',
    '2024-01-15_09-59-58.png 2024-01-15_10-00-07.png 2024-02-01_00-00-00.png',
    '2024.1.5.png 2024.1.15.png 2024.10.1.png',
    '28-02-2023.png 31-12-2023.png 01-01-2024.png',
    '02/28/2023 12/31/2023 01/01/2024'.replace('/', '_'),
    'a_2.png b_1.png',
    'day_1_frame_9.png day_1_frame_10.png day_2_frame_1.png'])
def test_names_are_in_the_order_of_their_numbers(names):
    want = names.split()
    assert in_order(want[::-1]) == want


def test_numbers_that_look_like_a_date_in_some_names_only_stay_numbers():
    want = ['01_02_1899.png', '01_02_1999.png', '01_02_2100.png', '02_01_0001.png']
    assert in_order(want[::-1]) == want


def test_what_is_no_image_is_passed_over(tmp_path):
    for name in ('2.png', '10.jpg', '._1.jpg', '.3.png', 'notes.txt', 'Thumbs.db'):
        (tmp_path / name).touch()
    (tmp_path / '4.png').mkdir()
    for listing in (list_images, find_images):
        assert [p.name for p in listing(tmp_path)] == ['2.png', '10.jpg']


def test_a_folder_without_images_names_what_may_be_meant(tmp_path):
    for name in ('a', 'b/img', 'c'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'b/img/1.JPG').touch()
    (tmp_path / 'c/video.mp4').touch()
    for folder, meant in (('a', ''), ('b', 'img'), ('c', 'video.mp4')):
        with pytest.raises(ValueError) as e:
            list_images(tmp_path / folder)
        hint = f'; did you mean {tmp_path / folder / meant}?' if meant else ''
        assert str(e.value).endswith(f'.pgm{hint}')


def test_links_that_run_in_a_circle_are_passed_over(tmp_path):
    (tmp_path / '1.png').touch()
    for name in ('loop.png', 'loop'):
        (tmp_path / name).symlink_to(name)
    (tmp_path / '2.png').symlink_to('nowhere.png')
    (tmp_path / 'sub').mkdir()
    assert [p.name for p in list_images(tmp_path)] == ['1.png']
    assert subfolders(tmp_path) == [tmp_path / 'sub']
