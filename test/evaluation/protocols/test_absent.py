"""The absent protocol: what the labels say is what the pictures show."""

import argparse
import json
from pathlib import Path

import cv2
from helpers.absences import grey, round_and_round, SIZE, stretches
from helpers.clip import CLIP
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.protocols import absent
from lg_tracker_ros.evaluation.protocols.absent import build, cover, fill, plans
from lg_tracker_ros.evaluation.protocols.absent_plan import (
    BETWEEN,
    FADE,
    group,
    KINDS,
    LENGTH,
    MOST,
    plan,
    related,
    UnfitError,
)
import numpy as np
import pytest

MAGENTA = (255, 0, 255)


def sequence(name='a', count=200, gone=(), unlabelled=(), source='', folder=None):
    """Make a sequence; with ``folder`` its pictures, the target magenta and nothing else so."""
    truth = round_and_round(count)
    out = np.zeros(count, bool)
    truth[list(gone)] = truth[list(unlabelled)] = np.nan
    out[list(gone)] = True
    paths = tuple((folder or Path('/nowhere')) / f'{name}{i:04d}.png' for i in range(count))
    if folder is not None:
        rng = np.random.default_rng(len(name))
        ground = rng.integers(0, 90, (SIZE[1], SIZE[0], 3), np.uint8)
        ground[..., 1] += 60  # green
        for path, box in zip(paths, truth):
            image = ground.copy()
            if np.isfinite(box[0]):
                x, y, w, h = box.astype(int)
                image[y:y + h, x:x + w] = MAGENTA
            cv2.imwrite(str(path), image)
    return LabelledSequence(name, truth, out, images=paths, source=source)


def magenta(image):
    """Count pixels of the target's colour, which JPEG blurs."""
    b, g, r = (image[..., i].astype(int) for i in range(3))
    return int(((b > 150) & (r > 150) & (g < 100)).sum())


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', range(12))
def test_spacing(kind, seed):
    source = sequence(count=300)
    p = plan(source, [grey()], seed, kind, SIZE)
    gaps = stretches(~np.isfinite(p.truth[:, 0]))
    assert 1 <= len(gaps) <= MOST
    assert gaps[0][0] >= BETWEEN
    for (_, b), (a, _) in zip(gaps, [*gaps[1:], (300, 300)]):
        assert a - b >= BETWEEN
    lengths = [b - a for a, b in stretches(p.absent)]
    assert len(lengths) == len(gaps)
    assert all(LENGTH[0] <= n <= LENGTH[1] for n in lengths)
    assert (p.kind, p.made_from, p.name, p.seed) == (kind, 'a', f'a-{kind}', seed)


def test_seeds_differ_and_one_seed_does_not():
    source, others = sequence(count=300), [grey()]
    found = [plan(source, others, seed, 'jump', SIZE) for seed in (1, 1, 2)]
    assert np.array_equal(found[0].truth, found[1].truth, equal_nan=True)
    assert np.array_equal(found[0].corner, found[1].corner)
    assert not np.array_equal(found[0].absent, found[2].absent)


def test_a_newcomer_changes_no_label():
    source = sequence(count=300)
    few = [grey(f'grey-{w}') for w in ('one', 'two')]
    more = [*few, grey('late')]
    changed = 0
    for seed in range(20):
        before, after = (plan(source, o, seed, 'cut-away', SIZE) for o in (few, more))
        assert np.array_equal(before.truth, after.truth, equal_nan=True)
        if after.other != 'late':
            assert (before.other, before.cut.tolist()) == (after.other, after.cut.tolist())
        changed += after.other == 'late'
    assert 0 < changed < 20


def test_kinds_are_spread_over_sequences(tmp_path):
    frame = sequence('f', 60, folder=tmp_path).images[0]
    counts = dict.fromkeys(KINDS, 0)
    for i in range(60):
        name = f'{chr(97 + i % 26)}x{chr(97 + i // 26)}'
        source = LabelledSequence(name, round_and_round(200), np.zeros(200, bool),
                                  images=(frame,) * 200)
        p, = plans(source, [grey()], 1, KINDS, False, 300)
        counts[p.kind] += 1
    assert all(10 <= n <= 30 for n in counts.values()), counts


