"""The prediction over DDS: while the target is not seen, and no longer than asked for."""

from helpers.ros import H, path, SIZE, W
from helpers.world import K, NEAR, WorldRig
import numpy as np
import pytest

SPEED = np.array([75.0, 50.0])  # px/s: 3 and 2 px every 40 ms


def test_a_prediction_goes_on_where_the_target_went_and_ends():
    with WorldRig(('prediction', 'target_pose'), prediction_seconds=0.5) as rig:
        rig.calibrate()
        target = rig.start(0, label='mug').target_id
        for i in range(1, 13):
            rig.look(i)
            rig.at('target_pose', i)
        assert not rig.heard['prediction']  # it is seen
        spreads, depths = [], []
        for i in range(13, 30):
            rig.look(i, image=False, first=True)
        rig.look(30)  # seen again
        rig.at('target_pose', 30)
        guesses = rig.heard['prediction']
        assert len(guesses) == 12  # 0.5 s at 40 ms
        for i, guess in enumerate(guesses, 13):
            assert guess.header.stamp == rig.at('prediction', i).header.stamp
            assert (guess.target_id, guess.camera) == (target, '/image')
            assert guess.seconds == pytest.approx((i - 12) * 0.04)
            assert guess.camera_motion_known
            x, y = path(i)
            center = np.array([guess.center_x, guess.center_y])
            assert center == pytest.approx((x + SIZE[0] / 2, y + SIZE[1] / 2), abs=4)
            assert (guess.velocity_x, guess.velocity_y) == pytest.approx(SPEED, abs=8)
            assert (guess.width, guess.height) == pytest.approx(SIZE, abs=1)
            spreads.append(np.linalg.det(guess.covariance.reshape(2, 2)))
            assert guess.position_known
            u, v = center - 0.5
            assert guess.position.z == pytest.approx(NEAR, abs=0.02)
            assert guess.position.x == pytest.approx(
                guess.position.z * (u - K[0, 2]) / K[0, 0], abs=1e-3)
            assert guess.position.y == pytest.approx(
                guess.position.z * (v - K[1, 2]) / K[1, 1], abs=1e-3)
            assert guess.velocity.x == pytest.approx(75 / K[0, 0] * NEAR, abs=0.1)
            depths.append(guess.position_covariance.reshape(3, 3)[2, 2])
        assert (np.diff(spreads) > 0).all() and (np.diff(depths) > 0).all()
        # tracked_target stayed empty all the while
        empty = [d for d in rig.detections if not d.results]
        assert len(empty) == 17 and len(rig.heard['target_pose']) == 13


def test_without_a_calibration_the_prediction_is_in_the_image():
    with WorldRig(('prediction',), depth=False) as rig:
        rig.start(0)
        for i in range(1, 4):
            rig.process(i)
        rig.look(4, image=False)
        guess = rig.at('prediction', 4)
        assert not guess.position_known and guess.position.z == 0
        assert 0 < guess.center_x < W and 0 < guess.center_y < H
