"""``train ablation``: its studies, and what it refuses; that of Algorithm 1 is tried with that."""

import csv
from dataclasses import replace
from pathlib import Path

from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.experiments import ablation
from lg_tracker_ros.training.adversarial.algorithm1 import AdversarialTraining
from lg_tracker_ros.training.loop.checkpoints import read_run
from lg_tracker_ros.training.networks import tanet_lite
from lg_tracker_ros.training.samples.ring import Ring
import numpy as np
import pytest
import torch


@pytest.mark.usefixtures('one_thread')
def test_losses_of_one_and_of_several_queries_on_the_same_samples(tmp_path, capsys):
    """Table 3 of GlobalTrack, the paper's figures below ours."""
    fields = tanet_lite.fields(replace(tanet_lite.DEFAULTS, queries=2))
    for name, count in (('train', 4), ('held_out', 3)):
        ring = Ring(tmp_path / 'ring' / name, fields, count).attach()
        for n in range(count):
            rng = np.random.default_rng((count, n))
            ring.write(n, {**{name: rng.random(f.shape) * (255 if f.dtype == 'uint8' else 1)
                              for name, f in fields.items()},
                           'box': np.array([[40.0, 60, 80, 50]])})
    words = ['train', 'ablation', 'tanet_lite', '--study', 'queries', '--out', str(tmp_path),
             '--ring', str(tmp_path / 'ring'), '--seeds', '0', '--device', 'cpu',
             '--seconds', '1e-3']  # after a step
    for setting in ('batch=2', 'steps=9', 'capacity=4', 'held_out=3', 'queries=2'):
        words += ['--set', setting]
    assert main(words) == 0
    ours, theirs = capsys.readouterr().out.split('(the paper)')
    rows = list(csv.DictReader((tmp_path / 'queries.csv').open()))
    assert [(r['row'], r['steps']) for r in rows] == [('single-query', '1'), ('cross-query', '1')]
    one, many = (read_run(tmp_path / f'queries={n}/0/best.pt') for n in (1, 4))
    assert (one['config']['queries'], many['config']['queries']) == (1, 4)
    embed = 'heads.0.embed.weight'
    assert not torch.equal(one['state_dict'][embed], many['state_dict'][embed])
    assert '0.599' in theirs and '0.599' not in ours


def test_studies_share_their_runs(tmp_path):
    c = AdversarialTraining(4, 100, judged=3)
    folders = {study: {t.folder for t in ablation.trials(study, c, [0], tmp_path)}
               for study in ('losses', 'lambdas', 'inputs')}
    # Algorithm 1's pair, two more of each lambda alone, the five pairs of Fig. 7
    assert len(folders['losses']) == 4 and len(folders['lambdas']) == 1 + 5 + 5
    assert {Path(tmp_path / f'lambda_appearance={a},lambda_motion={m}/0') for a, m in (
        (0.1, 0.2), (0.3, 0.3), (0.5, 0.5), (0.7, 0.7), (0.9, 0.9))} < folders['lambdas']
    assert len(folders['losses'] & folders['lambdas']) == 1
    assert len(folders['losses'] & folders['inputs']) == 1
    assert Path(tmp_path / 'lambda_appearance=0.0,lambda_motion=0.0/0') in folders['inputs']


@pytest.mark.parametrize('words, message', [
    (['pixelwise'], '--study losses is for tanet and tanet_lite, whose settings are judged, '
     'lambda_appearance, lambda_motion; got pixelwise'),
    (['tanet_lite', '--study', 'frames'], '--study frames is for tanet, whose'),
    (['tanet', '--study', 'queries'], '--study queries is for tanet_lite and globaltrack_lite, '),
    (['tanet_lite', '--seconds', 'nan'], '--seconds must be above 0, got nan'),
    (['tanet_lite', '--set', 'seed=-1'], 'seed must be at least 0, got -1'),
    (['tanet_lite', '--set', 'held_out=2'], 'and --data is missing')])
def test_a_users_error_is_one_line(tmp_path, capsys, words, message):
    assert main(['train', 'ablation', *words, '--out', str(tmp_path)]) == 1
    line, = capsys.readouterr().err.splitlines()
    assert message in line
