"""init_target: from a request to a frame and a box, or to the reason why not."""

from __future__ import annotations

from typing import Mapping, Sequence

from lg_tracker_ros.boxes import check_init_box, scale
from lg_tracker_ros.media.decoding import brief
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.types import Box

NO_IMAGE_YET, GONE = 'no image has come yet', 'is gone'
"""Words in a refusal after which it is worth asking again: with the same stamp, with a newer."""


def candidates(cameras: Sequence[CameraInput], camera: str, frame_id: str) -> list[CameraInput]:
    """
    Return the cameras that a request may mean.

    ``camera`` is a topic as the user wrote it or as ROS resolves it. Raises ValueError for a
    camera that isn't one of ours, and for a ``frame_id`` that no camera's images carry: a box is
    right on the image that it was drawn on alone, also where another camera's has the same stamp.
    """
    if camera:
        found = [c for c in cameras if camera in (c.name, c.topic, c.name.lstrip('/'))]
        if not found:
            raise ValueError(f'camera {brief(camera)} is not one of image_topics: '
                             f'{", ".join(c.name for c in cameras)}')
        return found
    if not frame_id:
        return list(cameras)
    found = ([c for c in cameras if c.frame_id == frame_id]
             or [c for c in cameras if c.frame_id is None])
    if not found:
        raise ValueError(not_of(frame_id, cameras))
    return found


def not_of(frame_id: str, cameras: Sequence[CameraInput]) -> str:
    """Say that no camera's images have this ``frame_id``."""
    known = [brief(f) for f in sorted({c.frame_id for c in cameras if c.frame_id is not None})]
    return (f'no image has frame_id {brief(frame_id)}, they have {", ".join(known[:2])}; give it '
            'as the images do, or leave it empty and name the camera')


def first_box(x: float, y: float, width: float, height: float, drawn: tuple[int, int]) -> Box:
    """Check what can be checked before there is an image; raises ValueError with the reason."""
    if (drawn[0] == 0) != (drawn[1] == 0):
        raise ValueError('image_width and image_height must both be given or both be 0, '
                         f'got {drawn[0]} x {drawn[1]}')
    return Box(x, y, width, height)


def fit_box(box: Box, drawn: tuple[int, int], size: tuple[int, int]) -> Box:
    """Scale a box drawn on a picture of another size; raises ValueError if it can't be tracked."""
    if drawn[0]:
        box = scale(box, size[0] / drawn[0], size[1] / drawn[1])
    check_init_box(box, *size)
    return box


def no_image(camera: CameraInput, waited: float, newest: int, now: float) -> str:
    """
    Say why no image came within ``waited`` seconds, and what helps.

    ``newest`` is the stamp of the newest image kept, 0 for none; ``now`` is of the pace's clock.
    """
    text = f'no image on {camera.name} within {waited:.3g} s'
    if camera.problem:
        return f'{text}: {camera.problem}'
    if camera.pace.last is None:
        return f'{text}: none has come yet; raise init_timeout if the camera is that slow'
    text += f': the last came {now - camera.pace.last:.1f} s ago'
    return text + (f'; give its stamp, {_s(newest)}, or raise init_timeout' if newest else
                   '; raise init_timeout if the camera is that slow')


def not_kept(stamp: int, names: Sequence[str], spans: Mapping[str, tuple[int, int]]) -> str:
    """Say why there is no frame with this stamp."""
    have = {n: spans[n] for n in names if n in spans}
    if not have:
        return f'{NO_IMAGE_YET} on {", ".join(names)}'
    if not any(b for _, b in have.values()):
        return (f'images of {", ".join(have)} have no stamp, so that none can be found by one: '
                'give a zero stamp, which means the next image, or let the camera stamp them')
    kept = '; '.join(f'{n} keeps {_s(a)} to {_s(b)}' for n, (a, b) in have.items())
    if stamp > max(b for _, b in have.values()):
        why = 'is in the future'
    elif stamp < min(a for a, _ in have.values()):
        why = GONE
    else:
        why = "is not any image's exact stamp"
    return f'stamp {_s(stamp)} {why}: {kept}'


def _s(stamp: int) -> str:
    return f'{stamp // 10**9}.{stamp % 10**9:09d}'