@pytest.mark.parametrize('a, b, same', [
    ('wtrack_cam1_first', 'wtrack_cam3_first', True),
    ('tld_pedestrian1', 'tld_pedestrian3', True),
    ('person12_1', 'person12_2', True),
    ('hall-camera_2', 'hall', True),
    ('tld_car', 'vot_car252', False),
    ('GOT-10k_Val_000001', 'GOT-10k_Val_000002', False),
    ('otb_Dog', 'otb_Deer', False),
    ('otb100_Dog', 'otb100_Deer', False),
    ('1', '2', False)])
def test_group(a, b, same):
    assert (group(a) == group(b)) is same


def test_no_cut_away_shows_the_target_itself():
    source = sequence('OTB-Bolt2', source='OTB/Bolt2')
    kin = [sequence('x', source='OTB/Bolt2'), sequence('vot-bolt', source='VOT/bolt2'),
           sequence('OTB-Bolt1'), source]
    assert all(related(source, k) and related(k, source) for k in kin)
    short, other = grey('brief', 40), grey(count=60)
    assert not related(source, other)
    with pytest.raises(UnfitError, match='no unrelated sequence of 60 frames'):
        plan(source, [*kin, short], 1, 'cut-away', SIZE)
    for seed in range(5):
        assert plan(source, [*kin, short, other], seed, 'cut-away', SIZE).other == 'grey'


def test_own_absences_stay():
    gone, unlabelled = range(100, 140), range(150, 155)
    source = sequence(count=300, gone=gone, unlabelled=unlabelled)
    for seed in range(10):
        for kind in KINDS:
            p = plan(source, [grey()], seed, kind, SIZE)
            kept = p.cover == 0
            assert p.absent[gone][kept[gone]].all()
            if kind == 'jump':
                assert p.unlabelled[unlabelled].all()
            shown = np.isfinite(p.truth[:, 0])
            ours = [(a, b) for a, b in stretches(~shown) if source.present[a:b].any()]
            assert ours
            for a, b in ours:
                assert shown[a - BETWEEN:a].all()
                assert shown[b:b + BETWEEN].all()


def test_begins_at_the_first_box():
    source = sequence(count=120, gone=range(20))
    p = plan(source, [], 1, 'covered', SIZE, max_frames=80)
    assert (p.first, len(p.truth)) == (20, 80)
    assert np.array_equal(p.truth[:BETWEEN], source.truth[20:20 + BETWEEN])


def test_what_is_unfit_says_why():
    with pytest.raises(UnfitError, match='a: 59 frames from its first box on, 60 are needed'):
        plan(sequence(count=59), [], 1, 'covered', SIZE)
    with pytest.raises(UnfitError, match='a: no 10 frames between 15 with a box before and after'):
        plan(sequence(count=90, gone=range(10, 90, 10)), [], 1, 'covered', SIZE)
    large = LabelledSequence('big', np.tile([10.0, 10, 150, 120], (90, 1)), np.zeros(90, bool),
                             video=Path('x'))
    with pytest.raises(UnfitError, match=r'big: no window of 0.4 to 0.6 of the picture'):
        plan(large, [], 1, 'jump', SIZE)
    with pytest.raises(ValueError, match="no kind 'blink'; there are cut-away, jump, covered"):
        plan(sequence(), [], 1, 'blink', SIZE)


@pytest.mark.parametrize('kind', KINDS)
def test_pictures_show_what_the_labels_say(tmp_path, kind):
    source = sequence(count=150, folder=tmp_path)
    other = grey(folder=tmp_path)
    p = plan(source, [other], 3, kind, SIZE)
    folder = build(p, source, [other], tmp_path / 'out')
    made, = read_dataset(tmp_path / 'out')
    assert (made.name, made.protocol, made.attributes) == (f'a-{kind}', 'absent', (kind,))
    assert made.source == 'a'
    assert np.allclose(made.truth, p.truth, atol=0.005, equal_nan=True)
    assert np.array_equal(made.absent, p.absent)
    assert len(list((folder / 'images').iterdir())) == 150
    assert made.absent.any()
    unlabelled = ~made.absent & ~made.present
    assert unlabelled.any() == (kind == 'covered')
    for i, frame in enumerate(made.frames()):
        assert (frame.width, frame.height) == p.size
        if made.absent[i]:
            assert magenta(frame.image) == 0, i
            if kind == 'cut-away':
                assert abs(int(frame.image.min()) - 128) < 5
                assert abs(int(frame.image.max()) - 128) < 5
        elif made.present[i]:
            x, y, w, h = made.truth[i].astype(int)
            assert x >= 0 and y >= 0 and x + w <= p.size[0] and y + h <= p.size[1]
            inside = frame.image[y:y + h, x:x + w]
            # all of the target and nothing of it elsewhere, but for what JPEG does at its edges
            assert magenta(inside) > 0.75 * w * h, i
            assert magenta(frame.image) < 1.1 * w * h


