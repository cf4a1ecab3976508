"""The readers of data sets, over tiny ones made here in the layouts of the official archives."""

from pathlib import Path
import re

import cv2
from helpers.data_sets import (
    check,
    complaint,
    CONFIG,
    davis_set,
    got10k,
    images,
    lasot,
    MAKERS,
    NAN,
    numbered,
    otb,
    oxuva,
    plain_set,
    tlp,
    trackingnet,
    uav,
    vid_set,
    video,
    vot_set,
    write,
)
from lg_tracker_ros.datasets.readers import (
    davis,
    LAYOUTS,
    read_dataset,
    READERS,
    uav123,
    vot,
)
from lg_tracker_ros.datasets.readers.files import find_images
from lg_tracker_ros.datasets.readers.text import read_rows, read_values
from lg_tracker_ros.media.container import frame_count
from lg_tracker_ros.reading.guard import LONGEST
import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[3] / 'shared'


def test_each_layout_has_a_maker_here_and_plain_is_tried_last():
    assert list(READERS) == list(LAYOUTS)
    assert set(READERS) == set(MAKERS)
    assert list(READERS)[-1] == 'plain'


@pytest.mark.parametrize('layout', sorted(set(MAKERS) - {'uav20l'}))
def test_the_layout_is_recognised(layout, tmp_path):
    MAKERS[layout](tmp_path)
    first = next(n for n, way in LAYOUTS.items() if way.recognise(tmp_path))
    assert first == layout
    names = [s.name for s in read_dataset(tmp_path)]
    assert names == [s.name for s in read_dataset(tmp_path, layout)] == sorted(names)
    for sequence in read_dataset(tmp_path):
        assert (sequence.truth[sequence.present, 2:] > 0).all()
        assert next(sequence.frames()).image.shape[2] == 3


@pytest.mark.parametrize('layout', ['otb', 'tlp', 'plain', 'got10k', 'lasot', 'vot', 'davis'])
def test_a_sequence_of_its_own_is_read(layout, tmp_path):
    MAKERS[layout](tmp_path)
    one = {'otb': 'Dog', 'tlp': 'Bike', 'plain': 'hat', 'got10k': 'val/GOT-10k_Val_000001',
           'lasot': 'tiger/tiger-6', 'vot': 'sequences/bag', 'davis': 'bear'}[layout]
    if layout == 'davis':  # images and masks in one folder
        (tmp_path / 'bear').mkdir()
        for path in (*tmp_path.glob('JPEGImages/*/bear/*'), *tmp_path.glob('Annot*/*/bear/*')):
            path.rename(tmp_path / 'bear' / path.name)
    sequence, = read_dataset(tmp_path / one)
    assert sequence.name == Path(one).name
    assert len(sequence.images) == len(sequence.truth)


def test_a_link_keeps_its_own_name(tmp_path):
    (tmp_path / 'link').symlink_to(otb(tmp_path / 'real') / 'Dog')
    assert read_dataset(tmp_path / 'link')[0].name == 'link'


def test_otb_is_one_based_with_any_separator(tmp_path):
    dog, = READERS['otb'](otb(tmp_path))
    check(dog, [[2, 3, 5, 6], [3, 3, 5, 6], NAN])  # a box without an area is unlabelled
    assert dog.source == 'OTB/Dog'
    assert dog.attributes == ('SV', 'DEF', 'OPR')


def test_otb_two_targets_and_an_empty_file(tmp_path):
    for name, rows in (('1', '1,2,3,4\n'), ('2', '5,6,7,8\n')):
        write(tmp_path / f'Jogging/groundtruth_rect.{name}.txt', rows)
        write(tmp_path / f'Human4/groundtruth_rect.{name}.txt', rows if name == '2' else '\n')
    for name in ('Jogging', 'Human4'):
        images(tmp_path / name / 'img', ['0001.jpg'])
    human, one, two = READERS['otb'](tmp_path)
    assert [s.name for s in (human, one, two)] == ['Human4', 'Jogging.1', 'Jogging.2']
    check(human, [[4, 5, 7, 8]])
    check(one, [[0, 1, 3, 4]])
    check(two, [[4, 5, 7, 8]])


