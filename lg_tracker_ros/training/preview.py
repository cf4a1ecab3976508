"""Look at what the generator makes: a contact sheet, a sequence a row."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
from lg_tracker_ros.training.sequences import generate, GeneratedSequence, SceneConfig
from lg_tracker_ros.types import Image
import numpy as np

GREEN, RED, WHITE = (60, 220, 60), (60, 60, 240), (255, 255, 255)


def draw_labels(sequence: GeneratedSequence, i: int) -> Image:
    """Draw the labels of frame ``i``: green box and outline, red look-alikes, visibility."""
    image = sequence.frames[i].copy()
    outline, _ = cv2.findContours(sequence.masks[i].view(np.uint8), cv2.RETR_EXTERNAL,
                                  cv2.CHAIN_APPROX_SIMPLE)
    for box, color in [(b, RED) for b in sequence.others[i]] + [(sequence.boxes[i], GREEN)]:
        if np.isfinite(box).all():
            x, y, w, h = (int(v) for v in box)
            cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), color, 1)
    cv2.drawContours(image, outline, -1, WHITE, 1)
    cv2.putText(image, f'{sequence.visibility[i]:.2f}', (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5,
                (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, f'{sequence.visibility[i]:.2f}', (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5,
                WHITE, 1, cv2.LINE_AA)
    return np.asarray(image, np.uint8)


def contact_sheet(sequences: list[GeneratedSequence], columns: int, side: int) -> Image:
    """Lay ``columns`` frames of each sequence, evenly in time, into a row; ``side`` px wide."""
    rows = []
    for s in sequences:
        times = np.linspace(0, len(s.frames) - 1, columns).round().astype(int)
        k = side / s.frames.shape[2]
        rows.append(np.hstack([cv2.resize(draw_labels(s, int(t)), None, fx=k, fy=k,
                                          interpolation=cv2.INTER_AREA) for t in times]))
    return np.asarray(np.vstack(rows), np.uint8)
