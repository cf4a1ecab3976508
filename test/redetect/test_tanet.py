"""TANet's generator: shapes and costs of the paper, the exact C3D, the released layout."""

from __future__ import annotations

from helpers.costs import count_macs
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.redetect.c3d import C3D
from lg_tracker_ros.redetect.tanet import build, decoder_of, TANet, target_crop
from lg_tracker_ros.redetect.tanet_net import TANetGenerator
from lg_tracker_ros.types import Box, Frame, Redetector
import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytestmark = pytest.mark.rounding


@pytest.fixture(scope='module')
def generator():
    torch.manual_seed(0)
    return TANetGenerator().eval()


def c3d_in_3d(net: C3D, clip):
    """C3D as the released code runs it: every layer 3-D, pool3 and pool4 left out."""
    def conv(h, layer):
        return F.relu(F.conv3d(h, layer.weight, layer.bias, padding=1))
    h = F.max_pool3d(conv(clip, net.conv1), (1, 2, 2))
    h = F.max_pool3d(conv(h, net.conv2), 2)
    for layer in (net.conv3a, net.conv3b, net.conv4a, net.conv4b, net.conv5a, net.conv5b):
        h = conv(h, layer)
    return F.max_pool3d(h, 2, padding=1).squeeze(2)


@pytest.mark.exact
@pytest.mark.parametrize('side', [40, 44])
def test_c3d_in_2d_is_exact(generator, side):
    torch.manual_seed(1)
    net = generator.motionModel
    for p in net.parameters():
        if p.ndim == 1:
            torch.nn.init.normal_(p, std=0.1)
    clip = torch.rand(2, 3, 3, side, side)
    with torch.inference_mode():
        ours, reference = net(clip), c3d_in_3d(net, clip)
    assert ours.shape == reference.shape == (2, 512, side // 8 + 1, side // 8 + 1)
    assert float(reference.std()) > 0.01
    assert float((ours - reference).abs().max()) < 1e-5 * max(1.0, float(reference.abs().max()))


def test_c3d_takes_three_frames_only(generator):
    with pytest.raises(ValueError, match='3 frames'):
        generator.motionModel(torch.rand(1, 3, 4, 32, 32))


@pytest.mark.exact
def test_shapes_parameters_and_costs_are_those_of_the_paper():
    with torch.device('meta'):
        net = TANetGenerator()
        image, clip = torch.empty(1, 3, 300, 300), torch.empty(1, 3, 3, 300, 300)
        features, motion = net.encode(image), net.motionModel(clip)
        assert [tuple(f.shape[1:]) for f in features] == [
            (128, 38, 38), (256, 19, 19), (512, 10, 10)]
        assert motion.shape == (1, 512, 38, 38)
        assert net.decode(features, features, motion).shape == (1, 1, 304, 304)
        assert net(image, image, clip).shape == (1, 1, 300, 300)
        assert net.decoder[0].in_channels == 2304
        resnet = count_macs(net.encoder, image)
        c3d = count_macs(net.motionModel, clip)
        full = count_macs(net, image, image, clip)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(64.2, rel=0.002)
    assert resnet / 1e9 == pytest.approx(3.4, rel=0.02)
    assert c3d / 1e9 == pytest.approx(62.8, rel=0.02)
    assert (full - c3d - 2 * resnet) / 1e9 == pytest.approx(49.8, rel=0.02)


def test_count_macs_by_hand():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(),
                              torch.nn.ConvTranspose2d(8, 4, 3, padding=1),
                              torch.nn.Conv2d(4, 4, 3, padding=1, groups=4))
    macs = 8 * 8 * 8 * 27 + 8 * 8 * 8 * 4 * 9 + 8 * 8 * 4 * 9
    assert count_macs(net, torch.zeros(1, 3, 16, 16)) == macs


def _inputs(seed):
    torch.manual_seed(seed)
    return torch.rand(1, 3, 64, 64), torch.rand(1, 3, 3, 64, 64)


def test_linear_decoder_cannot_match_the_target_and_the_nonlinear_one_can(generator):
    linear = TANetGenerator('linear').eval()
    linear.load_state_dict(generator.state_dict())
    targets = [_inputs(9)[0], _inputs(8)[0]]
    spread = {}
    with torch.inference_mode():
        for name, net in (('relu', generator), ('linear', linear)):
            # how the target changes the map, on two different frames
            a, b = (net(f, targets[0], c) - net(f, targets[1], c)
                    for f, c in (_inputs(1), _inputs(2)))
            spread[name] = float((a - b).abs().max() / a.abs().max())
    assert spread['linear'] < 1e-3
    assert spread['relu'] > 1e-2


def test_decoder_must_be_known():
    with pytest.raises(ValueError, match='relu, linear'):
        TANetGenerator('tanh')