@pytest.mark.parametrize('name, there, first, last', [
    ('David', (298, 772), 300, 770), ('Football1', (1, 81), 1, 74), ('Freeman3', (1, 474), 1, 460),
    ('Freeman4', (1, 297), 1, 283), ('Diving', (1, 231), 1, 215), ('Tiger1', (1, 354), 1, 354),
    ('BlurCar1', (247, 988), 247, 988), ('BlurCar3', (1, 359), 3, 359),
    ('BlurCar4', (18, 397), 18, 397)])
def test_otb_odd_sequences(name, there, first, last, tmp_path):
    write(tmp_path / name / 'groundtruth_rect.txt', '1,1,5,6\n' * (last - first + 1))
    (tmp_path / name / 'img').mkdir()
    for file in numbered(*there):
        (tmp_path / name / 'img' / file).touch()  # not opened when read
    sequence, = READERS['otb'](tmp_path)
    assert (sequence.images[0].stem, sequence.images[-1].stem) == (f'{first:04}', f'{last:04}')


def test_got10k_absence_and_cover(tmp_path):
    sequence, = READERS['got10k'](got10k(tmp_path))
    # -1,-1,-1,-1 without a flag is a slip of the labels, not an absence
    check(sequence, [[3, 4, 5, 6], NAN, NAN, NAN], [1, 2])
    assert sequence.source == 'GOT-10k/GOT-10k_Val_000001'
    assert sequence.attributes == ('bear', 'walking')


def test_got10k_test_split_has_the_first_box_only(tmp_path):
    one = tmp_path / 'GOT-10k_Test_000001'
    write(one / 'groundtruth.txt', '3,4,5,6\n')
    images(one, numbered(1, 3, '{:08}.jpg'))
    check(read_dataset(tmp_path)[0], [[3, 4, 5, 6], NAN, NAN])


def test_lasot_is_one_based_and_absent_is_either_flag(tmp_path):
    sequence, = READERS['lasot'](lasot(tmp_path))
    check(sequence, [[2, 3, 5, 6], NAN, NAN, NAN], [1, 2])
    assert (sequence.name, sequence.source) == ('tiger-6', 'LaSOT/tiger-6')


def test_trackingnet_frames_are_in_numeric_order(tmp_path):
    test, train = READERS['trackingnet'](trackingnet(tmp_path))
    check(test, [[3, 4, 5, 6], NAN, NAN])
    check(train, [[i, 0, 5, 6] for i in range(11)])
    assert [p.name for p in train.images] == numbered(0, 10, '{}.jpg')
    assert train.source == 'TrackingNet/xyz_0'


def test_vot_regions(tmp_path):
    sequence, = READERS['vot'](vot_set(tmp_path))
    # the mask, 4 x 3 from (2, 3), is .... .##. .##. by rows
    check(sequence, [[2, 3, 5, 6], NAN, [0, 0, 8, 12], [3, 4, 2, 2], NAN, NAN], [1, 4])
    assert sequence.attributes == ('occlusion',)
    assert sequence.source == 'VOT/bag'


def test_didi_is_in_the_layout_of_vot(tmp_path):
    write(tmp_path / 'list.txt', 'boxes\npolygons\n')
    write(tmp_path / 'boxes/groundtruth.txt', '3.00,4.00,5.00,6.00\nnan,nan,nan,nan\n')
    write(tmp_path / 'boxes/sequence', 'name=boxes\nfps=30\nchannels.color=rgb/%08d.jpg\n')
    images(tmp_path / 'boxes/rgb', numbered(1, 2, '{:08}.jpg'))
    write(tmp_path / 'polygons/groundtruth.txt', '2,3,9,1,8,11,1,13\n3,4,10,2,9,12,2,14\n')
    images(tmp_path / 'polygons/color', numbered(1, 2, '{:08}.jpg'))
    boxes, polygons = read_dataset(tmp_path)
    check(boxes, [[2, 3, 5, 6], NAN], [1])
    check(polygons, [[0, 0, 8, 12], [1, 1, 8, 12]])
    assert boxes.images[1] == tmp_path / 'boxes/rgb/00000002.jpg'
    assert polygons.images[0] == tmp_path / 'polygons/color/00000001.jpg'
    assert (boxes.name, polygons.name, boxes.protocol) == ('boxes', 'polygons', 'plain')


def test_vot_masks_agree_with_the_official_toolkit():
    io = pytest.importorskip('vot.region.io', reason='vot-toolkit is not installed')
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = (rng.random((12, 9)) > 0.8).astype(np.uint8)
        place, runs = io.encode_mask(mask)
        box, gone = vot._region('m' + ','.join(map(str, [*place, *runs])), 'x:1')
        rows, columns = np.nonzero(mask)
        assert not gone
        assert box == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    place, runs = io.encode_mask(np.zeros((4, 4), np.uint8))
    assert vot._region('m' + ','.join(map(str, [*place, *runs])), 'x:1')[1]


