"""
The values that flow through the tracker; every part speaks these and nothing else.

``Frame, Region -> LocalTracker -> TrackerOutput -> SearchPolicy -> Track``; one way, frozen.
"""

from lg_tracker_ros.types.images import Box, Frame, Image, LARGEST, Mask, SMALLEST
from lg_tracker_ros.types.parts import (
    Advised,
    Correctable,
    Exclusive,
    LocalTracker,
    OnlineTracker,
    Redetector,
    RivalLearner,
)
from lg_tracker_ros.types.results import (
    Claim,
    Kind,
    Mode,
    Others,
    Proposals,
    Region,
    Sight,
    Track,
    TrackerOutput,
)

__all__ = ['Advised', 'Box', 'Claim', 'Correctable', 'Exclusive', 'Frame', 'Image', 'Kind',
           'LARGEST', 'LocalTracker', 'Mask', 'Mode', 'OnlineTracker', 'Others', 'Proposals',
           'Redetector', 'Region', 'RivalLearner', 'Sight', 'SMALLEST', 'Track', 'TrackerOutput']
