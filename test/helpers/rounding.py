"""
Another processor, played: images a grey level off, weights off by one part in 100,000.

Processors differ by far less (some 1e-7 a multiplication), but an arg-max that falls on the
neighbouring cell, or a candidate that passes a threshold by .001, differs by much. ``pytest
--perturbed`` runs the tests marked ``rounding`` so, in this process: the frames that trackers
see, and the weights with which networks multiply, for PyTorch as for the ONNX export.
"""

from functools import cache, wraps

from lg_tracker_ros.parameters import tracker as parameters
from lg_tracker_ros.types import Frame
import numpy as np
import torch
from torch.nn import functional

WEIGHTS = 1e-5
LAYERS = ('conv1d', 'conv2d', 'conv3d', 'conv_transpose2d', 'linear')


def off_by_one(image):
    """
    Draw the last bit of each value anew: another grey level for half of them.

    The same for images of one size, and done twice as done once: a frame that is made from
    another frame's image is that image.
    """
    bits = np.random.default_rng(image.shape).integers(0, 2, image.shape, np.uint8)
    return (image & 0xfe) | bits


def _perturb_frames():
    check = Frame.__post_init__

    def post_init(self):
        check(self)
        object.__setattr__(self, 'image', off_by_one(self.image))
    Frame.__post_init__ = post_init


def _perturb_layer(name):
    layer = getattr(functional, name)

    @wraps(layer)
    def perturbed(x, weight, *args, **kwargs):
        return layer(x, weight * _factors(weight), *args, **kwargs)
    setattr(functional, name, perturbed)


def _factors(weight):
    """Return factors of about 1; others while a network is exported, so that engines differ."""
    noise = np.resize(_noise(torch.jit.is_tracing()), [int(n) for n in weight.shape])
    return torch.from_numpy(noise).to(weight.device, weight.dtype)


@cache  # drawing as many for each layer takes longer than the layer does
def _noise(tracing):
    return 1 + WEIGHTS * np.random.default_rng(int(tracing)).standard_normal(1_000_003, np.float32)


def perturb():
    """From now on and to the end of this process."""
    parameters.SHIPPED_NETWORKS = None  # they were exported as they are
    _perturb_frames()
    for name in LAYERS:
        _perturb_layer(name)
