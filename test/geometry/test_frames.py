"""Rigid transforms and the tree of those that never change."""

from lg_tracker_ros.geometry.frames import Rigid, StaticFrames
import numpy as np
import pytest

HALF = np.sqrt(0.5)


def test_a_rigid_transform_and_its_way_back():
    turn = Rigid.of((1, 2, 3), (0, 0, HALF, HALF))  # 90 degrees about z
    assert turn(np.array([[1.0, 0, 0]]))[0] == pytest.approx((1, 3, 3))
    points = np.random.default_rng(0).normal(size=(5, 3))
    assert turn.inverse()(turn(points)) == pytest.approx(points)
    assert turn.after(turn)(points) == pytest.approx(turn(turn(points)))
    with pytest.raises(ValueError, match='length 1'):
        Rigid.of((0, 0, 0), (0, 0, 0, 0))
    with pytest.raises(ValueError, match='a translation must be finite'):
        Rigid.of((0, np.nan, 0), (0, 0, 0, 1))


def test_frames_are_joined_over_the_one_above_both():
    frames = StaticFrames()
    optical = (-0.5, 0.5, -0.5, 0.5)  # REP 103: x forward becomes z forward
    frames.put('base', 'camera', Rigid.of((1, 0, 0), (0, 0, 0, 1)))
    frames.put('camera', 'color', Rigid.of((0, 0.05, 0), (0, 0, 0, 1)))
    frames.put('camera', '/depth', Rigid.of((0, -0.01, 0), (0, 0, 0, 1)))
    frames.put('color', 'color_optical', Rigid.of((0, 0, 0), optical))
    frames.put('depth', 'depth_optical', Rigid.of((0, 0, 0), optical))
    found = frames.find('color_optical', '/depth_optical')
    # y of the body is left, x of the optical frame right
    assert found(np.array([[0.0, 0, 2]]))[0] == pytest.approx((0.06, 0, 2))
    assert frames.find('color', 'color')(np.ones((1, 3)))[0] == pytest.approx((1, 1, 1))
    with pytest.raises(ValueError, match="no transform from 'laser' to 'color' on /tf_static"):
        frames.find('color', 'laser')


def test_a_circle_of_frames_ends():
    frames = StaticFrames()
    for parent, child in (('a', 'b'), ('b', 'c'), ('c', 'a')):
        frames.put(parent, child, Rigid.of((1, 0, 0), (0, 0, 0, 1)))
    with pytest.raises(ValueError, match='no transform'):
        frames.find('x', 'a')
