"""What a benchmark's own evaluation reads of our submissions."""

import argparse
import csv
from dataclasses import replace
import json
import zipfile

import cv2
from helpers.clip import frames, truth
from helpers.data_sets import oxuva
from lg_tracker_ros.datasets.readers import READERS
from lg_tracker_ros.evaluation.exchange import submissions
from lg_tracker_ros.evaluation.experiments.records import COLUMNS
from lg_tracker_ros.evaluation.metrics.record import Labels, Record
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
import numpy as np
import pytest

NAMES = ('GOT-10k_Val_000001', 'GOT-10k_Val_000002')
LENGTHS = (6, 9)


def record(name='one', first=0, n=6):
    """Make a record of real labels, moved by a pixel each way; frames 2 and 3 are not claimed."""
    labels = Labels(name, truth()[first:first + n], np.zeros(n, bool))
    boxes = labels.truth + np.array([1, -1, 0, 0])
    boxes[0] = labels.truth[0]
    boxes[2:4] = np.nan
    ms = np.arange(1, n + 1) * 10.0
    return Record('ours', labels, boxes, np.ones(n), np.full(n, 'LOCAL'), ms)


def reported(r):
    """Return the boxes of a record as a submission has them: 1 again in 2 and 3."""
    return r.boxes[[0, 1, 1, 1, *range(4, len(r.boxes))]]


ONE_BASED = reported(record()) + np.array([1, 1, 0, 0])


def test_frames_without_a_box_repeat_the_last_one():
    r = record()
    np.testing.assert_array_equal(submissions.every_frame(r), reported(r))


def test_a_run_that_begins_late_is_refused():
    r = record()
    r.boxes[0] = np.nan
    with pytest.raises(ValueError, match='one: the target has no box in frame 0'):
        submissions.every_frame(r)


@pytest.fixture
def got10k_val(tmp_path):
    """Make two sequences as GOT-10k's val split lies on disk."""
    for name, n in zip(NAMES, LENGTHS):
        images = frames(n)
        folder = tmp_path / 'data' / 'val' / name
        folder.mkdir(parents=True)
        for i, frame in enumerate(images, 1):
            cv2.imwrite(str(folder / f'{i:08d}.jpg'), frame.image)
        h, w = images[0].image.shape[:2]
        np.savetxt(folder / 'groundtruth.txt', truth()[:n], fmt='%.4f', delimiter=',')
        (folder / 'meta_info.ini').write_text(f'[METAINFO]\nresolution: ({w}, {h})\n')
        (folder / 'absence.label').write_text('0\n' * n)
        (folder / 'cut_by_image.label').write_text('0\n' * n)
        (folder / 'cover.label').write_text('8\n' * n)
    (tmp_path / 'data' / 'val' / 'list.txt').write_text('\n'.join(NAMES) + '\n')
    return tmp_path


def test_the_got10k_toolkit_scores_our_files(got10k_val, monkeypatch):
    experiments = pytest.importorskip(
        'got10k.experiments', reason='got10k (an extra) is not installed')
    monkeypatch.setenv('MPLBACKEND', 'agg')
    records = {name: record(name, n=n) for name, n in zip(NAMES, LENGTHS)}
    files = submissions.write_got10k(got10k_val / 'results' / 'GOT-10k', records)
    assert len(files) == 5
    experiment = experiments.ExperimentGOT10k(
        str(got10k_val / 'data'), subset='val', result_dir=str(got10k_val / 'results'),
        report_dir=str(got10k_val / 'reports'))
    found = experiment.report(['ours'])['ours']['overall']
    # its AO is the mean overlap of all frames but the first of each, a box in every one
    whole = {name: replace(r, boxes=reported(r)) for name, r in records.items()}
    ours = tracker_metrics(whole)['mean']
    assert found['ao'] == pytest.approx(ours['ao_pooled'], abs=1e-4)
    assert found['sr'] == ours['sr_50_pooled'] and abs(ours['ao'] - ours['ao_pooled']) > 1e-3
    # its speed is the mean of the frames' rates
    rates = np.concatenate([1e3 / r.ms for r in records.values()])
    assert found['speed_fps'] == pytest.approx(rates.mean(), rel=1e-6)


def test_our_got10k_archive_holds_what_the_toolkit_packs(tmp_path):
    experiments = pytest.importorskip(
        'got10k.utils.ioutils', reason='got10k (an extra) is not installed')
    records = {name: record(name) for name in NAMES}
    *_, ours = submissions.write_got10k(tmp_path, records)
    theirs = tmp_path / 'theirs'
    experiments.compress(str(tmp_path / 'ours'), str(theirs))
    packed = {p.filename for p in zipfile.ZipFile(f'{theirs}.zip').infolist() if not p.is_dir()}
    with zipfile.ZipFile(ours) as archive:
        assert set(archive.namelist()) == packed
        assert sorted(archive.namelist()) == sorted(
            f'{name}/{name}_{end}.txt' for name in NAMES for end in ('001', 'time'))
    before = ours.read_bytes()
    submissions.write_got10k(tmp_path, records)
    assert ours.read_bytes() == before


def test_trackingnet_files_are_flat_in_the_archive(tmp_path):
    *files, archive = submissions.write_trackingnet(
        tmp_path, {'a_0': record('a_0'), 'b_1': record('b_1', 10)})
    assert [f.relative_to(tmp_path).as_posix() for f in files] == ['ours/a_0.txt', 'ours/b_1.txt']
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == ['a_0.txt', 'b_1.txt']
        rows = np.loadtxt(packed.read('b_1.txt').decode().splitlines(), delimiter=',')
    np.testing.assert_allclose(rows, reported(record('b_1', 10)), atol=0.005)


