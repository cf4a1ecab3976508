"""What a run says while it trains: a file of lines, and TensorBoard's where that is installed."""

from __future__ import annotations

import json
from pathlib import Path
import sys
from typing import Any, Mapping

from lg_tracker_ros.training.networks.network import Array
import numpy as np
from tqdm import tqdm


class Log:
    """
    ``out``/log.jsonl, one line of JSON a report, and curves and pictures in ``out``/tensorboard.

    Without the package tensorboard one line says so and the file remains.
    """

    def __init__(self, out: Path, step: int) -> None:
        """Go on at ``step``; what a run that was cut off had said beyond it is dropped."""
        out.mkdir(parents=True, exist_ok=True)
        path = out / 'log.jsonl'
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        whole = [line for line in lines if line.endswith('\n')]
        self.file = path.open('w', buffering=1)
        self.file.writelines(line for line in whole if json.loads(line)['step'] <= step)
        self.board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.say('no curves for TensorBoard: pip install tensorboard; the numbers are in '
                     f'{path}')
            return
        self.board = SummaryWriter(str(out / 'tensorboard'), purge_step=step + 1 if step else None)

    def write(self, step: int, part: str, values: Mapping[str, float]) -> None:
        """Report numbers by name; ``part`` is 'train' or 'held_out'."""
        numbers = {name: float(value) for name, value in values.items()}
        self.file.write(json.dumps({**numbers, 'step': step, 'part': part}) + '\n')
        if self.board is not None:
            for name, value in numbers.items():
                self.board.add_scalar(f'{part}/{name}', value, step)
            self.board.flush()

    def picture(self, step: int, image: Array) -> None:
        """Show a picture, uint8 h x w x 3 BGR."""
        if self.board is not None:
            self.board.add_image('predictions', np.ascontiguousarray(image[..., ::-1]), step,
                                 dataformats='HWC')

    def say(self, text: str) -> None:
        """Print a line above the progress bar."""
        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        """Close the files."""
        self.file.close()
        if self.board is not None:
            self.board.close()