@pytest.mark.exact
def test_gradients_reach_every_parameter_from_the_map():
    torch.manual_seed(0)
    net = TANetGenerator()
    frame, clip = _inputs(0)
    # two in the batch: at this size the last map is 2 x 2
    net(frame.repeat(2, 1, 1, 1), frame.repeat(2, 1, 1, 1), clip.repeat(2, 1, 1, 1, 1)).mean(
        ).backward()
    without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.exact
def test_released_checkpoint_loads_and_a_wrong_one_is_refused(tmp_path, generator):
    # the classifiers that the released file carries along: 1000 classes, 487 sports
    state = dict(generator.state_dict())
    released = {**state, 'encoder.fc.weight': torch.zeros(1000, 2),
                'motionModel.fc6.weight': torch.zeros(3), 'motionModel.fc8.bias': torch.zeros(487)}
    for key, shape in {
            'encoder.layer2.0.downsample.0.weight': (128, 64, 1, 1),
            'encoder.layer4.1.bn2.running_var': (512,),
            'decoder.0.weight': (2304, 512, 3, 3), 'decoder.4.weight': (512, 512, 3, 3),
            'decoder.8.weight': (512, 256, 3, 3), 'decoder.12.weight': (256, 128, 3, 3),
            'decoder.16.bias': (64,), 'mymodules.0.weight': (64, 1, 1, 1),
            'motionModel.conv1.weight': (64, 3, 3, 3, 3),
            'motionModel.conv5b.weight': (512, 512, 3, 3, 3)}.items():
        assert tuple(state[key].shape) == shape, key
    torch.save(released, tmp_path / 'TANet_model.pkl')
    built = build(tmp_path / 'TANet_model.pkl', decoder='linear')
    loaded = built._net.state_dict()
    assert [k for k, v in loaded.items() if not torch.equal(v, state[k])] == []
    # as the authors' program, which is always in training: each image by its own statistics
    left = [k for k in state if k not in loaded]
    assert left and all(k.startswith('encoder.') and '.running_' in k for k in left)
    theirs, image = TANetGenerator('linear'), torch.rand(1, 3, 64, 64)
    theirs.load_state_dict(state)
    with torch.no_grad():
        for found, wanted in zip(built._net.encode(image), theirs.train().encode(image)):
            torch.testing.assert_close(found, wanted)
    wrong = {'encoder.conv1.weight': torch.zeros(64, 4, 7, 7)}
    torch.save(wrong, tmp_path / 'wrong.pkl')
    with pytest.raises(ValueError, match=r'encoder\.conv1\.weight expected shape \(64, 3, 7, 7\), '
                                         r'actual shape \(64, 4, 7, 7\)'):
        build(tmp_path / 'wrong.pkl')


def _file(folder, name, state, **beside):
    torch.save({'state_dict': state, **beside}, folder / name)
    return folder / name


def test_a_file_says_which_decoder_it_is_for(tmp_path):
    """By names alone: those of the authors' classifiers, or of the network that was trained."""
    some = {'encoder.conv1.weight': torch.zeros(1)}
    carried = {**some, 'module.motionModel.fc6.weight': torch.zeros(1)}
    ours = {'network': 'tanet', 'config': {}, 'step': 1}
    assert decoder_of(_file(tmp_path, 'released.pkl', carried)) == 'linear'
    assert decoder_of(_file(tmp_path, 'best.pt', some, **ours)) == 'relu'
    assert decoder_of(_file(tmp_path, 'either.pth', some)) is None
    safetensors = pytest.importorskip('safetensors.torch')
    for name, note, wanted in (('a', {'network': '"tanet"', 'config': '{}'}, 'relu'),
                               ('b', {}, None)):
        safetensors.save_file(some, tmp_path / f'{name}.safetensors', note)
        assert decoder_of(tmp_path / f'{name}.safetensors') == wanted
    with pytest.raises(ValueError, match=r'best\.pt is for a decoder that is relu, not linear: '
                                         r'set redetector to tanet$'):
        build(tmp_path / 'best.pt', decoder='linear')
    with pytest.raises(ValueError, match=r'linear, not relu: set redetector to tanet_released$'):
        build(tmp_path / 'released.pkl', decoder='relu')


@pytest.mark.exact
def test_the_authors_file_gets_the_linear_network_and_another_says_what_it_was_taken_for(
        tmp_path, generator, caplog):
    tell_once.cache_clear()
    state = generator.state_dict()
    engine = EngineConfig('cpu', 'torch')

    def made(path):
        return REDETECTORS['tanet'].build(str(path), 0.1, engine)._net
    path = _file(tmp_path, 'a.pth', {**state, 'encoder.fc.bias': torch.zeros(1000)})
    assert not made(path)._nonlinear and caplog.messages == []
    path = _file(tmp_path, 'a.pth', state)
    assert made(path)._nonlinear
    line, = caplog.messages
    assert f'{path} does not say for which decoder it is: taken for ours, with ReLU' in line
    assert 'tanet_released' in line


