"""Fine-tuning on a robot's own recordings: boxes read, bags decoded, tracks kept, verdicts."""

import json
from pathlib import Path
import re
from types import SimpleNamespace

import cv2
from helpers.bags import write_bag
from helpers.clip import CLIP, first_box, frames, truth, VIDEO
from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.checkpoint import count_heads, FOLDER
from lg_tracker_ros.cli import main
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads
from lg_tracker_ros.media.bags import is_bag
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.reading.notes import trained_on
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.training.data.grabcut import outline
from lg_tracker_ros.training.data.material import Material, read_material, read_stills
from lg_tracker_ros.training.data.media import Clip, cut_sprites, held_out, Sprite
from lg_tracker_ros.training.data.pseudo_labels import follow_part, label_given, make_teacher
from lg_tracker_ros.training.data.recordings import Part, read_parts, read_starts, Start
from lg_tracker_ros.training.finetune import judge_tracks, label_all, MADE, made_of, Measured
from lg_tracker_ros.training.samples.views import sample_views
from lg_tracker_ros.types import Box, TrackerOutput
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.usefixtures('one_thread')

HEAD = 'file,frame,x,y,w,h'


def boxes_csv(folder, *lines):
    """Put a video and a file of boxes into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / 'woman.mp4').symlink_to(VIDEO)
    (folder / 'boxes.csv').write_text('\n'.join(lines) + '\n')
    return folder


def row(box):
    """Write a box as in a file."""
    return f'{box.x},{box.y},{box.w},{box.h}'


# -- boxes.csv -----------------------------------------------------------------

def test_first_boxes_are_read_by_frame_and_by_time(tmp_path):
    folder = boxes_csv(tmp_path / 'a', 'label, h, w, y, x, frame, file',
                       'cat, 40, 30, 20, 10, 7, woman.mp4')
    start, = read_starts(folder)
    assert (start.recording.name, start.at, start.timed) == ('woman.mp4', 7, False)
    assert (start.box, start.where) == (Box(10, 20, 30, 40), f'{folder}/boxes.csv:2')
    start, = read_starts(boxes_csv(tmp_path / 'b', 'file,time,x,y,w,h', 'woman.mp4,0.5,1,2,30,40'))
    assert not start.begins(99, 499_999_999) and start.begins(0, 500_000_000)


@pytest.mark.parametrize('lines, words', [
    (['file,x,y,w,h', 'woman.mp4,1,2,30,40'], r'boxes.csv:1: expected the columns file,frame'),
    (['file,frame,time,x,y,w,h'], r'boxes.csv:1: expected the columns'),
    (['woman.mp4,0,1,2,30,40'], r'boxes.csv:1: .*got woman.mp4,0,1'),
    ([HEAD, 'woman.mp4,0,1,2,30,40', 'woman.mp4,0,1,2,thirty,40'], r'boxes.csv:3: .*thirty'),
    ([HEAD, 'woman.mp4,1.5,1,2,30,40'], r'boxes.csv:2: .*1\.5'),
    ([HEAD, 'woman.mp4,0,1,2'], r'boxes.csv:2: expected file,frame,x,y,w,h, got woman.mp4,0,1,2'),
    ([HEAD, 'woman.mp4,0,1,2,0,40'], r'boxes.csv:2: .*sides must be positive'),
    ([HEAD, 'woman.mp4,-1,1,2,30,40'], r'boxes.csv:2: frame must be at least 0, got -1'),
    ([HEAD, 'man.mp4,0,1,2,30,40'], r'boxes.csv:2: .*man.mp4 does not exist'),
    (['file,time,x,y,w,h', 'woman.mp4,inf,1,2,30,40'], r'boxes.csv:2: time must be .*, got inf'),
    ([HEAD], 'names no target')])
def test_wrong_boxes_are_refused_with_file_and_line(tmp_path, lines, words):
    folder = boxes_csv(tmp_path, *lines)
    with pytest.raises(ValueError, match=words) as caught:
        read_starts(folder)
    assert '\n' not in str(caught.value)
    (folder / 'boxes.csv').unlink()
    with pytest.raises(ValueError, match=r'boxes.csv does not exist; expected the first box'):
        read_starts(folder)


def test_a_file_in_another_encoding_is_named(tmp_path):
    folder = boxes_csv(tmp_path, HEAD)
    (folder / 'boxes.csv').write_bytes(f'{HEAD}\nsp\xe4t.mp4,0,1,2,30,40\n'.encode('latin-1'))
    with pytest.raises(ValueError, match=r'boxes.csv is not a table of first boxes, in UTF-8: '):
        read_starts(folder)


def test_parts_begin_at_their_boxes_and_are_thinned(tmp_path):
    folder = boxes_csv(tmp_path, HEAD, f'woman.mp4,3,{row(Box(10, 20, 30, 40))}',
                       f'woman.mp4,158,{row(Box(50, 60, 30, 40))}')
    short, = [p for p in read_parts(read_starts(folder), 2, 2) if p.box.x == 50]
    long, = [p for p in read_parts(read_starts(folder), 4, 2) if p.box.x == 10]
    assert len(short.frames) == 1 and len(long.frames) == 4
    for data, want in zip(long.frames, frames(10)[3::2]):
        got = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert np.abs(got.astype(int) - want.image).mean() < 3
    for line, words in ((f'woman.mp4,160,{row(Box(1, 1, 30, 40))}', ':2: .*ends after 160 frames'),
                        (f'woman.mp4,0,{row(Box(900, 1, 30, 40))}', ':2: only 0% of the box')):
        (folder / 'boxes.csv').write_text(f'{HEAD}\n{line}\n')
        with pytest.raises(ValueError, match=words):
            list(read_parts(read_starts(folder), 4, 2))


def test_large_frames_are_shrunk_and_their_boxes_with_them(tmp_path):
    (tmp_path / 'shots').mkdir()
    cv2.imwrite(str(tmp_path / 'shots/0.png'), np.zeros((1080, 1920, 3), np.uint8))
    part, = read_parts([Start(tmp_path / 'shots', 0, False, Box(100, 200, 60, 80), 'here')], 9, 1)
    assert part.box == Box(50, 100, 30, 40)
    assert cv2.imdecode(np.frombuffer(part.frames[0], np.uint8), 1).shape == (540, 960, 3)


# -- bags ----------------------------------------------------------------------

@pytest.mark.parametrize('plugin', ['SQLITE3', 'MCAP'])
@pytest.mark.parametrize('compressed', [False, True])
def test_bags_give_the_images_that_were_recorded(tmp_path, plugin, compressed):
    images = [f.image for f in frames(4)]
    bag = write_bag(tmp_path / 'run_1', plugin, compressed, images)
    for path in (bag, *bag.glob('*.db3'), *bag.glob('*.mcap')):
        assert is_bag(path)
        got = list(Source(str(path)))
        assert [f.stamp - 10**9 for f in got] == [0, 40_000_000, 80_000_000, 120_000_000]
        assert all(np.array_equal(f.image, want) for f, want in zip(got, images, strict=True))
    assert not is_bag(VIDEO) and not is_bag(CLIP)
    (tmp_path / 'boxes.csv').write_text(f'file,time,x,y,w,h\nrun_1,0.08,{row(first_box())}\n')
    part, = read_parts(read_starts(tmp_path), 9, 1)
    assert len(part.frames) == 2


def test_a_bag_of_several_cameras_needs_the_topic(tmp_path):
    image = frames(1)[0].image
    bag = write_bag(tmp_path / 'two', 'MCAP', False, [image], ('/left', '/right'))
    assert len(list(Source(str(bag), topic='/left'))) == 1
    with pytest.raises(ValueError, match=r'two: name one, --topic; topics of images: /left, /r'):
        Source(str(bag))
    with pytest.raises(ValueError, match=r'two: no images on /up; topics of images: /left, /rig'):
        Source(str(bag), topic='/up')


@pytest.mark.parametrize('name', ['run.mcap', 'run.db3', 'run/metadata.yaml'])
def test_what_is_no_bag_is_refused_in_one_line(tmp_path, name):
    pytest.importorskip('rosbags', reason='rosbags is not installed')
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('nonsense')
    bag = path.parent if path.suffix == '.yaml' else path
    with pytest.raises(ValueError, match=r'run.*is not a bag that rosbags can read') as caught:
        Source(str(bag))
    assert '\n' not in str(caught.value)


# -- tracks --------------------------------------------------------------------

class Sure:
    """A teacher that stands still, jumps elsewhere at frame ``jump`` and never finds back."""

    def __init__(self, jump):
        """Remember when."""
        self.jump = jump

    def init(self, frame, box):
        """Need nothing."""

    def track(self, frame, regions):
        """Tell the number of the frame by its brightness."""
        jumped = regions[0].box.x == 60 or round(float(frame.image.mean()) / 4) >= self.jump
        return [TrackerOutput(Box(60 if jumped else 10, 10, 20, 20), 0.9, 0.0)]


@pytest.mark.parametrize('jump, count', [(99, 40), (30, 20), (12, 0)])
def test_a_track_is_kept_as_far_as_it_leads_back(jump, count):
    images = [np.full((60, 100, 3), 4 * i, np.uint8) for i in range(40)]
    part = Part(Start(Path(), 0, False, Box(10, 10, 20, 20), ''), Box(10, 10, 20, 20),
                [cv2.imencode('.png', i)[1].tobytes() for i in images])
    assert len(follow_part(Sure(jump), part, 0.4)) == count


@pytest.mark.rounding
def test_given_targets_are_followed_by_our_own_tracker(tmp_path):
    boxes = truth()
    folder = boxes_csv(tmp_path / 'yard', HEAD, *(
        f'woman.mp4,{i},{row(Box(*boxes[i]))}' for i in (0, 10)))
    teacher, least = make_teacher(None)
    assert label_given(folder, tmp_path / 'tracks', teacher, 16, 2, least) == (2, 0)
    found = read_dataset(tmp_path / 'tracks')
    assert [held_out(s.name) for s in sorted(found, key=lambda s: s.name)] == [True, False]
    for s in found:
        first = 10 * ('_001_' in s.name)
        assert s.source == 'yard/woman.mp4' and len(s.truth) == len(s.images) == 16
        got = iou_pairs(s.truth, boxes[first:first + 32:2])
        assert got[0] > 0.99 and got.min() > 0.2 and got.mean() > 0.65
    with pytest.raises(ValueError, match='tracks exists; labels of two runs'):
        label_given(folder, tmp_path / 'tracks', teacher, 16, 2, least)
    learn = read_material([tmp_path / 'tracks', cut_outs(tmp_path)], False)
    assert [c.source for c in learn.clips] == ['yard/woman.mp4']


def cut_outs(folder):
    """Write cut-outs, in both splits."""
    rng = np.random.default_rng(2)
    (folder / 'things').mkdir()
    names = [f'thing{i}' for i in range(100)]
    for part in (True, False):
        for name in [n for n in names if held_out(n) == part][:2]:
            color = cv2.GaussianBlur(rng.integers(0, 256, (90, 70, 3), np.uint8), (0, 0), 1.2)
            alpha = cv2.ellipse(np.zeros((90, 70), np.uint8), (35, 45), (30, 40), 0, 0, 360, 255,
                                -1)
            image = np.dstack([color, alpha])
            cv2.imwrite(str(folder / 'things' / f'{name}.png'), image)
    return folder / 'things'


def test_clips_are_drawn_as_often_as_said():
    data = tuple(cv2.imencode('.png', np.full((60, 80, 3), 200, np.uint8))[1].tobytes()
                 for _ in range(6))
    clip = Clip('c', data, (Box(10, 10, 33, 21),) * 6)
    rng = np.random.default_rng(0)
    sprite = Sprite('s', 's', np.dstack([rng.integers(0, 256, (40, 40, 3), np.uint8),
                                         np.full((40, 40), 255, np.uint8)]))
    back = rng.integers(0, 256, (120, 160, 3), np.uint8)
    for share, low, high in ((1.0, 20, 20), (0.5, 3, 17), (0.0, 0, 0)):
        m = Material(sprites=[sprite], clips=[clip], backgrounds=[back], clip_share=share)
        n = sum(sample_views(rng, m)[0].box == clip.boxes[0] for _ in range(20))
        assert low <= n <= high


# -- finetune ------------------------------------------------------------------

@pytest.mark.parametrize('quality, followed, better', [
    (1.6, 0.9, True), (1.6, 0.89, False), (1.5, 0.95, False), (1.6, float('nan'), True)])
def test_better_is_better_on_samples_with_no_more_lost(quality, followed, better):
    old = Measured(1.5, {}, 0.8, 0.9 if followed == followed else followed)
    assert Measured(quality, {}, 0.7, followed).better_than(old) is better


def test_tracks_are_measured_on_every_third_frame(tmp_path):
    for i in range(10):
        (tmp_path / 'images').mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f'images/{i}.png'), np.full((60, 100, 3), 4 * i, np.uint8))
    rows = ['nan,nan,nan,nan', '10,10,20,20', *['15,10,20,20'] * 8]
    (tmp_path / 'groundtruth.txt').write_text('\n'.join(rows))
    # from frame 1 on: 4 has 15 of 25 columns in common, 7 is lost to the one who jumps
    assert judge_tracks(Sure(5), read_dataset(tmp_path)) == pytest.approx((0.3, 0.5))
    assert judge_tracks(Sure(99), read_dataset(tmp_path)) == pytest.approx((0.6, 1.0))


@pytest.mark.rounding
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_finetune_keeps_what_is_better_only(tmp_path, capsys):
    save_file = pytest.importorskip('safetensors.torch').save_file
    boxes = truth()
    folder = boxes_csv(tmp_path / 'yard', HEAD, *(
        f'woman.mp4,{i},{row(Box(*boxes[i]))}' for i in (0, 10)))
    out = tmp_path / 'tuned'
    words = ['train', 'finetune', 'pixelwise', str(folder), '--out', str(out), '--length', '16',
             '--device', 'cpu', '--data', str(cut_outs(tmp_path)), *(
                 w for s in ('steps=1', 'batch=2', 'capacity=4', 'warmup=4', 'held_out=24',
                             'rate=1e-9', 'optimizer=sgd', 'decay=0') for w in ('--set', s))]
    file = out / 'pixelwise.safetensors'
    # next to nothing learnt: the old weights stay
    status = main(words)
    printed, said = capsys.readouterr()
    assert '2 tracks in ' in printed and 'IoU > .5 on 1 held-out tracks' in printed, said
    assert (status, file.exists()) in ((1, False), (0, True))
    if status:
        assert f'not better: keep the old weights, {FOLDER}/pixelwise.safetensors' in printed
    # the same, seen by someone who came with weights that know nothing
    torch.manual_seed(0)
    heads = PixelwiseHeads(count_heads(FOLDER / 'pixelwise.safetensors'))
    save_file(heads.state_dict(), tmp_path / 'new.safetensors')
    assert main([*words, '--weights', str(tmp_path / 'new.safetensors'), '--workers', '0']) == 0
    assert f'better: --param tracker_weights={file}' in capsys.readouterr().out
    shipped = read_state_dict(FOLDER / 'pixelwise.safetensors')
    got = read_state_dict(file)
    assert all(torch.allclose(got[k].float(), v.float(), atol=1e-2) for k, v in shipped.items()
               if k.rpartition('.')[2] in ('weight', 'bias'))
    assert 'yard/woman.mp4' in trained_on(file)


@pytest.mark.parametrize('change, words', [
    ({'network': 'pixelwize'}, 'did you mean pixelwise'),
    ({'network': 'siamrpnpp'}, 'no weights at .* to begin with; name yours with --weights'),
    ({'data': 'nowhere'}, 'nowhere is not there: run .*train assets`, or name a folder of cut-ou'),
    ({'recordings': 'nowhere'}, 'nowhere/boxes.csv does not exist')])
def test_finetune_refuses_in_one_line(tmp_path, monkeypatch, capsys, change, words):
    monkeypatch.chdir(tmp_path)
    boxes_csv(tmp_path / 'yard', HEAD, f'woman.mp4,0,{row(first_box())}')
    (tmp_path / 'things').mkdir()
    given = {'network': 'pixelwise', 'recordings': 'yard', 'data': 'things', **change}
    assert main(['train', 'finetune', given['network'], given['recordings'], '--out', 'out',
                 '--data', given['data'], '--device', 'cpu']) == 1
    err = capsys.readouterr().err
    assert re.search(words, err) and err.count('\n') == 1


@pytest.mark.parametrize('command, words, told', [
    ('label', ['--step', '0'], '--step must be at least 1, got 0'),
    ('label', ['--step', '-1'], '--step must be at least 1, got -1'),
    ('label', ['--length', '14'], '--length must be at least 15, the frames of a track'),
    ('label', ['--tracks', '0'], '--tracks must be at least 1, got 0'),
    ('label', ['--seed', '-1'], '--seed must be at least 0, got -1'),
    ('finetune', ['--step', '0'], '--step must be at least 1, got 0'),
    ('finetune', ['--clips', '2'], '--clips is a share: expected 0 to 1, got 2.0')])
def test_numbers_that_no_track_comes_of_are_refused_at_once(tmp_path, capsys, command, words,
                                                            told):
    folder = boxes_csv(tmp_path / 'yard', HEAD, f'woman.mp4,0,{row(first_box())}')
    given = {'label': [str(VIDEO)], 'finetune': ['pixelwise', str(folder), '--data',
                                                 str(tmp_path)]}[command]
    assert main(['train', command, *given, '--out', str(tmp_path / 'out'), *words]) == 1
    err = capsys.readouterr().err
    assert told in err and err.count('\n') == 1 and not (tmp_path / 'out').exists()


def test_tracks_of_other_boxes_are_not_gone_on_with(tmp_path):
    folder = boxes_csv(tmp_path / 'yard', HEAD, f'woman.mp4,0,{row(first_box())}')
    tracks = tmp_path / 'out' / 'tracks'
    args = SimpleNamespace(recordings=[folder], step=2, length=16, topic='', teacher=None)
    tracks.mkdir(parents=True)
    label_all(args, tracks)  # of before there was a note
    (tracks / MADE).write_text(json.dumps(made_of(args)))
    label_all(args, tracks)
    (folder / 'boxes.csv').write_text(f'{HEAD}\nwoman.mp4,10,{row(first_box())}\n')
    with pytest.raises(ValueError, match=r'tracks was made of other boxes, or with another'):
        label_all(args, tracks)
    (folder / 'boxes.csv').unlink()  # where tracks were taken to train, without the recordings
    label_all(args, tracks)


# -- cutting -------------------------------------------------------------------

def disc(w=120, h=100, middle=(60, 50), radius=20):
    """Draw a textured disc over a textured ground of another colour."""
    rng = np.random.default_rng(0)
    image = rng.integers(90, 130, (h, w, 3), np.uint8)
    inside = cv2.circle(np.zeros((h, w), np.uint8), middle, radius, 255, -1) > 0
    image[inside] = rng.integers(0, 40, (int(inside.sum()), 3)) + np.array([10, 20, 200])
    return image, inside


def test_a_target_is_cut_along_its_outline_not_its_box():
    image, inside = disc()
    found = outline(image, Box(40, 30, 41, 41))
    mask = cv2.fillPoly(np.zeros(inside.shape, np.uint8), [found], 1) > 0
    assert (mask & inside).sum() / (mask | inside).sum() > 0.95


@pytest.mark.parametrize('box', [Box(40, 30, 80, 65), Box(0, 0, 120, 100)])
def test_no_outline_where_it_does_not_fill_the_box_or_nothing_is_around(box):
    assert outline(disc()[0], box) is None


def test_cut_targets_become_cut_outs_of_their_class(tmp_path, capsys):
    (tmp_path / 'user/walk').mkdir(parents=True)
    for i, x in enumerate((40, 80)):
        cv2.imwrite(str(tmp_path / f'user/walk/{i}.png'), disc(160, 120, (x, 60), 30)[0])
    (tmp_path / 'user' / 'boxes.csv').write_text(
        f'{HEAD},class\nwalk,1,50,30,61,61,ball\nwalk,0,5,5,20,20,ball\nwalk,0,10,30,61,61,\n')
    assert main(['train', 'cut', str(tmp_path / 'user'), '--out', str(tmp_path / 'out')]) == 0
    assert '1 targets cut out; 1 have no clean outline' in capsys.readouterr().out
    stills = read_stills(tmp_path / 'out/user_stills')
    assert {(s.path.name, s.source, len(s.instances)) for s in stills} == {
        ('walk_0.jpg', 'user', 1), ('walk_1.jpg', 'user', 1)}
    sprite, = cut_sprites(stills)
    assert (sprite.name, sprite.category) == ('walk_1.jpg:0', 'ball')
    # opaque in the middle, clear in the corners of its box
    alpha = sprite.image[..., 3]
    assert alpha[alpha.shape[0] // 2, alpha.shape[1] // 2] == 255
    assert alpha[3, 3] == alpha[-4, -4] == 0


def test_cutting_needs_a_class(tmp_path, capsys):
    folder = boxes_csv(tmp_path / 'a', HEAD, 'woman.mp4,0,1,2,30,40')
    assert main(['train', 'cut', str(folder), '--out', str(tmp_path / 'out')]) == 1
    assert 'gives no target a class; add the column class' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
