"""A labelled sequence as every reader gives it and everything here takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Iterator

import cv2
from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.types import Frame, Image
import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Labelled:
    """What follows from the true boxes alone."""

    truth: Boxes

    @property
    def present(self) -> Flags:
        """The frames with a box (N)."""
        return np.asarray(np.isfinite(self.truth).all(axis=1))

    @property
    def start(self) -> int:
        """The first frame with a box: a run begins there."""
        return int(np.argmax(self.present))


@dataclass(frozen=True, eq=False)
class LabelledSequence(Labelled):
    """
    One target in one stream of images.

    ``images`` are the files of its frames in order, or one video file in ``video``. ``truth`` is
    N x 4 float64, 0-based x, y, w, h in pixels, nan where there is no box. ``absent`` (N) says
    where the target is labelled as not in view; a frame with neither a box nor that flag is
    unlabelled and not scored. ``attributes`` are the data set's own tags. ``source`` names where
    the pictures come from (``OTB/Dog``): what the weights were trained on is compared with it.
    ``masks`` are files of the target's mask for each frame (not 0: target), where there are any.
    ``protocol`` names how the sequence came to be where it isn't the data set's own. ``others``
    (N x 4 as ``truth``) is a look-alike that is labelled too, nan where it isn't in view.
    ``every``: one frame of so many is there, as from a slower camera; ``video`` has them all.

    Raises ValueError when the lengths don't match or a frame is absent and has a box.
    """

    name: str
    truth: Boxes
    absent: Flags
    images: tuple[Path, ...] = ()
    video: Path | None = None
    attributes: tuple[str, ...] = ()
    source: str = ''
    masks: tuple[Path, ...] = ()
    protocol: str = 'plain'
    others: Boxes | None = None
    every: int = 1

    def __post_init__(self) -> None:
        """Refuse what can't be scored."""
        n = len(self.truth)
        if self.truth.shape != (n, 4) or self.absent.shape != (n,):
            raise ValueError(f'{self.name}: truth must be N x 4 and absent N, got '
                             f'{self.truth.shape} and {self.absent.shape}')
        if self.others is not None and self.others.shape != (n, 4):
            raise ValueError(f'{self.name}: {len(self.others)} boxes of a look-alike but {n} '
                             'labels')
        if bool(self.images) == (self.video is not None):
            raise ValueError(f'{self.name}: images or a video, one of the two')
        for what, files in (('images', self.images), ('masks', self.masks)):
            if files and len(files) != n:
                raise ValueError(f'{self.name}: {len(files)} {what} but {n} labels')
        if (self.absent & np.isfinite(self.truth[:, 0])).any():
            raise ValueError(f'{self.name}: a frame is absent and has a box')
        if not np.isfinite(self.truth[:, 0]).any():
            raise ValueError(f'{self.name}: the target has no box in any frame')

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """
        Give the frames from ``start`` on, decoded one by one.

        Raises ValueError, naming the file, for an image that can't be read or, at its end, a video
        that holds fewer or more frames than there are labels.
        """
        if self.video is None:
            decoder = Decoder()
            for i, path in enumerate(self.images[start:], start):
                yield Frame(decoder.file_to_image(path), round(i * self.every * 1e9 / 30),
                            self.name)
            return
        i = start
        frames = islice(Source(str(self.video), start * self.every), 0, None, self.every)
        for i, frame in enumerate(frames, start + 1):
            if i > len(self.truth):
                raise ValueError(f'{self.video} holds more frames than there are labels, '
                                 f'{len(self.truth)}: each frame needs one')
            yield Frame(frame.image, frame.stamp, self.name)
        if i < len(self.truth):
            raise ValueError(f'{self.video} holds {i} frames but there are {len(self.truth)} '
                             'labels')

    def mask(self, i: int) -> Image:
        """
        Read the mask of frame ``i``: height x width, uint8, not 0 where the target is.

        Raises ValueError, naming the file, for one that can't be read.
        """
        mask = cv2.imread(str(self.masks[i]), cv2.IMREAD_UNCHANGED)
        if mask is None:
            raise ValueError(f'{self.masks[i]} cannot be read as an image')
        return np.asarray(mask if mask.ndim == 2 else mask[..., :3].max(axis=2), np.uint8)

    def thinned(self, every: int) -> LabelledSequence:
        """
        Keep one frame of ``every``, as if the camera were so much slower; stamps stay as they are.

        Raises ValueError where that leaves no box.
        """
        if every == 1:
            return self
        keep = slice(None, None, every)
        return replace(self, truth=self.truth[keep], absent=self.absent[keep],
                       images=self.images[keep], masks=self.masks[keep],
                       others=None if self.others is None else self.others[keep],
                       protocol=f'{self.protocol}, every {every}', every=every * self.every)