def test_without_weights_says_where_they_are_expected():
    with pytest.raises(ValueError, match=r'weights/tanet\.safetensors; name yours') as caught:
        build_tracker(Settings(tracker='ncc', redetector='tanet', device='cpu', engine='torch'))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('box, expected', [
    (Box(10, 20, 30, 40), (slice(20, 60), slice(10, 40))),
    (Box(-10, -5, 30, 25), (slice(0, 20), slice(0, 20))),
    (Box(79.5, 59.5, 30, 25), (slice(59, 60), slice(79, 80))),
    (Box(10.2, 10.2, 0.3, 0.3), (slice(10, 11), slice(10, 11)))])
def test_target_crop_is_tight_and_inside_the_image(box, expected):
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    crop = target_crop(image, box)
    assert crop.shape == (300, 300, 3)
    part = image[expected]
    # the corners of an enlarged image are its corner pixels
    assert (crop[0, 0] == part[0, 0]).all() and (crop[-1, -1] == part[-1, -1]).all()


def test_target_outside_the_image_is_refused():
    with pytest.raises(ValueError, match='outside the image of 80 x 60'):
        target_crop(np.zeros((60, 80, 3), np.uint8), Box(100, 0, 5, 5))


class StubGenerator(torch.nn.Module):
    """Records what it is given and answers with a map that has one blob."""

    def __init__(self, logits):
        """Answer with these logits, 1 x 1 x 304 x 304."""
        super().__init__()
        self.logits, self.clips, self.images = logits, [], []

    def motionModel(self, clip):  # noqa: N802
        """Record the clip."""
        self.clips.append(clip)
        return clip

    def encode(self, image):
        """Record the image."""
        self.images.append(image)
        return (image,)

    def decode(self, frame, target, motion):
        """Check that the target is the one of init, and answer."""
        assert target[0] is self.images[0]
        return self.logits


@pytest.mark.exact
def test_proposals_lie_where_the_map_says_and_inputs_are_those_of_the_paper():
    logits = torch.full((1, 1, 304, 304), -20.0)
    logits[..., 76:92, 152:168] = 20
    net = StubGenerator(logits)
    redetector = TANet(net, 'cpu')
    assert isinstance(redetector, Redetector) and redetector.history == 3
    frames = [Frame(np.full((480, 640, 3), (v, 0, 255), np.uint8)) for v in (51, 102, 153, 204)]
    redetector.init(frames[0], Box(100, 100, 50, 50))
    out = redetector.propose(frames, (64, 48), 3)
    # columns 152..168 of 304 are 320..353.7 of 640; rows 76..92 are 120..145.3 of 480
    assert len(out.boxes) == 1
    assert out.boxes[0].cx == pytest.approx(640 * 160 / 304, abs=3)
    assert out.boxes[0].cy == pytest.approx(480 * 84 / 304, abs=3)
    assert (out.boxes[0].w, out.boxes[0].h) == (64, 48)
    assert out.attention.shape == (300, 300) and out.attention.dtype == np.float32
    assert out.attention.min() >= 0 and out.attention.max() == pytest.approx(1)
    assert net.images[0].shape == net.images[1].shape == (1, 3, 300, 300)
    assert net.images[1][0, :, 0, 0].tolist() == pytest.approx([0.8, 0, 1])
    assert net.clips[0].shape == (1, 3, 3, 300, 300)
    assert net.clips[0][0, 0, :, 0, 0].tolist() == pytest.approx([0.4, 0.6, 0.8])
    redetector.propose(frames[:2], (64, 48), 3)
    assert net.clips[1][0, 0, :, 0, 0].tolist() == pytest.approx([0.2, 0.2, 0.4])
    redetector.propose(frames[:1], (64, 48), 3)
    assert net.clips[2][0, 0, :, 0, 0].tolist() == pytest.approx([0.2, 0.2, 0.2])


def test_propose_equals_the_generators_forward(generator):
    redetector = TANet(generator, 'cpu')
    rng = np.random.default_rng(3)
    frames = [Frame(rng.integers(0, 256, (300, 300, 3), np.uint8)) for _ in range(3)]
    redetector.init(frames[0], Box(0, 0, 300, 300))
    attention = redetector.propose(frames, (20, 20), 5).attention
    tensors = [torch.from_numpy(f.image).permute(2, 0, 1)[None].float() / 255 for f in frames]
    with torch.inference_mode():
        logits = generator(tensors[2], tensors[0], torch.stack(tensors, 1))
    assert np.abs(attention - torch.sigmoid(logits)[0, 0].numpy()).max() < 1e-3


def test_wrong_use_is_refused():
    redetector = TANet(StubGenerator(torch.zeros(1, 1, 304, 304)), 'cpu')
    frame = Frame(np.zeros((60, 80, 3), np.uint8))
    with pytest.raises(RuntimeError, match='init first'):
        redetector.propose([frame], (5, 5), 1)
    redetector.init(frame, Box(0, 0, 5, 5))
    with pytest.raises(ValueError, match='empty clip'):
        redetector.propose([], (5, 5), 1)
