"""Confidence of the first look alone, around a tracker that learns."""

from helpers.fakes import ScriptedLook, ScriptedOnline
from lg_tracker_ros.recognition import RECOGNITION
from lg_tracker_ros.recognition.confidence import UNFITTED
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame
import numpy as np
import pytest


class Listening(ScriptedOnline):
    """Keeps the words that reach it."""

    def __init__(self):
        """Start without a word."""
        super().__init__(lambda frame, region: 0.9)
        self.words = []

    def disown(self):
        """Note it."""
        self.words.append('disown')

    def own(self):
        """Note it."""
        self.words.append('own')


@pytest.mark.parametrize('recognition', RECOGNITION)
def test_an_operators_word_reaches_a_tracker_that_learns(recognition):
    learning = Listening()
    look = ScriptedLook(lambda box: np.array([1, 0, 0], np.float32))
    tracker = LongTermTracker(RECOGNITION[recognition](
        learning, look, UNFITTED))
    image = np.zeros((100, 100, 3), np.uint8)
    tracker.init(Frame(image, 1), Box(10, 10, 20, 20))
    tracker.step([Frame(image, 2)])
    tracker.confirm()
    tracker.reject()
    assert learning.words == ['own', 'disown']


@pytest.mark.parametrize('recognition', RECOGNITION)
def test_one_that_can_only_forget_is_told_that_too(recognition):
    told, learning = [], ScriptedOnline(lambda frame, region: 0.9)
    learning.disown = lambda: told.append('disown')
    look = ScriptedLook(lambda box: np.array([1, 0, 0], np.float32))
    tracker = LongTermTracker(RECOGNITION[recognition](learning, look, UNFITTED))
    tracker.init(Frame(np.zeros((100, 100, 3), np.uint8), 1), Box(10, 10, 20, 20))
    tracker.confirm()
    tracker.reject()
    assert told == ['disown']