def test_the_window_moves_on_and_the_target_returns_elsewhere():
    source = sequence(count=300)
    p = plan(source, [], 5, 'jump', SIZE)
    assert p.size in ((120, 90), (100, 74), (80, 60))
    assert (p.corner >= 0).all()
    assert (p.corner + p.size <= SIZE).all()
    for a, b in stretches(p.absent):
        assert (p.corner[a:b] == p.corner[a]).all()
        assert (p.corner[a] != p.corner[a - 1]).any()
        assert np.abs(p.truth[b, :2] - p.truth[a - 1, :2]).max() > 3
    assert np.allclose(p.truth[~p.absent, 2:], source.truth[~p.absent, 2:])


def test_cut_away_takes_the_other_forward_and_keeps_the_clock():
    source, other = sequence(count=300), grey(count=90)
    p = plan(source, [other], 2, 'cut-away', SIZE)
    assert np.array_equal(p.cut >= 0, p.absent)
    assert np.array_equal(p.truth[~p.absent], source.truth[~p.absent])
    for a, b in stretches(p.absent):
        assert (np.diff(p.cut[a:b]) == 1).all()
        assert p.cut[a:b].max() < 90


def test_the_cover_slides():
    p = plan(sequence(count=300), [], 2, 'covered', SIZE)
    for a, b in stretches(p.cover > 0):
        fade = int((p.cover[a:b] < 1).sum()) // 2
        assert FADE[0] <= fade <= FADE[1]
        assert (np.diff(p.cover[a:a + fade + 1]) > 0).all()
        assert (np.diff(p.cover[b - fade - 1:b]) < 0).all()
        assert p.unlabelled[a:a + fade].all()
        assert p.unlabelled[b - fade:b].all()
        assert p.absent[a + fade:b - fade].all()
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    white = np.full((60, 80, 3), 255, np.uint8)
    assert np.array_equal(cover(image, 0.0, 7, 1), image)
    # nothing is left of what is behind it
    assert np.array_equal(cover(image, 1.0, 7, 1), cover(white, 1.0, 7, 1))
    left = [float(np.corrcoef(cover(image, s, 7, 1).ravel(), image.ravel())[0, 1])
            for s in (0.2, 0.5, 0.8)]
    assert left[0] > left[1] > left[2]


def test_fill_keeps_the_aspect():
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, 90:110] = 255
    made = fill(image, (60, 60))
    assert made.shape == (60, 60, 3)
    assert (made[30, :, 0] > 127).sum() == 12  # a tenth of the width of 120, the middle of it
    assert fill(image, (200, 100)).tolist() == image.tolist()


