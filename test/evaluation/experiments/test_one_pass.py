"""``eval run`` on the bundled clip: the form of its results, resuming, refusing."""

import csv
import json
import os
from pathlib import Path
import signal

import cv2
from helpers.clip import CLIP, DATA, shorter, truth
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.cli import main
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.evaluation.experiments import one_pass
from lg_tracker_ros.evaluation.experiments.records import read_labels, read_records
from lg_tracker_ros.evaluation.experiments.trackers import (
    folder_name,
    make_runner,
    peer_weights,
    settings_of,
)
from lg_tracker_ros.files import owned
from lg_tracker_ros.rows import COLUMNS, PLACE
from lg_tracker_ros.types import Box
import numpy as np
import pytest

LIGHT = 'opencv_kcf'


@pytest.fixture
def evaluate(capsys):
    """Run ``eval`` in this process; gives status, standard output and standard error."""
    def call(*words):
        capsys.readouterr()
        status = main(['eval', *map(str, words)])
        return status, *capsys.readouterr()
    return call


def read(path):
    """Read a file of results, a dictionary for each line."""
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.rounding
def test_results_are_in_the_columns_of_track_and_are_those_of_the_tracker(evaluate, tmp_path):
    data = shorter(tmp_path / 'data', 30)
    status, _, err = evaluate('run', '--data', data, '--trackers', f'{LIGHT},ncc+none',
                              '--out', tmp_path / 'out')
    assert status == 0 and err.splitlines()[-1] == f'2 of 2 results are in {tmp_path / "out"}'
    rows = read(tmp_path / 'out' / LIGHT / 'short.csv')
    assert tuple(rows[0]) == (*COLUMNS, *PLACE)
    assert [int(r['frame']) for r in rows] == list(range(30))
    runner = make_runner(LIGHT)
    played = read_dataset(data)[0].frames()
    runner.init(next(played), Box(*truth()[0]))
    for row, frame in zip(rows[1:], played):
        track = runner.step(frame)
        assert int(row['visible']) == track.visible
        if track.box:
            assert iou(Box(*(float(row[c]) for c in 'xywh')), track.box) > 0.99
    record = read_records(tmp_path / 'out')['ncc+none']['short']
    assert record.made['settings']['tracker'] == 'ncc' and record.made['settings']['threads'] == 1
    assert 'efficientnet_lite0.safetensors' in record.made['weights']
    assert np.nanmin(record.stages['local']) > 0


def test_a_peer_under_our_search_takes_the_same_files(evaluate, tmp_path):
    if not hasattr(cv2, 'TrackerNano_create'):
        pytest.skip('this OpenCV has no TrackerNano_create')
    published = pytest.importorskip('helpers.published', reason='needs onnx')
    folder = tmp_path / 'peers'
    folder.mkdir()
    published.write('opencv_nano', folder)
    status, _, err = evaluate('run', '--data', shorter(tmp_path / 'data', 3), '--trackers',
                              'opencv_nano,opencv_nano+none', '--peers', folder,
                              '--out', tmp_path / 'out')
    assert status == 0 and err.splitlines()[-1] == f'2 of 2 results are in {tmp_path / "out"}'


def test_what_is_there_is_not_done_again(evaluate, tmp_path):
    data = shorter(tmp_path / 'data', 12)
    words = ('run', '--data', data, '--trackers', LIGHT, '--out', tmp_path / 'out')
    assert evaluate(*words)[0] == 0
    path = tmp_path / 'out' / LIGHT / 'short.csv'
    before = path.stat().st_mtime_ns
    _, _, err = evaluate(*words)
    assert '1 of 1 are done already' in err and path.stat().st_mtime_ns == before
    path.unlink()  # an interrupted run leaves no lines, at most the sidecar
    assert evaluate(*words)[0] == 0 and len(read(path)) == 12


@pytest.mark.parametrize('name, words, status', [
    ('SIGTERM', (), 143), ('SIGHUP', (), 129), ('SIGINT', ('--again',), 130)])
def test_a_signal_ends_it_with_a_line_and_the_same_command_goes_on(
        name, words, status, evaluate, tmp_path, monkeypatch):
    command = ('run', '--data', shorter(tmp_path / 'data', 4), '--out', tmp_path / 'out',
               '--trackers', f'{LIGHT},ncc+none')
    follow = one_pass.follow

    def ended(job):
        if job.tracker != LIGHT:
            os.kill(os.getpid(), getattr(signal, name))
        return follow(job)
    # a shell that starts tests in the background has them ignore Ctrl-C
    monkeypatch.setattr(one_pass, 'follow', ended)
    before = {n: signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGHUP)}
    try:
        again = 'without --again ' if words else ''
        assert evaluate(*command, *words) == (
            status, '', f'lg_tracker_ros: ended by {name} after 1 of 2 jobs; {again}the same '
            'command goes on from there\n')
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    monkeypatch.undo()
    status, _, err = evaluate(*command)
    assert status == 0 and err.startswith('1 of 2 are done already\n')