def test_vot_flat_images_and_several_objects(tmp_path):
    write(tmp_path / 'list.txt', 'ball\ncats\n')
    write(tmp_path / 'ball/groundtruth.txt', '3,4,5,6\n3,4,5,6\n')
    images(tmp_path / 'ball', numbered(1, 2, '{:08}.jpg'))
    for name in '12':
        write(tmp_path / f'cats/groundtruth_{name}.txt', f'{name},4,5,6\n')
    images(tmp_path / 'cats/color', numbered(1, 2, '{:08}.jpg'))
    ball, one, two = read_dataset(tmp_path)
    check(ball, [[2, 3, 5, 6]] * 2)
    assert (one.name, two.name, two.source) == ('cats_1', 'cats_2', 'VOT/cats')
    check(two, [[1, 3, 5, 6], NAN])


def test_uav123_parts_of_a_folder(tmp_path):
    bike, car = READERS['uav123'](uav(tmp_path))
    check(bike, [[2, 3, 5, 6], NAN], [1])
    check(car, [[6, 7, 5, 6], [7, 7, 5, 6]])
    assert [p.name for p in car.images] == ['000003.jpg', '000004.jpg']
    assert car.images[0].parent.name == 'car1'
    assert car.attributes == ('SV', 'OV', 'SOB')
    assert car.source == 'UAV123/car1_2'


def test_uav20l_is_a_layout_of_the_same_folder(tmp_path):
    bike, = read_dataset(uav(tmp_path), 'uav20l')
    check(bike, [[8, 8, 5, 6], [8, 7, 5, 6]])
    assert [p.name for p in bike.images] == ['000002.jpg', '000003.jpg']


def test_uav123_at_10_fps_has_labels_straight_in_anno(tmp_path):
    write(tmp_path / 'configSeqs.m', CONFIG.replace('seqUAV123', 'seqUAV123_10fps'))
    write(tmp_path / 'anno/bike1.txt', '3,4,5,6\n4,4,5,6\n')
    images(tmp_path / 'data_seq/UAV123_10fps/bike1', numbered(1, 5, '{:06}.jpg'))
    bike, = read_dataset(tmp_path)
    check(bike, [[2, 3, 5, 6], [3, 3, 5, 6]])
    assert uav123.recognise_long(tmp_path) is False


def test_tlp_lost_and_no_area(tmp_path):
    bike, = READERS['tlp'](tlp(tmp_path))  # CarChase4 has no labels
    check(bike, [[3, 4, 5, 6], NAN, NAN], [1])
    assert bike.source == 'TLP/Bike'


def test_oxuva_is_sparse_and_relative(tmp_path):
    dev, test = READERS['oxuva'](oxuva(tmp_path))
    check(dev, [[5, 1, 10, 5], NAN, NAN, NAN, [10, 0, 10, 5]], [2])
    assert [p.stem for p in dev.images] == numbered(2, 6, '{:06}')
    assert (dev.name, dev.source) == ('vid0001_obj0000', 'OxUvA/vid0001_obj0000')
    assert dev.attributes == ('elephant',)
    check(test, [[5, 1, 10, 5], NAN, NAN])


def test_davis_boxes_cover_the_pixels(tmp_path):
    bear, one, two = READERS['davis'](davis_set(tmp_path))
    check(bear, [[2, 3, 4, 2], [3, 3, 4, 2]])
    assert [p.name for p in bear.masks] == ['00000.png', '00001.png']
    assert (one.name, two.name, two.source) == ('dogs_1', 'dogs_2', 'DAVIS/dogs')
    check(one, [[1, 1, 3, 2]] * 2)
    check(two, [[9, 8, 1, 1], NAN], [1])
    assert one.masks == two.masks == ()


