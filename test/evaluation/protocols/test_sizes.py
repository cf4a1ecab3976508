"""``eval sizes``: what re-detectors are asked, what is kept, and the table."""

import argparse
from pathlib import Path
import shutil

from helpers.masked import COLOURS, davis
from lg_tracker_ros.checkpoint import FOLDER as SHIPPED
from lg_tracker_ros.evaluation.protocols import sizes
from lg_tracker_ros.evaluation.protocols.pasted import Later, Scene
from lg_tracker_ros.types import Box, Frame, Proposals
import numpy as np
import pytest

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]


class Stub:
    """A Redetector that notes what it is asked and says what it is told."""

    history = 2

    def __init__(self, boxes):
        self.boxes, self.asked = boxes, []

    def init(self, frame, box):
        self.asked.append(('init', frame, box))

    def propose(self, clip, size, k):
        self.asked.append((clip, size, k))
        return Proposals(self.boxes)


@pytest.mark.exact
def test_it_is_told_the_first_size_and_its_proposals_are_ranked():
    frames = [Frame(np.zeros((48, 64, 3), np.uint8), i) for i in range(3)]
    scene = Scene(frames[0], Box(0, 0, 8, 4), (
        Later(1.0, frames[1], Box(40, 20, 8, 4)), Later(2.0, frames[2], Box(10, 30, 16, 8))))
    stub = Stub([Box(0, 0, 8, 4), Box(12, 30, 8, 4), Box(39, 19, 8, 4)])
    assert sizes.ask(stub, scene, 5) == [
        ['5', '1', '40', '20', '8', '4', '3'], ['5', '2', '10', '30', '16', '8', '2']]
    assert stub.asked == [('init', frames[0], scene.box), ([frames[1]], (8, 4), 10),
                          ([frames[2]], (8, 4), 10)]


@pytest.mark.exact
def test_recall_by_hand(tmp_path):
    path = tmp_path / '8px.csv'
    rows = [(1, 1), (2, 0), (1, 3), (0.5, 2), (1, 4), (2, 10), (1, 0), (0.5, 1)]
    path.write_text('\n'.join(map(','.join, [sizes.COLUMNS, *(
        ('0', str(factor), '0', '0', '8', '8', str(rank)) for factor, rank in rows)])))
    assert sizes.recall(path) == [1 / 4, 2 / 4, 3 / 4, 1 / 4, 2 / 4, 3 / 4]
    path.write_text('a,b\n1,2\n')
    with pytest.raises(ValueError, match=r'8px\.csv .*results of `eval sizes`'):
        sizes.recall(path)


def run(*words):
    """Run the command."""
    parser = argparse.ArgumentParser()
    sizes.add_arguments(parser)
    return sizes.run(parser.parse_args(list(map(str, words))))


def test_several_weights_of_one_redetector_see_the_same_scenes(tmp_path, capsys):
    names = []
    for copy in ('a', 'b'):
        (tmp_path / copy).mkdir()
        shutil.copy(SHIPPED / 'tanet_lite.safetensors', tmp_path / copy / 'best.safetensors')
        names.append(f'tanet_lite@redetector_weights={tmp_path / copy / "best.safetensors"}')
    words = ['--data', davis(tmp_path / 'davis'), '--out', tmp_path / 'out', '--sizes', '12,48',
             '--trials', '2', '--redetectors', ','.join(names)]
    assert run(*words) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert [c.strip() for c in head.split('|')[2:-1]] == [
        'px', 'R@1', 'R@3', 'R@10', '×2: R@1', '×2: R@3', '×2: R@10']
    cells = [[c.strip() for c in row.split('|')[1:-1]] for row in rows]
    assert [c[1] for c in cells] == ['12', '12', '48', '48']
    assert cells[0][2:] == cells[1][2:] and cells[2][2:] == cells[3][2:]
    assert cells[0][0] != cells[1][0] and {c[0][-18:] for c in cells} == {
        'a_best.safetensors', 'b_best.safetensors'}
    assert float(cells[2][3]) >= 0.5, 'plain colours over grey, 48 px'
    files = sorted((tmp_path / 'out').rglob('12px.csv'))
    assert len(files) == 2 and files[0].read_text() == files[1].read_text()
    assert (tmp_path / 'out/_sizes/sizes.md').is_file()
    before = files[0].stat().st_mtime_ns
    assert run(*words) == 0
    assert files[0].stat().st_mtime_ns == before, 'done is not done again'
    with pytest.raises(ValueError, match='made with other settings; use another --out'):
        run(*words, '--seed', '1')


@pytest.mark.exact
@pytest.mark.parametrize('words, said', [
    (['--sizes', '4,8'], '--sizes must be whole numbers of at least 6, each once, times --change '
                         'at most 240, got .4,8.'),
    (['--sizes', '8,200'], 'times --change at most 240'), (['--sizes', '8.5'], 'whole numbers'),
    (['--sizes', '8,8'], 'each once'), (['--change', '1'], 'must be more than 1'),
    (['--change', 'nan'], '--change must be at least 1, got nan'),
    (['--trials', '0'], '--trials must be at least 1, got 0'),
    (['--redetectors', 'none'], "unknown re-detector 'none'"),
    ([], 'scenes need three videos or more, with masks .*--data has 2')])
def test_errors_in_one_line(tmp_path, words, said):
    two = dict(list(COLOURS.items())[:2 if not words else 3])
    with pytest.raises(ValueError, match=said) as caught:
        run('--data', davis(tmp_path / 'davis', two), '--out', tmp_path / 'out', *words)
    assert '\n' not in str(caught.value)
    assert not Path(tmp_path / 'out').exists()
