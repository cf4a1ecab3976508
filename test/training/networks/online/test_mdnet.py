"""MDNet's offline training: what is drawn, what each domain's layer learns, the command."""

from dataclasses import replace

import cv2
from helpers.clip import first_box, frames, truth
from helpers.vggm import shared, write_pth
from lg_tracker_ros.cli import main
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local.mdnet import published
from lg_tracker_ros.local.mdnet.samples import overlaps
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import Clip, held_out
from lg_tracker_ros.training.networks.online import mdnet
from lg_tracker_ros.training.networks.validation import area_under_roc
from lg_tracker_ros.types import Box, Region
import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

TINY = mdnet.MultiDomain(batch=2, steps=2, domains=3, positives=2, negatives=3)


def clip(name, count=6):
    """Take the first frames of the clip as a labelled video."""
    images = [cv2.imencode('.png', f.image)[1].tobytes() for f in frames(count)]
    return Clip(name, images, tuple(Box(*row) for row in truth()[:count]))


@pytest.mark.exact
def test_boxes_overlap_as_in_use_and_a_sample_says_its_domain():
    rng, box = np.random.default_rng(0), first_box()
    there, away = mdnet.drawn(rng, box, replace(TINY, positives=40, negatives=60))
    assert len(there) == 40 and overlaps(there, box).min() >= 0.7
    assert len(away) == 60 and overlaps(away, box).max() <= 0.5
    sample = mdnet.make_sampler(Material(clips=[clip('a'), clip('b')]), TINY)
    found = [sample(np.random.default_rng(i)) for i in range(8)]
    assert {int(s['domain']) for s in found} == {0, 1}
    assert all(s[k].shape == f.shape and s[k].dtype == f.dtype
               for s in found for k, f in mdnet.fields(TINY).items())


@pytest.mark.exact
@pytest.mark.parametrize('count, words', [(0, 'has 0; add some'), (4, 'has 4; --set domains=4')])
def test_as_many_videos_as_there_are_last_layers(count, words):
    with pytest.raises(ValueError, match=f'1 to 3 labelled videos, --data {words}'):
        mdnet.make_sampler(Material(clips=[clip(str(i)) for i in range(count)]), TINY)


def batch(domains=(2, 0)):
    """Draw pixels of two frames."""
    chance = torch.Generator().manual_seed(0)
    return {'domain': torch.tensor(domains, dtype=torch.int32), **{
        k: torch.randint(0, 256, (2, n, 3, 107, 107), generator=chance, dtype=torch.uint8)
        for k, n in (('positives', 2), ('negatives', 3))}}


def test_each_domain_is_judged_by_its_own_layer_and_targets_by_all():
    torch.manual_seed(0)
    model = mdnet.Model(replace(TINY, embedding=0.1)).eval()
    b = batch()
    loss, parts = mdnet.losses(model, b, 0)
    binary, among = [], []
    for i, own in enumerate(b['domain'].tolist()):
        for kind, label in (('positives', 1), ('negatives', 0)):
            x = model.features(b[kind][i])
            logits = x @ model.branches[own].T + model.offsets[own]
            binary += [F.cross_entropy(row[None], torch.tensor([label])) for row in logits]
            if label:
                targets = torch.stack([x @ w[1] + o[1] for w, o in zip(model.branches,
                                                                       model.offsets)], 1)
                among += [F.cross_entropy(row[None], torch.tensor([own])) for row in targets]
    wanted = [torch.stack(v).mean() for v in (binary, among)]
    torch.testing.assert_close([parts['binary'], parts['embedding']], wanted)
    torch.testing.assert_close(loss, wanted[0] + 0.1 * wanted[1])
    loss.backward()
    assert model.branches.grad[1, 0].abs().max() == 0 < model.branches.grad[2, 0].abs().max()
    assert model.branches.grad[1, 1].abs().max() > 0, 'its targets are among the others'


def test_features_are_judged_by_a_new_layer_on_other_frames():
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(60, 8, generator=chance, dtype=torch.double)
    y = torch.where(x[:, 2] > 0.3, 1.0, -1.0).double()
    said = mdnet.told_apart(x[:40], y[:40], x[40:])
    area = area_under_roc(said[y[40:] > 0].numpy(), said[y[40:] < 0].numpy())
    assert area > 0.95
    # the same whatever the units of the features
    torch.testing.assert_close(mdnet.told_apart(1e3 * x[:40], y[:40], 1e3 * x[40:]), said)


def test_it_begins_with_the_files_convolutions(tmp_path):
    net = shared()
    path = write_pth(tmp_path / 'vgg.pth', net)
    made = mdnet.Model(replace(TINY, convolutions=str(path))).net.state_dict()
    state = net.state_dict()
    assert all(torch.equal(v, state[k]) == k.startswith('conv') for k, v in made.items())
    with pytest.raises(ValueError, match=r'weights to begin with: .*nowhere'):
        mdnet.Model(replace(TINY, convolutions=str(tmp_path / 'nowhere.mat')))


def test_the_command_learns_from_videos_alone_and_the_tracker_takes_what_it_gives(tmp_path):
    """GOT-10k's layout: two videos to learn from, one that is held out by its name."""
    names = [f'GOT-10k_Train_{i:06}' for i in range(1, 100)]
    mine = [n for n in names if not held_out(n)][:2] + [n for n in names if held_out(n)][:1]
    for name in mine:
        folder = tmp_path / 'data/train' / name
        folder.mkdir(parents=True)
        for i, frame in enumerate(frames(6), 1):
            cv2.imwrite(str(folder / f'{i:08}.jpg'), frame.image)
        np.savetxt(folder / 'groundtruth.txt', truth()[:6], '%.4f', ',')
        (folder / 'absence.label').write_text('0\n' * 6)
    (tmp_path / 'data/train/list.txt').write_text('\n'.join(mine) + '\n')
    settings = {'batch': 2, 'steps': 2, 'warmup': 2, 'capacity': 4, 'held_out': 4,
                'validate_every': 2, 'domains': 2, 'positives': 2, 'negatives': 3,
                'embedding': 0.1}
    assert main(['train', 'fit', 'mdnet', '--data', str(tmp_path / 'data'), '--out',
                 str(tmp_path / 'run'), '--device', 'cpu', *(
                     w for k, v in settings.items() for w in ('--set', f'{k}={v}'))]) == 0
    path = tmp_path / 'run' / 'best.pt'
    schedule = replace(published.MDNET, candidates=6, first_positives=5, first_negatives=8,
                       first_iterations=1, batch_positives=2, batch_negatives=2, mined=4,
                       regression=0, whole=0.0)
    tracker = published.build_mdnet(path, EngineConfig('cpu', 'torch', threads=1), schedule)
    frame = frames(1)[0]
    tracker.init(frame, first_box())
    assert 0 <= tracker.track(frame, [Region(first_box())])[0].score <= 1
    head = tracker._classifier.head.layers
    assert head[0].weight.shape == (512, 4608) and head[1].weight.shape == (512, 512)
