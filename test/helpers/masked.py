"""Videos of plain targets with masks, as DAVIS has them."""

import cv2
from lg_tracker_ros.evaluation.protocols.pasted import MOMENTS
import numpy as np

COLOURS = {'red': (0, 0, 220), 'green': (0, 220, 0), 'blue': (220, 0, 0), 'white': (220,) * 3}


def davis(root, colours=COLOURS, count=MOMENTS):
    """Write videos of a plain target, twice as wide as high, over grey, with masks as DAVIS."""
    for k, (name, colour) in enumerate(colours.items()):
        for i in range(count):
            image = np.full((120, 160, 3), 60 + 10 * k, np.uint8)
            mask = np.zeros((120, 160), np.uint8)
            mask[30 + i:60 + i, 40:100] = 255
            image[mask > 0] = colour
            mask[100:104, 150:154] = 255  # a second, smaller part
            for kind, what, end in (('JPEGImages', image, 'jpg'), ('Annotations', mask, 'png')):
                path = root / kind / '480p' / name / f'{i:05}.{end}'
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), what, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return root
