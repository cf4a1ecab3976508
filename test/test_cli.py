"""The form of ``python -m lg_tracker_ros track``: benchmarks of others call it."""

import csv
import io
from pathlib import Path
import signal
import subprocess
import sys

import cv2
from helpers.bags import write_bag
from helpers.clip import frames, truth, VIDEO
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.cli import main
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.media.writer import VideoOut
from lg_tracker_ros.rows import COLUMNS
from lg_tracker_ros.types import Box
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'config' / 'tracker.yaml'
HEADER = 'frame,stamp,x,y,w,h,confidence,visible,mode,ms'
LIGHT = ('--param', 'tracker=opencv_kcf', '--param', 'redetector=none', '--param', 'device=cpu')


def box_at(frame):
    """Box of the target in a frame, as a word for --init."""
    return ','.join(f'{v:.2f}' for v in truth()[frame])


def rows(text):
    """Read the CSV, a dictionary for each line; its first line must be the agreed one."""
    assert text.split('\n')[0] in (HEADER, HEADER + ',camera')
    assert text.endswith('\n') and '\r' not in text
    return list(csv.DictReader(io.StringIO(text)))


def place(row):
    """Box of a row as numbers."""
    return [float(row[c]) for c in 'xywh']


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Frames 0 to 19 as a folder of lossless images, with a file that is none."""
    folder = tmp_path_factory.mktemp('pictures')
    for i, frame in enumerate(frames(20)):
        cv2.imwrite(str(folder / f'{i:04}.png'), frame.image)
    (folder / 'notes.txt').write_text('not an image')
    return folder


@pytest.fixture
def track(capsys):
    """Run ``track`` in this process; gives status, standard output and standard error."""
    def run(*words):
        capsys.readouterr()
        status = main(['track', *map(str, words)])
        return status, *capsys.readouterr()
    return run


def test_a_line_for_each_frame_in_the_agreed_columns(track):
    assert ','.join(COLUMNS) == HEADER
    status, out, err = track(VIDEO, '--init', box_at(100), '--start', 100, *LIGHT)
    got = rows(out)
    assert status == 0
    assert [int(r['frame']) for r in got] == list(range(100, 160))
    assert [float(r['stamp']) for r in got] == pytest.approx([i / 10 for i in range(100, 160)])
    assert place(got[0]) == pytest.approx(truth()[100], abs=0.01)
    assert got[0]['confidence'] == '1.0000' and got[0]['mode'] == 'LOCAL'
    seen = 0
    for row in got:
        assert row['visible'] in '01' and row['mode'] in ('LOCAL', 'GLOBAL')
        assert 0 <= float(row['confidence']) <= 1 and float(row['ms']) > 0
        assert np.isfinite(place(row)).all() == (row['visible'] == '1')
        seen += row['visible'] == '1'
    assert err.splitlines()[-1] == f'60 frames, target visible in {seen}'


@pytest.mark.rounding
def test_a_target_that_is_away_is_nan(track):
    """Over the frames in which the target leaves; a tracker that can tell."""
    _, out, _ = track(VIDEO, '--init', box_at(30), '--start', 30, *LIGHT,
                      '--param', 'tracker=ncc')
    away = [r for r in rows(out) if r['visible'] == '0']
    assert away
    for row in away:
        assert [row[c] for c in 'xywh'] == ['nan'] * 4


@pytest.mark.rounding
def test_default_tracker_follows_and_the_shipped_file_is_the_default(track):
    words = (VIDEO, '--init', box_at(145), '--start', 145)
    plain = rows(track(*words)[1])
    filed = rows(track(*words, '--config', CONFIG)[1])
    assert len(plain) == 15
    overlaps = [iou(Box(*place(r)), Box(*t)) if r['visible'] == '1' else 0
                for r, t in zip(plain, truth()[145:])]
    assert np.mean(overlaps) > 0.6 and min(overlaps[:10]) > 0.5
    for a, b in zip(plain, filed):
        a.pop('ms'), b.pop('ms')
        assert a == b


@pytest.mark.rounding
def test_a_folder_of_images_gives_the_boxes_of_the_video(track, pictures):
    status, out, _ = track(pictures, '--init', box_at(0), *LIGHT)
    folder = rows(out)
    assert status == 0 and [int(r['frame']) for r in folder] == list(range(20))
    stamps = [float(r['stamp']) for r in folder]
    assert stamps == pytest.approx([i / 30 for i in range(20)], abs=1e-6)
    video = rows(track(VIDEO, '--init', box_at(0), *LIGHT)[1])[:20]
    names = [c for c in COLUMNS if c not in ('stamp', 'ms')]
    assert [[r[n] for n in names] for r in folder] == [[r[n] for n in names] for r in video]
    later = rows(track(pictures, '--init', box_at(15), '--start', 15, *LIGHT)[1])
    assert [int(r['frame']) for r in later] == list(range(15, 20))
    assert place(later[0]) == pytest.approx(truth()[15], abs=0.01)


@pytest.mark.rounding
def test_params_go_over_the_file(track, tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters:\n    tracker: opencv_kcf\n    redetector: none\n'
                    '    device: cpu\n    visible_threshold: 0.3\n    use_sim_time: true\n')
    start = (VIDEO, '--init', box_at(150), '--start', 150)
    words = (*start, '--config', file)
    filed = rows(track(*words)[1])
    named = rows(track(*start, *LIGHT, '--param', 'visible_threshold=0.3')[1])
    for a, b in zip(filed, named):
        assert place(a) == pytest.approx(place(b), nan_ok=True)
    assert len(filed) == len(named) == 10
    status, _, err = track(*words, '--param', 'tracker=magic')
    assert status == 1 and 'tracker must be one of' in err
    plain = tmp_path / 'plain.yaml'
    plain.write_text('tracker: opencv_kcf\nredetector: none\n')
    assert track(*words[:-1], plain)[0] == 0


def test_the_papers_policy_and_no_rule_run(track):
    words = (VIDEO, '--init', box_at(140), '--start', 140, *LIGHT, '--param')
    for word in ('policy=paper', 'rules=none', 'beta2=0'):
        status, out, _ = track(*words, word)
        assert status == 0 and len(rows(out)) == 20, word


def test_out_and_video(track, tmp_path):
    csv_file, video = tmp_path / 'new' / 'out.csv', tmp_path / 'newer' / 'out.mp4'
    status, out, _ = track(VIDEO, '--init', box_at(140), '--start', 140, '--out', csv_file,
                           '--video', video, *LIGHT)
    assert status == 0 and out == ''
    assert len(rows(csv_file.read_text())) == 20
    written = Source(str(video))
    images = [f.image for f in written]
    assert len(images) == 20 and images[0].shape == (288, 384, 3) and written.fps == 10
    plain = frames(141)[140].image
    drawn = np.abs(images[0].astype(int) - plain).max(2) > 60
    assert 100 < drawn.sum() < 8000


@pytest.mark.rounding
def test_several_sources_are_cameras(track, pictures, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    for i in range(12):
        cv2.imwrite(str(other / f'{i:02}.png'), np.full((120, 160, 3), 90, np.uint8))
    status, out, _ = track(pictures, other, '--init', box_at(0), *LIGHT)
    assert status == 0 and out.startswith(HEADER + ',camera\n')
    got = rows(out)
    assert len(got) == 12  # until the shortest ends
    assert {r['camera'] for r in got} == {str(pictures)}
    alone = rows(track(pictures, '--init', box_at(0), *LIGHT)[1])
    assert [place(r) for r in got] == [place(r) for r in alone[:12]]
    assert 'camera' not in alone[0]


def wrong(name, words, reason):
    """Describe a case: words that replace or follow the good ones, and what is said."""
    return pytest.param(words, reason, id=name)


@pytest.mark.parametrize('words, reason', [
    wrong('missing', ('/nowhere.mp4',), '/nowhere.mp4 does not exist'),
    wrong('misspelt', ('{tmp}/../bad.yml',), 'bad.yml does not exist; did you mean bad.yaml'),
    wrong('address', ('rtsp://camera/1',), 'rtsp://camera/1 is an address; save the stream'),
    wrong('choice', (str(VIDEO), '--param', 'tracker=pixelwize'), 'did you mean pixelwise?'),
    wrong('no video', (str(CONFIG),), 'tracker.yaml cannot be opened'),
    wrong('empty folder', ('{tmp}',), 'holds no images'),
    wrong('webcam', ('97',), 'webcam 97 cannot be opened'),
    wrong('no webcam', ('9' * 20,), 'webcam 99999999999999999999 cannot be opened'),
    wrong('no name', ('',), 'a source has no name'),
    wrong('no bag', (str(VIDEO), '--topic', '/cam'), '--topic /cam is for bags'),
    wrong('weights over', (str(VIDEO), '--param', f'redetector_weights={CONFIG}', '--video',
                           str(CONFIG)), 'which is read'),
    wrong('circle', (str(VIDEO), '--out', '{tmp}/../circle.csv'), 'circle.csv'),
    wrong('twice', (str(VIDEO), str(VIDEO)), 'each source must be named once'),
    wrong('outside', (str(VIDEO), '--init', '500,20,40,40'), 'inside the 384 x 288 image'),
    wrong('tiny', (str(VIDEO), '--init', '50,20,2,40'), 'too small'),
    wrong('beyond', (str(VIDEO), '--start', '160'), "has 160 frames; can't start at frame 160"),
    wrong('unknown', (str(VIDEO), '--param', 'speed=3'), "'speed=3'"),
    wrong('no value', (str(VIDEO), '--param', 'beta1'), 'name=value'),
    wrong('method', (str(VIDEO), '--param', 'search=3'), "'search=3'"),
    wrong('no number', (str(VIDEO), '--param', 'beta1=high'), "beta1 must be float, got 'high'"),
    wrong('no whole', (str(VIDEO), '--param', 'beta2=2.5'), "beta2 must be int, got '2.5'"),
    wrong('old name', (str(VIDEO), '--param', 'visible=0.3'),
          "parameter 'visible' is now called 'visible_threshold'"),
    wrong('old yaml', (str(VIDEO), '--config', '{tmp}/../old.yaml'),
          "old.yaml is not a valid set of parameters: parameter 'k' is now called 'max_"),
    wrong('rule', (str(VIDEO), '--param', 'rules=absence+luck'),
          "size_guard, hold, few_at_once, joined by +, or none, got 'luck'"),
    wrong('no rule', (str(VIDEO), '--param', 'rules='), "joined by +, or none, got ''"),
    wrong('policy', (str(VIDEO), '--param', 'policy=luck'),
          "policy must be one of joint, paper, got 'luck'"),
    wrong('range', (str(VIDEO), '--param', 'beta1=1.5'), 'beta1 must be in 0.01..1'),
    wrong('nan', (str(VIDEO), '--param', 'beta1=nan'), 'beta1 must be in'),
    wrong('device', (str(VIDEO), '--param', 'device=tpu'), "device must be 'auto'"),
    wrong('weights', (str(VIDEO), '--param', 'tracker=pixelwise', '--param',
                      'tracker_weights=/nowhere.pt'), '/nowhere.pt'),
    wrong('no config', (str(VIDEO), '--config', '/nowhere.yaml'), '/nowhere.yaml'),
    wrong('bad yaml', (str(VIDEO), '--config', '{tmp}/../bad.yaml'), 'bad.yaml'),
    wrong('a list', (str(VIDEO), '--config', '{tmp}/../list.yaml'), 'expected parameters'),
    wrong('yaml type', (str(VIDEO), '--config', '{tmp}/../type.yaml'), 'beta1 must be float'),
    wrong('binary', (str(VIDEO), '--config', str(VIDEO)), 'is not a readable YAML file'),
    wrong('out', (str(VIDEO), '--out', '/proc/nothing/out.csv'), '/proc/nothing'),
])
def test_a_users_error_is_one_line(words, reason, tmp_path, capfd):
    (tmp_path / 'bad.yaml').write_text('a: [1\nb: }')
    (tmp_path / 'list.yaml').write_text('- 1\n- 2\n')
    (tmp_path / 'type.yaml').write_text('lg_tracker:\n  ros__parameters:\n    beta1: high\n')
    (tmp_path / 'old.yaml').write_text('/**:\n  ros__parameters:\n    k: 3\n    beta1: 0.7\n')
    (tmp_path / 'circle.csv').symlink_to('circle.csv')
    empty = tmp_path / 'empty'
    empty.mkdir()
    words = [w.replace('{tmp}', str(empty)) for w in words]
    if '--init' not in words:
        words += ['--init', '184,141,72,147']
    light = () if '--config' in words else LIGHT
    assert main(['track', *light, *words]) == 1
    out, err = capfd.readouterr()
    ours = [line for line in err.splitlines() if line.startswith('lg_tracker_ros: ')]
    assert len(ours) == 1 and reason in ours[0], err
    assert 'Traceback' not in err and len(out.splitlines()) <= 1
    # what OpenCV itself has to say about a source isn't ours; there must be nothing else
    assert all(line.startswith(('[', 'lg_tracker_ros: ')) for line in err.splitlines()), err


@pytest.mark.parametrize('words, reason', [
    (('--init', '1,2,3'), 'x,y,w,h'), (('--init', '1,2,3,nan'), 'x,y,w,h'),
    (('--init', '1,2,-3,4'), 'x,y,w,h'),
    (('--init', '1', '2', '30', '40'), 'four numbers with commas between them'),
    (('--init', '1,2,30,40', '--start', '-1'), "0 or more, got '-1'"),
    (('--init', '1,2,30,40', '--reject', '-1'), "0 or more, got '-1'"),
    (('--init', '1,2,30,40', '--start', 'soon'), '--start')])
def test_a_wrong_command_line_is_status_2(words, reason, capsys):
    with pytest.raises(SystemExit) as end:
        main(['track', str(VIDEO), *words])
    assert end.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('python -m lg_tracker_ros track: error: ') and reason in error


def test_a_box_may_begin_outside_of_the_image(track):
    apart = track(VIDEO, '--init', '-5,100,40,60', '--start', 158, *LIGHT)
    together = track(VIDEO, '--init=-5,100,40,60', '--start', 158, *LIGHT)
    assert apart[0] == together[0] == 0
    assert place(rows(apart[1])[0]) == place(rows(together[1])[0]) == [-5, 100, 40, 60]


def test_a_source_is_not_written_over(track, pictures, tmp_path):
    clip = tmp_path / 'clip.mp4'
    clip.write_bytes(VIDEO.read_bytes())
    image = (pictures / '0001.png').read_bytes()
    for source, option, name in ((clip, '--video', clip), (clip, '--out', clip),
                                 (pictures, '--out', pictures / '0001.png')):
        status, out, err = track(source, '--init', box_at(0), *LIGHT, option, name)
        assert status == 1 and 'would be written over' in err and not out
    assert clip.read_bytes() == VIDEO.read_bytes()
    assert (pictures / '0001.png').read_bytes() == image


def test_an_older_result_stays_until_there_is_a_new_one(track, tmp_path):
    file = tmp_path / 'o.csv'
    file.write_text('before')
    assert track(VIDEO, '--init', '900,9,40,40', *LIGHT, '--out', file)[0] == 1
    assert file.read_text() == 'before' and len(list(tmp_path.iterdir())) == 1
    assert track(VIDEO, '--init', box_at(158), '--start', 158, *LIGHT, '--out', file)[0] == 0
    assert len(rows(file.read_text())) == 2 and len(list(tmp_path.iterdir())) == 1


def test_a_cut_video_leaves_its_rows_a_word_and_a_status(track, tmp_path):
    whole, cut = tmp_path / 'whole.avi', tmp_path / 'cut.avi'
    video = VideoOut(whole, 10)
    for i, frame in enumerate(frames(8)):
        video.write(frame.image, frame.stamp + (i > 1) * 10**9)  # not at one rate
    video.close()
    cut.write_bytes(whole.read_bytes()[:whole.stat().st_size * 6 // 10])
    out, drawn = tmp_path / 'o.csv', tmp_path / 'o.mp4'
    status, _, err = track(cut, '--init', box_at(0), *LIGHT, '--out', out, '--video', drawn)
    assert status == 1 and len(err.splitlines()) == 1 and 'cut.avi ends early, after' in err
    got = rows(out.read_text())
    assert 3 <= len(got) < 8 and float(got[2]['stamp']) == 1.2
    assert [f.stamp / 1e9 for f in Source(str(drawn))] == [float(r['stamp']) for r in got]


def test_a_bag_gives_the_same_rows_each_time(track, tmp_path):
    images = [f.image for f in frames(5)]
    bags = [write_bag(tmp_path / kind, kind, False, images, ('/front', '/rear'))
            for kind in ('SQLITE3', 'MCAP')]
    found = []
    for bag in (*bags, bags[0]):
        status, out, _ = track(bag, '--topic', '/front', '--init', box_at(0), *LIGHT)
        assert status == 0
        found.append([{k: v for k, v in r.items() if k != 'ms'} for r in rows(out)])
    assert found[0] == found[1] == found[2] and len(found[0]) == 5
    assert [float(r['stamp']) for r in found[0]] == pytest.approx(
        [1 + i * 0.04 for i in range(5)])
    status, _, err = track(bags[0], '--init', box_at(0), *LIGHT)
    assert status == 1 and 'name one, --topic; topics of images: /front, /rear' in err


@pytest.mark.exact
def test_sigterm_leaves_whole_results_and_rows_come_at_once(tmp_path):
    video = tmp_path / 'o.mp4'
    words = [sys.executable, '-m', 'lg_tracker_ros', 'track', str(VIDEO), *LIGHT, '--init',
             box_at(0)]
    with subprocess.Popen([*words, '--video', str(video)], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE) as run:
        first = [run.stdout.readline() for _ in range(4)]  # while it runs: not in one block
        run.terminate()
        rest, err = run.communicate(timeout=200)
    text = ''.join(first) + rest
    got = rows(text)
    assert run.returncode == 143 and 3 <= len(got) <= 160
    assert err == (f'lg_tracker_ros: ended by SIGTERM after {len(got)} frames, target visible in '
                   f'{sum_of(text)}\n')
    assert len(list(Source(str(video)))) == len(got)


def test_as_a_process_of_its_own(tmp_path):
    words = [sys.executable, '-m', 'lg_tracker_ros', 'track', str(VIDEO), '--start', '150', *LIGHT]
    done = subprocess.run([*words, '--init', box_at(150)], capture_output=True, text=True,
                          cwd=tmp_path, timeout=100, check=False)
    assert done.returncode == 0 and len(rows(done.stdout)) == 10
    assert done.stderr == f'10 frames, target visible in {sum_of(done.stdout)}\n'


def sum_of(text):
    """Count the rows with a visible target."""
    return sum(r['visible'] == '1' for r in rows(text))


@pytest.mark.exact
def test_ctrl_c_while_loading_prints_no_traceback(tmp_path):
    words = [sys.executable, '-X', 'importtime', '-m', 'lg_tracker_ros', 'eval', 'report',
             str(tmp_path)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as run:
        seen = next(line for line in run.stderr if 'lg_tracker_ros.types' in line)
        run.send_signal(signal.SIGINT)
        rest = run.communicate(timeout=200)[1]
    assert seen and run.returncode == -signal.SIGINT
    assert 'Traceback' not in rest and 'KeyboardInterrupt' not in rest


def test_a_reader_that_leaves_is_no_error(tmp_path):
    errors = tmp_path / 'errors'
    line = (f'"{sys.executable}" -m lg_tracker_ros track "{VIDEO}" --init {box_at(0)} '
            f'{" ".join(LIGHT)} 2>"{errors}" | head -2; echo ${{PIPESTATUS[0]}}')
    done = subprocess.run(['bash', '-c', line], capture_output=True, text=True, timeout=100,
                          check=True)
    head, first, status = done.stdout.splitlines()
    assert head == HEADER and first.startswith('0,0.000000,')
    assert status == '0'
    assert 'Traceback' not in errors.read_text() and 'Exception' not in errors.read_text()


def test_tracking_does_not_wait_for_what_only_reports_need():
    code = 'import sys, lg_tracker_ros.cli; print("matplotlib" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == 'False\n'
