"""A camera over a picture: where it looks, how near, how level and how steady, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

from lg_tracker_ros.training.data.media import Rng
import numpy as np
import numpy.typing as npt

Path2 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CameraConfig:
    """
    Ranges of a camera's motion; each is a limit, and what is drawn lies between none and it.

    ``pan`` is the share of the way to the picture's border that it may turn; ``closeness`` how
    many times the picture is wider than the frame; ``zoom`` the largest ratio of two focal
    lengths in one shot; ``roll`` in degrees; ``shake`` in shares of the frame's width.
    """

    pan: float = 1.0
    closeness: tuple[float, float] = (1.1, 2.5)
    zoom: float = 1.6
    roll: float = 8.0
    shake: float = 0.015


def curve(points: npt.ArrayLike, length: int) -> Path2:
    """Run through points (k x d, k > 1) at even times along Catmull-Rom curves; length x d."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    u = np.linspace(0, len(p) - 3, length)
    i = np.clip(u.astype(int), 0, len(p) - 4)
    f = (u - i)[:, None]
    a, b, c, d = (p[i + j] for j in range(4))
    return np.asarray(b + f / 2 * (c - a + f * (2 * a - 5 * b + 4 * c - d
                                                + f * (3 * (b - c) + d - a))), np.float64)


def wander(rng: Rng, length: int, knots: int, dims: int = 1) -> Path2:
    """Draw a smooth path within [-1, 1], length x dims, that turns about ``knots`` times."""
    return np.clip(curve(rng.uniform(-1, 1, (max(knots, 2), dims)), length), -1, 1)


@dataclass(frozen=True, eq=False)
class Camera:
    """
    The way from pixels of the picture to pixels of the frame: 2 x 3 matrices, one a frame.

    ``steady`` is the same without shake and roll: what its operator wants.
    """

    matrices: npt.NDArray[np.float64]
    steady: npt.NDArray[np.float64]

    def zoom(self) -> npt.NDArray[np.float64]:
        """Pixels of the frame for one of the picture, frame by frame."""
        return np.asarray(self.steady[:, 0, 0])

    def over(self, k: float) -> Camera:
        """Give the same camera over the picture enlarged by ``k``."""
        return Camera(*(m / (k, k, 1) for m in (self.matrices, self.steady)))

    def unproject(self, points: Path2) -> Path2:
        """Find what the steady camera sees at points of the frame (T x 2), in the picture."""
        return np.asarray((points - self.steady[:, :, 2]) / self.zoom()[:, None])

    def motion(self, t: int, x: float, y: float) -> npt.NDArray[np.float64]:
        """Displacement in the frame, pixels a frame at ``t``, of a resting point of the frame."""
        now = self.matrices[t]
        point = np.linalg.solve(now[:, :2], (x, y) - now[:, 2])
        before, after = (self.matrices[i] for i in neighbours(t, len(self.matrices)))
        return np.asarray(((after - before) @ (*point, 1.0)) / 2)


def neighbours(t: int, length: int) -> tuple[int, int]:
    """Give the frames before and after ``t``; at an end ``t`` itself stands in."""
    return max(t - 1, 0), min(t + 1, length - 1)


def draw_camera(rng: Rng, picture: tuple[int, int], frame: tuple[int, int], length: int,
                config: CameraConfig, moving: bool = True) -> Camera:
    """
    Draw how a camera goes over a picture (height, width) for ``length`` frames.

    ``moving`` is off over real video, which has moved already: then there is a light tremble
    only. The frame stays inside the picture but for roll and shake. The first frame is unshaken.
    """
    (ph, pw), (h, w) = picture, frame
    fit = max(w / pw, h / ph) * 1.02
    calm = 1.0 if moving else 0.15
    low, high = config.closeness
    near = low + (high - low) * rng.random() ** 2 if moving else 1.05
    # a photograph that is enlarged more than twice is a blur
    k0 = fit * max(min(near, 2 / fit), 1.0)
    pace = 2 + int(length / rng.uniform(12, 60))
    zoom = calm * rng.random() * np.log(config.zoom) / 2 * wander(rng, length, pace)[:, 0]
    k = np.maximum(k0 * np.exp(zoom), fit)
    room = np.stack([pw - w / k, ph - h / k], 1) / 2
    # pan across a part of the room, somewhere in it
    span = config.pan * rng.random()
    path = span * wander(rng, length, pace, 2) + (1 - span) * rng.uniform(-1, 1, 2)
    centre = np.array([pw, ph]) / 2 + room * path
    roll = calm * rng.random() ** 2 * np.radians(config.roll) * wander(rng, length, pace)[:, 0]
    shake = config.shake * w * calm * rng.random() ** 2 * wander(rng, length, length // 2, 2)
    shake -= shake[0]
    middle = np.array([w, h]) / 2

    def matrices(angle: Path2, offset: Path2) -> npt.NDArray[np.float64]:
        c, s = k * np.cos(angle), k * np.sin(angle)
        a = np.stack([np.stack([c, -s], 1), np.stack([s, c], 1)], 1)
        b = middle + offset - np.einsum('tij,tj->ti', a, centre)
        return np.concatenate([a, b[:, :, None]], 2)
    return Camera(matrices(roll, shake), matrices(np.zeros(length), np.zeros(2)))