def test_davis_palette_files_give_ids(tmp_path):
    image = pytest.importorskip('PIL.Image', reason='pillow is not installed')
    ids = np.zeros((16, 16), np.uint8)
    ids[1:3, 1:4], ids[5:9, 2], ids[0, 0] = 1, 10, 255
    picture = image.fromarray(ids, 'P')
    colors = davis._palette()
    assert colors[:3].tolist() == [0, 0x800000, 0x008000]  # Pascal VOC's
    assert len(set(colors.tolist())) == 256
    picture.putpalette([c >> s & 255 for c in colors.tolist() for s in (16, 8, 0)])
    picture.save(tmp_path / 'a.png')
    assert davis._boxes(tmp_path / 'a.png') == {1: [1, 1, 3, 2], 10: [2, 5, 1, 4],
                                                255: [0, 0, 1, 1]}
    cv2.imwrite(str(tmp_path / 'b.png'), np.full((4, 4, 3), 7, np.uint8))
    with pytest.raises(ValueError, match=r'b\.png has colours that are not'):
        davis._boxes(tmp_path / 'b.png')
    white = np.zeros((4, 4, 3), np.uint8)
    white[1, 2] = 255
    cv2.imwrite(str(tmp_path / 'c.png'), white)
    assert davis._boxes(tmp_path / 'c.png') == {255: [2, 1, 1, 1]}


def test_davis_first_mask_only(tmp_path):
    davis_set(tmp_path)
    (tmp_path / 'Annotations/480p/bear/00001.png').unlink()
    bear = read_dataset(tmp_path, only=['bear'])[0]
    check(bear, [[2, 3, 4, 2], NAN])
    assert bear.masks == ()


def test_plain_takes_boxes_as_they_are(tmp_path):
    cup, hat = READERS['plain'](plain_set(tmp_path))
    check(cup, [[3, 4, 5, 6], NAN, [3.5, 4, 5, 6]], [1])
    assert cup.video == tmp_path / 'cup/video.mp4'
    assert (cup.source, cup.protocol, cup.attributes) == ('cup', 'plain', ())
    check(hat, [[3, 4, 5, 6], [4, 4, 5, 6]])
    assert [p.name for p in hat.images] == ['9.png', '10.png']
    assert (hat.source, hat.protocol, hat.attributes) == ('OTB/Dog', 'absent', ('cut-away',))


def test_plain_unlabelled_frames_are_not_absent(tmp_path):
    plain_set(tmp_path)
    write(tmp_path / 'cup/groundtruth.txt', '3,4,5,6\nnan,nan,nan,nan\nnan,nan,nan,nan\n')
    write(tmp_path / 'cup/protocol.json', '{"unlabelled": [2]}')
    check(read_dataset(tmp_path)[0], [[3, 4, 5, 6], NAN, NAN], [1])


def test_plain_takes_any_single_video(tmp_path):
    write(tmp_path / 'cup/groundtruth.txt', '3,4,5,6\n' * 3)
    video(tmp_path / 'cup/take.avi', 3)
    assert read_dataset(tmp_path)[0].video == tmp_path / 'cup/take.avi'
    video(tmp_path / 'cup/other.avi', 3)
    assert 'cup holds 2 videos; name the right one video.mp4' in complaint(tmp_path)
    video(tmp_path / 'cup/video.mp4', 3)
    assert read_dataset(tmp_path)[0].video == tmp_path / 'cup/video.mp4'


def test_vid_has_a_sequence_for_each_track(tmp_path):
    one, two = READERS['vid'](vid_set(tmp_path))
    assert (one.name, two.name) == ('ILSVRC2015_train_0-0', 'ILSVRC2015_train_0-1')
    check(one, [[1, 2, 5, 6], [2, 2, 5, 6], NAN], [2])
    check(two, [NAN, [1, 2, 3, 1], [3, 2, 3, 1]], [0])
    assert one.source == 'ImageNet VID/ILSVRC2015_train_0' and one.attributes == ('n02084071',)
    write(tmp_path / 'Annotations/VID/train/P/ILSVRC2015_train_0/000001.xml',
          '<annotation><object><trackid>0</trackid></object></annotation>')
    assert '000001.xml: expected <object> with <trackid>' in complaint(tmp_path)


def test_only_picks_and_says_what_comes_close(tmp_path):
    plain_set(tmp_path)
    assert [s.name for s in read_dataset(tmp_path, only=['hat'])] == ['hat']
    with pytest.raises(ValueError, match=r"no sequence 'cups'; did you mean cup\?"):
        read_dataset(tmp_path, only=['cups'])
    with pytest.raises(ValueError, match=r"no sequence 'zebra'; it has 2, such as cup"):
        read_dataset(tmp_path, only=['hat', 'zebra'])


