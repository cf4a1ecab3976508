"""What TANet's training may begin with, how much of a clip it sees, and the authors' judges."""

from dataclasses import replace

from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.redetect.c3d import C3D
from lg_tracker_ros.redetect.tanet_net import ResNet18
from lg_tracker_ros.training.adversarial.algorithm1 import Adversarial
from lg_tracker_ros.training.adversarial.discriminators import (
    AppearanceDiscriminator,
    MotionDiscriminator,
)
from lg_tracker_ros.training.loop.checkpoints import set_values
from lg_tracker_ros.training.networks import tanet
import pytest
import torch
import torch.nn.functional as F

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

SIDE = 112
ALONE = replace(tanet.DEFAULTS, lambda_appearance=0.0, lambda_motion=0.0)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Write ResNet-18 as torchvision has it, and C3D as published, with their classifiers."""
    folder = tmp_path_factory.mktemp('published')
    torch.manual_seed(5)
    found = {}
    for name, net, rest in (
            ('resnet18.pth', ResNet18(), {'fc.weight': (1000, 512), 'fc.bias': (1000,)}),
            ('c3d.pickle', C3D(), {'fc6.weight': (4, 8), 'fc7.bias': (4,), 'fc8.bias': (487,)})):
        state = net.state_dict()
        torch.save({**state, **{k: torch.ones(s) for k, s in rest.items()}}, folder / name)
        found[name.partition('.')[0]] = folder / name, state
    return found


def test_training_begins_with_published_weights(files):
    (encoder, encoder_state), (motion, motion_state) = files['resnet18'], files['c3d']
    settings = [f'encoder={encoder}', f'motion={motion}', 'lambda_appearance=0']
    model = tanet.make_model(set_values(tanet.DEFAULTS, settings))
    for part, state in ((model.generator.encoder, encoder_state),
                        (model.generator.motionModel, motion_state)):
        assert all(torch.equal(v, state[k]) for k, v in part.state_dict().items())
    judge = model.discriminators['motion'].state_dict()
    assert all(torch.equal(judge[k], v) for k, v in motion_state.items())
    assert judge.keys() - motion_state.keys() == {
        f'{name}.{kind}' for name in ('conv6', 'fc7', 'fc8') for kind in ('weight', 'bias')}


@pytest.mark.parametrize('setting, words', [
    ('encoder=/no/such.pth', 'weights to begin with: no file of weights at /no/such.pth'),
    ('clip_frames=4', 'clip_frames must be 1 to 3, got 4')])
def test_what_can_not_begin_is_refused_in_one_line(setting, words):
    with pytest.raises(ValueError, match=words) as e:
        tanet.make_model(set_values(ALONE, [setting]))
    assert '\n' not in str(e.value)


@pytest.fixture(scope='module')
def net():
    """Build a generator of random weights."""
    torch.manual_seed(0)
    return tanet.make_model(ALONE).generator.eval()


def test_a_shorter_clip_repeats_its_oldest_frame(net):
    b = {'frames': torch.randint(0, 256, (1, 5, 32, 32, 3), dtype=torch.uint8),
         'target': torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8)}
    frames, target = tanet.as_input(b['frames']), tanet.as_input(b['target'])
    with torch.no_grad():
        for clip_frames, seen in ((1, (4, 4, 4)), (2, (3, 3, 4)), (3, (2, 3, 4))):
            found = tanet.predict(net, b, clip_frames)[:, -1]
            wanted = net(frames[:, 4], target, frames[:, list(seen)])[:, 0]
            assert torch.allclose(found, wanted, atol=1e-4)


def test_a_redetector_looks_at_as_many_frames_as_in_training(tmp_path, net):
    config = {'clip_frames': 2}
    torch.save({'network': 'tanet', 'config': config, 'step': 1, 'state_dict': net.state_dict()},
               tmp_path / 'best.pt')
    engine = EngineConfig('cpu', 'torch')
    assert REDETECTORS['tanet'].build(str(tmp_path), 0.1, engine).history == 2


def test_the_released_appearance_judge_by_its_equations():
    torch.manual_seed(1)
    net = AppearanceDiscriminator(SIDE, 0.1, 'released').eval()
    frame, mask = torch.rand(2, 3, SIDE, SIDE), torch.rand(2, 1, SIDE, SIDE)
    h = torch.cat([frame, mask], 1)
    for conv in (net.conv1, net.conv2):
        h = F.relu(F.conv2d(h, conv.weight, conv.bias, 2))
        squares = F.pad(h * h, (0, 0, 0, 0, 1, 0))  # its own channel and the one before
        h = h / (1 + 1e-4 * (squares[:, :-1] + squares[:, 1:]) / 2) ** 0.75
        h = F.max_pool2d(h, 3, 2)
    h = F.relu(net.fc4(F.relu(F.conv2d(h, net.conv3.weight, net.conv3.bias)).flatten(1)))
    with torch.no_grad():
        assert torch.allclose(net(frame, mask), net.fc5(h), rtol=1e-5, atol=1e-5)
    assert net.conv2.kernel_size == (5, 5)


@pytest.mark.parametrize('style', ['paper', 'released'])
def test_only_the_released_judges_drop_and_sizes_stay(style):
    with torch.device('meta'):
        assert AppearanceDiscriminator(style=style).flat == 57_600
        assert MotionDiscriminator(style=style).flat == 900
    torch.manual_seed(2)
    frames, masks = torch.rand(1, 3, 3, SIDE, SIDE), torch.rand(1, 3, 1, SIDE, SIDE)
    for net, inputs in ((AppearanceDiscriminator(SIDE, 0.05, style), (frames[:, 0], masks[:, 0])),
                        (MotionDiscriminator(SIDE, 0.05, style), (frames, masks))):
        one, two = net(*inputs), net(*inputs)
        assert torch.equal(one, two) == (style == 'paper')
        net.eval()
        assert torch.equal(net(*inputs), net(*inputs))
    with pytest.raises(ValueError, match='at least 75' if style == 'released' else 'at least 67'):
        AppearanceDiscriminator(66, style=style)


def test_the_judges_of_a_training_have_its_style():
    c = replace(tanet.DEFAULTS, style='released', width=0.1)
    judges = Adversarial(torch.nn.Identity(), c).discriminators
    assert judges['appearance'].released and judges['motion'].released
