"""Random weights of VGG-M and MDNet in the layouts of their authors."""

from types import SimpleNamespace

from lg_tracker_ros.local.mdnet.vggm import Shared, VGG_M
import numpy as np
import torch

from .equations import conv, max_pool, relu

AFTER = {0: 'conv1.0', 4: 'conv2.0', 8: 'conv3.0', 10: 'fc4.0', 13: 'fc5.1'}
"""The places of MDNet's layers in MATLAB; ReLU, normalisation, pooling and dropout between."""


def shared():
    """Make MDNet's layers."""
    torch.manual_seed(0)
    return Shared(VGG_M, False, False).eval()


def write_pth(path, net):
    """Write them as MDNet's and RT-MDNet's authors in Python do."""
    torch.save({'shared_layers': net.state_dict()}, path)
    return path


def write_mat(path, net, mdnet):
    """Write them as MatConvNet: VGG-M up to conv4, or MDNet with all of its layers."""
    from scipy.io import savemat
    state = net.state_dict()
    made = np.empty((1, 17 if mdnet else 11), object)
    for i in range(made.size):
        made[0, i] = {'type': 'relu', 'name': f'layer{i}'}
    for i, name in AFTER.items() if mdnet else list(AFTER.items())[:3]:
        weight, bias = (state[f'{name}.{kind}'].numpy() for kind in ('weight', 'bias'))
        weight = weight.reshape(512, 512, *[3 if i == 10 else 1] * 2) if i >= 10 else weight
        put(made, i, weight.transpose(2, 3, 1, 0), bias, mdnet)
    chance = np.random.default_rng(0)
    last, shape = (16, (1, 1, 512, 2)) if mdnet else (10, (3, 3, 512, 512))
    put(made, last, chance.random(shape, np.float32), np.zeros(shape[3], np.float32), mdnet)
    savemat(path, {'net': {'layers': made}} if mdnet else {'layers': made})
    return path


def put(made, i, weight, bias, old):
    """Make layer ``i`` a convolution, h x w x in x out; ``old``: as before MatConvNet 1.0."""
    if old:
        made[0, i] |= {'filters': weight, 'biases': bias[None]}
    else:
        made[0, i]['weights'] = cell = np.empty((1, 2), object)
        cell[0, 0], cell[0, 1] = weight, bias[:, None]


def lrn(x, norm):
    """Normalise by what stands around a channel: of an even number one more before it."""
    found = np.empty_like(x)
    for c in range(x.shape[1]):
        low, high = max(c - norm.size // 2, 0), c + (norm.size - 1) // 2 + 1
        around = (x[:, low:high] ** 2).sum(1)
        found[:, c] = x[:, c] / (norm.k + norm.alpha * around) ** 0.75
    return found


def dilated(layer, by):
    """Write a dilated kernel out with the zeros between its values."""
    weight = layer.weight.detach()
    side = by * (weight.shape[-1] - 1) + 1
    whole = torch.zeros(*weight.shape[:2], side, side)
    whole[:, :, ::by, ::by] = weight
    return SimpleNamespace(weight=whole, bias=layer.bias)


def written_out(net, pixels, norm, dense):
    """Compute the map as equations: N x 3 x H x W, uint8."""
    x = relu(conv(pixels.double().numpy() - 128, net.conv1[0], 2))
    x = relu(conv(max_pool(lrn(x, norm)), net.conv2[0], 2))
    x = lrn(x, norm)
    return relu(conv(x, dilated(net.conv3[0], 3)) if dense else conv(max_pool(x), net.conv3[0]))
