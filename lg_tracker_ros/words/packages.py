"""What to say where a Python package is missing."""

from __future__ import annotations

import sys

DISTRIBUTIONS = {'cv2': 'opencv-contrib-python-headless', 'yaml': 'PyYAML'}
"""Modules that pip knows by another name."""


def missing(error: ImportError) -> str:
    """Say in one line which package can't be imported, for which Python, and how to get it."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return str(error)  # it is there, and something that it needs itself isn't
    name = error.name.partition('.')[0]
    pip = DISTRIBUTIONS.get(name, name)
    return (f'{sys.executable} has no package {name}; pip install {pip}, or all that is needed: '
            "pip install '.[run,onnx]' in the checkout")
