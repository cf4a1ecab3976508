"""A network that learns to add, small enough to be trained in a test."""

from dataclasses import dataclass

from lg_tracker_ros.training.loop.checkpoints import read_run
from lg_tracker_ros.training.loop.distributed import Place
from lg_tracker_ros.training.networks.network import Field, Network, Training
from lg_tracker_ros.training.samples.ring import Ring
from lg_tracker_ros.training.samples.writers import fill
import numpy as np
import torch
from torch import nn

FIELDS = {'x': Field((4,)), 'y': Field((), 'float32')}
HERE = Place(0, 1, 0, torch.device('cpu'))


@dataclass(frozen=True)
class Settings(Training):
    """Settings of the network below."""

    width: int = 8
    name: str = 'net'


SMALL = Settings(batch=8, steps=12, rate=0.05, validate_every=4, log_every=2, capacity=40,
                 warmup=8, held_out=10)


def make_model(c):
    """Make a network with chance in it."""
    return nn.Sequential(nn.Linear(4, c.width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(c.width, 1))


def sample(rng):
    """Draw four numbers and their sum."""
    x = rng.normal(size=4).astype(np.float16)
    return {'x': x, 'y': x.astype(np.float32).sum()}


def filled(folder):
    """Make a ring of 40 samples, full."""
    ring = Ring(folder, FIELDS, 40).attach()
    fill(ring, lambda: sample, 7, 40)
    return ring


def losses(model, batch, step):
    """Mean square."""
    loss = (model(batch['x'])[:, 0] - batch['y']).square().mean()
    return loss, {'l2': loss.detach(), 'count': torch.tensor(float(step))}


def validate(model, batches):
    """Give less the mean square."""
    assert not model.training and not torch.is_grad_enabled()
    error = np.mean([losses(model, b, 0)[0].item() for b in batches])
    return -error, {'error': error}


def picture(model, batch):
    """Show something blue."""
    return np.full((8, 6, 3), (200, 0, 0), np.uint8)


TOY = Network(SMALL, lambda c: FIELDS, make_model, lambda material, c: sample, losses, validate,
              picture)


def weights(out, name='last.pt', part='model'):
    return read_run(out / name)[part]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
