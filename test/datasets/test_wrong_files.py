"""What is wrong in a data set is told in one line with file and row."""


from helpers.data_sets import (
    complaint,
    MAKERS,
    write,
)
import pytest


def damage(path, text):
    def change(root):
        write(root / path, text)
    return change


def remove(path):
    def change(root):
        (root / path).unlink()
    return change


GOT = 'val/GOT-10k_Val_000001/'
WRONG = [
    ('otb', damage('Dog/groundtruth_rect.txt', '3,4,5,6\n3,4,5\n3,4,5,6\n'),
     'Dog/groundtruth_rect.txt:2: expected 4 numbers x,y,w,h, got 3'),
    ('otb', damage('Dog/groundtruth_rect.txt', '3,4,5,6\n\n3,4,5,6\n'),
     'groundtruth_rect.txt:2: expected 4 numbers x,y,w,h, got 0'),
    ('otb', damage('Dog/groundtruth_rect.txt', '3,4,5,6\n3,4,5,six\n3,4,5,6\n'),
     "groundtruth_rect.txt:2: 'six' is not a number"),
    ('otb', lambda root: (root / 'Dog/groundtruth_rect.txt').write_bytes(b'3,4,5,6\n\xff\n'),
     "groundtruth_rect.txt:2: '\ufffd' is not a number"),
    ('otb', lambda root: (root / 'Dog/groundtruth_rect.txt').write_bytes(b'\0P' * 400),
     " is not a number, in '"),
    ('otb', remove('Dog/img/0003.jpg'),
     'groundtruth_rect.txt has 3 lines but there are 2 images in'),
    ('got10k', damage(GOT + 'absence.label', '0\n1\n0\n2\n'),
     'absence.label:4: expected whole numbers from 0 to 1, got 2'),
    ('got10k', damage(GOT + 'cover.label', '8\n8\n'),
     'cover.label has 2 values but there are 4 frames'),
    ('got10k', remove(GOT + 'absence.label'), 'absence.label does not exist'),
    ('lasot', remove('tiger/tiger-6/out_of_view.txt'), 'out_of_view.txt does not exist'),
    ('lasot', damage('tiger/tiger-6/full_occlusion.txt', '0,1,0'),
     'full_occlusion.txt has 3 values but there are 4 frames'),
    ('lasot', damage('tiger/tiger-6/groundtruth.txt', '1,nan,5,6\n'),
     'groundtruth.txt:1: write nan for every number or none'),
    ('lasot', damage('tiger/tiger-6/groundtruth.txt', '0,0,0,0\n' * 4),
     'groundtruth.txt: tiger-6: the target has no box in any frame'),
    ('trackingnet', damage('TEST/anno/abc_1.txt', '3,4,5,6\n3,4,5,6\n'),
     'abc_1.txt has 2 lines but there are 3 images in'),
    ('trackingnet', damage('TEST/anno/lost_1.txt', '3,4,5,6\n'), 'frames/lost_1 does not exist'),
    ('vot', damage('sequences/list.txt', 'bag\ncar\n'),
     'sequences/car/groundtruth.txt does not exist; list.txt names car'),
    ('vot', damage('sequences/bag/groundtruth.txt', '3,4,5,6\n1,2,3,4,5\n'),
     'bag/groundtruth.txt:2: expected x,y,w,h, a polygon'),
    ('vot', damage('sequences/bag/groundtruth.txt', '3,4,5,6\nm0,0,2,2,1,9\n'),
     'bag/groundtruth.txt:2: expected a mask mx,y,w,h,run'),
    ('vot', damage('sequences/bag/groundtruth.txt', '3,4,5,6\nmnan,0,2,2,1\n'),
     'bag/groundtruth.txt:2: expected a mask mx,y,w,h,run'),
    ('uav123', damage('anno/UAV123/tram.txt', '3,4,5,6\n'), 'configSeqs.m has no sequence tram'),
    ('uav123', remove('configSeqs.m'), 'configSeqs.m does not exist'),
    ('uav123', damage('configSeqs.m', 'function seqs=configSeqs\n'),
     "configSeqs.m holds no struct('name'"),
    ('uav123', remove('data_seq/UAV123/car1/000004.jpg'),
     'car1 holds 1 of the frames 3 to 4 that configSeqs.m gives to car1_2'),
    ('uav20l', damage('anno/UAV20L/bike1.txt', '1,2,3,4\n'),
     'bike1.txt has 1 lines but there are 2 images in'),
    ('tlp', damage('Bike/groundtruth_rect.txt', '1,3,4,5,6,0\n3,3,4,5,6,0\n3,3,4,5,6,0\n'),
     'groundtruth_rect.txt:2: frame 3, but image 2 in img/ is 00002.jpg'),
    ('tlp', damage('Bike/groundtruth_rect.txt', '1,3,4,5,6,7\n2,3,4,5,6,0\n3,3,4,5,6,0\n'),
     'groundtruth_rect.txt:1: lost must be 0 or 1, got 7'),
    ('oxuva', damage('annotations/dev.csv', 'vid0001,obj0000,20\n'),
     'dev.csv:1: expected 12 columns, got 3'),
    ('oxuva', damage('annotations/dev.csv', 'vid0001,obj0000,2,cat,,,2,here,0,1,0,1\n'),
     "dev.csv:1: expected present or absent, got 'here'"),
    ('oxuva', damage('annotations/dev.csv', 'vid0001,obj0000,2,cat,,,2,present,0,7,0,1\n'),
     'dev.csv:1: xmin,xmax,ymin,ymax must be shares from 0 to 1, got 0,7,0,1'),
    ('oxuva', damage('annotations/dev.csv', 'vid0001,obj0000,2,cat,,,2.5,present,0,1,0,1\n'),
     "dev.csv:1: expected the number of a frame, got '2.5'"),
    ('oxuva', remove('images/dev/vid0001/000003.jpeg'),
     'vid0001 holds 4 of the frames 2 to 6 that'),
    ('oxuva', damage('images/dev/vid0001/000002.jpeg', 'x'),
     '000002.jpeg cannot be read as an image'),
    ('davis', damage('Annotations/480p/bear/00001.png', 'x'),
     'bear/00001.png cannot be read as an image'),
    ('davis', damage('JPEGImages/480p/bear/00002.jpg', 'x'),
     'bear holds 2 masks but there are 3 images'),
    ('davis', lambda root: (root / 'Annotations/480p/bear/00000.png').rename(
        root / 'Annotations/480p/bear/00007.png'), '00001.png belongs to no image'),
    ('plain', remove('cup/groundtruth.txt'), 'cup/groundtruth.txt does not exist'),
    ('plain', damage('cup/groundtruth.txt', ''), 'cup/groundtruth.txt is empty'),
    ('plain', damage('cup/groundtruth.txt', '3,4,5,6\n3,4,0,6\n3,4,5,6\n'),
     'cup/groundtruth.txt:2: w and h must be positive; write nan,nan,nan,nan where'),
    ('plain', damage('cup/groundtruth.txt', '3,4,5,6\n3,4,inf,6\n3,4,5,6\n'),
     'cup/groundtruth.txt:2: inf is not allowed'),
    ('plain', damage('cup/groundtruth.txt', '3,4,5,6\n' * 5), 'groundtruth.txt has 5 lines but'),
    ('plain', damage('cup/video.mp4', 'x'), 'video.mp4 cannot be opened; is it a video, and'),
    ('plain', remove('cup/video.mp4'), 'cup/images does not exist'),
    ('plain', remove('hat/images/9.png'),
     'hat/groundtruth.txt has 2 lines but there are 1 images in'),
    ('plain', damage('hat/protocol.json', '{'), 'hat/protocol.json is not JSON'),
    ('plain', damage('hat/protocol.json', '{"attributes": "fast"}'),
     'hat/protocol.json: expected {"protocol": str, "source": str, "attributes": [str], '
     '"unlabelled": [int]}'),
    ('plain', damage('hat/protocol.json', '{"unlabelled": [1.0]}'),
     'hat/protocol.json: expected {"protocol"'),
    ('plain', damage('hat/protocol.json', '{"unlabelled": [1]}'),
     'hat/protocol.json: unlabelled: 1 is no frame whose row in groundtruth.txt is nan'),
    ('plain', damage('hat/protocol.json', '[]'), 'hat/protocol.json: expected {"protocol"'),
]


@pytest.mark.parametrize('layout, change, message', WRONG,
                         ids=[f'{w[0]}-{i}' for i, w in enumerate(WRONG)])
def test_a_wrong_file_is_one_clear_line(layout, change, message, tmp_path):
    MAKERS[layout](tmp_path)
    change(tmp_path)
    assert message in complaint(tmp_path, layout)