def test_lasot_files_are_one_based(tmp_path):
    file, = submissions.write_lasot(tmp_path, {'dog-1': record('dog-1')})
    assert file == tmp_path / 'ours_tracking_result' / 'dog-1.txt'
    rows = np.loadtxt(file, delimiter=',')
    np.testing.assert_allclose(rows, ONE_BASED, atol=0.005)


def test_two_trackers_are_no_submission(tmp_path):
    other = record('two')
    other = Record('theirs', other.labels, other.boxes, other.confidence, other.mode, other.ms)
    with pytest.raises(ValueError, match=r"one tracker, got \['ours', 'theirs'\]"):
        submissions.write_lasot(tmp_path, {'one': record(), 'two': other})


@pytest.fixture
def out(tmp_path):
    """Make what `eval run` leaves of one tracker over two sequences."""
    labels = {}
    (tmp_path / 'ours').mkdir()
    for name in ('one', 'two'):
        r = record(name)
        labels[name] = {
            'truth': r.labels.truth.tolist(), 'absent': [], 'attributes': [], 'source': '',
            'protocol': 'plain', 'path': '', 'marks': []}
        with open(tmp_path / 'ours' / f'{name}.csv', 'w', newline='') as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for i, box in enumerate(r.boxes):
                rows.writerow([i, 0, *box, 1, int(r.claimed[i]), 'LOCAL', r.ms[i]])
    (tmp_path / 'dataset.json').write_text(json.dumps(labels))
    return tmp_path


def submit(out, tracker='ours', to='to'):
    parser = argparse.ArgumentParser()
    submissions.add_arguments(parser)
    return submissions.run(parser.parse_args(
        [str(out), '--format', 'lasot', '--tracker', tracker, '--to', str(out / to)]))


def test_submit_reads_a_run(out, capsys):
    assert submit(out) == 0
    last = out / 'to' / 'ours_tracking_result' / 'two.txt'
    assert capsys.readouterr().out == f'2 files, the last {last}\n'
    np.testing.assert_allclose(np.loadtxt(last, delimiter=','), ONE_BASED, atol=0.005)


def test_submit_refuses_an_unfinished_run(out):
    (out / 'ours' / 'two.csv').unlink()
    with pytest.raises(ValueError, match='lacks 1 of 2 sequences, such as two; finish it'):
        submit(out)


def test_submit_refuses_other_frames_and_other_first_boxes(out):
    made = out / 'ours' / 'two.json'
    made.write_text('{"jitter": 3}')
    with pytest.raises(ValueError, match=r'two\.csv was made with --jitter, and a '):
        submit(out)
    made.unlink()
    labels = json.loads((out / 'dataset.json').read_text())
    labels['one']['every'] = 2
    (out / 'dataset.json').write_text(json.dumps(labels))
    with pytest.raises(ValueError, match=r'one\.csv was made with --every, and a '):
        submit(out)
    assert not (out / 'to').exists()


def test_submit_writes_nothing_among_the_results(out):
    with pytest.raises(ValueError, match='holds the results themselves; give another folder'):
        submit(out, to='.')
    assert sorted(p.name for p in out.iterdir()) == ['dataset.json', 'ours']


def test_submit_names_the_trackers_that_are_there(out):
    with pytest.raises(ValueError, match="no results of 'default'; there are: ours"):
        submit(out, 'default')


def test_oxuva_wants_presence_and_shares_of_the_image(tmp_path):
    """As its own program writes a tracker's results: the first frame is given and left out."""
    root = oxuva(tmp_path / 'data')
    dev, test = READERS['oxuva'](root)
    records = {}
    for s in (dev, test):
        labels = Labels(s.name, s.truth, s.absent, path=str(s.images[0].parent))
        n = len(s.truth)
        boxes = np.tile([15.0, 1, 10, 5], (n, 1))  # it sticks out of the image, 20 x 10
        boxes[2] = np.nan
        records[s.name] = Record('ours', labels, boxes, np.full(n, .75), np.full(n, 'LOCAL'),
                                 np.ones(n))
    *files, archive = submissions.write_oxuva(tmp_path / 'out', records)
    assert [p.name for p in files] == ['vid0001_obj0000.csv', 'vid0002_obj0001.csv']
    assert files[0].read_text().splitlines() == [
        'vid0001,obj0000,3,true,0.750000,0.750000,1.000000,0.100000,0.600000',
        'vid0001,obj0000,4,false,0.750000,0.000000,0.000000,0.000000,0.000000',
        'vid0001,obj0000,5,true,0.750000,0.750000,1.000000,0.100000,0.600000',
        'vid0001,obj0000,6,true,0.750000,0.750000,1.000000,0.100000,0.600000']
    assert [line.split(',')[2] for line in files[1].read_text().splitlines()] == ['1', '2']
    assert zipfile.ZipFile(archive).namelist() == [p.name for p in files]
    other = replace(records[test.name], boxes=records[test.name].boxes[:2])
    with pytest.raises(ValueError, match='vid0002_obj0001 is no sequence of OxUvA in '):
        submissions.write_oxuva(tmp_path / 'out', {test.name: other})
