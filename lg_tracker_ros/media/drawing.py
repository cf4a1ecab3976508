"""Drawing results onto images."""

from __future__ import annotations

import cv2
from lg_tracker_ros.types import Image, Mode, Track

COLORS = {Mode.IDLE: (160, 160, 160), Mode.LOCAL: (80, 220, 80), Mode.GLOBAL: (0, 160, 255)}


def annotate(image: Image, track: Track | None, label: str = '', line: int = 0) -> Image:
    """
    Draw a result onto a copy of its image: the box in the mode's colour, and a line of text.

    ``line`` is the number of that line, from 0: of several results each has its own.
    """
    out = image.copy()
    if track is None:
        return out
    color = COLORS[track.mode]
    thick = max(round(min(image.shape[:2]) / 240), 1)
    if track.box is not None:
        b = track.box
        cv2.rectangle(out, (round(b.x), round(b.y)), (round(b.x + b.w), round(b.y + b.h)), color,
                      thick)
    text = f'{label} {track.mode.name} {track.confidence:.2f}'.strip()
    if not track.visible and track.mode is not Mode.IDLE:
        text += ' not visible'
    scale = 0.45 * max(min(image.shape[:2]) / 300, 0.8)
    for thickness, ink in ((3 * thick, (0, 0, 0)), (thick, color)):
        cv2.putText(out, text, (6, round(36 * (1 + line) * scale)), cv2.FONT_HERSHEY_SIMPLEX,
                    scale, ink, thickness, cv2.LINE_AA)
    return out