def arguments(*words):
    parser = argparse.ArgumentParser()
    absent.add_arguments(parser)
    return parser.parse_args([str(w) for w in words])


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes()
            for p in sorted(folder.rglob('*')) if p.is_file()}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Make a data set of the bundled clip and two sequences of pictures."""
    folder = tmp_path_factory.mktemp('data')
    (folder / 'woman').symlink_to(CLIP)
    for name in ('round_1', 'round_2'):
        images = folder / name / 'images'
        images.mkdir(parents=True)
        s = sequence(name, 100, folder=images)
        np.savetxt(folder / name / 'groundtruth.txt', s.truth, '%.2f', delimiter=',')
    return folder


def test_the_command(data, tmp_path, capsys):
    out = tmp_path / 'out'
    assert absent.run(arguments('--data', data, '--out', out, '--max-frames', 150, '--each')) == 0
    names = {p.name for p in out.iterdir()}
    assert names == {f'{n}-{k}' for n in ('woman', 'round_1', 'round_2') for k in KINDS
                     if (n, k) != ('woman', 'jump')}  # she fills too much of the picture
    assert set(capsys.readouterr().out.split()) == {str(out / n) for n in names}
    note = json.loads((out / 'round_1-cut-away/protocol.json').read_text())
    assert note == {
        'protocol': 'absent', 'source': 'round_1', 'made_from': 'round_1', 'first': 0,
        'kind': 'cut-away', 'seed': 1, 'attributes': ['cut-away'], 'unlabelled': [],
        'other': 'woman'}  # round_2 may show the same target
    clip, = read_dataset(CLIP)
    own = clip.absent[:150]
    assert own.any()
    for made in read_dataset(out):
        if made.name.startswith('woman'):
            unlabelled = ~made.absent & ~made.present
            assert (made.absent | unlabelled)[own].all()
            assert (made.absent & ~own).any()
    again = tmp_path / 'again'
    absent.run(arguments('--data', data, '--out', again, '--max-frames', 150, '--each'))
    before = files(out)
    assert files(again) == before
    absent.run(arguments('--data', data, '--out', out, '--max-frames', 150, '--each'))
    assert files(out) == before


def test_one_kind_each_by_default(data, tmp_path):
    out = tmp_path / 'out'
    absent.run(arguments('--data', data, '--out', out))
    assert len(list(out.iterdir())) == 3
    only = tmp_path / 'only'
    absent.run(arguments('--data', data, '--out', only, '--only', 'round_2'))
    made, = only.iterdir()
    assert files(made) == files(out / made.name)


def test_an_interrupted_build_leaves_nothing(tmp_path):
    source = sequence(count=100, folder=tmp_path)
    p = plan(source, [], 1, 'covered', SIZE)
    source.images[90].write_bytes(b'')
    with pytest.raises(ValueError, match=r'a0090\.png cannot be read as an image'):
        build(p, source, [], tmp_path / 'out')
    assert list((tmp_path / 'out').iterdir()) == []


def test_another_size_is_told(tmp_path):
    source = sequence(count=100, folder=tmp_path)
    cv2.imwrite(str(source.images[50]), np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(ValueError, match='a: frame 50 is 100 x 100; all must be of one size'):
        build(plan(source, [], 1, 'covered', SIZE), source, [], tmp_path / 'out')


def test_another_build_is_not_overwritten(data, tmp_path):
    words = ('--data', data, '--out', tmp_path, '--only', 'round_1', '--kinds', 'covered')
    absent.run(arguments(*words))
    before = files(tmp_path)
    with pytest.raises(ValueError, match='round_1-covered was built otherwise'):
        absent.run(arguments(*words, '--seed', 2))
    assert files(tmp_path) == before


@pytest.mark.parametrize('words, message', [
    (('--kinds', 'jump,blink'), "some of cut-away,jump,covered,twin, got 'jump,blink'"),
    (('--kinds', ''), "--kinds takes some of cut-away,jump,covered,twin, got ''"),
    (('--max-frames', 59), '--max-frames must be at least 60, got 59'),
    (('--only', 'round'), "holds no sequence 'round'")])
def test_wrong_input_is_one_line(data, tmp_path, words, message):
    with pytest.raises(ValueError) as e:
        absent.run(arguments('--data', data, '--out', tmp_path, *words))
    assert message in str(e.value)
    assert '\n' not in str(e.value)


def test_nothing_to_build_is_an_error(tmp_path, capsys):
    images = tmp_path / 'data/short/images'
    images.mkdir(parents=True)
    s = sequence('short', 30, folder=images)
    np.savetxt(images.parent / 'groundtruth.txt', s.truth, '%.2f', delimiter=',')
    with pytest.raises(ValueError, match=r'no sequence of .* allows cut-away or jump or cov'):
        absent.run(arguments('--data', tmp_path / 'data', '--out', tmp_path / 'out'))
    assert ('left out: short: 30 frames from its first box on, 60 are needed'
            in capsys.readouterr().err)


@pytest.mark.parametrize('frames', [[3], [500], [-1]])
def test_the_reader_refuses_unlabelled_frames_that_are_none(data, tmp_path, frames):
    source = data / 'round_1'
    (tmp_path / 's').mkdir()
    for name in ('images', 'groundtruth.txt'):
        (tmp_path / 's' / name).symlink_to(source / name)
    (tmp_path / 's/protocol.json').write_text(json.dumps({'unlabelled': frames}))
    with pytest.raises(ValueError, match=r'protocol\.json: unlabelled: .* is no frame whose row'):
        read_dataset(tmp_path)