def test_a_second_run_into_the_same_folder_is_told(evaluate, tmp_path):
    data, out = shorter(tmp_path / 'data', 4), tmp_path / 'out'
    with owned(out):  # as another process would
        status, _, err = evaluate('run', '--data', data, '--trackers', LIGHT, '--out', out)
        assert status == 1 and f'{out} is being written by process {os.getpid()}; wait' in err
        assert [p.name for p in out.iterdir()] == ['.owner']
    assert evaluate('run', '--data', data, '--trackers', LIGHT, '--out', out)[0] == 0


def test_results_of_other_settings_are_not_mixed_in(evaluate, tmp_path):
    data = shorter(tmp_path / 'data', 5)
    words = ('run', '--data', data, '--out', tmp_path / 'out', '--trackers')
    (tmp_path / 'robot.yaml').write_text('tracker: ncc\nredetector: none\nbeta1: 0.7\n')
    assert evaluate(*words, tmp_path / 'robot.yaml')[0] == 0
    assert read(tmp_path / 'out' / 'robot' / 'short.csv')
    (tmp_path / 'robot.yaml').write_text('tracker: ncc\nredetector: none\nbeta1: 0.9\n')
    status, _, err = evaluate(*words, tmp_path / 'robot.yaml')
    assert status == 1 and 'was made with other settings; use another --out, or --again' in err
    assert evaluate(*words, tmp_path / 'robot.yaml', '--again')[0] == 0


def test_results_of_other_images_are_not_mixed_in(evaluate, tmp_path):
    words = ('run', '--out', tmp_path / 'out', '--trackers', LIGHT, '--data')
    one, moved = shorter(tmp_path / 'one', 4), tmp_path / 'moved'
    other = shorter(tmp_path / 'other', 4)
    last = other / 'short' / 'images' / '0003.png'
    cv2.imwrite(str(last), cv2.blur(cv2.imread(str(last)), (9, 9)))
    assert evaluate(*words, one)[0] == 0
    one.rename(moved)
    assert evaluate(*words, moved)[2].startswith('1 of 1 are done already\n')
    status, _, err = evaluate(*words, other)
    assert status == 1 and 'was made with other images; use another --out, or --again' in err


def test_a_run_begins_with_the_first_box(evaluate, tmp_path):
    lines = ['nan,nan,nan,nan'] * 4 + (CLIP / 'groundtruth.txt').read_text().splitlines()[4:9]
    data = shorter(tmp_path / 'data', 9, lines=lines)
    assert evaluate('run', '--data', data, '--trackers', LIGHT, '--out', tmp_path / 'out')[0] == 0
    rows = read(tmp_path / 'out' / LIGHT / 'short.csv')
    assert [int(r['frame']) for r in rows] == [4, 5, 6, 7, 8]
    assert float(rows[0]['x']) == pytest.approx(truth()[4][0], abs=0.01)
    record = read_records(tmp_path / 'out')[LIGHT]['short']
    assert not record.claimed[:4].any() and record.labels.start == 4


@pytest.mark.parametrize('jobs', [1, 2])
def test_one_bad_sequence_leaves_the_others(evaluate, tmp_path, jobs):
    data = shorter(shorter(tmp_path / 'data', 8), 8, 'bad')
    broken = data / 'bad' / 'images' / '0004.png'
    broken.write_text('no image')
    status, _, err = evaluate('run', '--data', data, '--trackers', LIGHT, '--out',
                              tmp_path / 'out', '--jobs', jobs)
    assert status == 1 and f'{LIGHT} on bad: {broken} cannot be read as an image' in err
    assert err.splitlines()[-1].startswith('1 of 2 results')
    assert len(read(tmp_path / 'out' / LIGHT / 'short.csv')) == 8
    assert not (tmp_path / 'out' / LIGHT / 'bad.csv').exists()


def test_two_processes_give_what_one_gives(evaluate, tmp_path):
    data = shorter(shorter(tmp_path / 'data', 15), 10, 'shorter')
    for jobs in (1, 2):
        assert evaluate('run', '--data', data, '--trackers', f'{LIGHT},ncc+none', '--out',
                        tmp_path / str(jobs), '--jobs', jobs)[0] == 0
    one, two = (read_records(tmp_path / j) for j in '12')
    for tracker in (LIGHT, 'ncc+none'):
        assert one[tracker].keys() == two[tracker].keys() == {'short', 'shorter'}
        for name, record in one[tracker].items():
            np.testing.assert_array_equal(record.boxes, two[tracker][name].boxes)
            np.testing.assert_array_equal(record.confidence, two[tracker][name].confidence)