def test_nothing_recognised_says_what_is_expected(tmp_path):
    deep = tmp_path / ('d' * 200)
    deep.mkdir()
    message = complaint(deep)
    assert len(message) <= LONGEST and f'expected {LAYOUTS["plain"].expects}; ' in message
    assert message.endswith('--layout NAME says what another lacks')
    assert "no layout 'otp'; there are otb, got10k" in complaint(tmp_path, 'otp')
    assert complaint(tmp_path, 'lasot').endswith(
        f'of layout lasot; expected {LAYOUTS["lasot"].expects}')
    (tmp_path / 'gone').touch()
    assert 'gone is not a folder' in complaint(tmp_path / 'gone')
    assert complaint(tmp_path / 'gome').endswith('gome does not exist; did you mean gone?')


def test_two_sequences_of_one_name_are_refused(tmp_path):
    for part in ('a', 'b'):
        lasot(tmp_path / part)
        (tmp_path / part / 'tiger').rename(tmp_path / f'tiger_{part}')
    assert 'holds two sequences tiger-6; read its parts one by one' in complaint(tmp_path)


def test_text_and_images_are_forgiving_where_archives_differ(tmp_path):
    rows = read_rows(write(tmp_path / 'a.txt', '\ufeff1, 2\t3 4\r\n 1,2,3,4 \r\n\n\n'))
    assert rows.tolist() == [[1, 2, 3, 4]] * 2
    assert read_values(write(tmp_path / 'b.txt', '0,1\n1\n'), 3, 0, 1).tolist() == [0, 1, 1]
    images(tmp_path / 'img', ['frame10.jpg', 'frame9.JPG', '._frame9.jpg'])
    assert [p.name for p in find_images(tmp_path / 'img')] == ['frame9.JPG', 'frame10.jpg']


def test_the_shared_sequences():
    folder = SHARED / 'sequences'
    if not folder.is_dir():
        pytest.skip(f'{folder} is not here')
    assert not any(way.recognise(folder) for n, way in LAYOUTS.items() if n != 'plain')
    found = {s.name: s for s in read_dataset(folder)}
    assert len(found) == 26
    assert found['otb_Dog'].truth[0].tolist() == [74, 86, 56, 48]
    absent = {name: int(s.absent.sum()) for name, s in found.items() if s.absent.any()}
    assert absent == {'tld_car': 85, 'tld_pedestrian3': 28, 'wtrack_cam1_first': 1153,
                      'wtrack_cam2_first': 403, 'wtrack_cam3_first': 1292}
    for s in found.values():
        assert (s.present ^ s.absent).all()
        assert frame_count(s.video) == len(s.truth)


def test_the_shared_davis():
    folder = SHARED / 'valdata/davis'
    if not folder.is_dir():
        pytest.skip(f'{folder} is not here')
    found = read_dataset(folder)
    assert len(found) == 20
    assert sum(len(s.truth) for s in found) == 1376
    for s in found:
        assert len(s.masks) == len(s.truth) == s.present.sum()
        assert re.fullmatch(f'DAVIS/{s.name}', s.source)
        rows, columns = np.nonzero(cv2.imread(str(s.masks[3]), cv2.IMREAD_GRAYSCALE))
        assert s.truth[3].tolist() == [columns.min(), rows.min(), np.ptp(columns) + 1,
                                       np.ptp(rows) + 1]


@pytest.mark.parametrize('layout', ['otb', 'got10k', 'lasot', 'trackingnet', 'tlp', 'oxuva'])
@pytest.mark.parametrize('change', [
    lambda t: t.replace('\n', ',\n'),
    lambda t: t.replace(',', ', '),
    lambda t: t.replace(',', '\t'),
    lambda t: t.encode('utf-16')], ids=['comma at the end', 'blanks', 'tabs', 'UTF-16'])
def test_labels_that_an_editor_or_a_table_program_wrote_again(layout, change, tmp_path):
    want, again = (MAKERS[layout](tmp_path / name) for name in ('a', 'b'))
    for path in again.rglob('*'):
        if path.suffix in ('.txt', '.csv', '.label'):
            table = path.suffix == '.csv'  # its form is CSV's; blanks are usual there, too
            new = path.read_text().replace(',', ', ') if table else change(path.read_text())
            path.write_bytes(new if isinstance(new, bytes) else new.encode())
    for one, other in zip(read_dataset(want), read_dataset(again), strict=True):
        np.testing.assert_array_equal(one.truth, other.truth)
        np.testing.assert_array_equal(one.absent, other.absent)
