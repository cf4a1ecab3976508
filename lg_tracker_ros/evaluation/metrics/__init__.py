"""
Metrics: short NumPy functions from boxes, flags and numbers to figures.

The rules are the same everywhere. A frame with a box in the truth is present, one labelled so is
absent, any other is unlabelled and never scored. A frame without a claimed box (nan) has IoU 0
and an infinite centre error. Values of frames that can't be scored are nan, and left out.
"""