def test_protocols_are_never_mixed(evaluate, tmp_path):
    plain, other = shorter(tmp_path / 'plain', 5), shorter(tmp_path / 'other', 5, 'gone')
    (other / 'gone' / 'protocol.json').write_text('{"protocol": "absent"}')
    assert evaluate('run', '--data', plain, '--trackers', LIGHT, '--out', tmp_path / 'out')[0] == 0
    status, _, err = evaluate('run', '--data', other, '--trackers', LIGHT, '--out',
                              tmp_path / 'out')
    assert status == 1 and 'protocols absent and plain; give each its own --out' in err


def test_what_the_weights_were_trained_on_is_left_out_or_marked(evaluate, tmp_path):
    data = shorter(tmp_path / 'data', 5, 'V_BIRD_024')
    words = ('run', '--data', data, '--trackers', f'pixelwise+none,{LIGHT}', '--out')
    status, _, err = evaluate(*words, tmp_path / 'a')
    assert status == 0 and 'V_BIRD_024 is left out for pixelwise+none' in err
    assert set(read_records(tmp_path / 'a')) == {LIGHT}
    assert evaluate(*words, tmp_path / 'b', '--seen')[0] == 0
    assert set(read_records(tmp_path / 'b')) == {LIGHT, 'pixelwise+none'}
    assert read_labels(tmp_path / 'b')['V_BIRD_024'].marks == (
        'pixelwise+none was trained on it',)


@pytest.mark.parametrize(('words', 'said'), [
    (('--trackers', 'nonsense'), "unknown tracker 'nonsense'; expected 'default'"),
    (('--trackers', 'ncc+none, nonsense'), "unknown tracker 'nonsense'; expected"),
    (('--trackers', 'pixelwise'), 'expected a re-detector behind it, as pixelwise+none'),
    (('--trackers', 'pixelwise+tanet_light'), 'did you mean tanet_lite'),
    (('--trackers', 'pixelwize+none'), 'did you mean pixelwise?'),
    (('--trackers', 'pixelwise+tanet'), 'tanet.safetensors; name yours in `tracker_weights`'),
    (('--trackers', 'default,default'), 'each tracker must be named once'),
    (('--trackers', 'default@beta1=2'), 'beta1 must be in 0.01..1, got 2'),
    (('--trackers', 'default@beta9=2'), "'beta9=2': unknown parameter 'beta9'; did you mean beta"),
    (('--trackers', 'opencv_nano', '--peers', '/nowhere'), 'opencv_nano needs in '),
    (('--trackers', 'opencv_nano'), 'needs its ONNX files: name their folder with --peers'),
    (('--trackers', ','), 'nothing is named to be run; expected names as A,B'),
    (('--only', 'man'), 'man'),
    (('--jobs', '0'), '--jobs must be at least 1, got 0'),
])
def test_a_wrong_word_is_one_line(evaluate, tmp_path, words, said):
    status, out, err = evaluate('run', '--data', DATA, '--out', tmp_path / 'out', *words)
    assert status == 1 and out == ''
    assert said in err and len(err.strip().splitlines()) == 1
    assert not (tmp_path / 'out').exists()


def test_results_are_not_written_into_the_data_set(evaluate, tmp_path):
    (tmp_path / 'link').symlink_to(tmp_path)
    status, _, err = evaluate('run', '--data', tmp_path / 'link', '--out', tmp_path)
    assert status == 1 and 'is the data set; give results an --out of their own' in err
    assert [p.name for p in tmp_path.iterdir()] == ['link']


def test_names_stand_for_what_they_say(tmp_path):
    assert settings_of('default').redetector == 'tanet_lite'
    assert settings_of('ncc+correlation').tracker == 'ncc'
    assert settings_of('default@beta1=0.7@threads=2').threads == 2
    assert settings_of('opencv_mil+tanet_lite@max_candidates=3').max_candidates == 3
    assert folder_name('/some/robot.yaml@beta1=0.7') == 'robot@beta1=0.7'
    long = 'ncc+none@tracker_weights='
    assert folder_name(f'{long}/tmp/a.pt') == f'{long}_tmp_a.pt'
    (tmp_path / 'v2').mkdir()
    for name in ('nano_backbone.onnx', 'nano_head.onnx'):
        (tmp_path / 'v2' / name).touch()
    assert peer_weights('opencv_nano', tmp_path) == str(tmp_path / 'v2')
    assert peer_weights('opencv_csrt', tmp_path) == ''


def test_the_sidecar_says_how_it_was_made(evaluate, tmp_path):
    data = shorter(tmp_path / 'data', 4)
    assert evaluate('run', '--data', data, '--trackers', LIGHT, '--out', tmp_path / 'out')[0] == 0
    made = json.loads((tmp_path / 'out' / LIGHT / 'short.json').read_text())
    assert made['settings'] == {'peer': LIGHT} and made['weights'] == {}
    assert made['commit'] and made['machine']['cpu'] and Path(DATA).is_dir()
