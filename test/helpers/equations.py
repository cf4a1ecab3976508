"""Networks' layers as equations in NumPy: what PyTorch's modules are compared with."""

import numpy as np


def pad(x, sides, value=0.0):
    """Pad the last two axes of N x C x H x W by (rows, columns) on both ends."""
    (r, c) = (sides, sides) if isinstance(sides, int) else sides
    return np.pad(x, ((0, 0), (0, 0), (r, r), (c, c)), constant_values=value)


def windows(x, kernel, stride):
    """Give every window: N x C x H' x W' x k x k."""
    found = np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))
    return found[:, :, ::stride, ::stride]


def conv(x, layer, stride=1, padding=0):
    """Convolve with a layer's weight (out x in x k x k) and bias, in double precision."""
    weight = layer.weight.detach().double().numpy()
    out = np.einsum('nchwij,ocij->nohw', windows(pad(x, padding), weight.shape[2:], stride),
                    weight, optimize=True)
    return out if layer.bias is None else out + layer.bias.detach().double().numpy()[:, None, None]


def norm(x, layer):
    """Normalise by a layer's running statistics."""
    mean, var, gain, shift = (t.detach().double().numpy()[:, None, None] for t in (
        layer.running_mean, layer.running_var, layer.weight, layer.bias))
    return (x - mean) / np.sqrt(var + layer.eps) * gain + shift


def relu(x):
    """Cut what is negative."""
    return np.maximum(x, 0)


def max_pool(x, kernel=3, stride=2, up=False):
    """Pool; ``up``: the sides round up, by a window that hangs over the end."""
    if up:
        over = [(-(side - kernel)) % stride for side in x.shape[2:]]
        x = np.pad(x, ((0, 0), (0, 0), (0, over[0]), (0, over[1])), constant_values=-np.inf)
    return windows(x, (kernel, kernel), stride).max((4, 5))


def mean_pool(x, kernel=3):
    """Average at stride 1; zeros beyond the border count."""
    return windows(pad(x, kernel // 2), (kernel, kernel), 1).mean((4, 5))


def correlate(x, kernel):
    """Correlate each channel with the kernel's."""
    return np.einsum('nchwij,cij->nchw', windows(x, kernel.shape[2:], 1), kernel[0])


def nearest(x, side):
    """Enlarge maps to side x side by repeating cells."""
    index = np.arange(side) * x.shape[2] // side
    return x[:, :, index][:, :, :, index]


def sigmoid(x):
    """Squeeze into (0, 1)."""
    return 1 / (1 + np.exp(-x))


def shaken(net):
    """Give normalisation layers statistics other than 0 and 1, so that a slip shows."""
    import torch
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(m.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(m.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(m.weight, 0.5, 1.5)
            torch.nn.init.uniform_(m.bias, -0.1, 0.1)
    return net.eval()
