"""Camera models: there and back, and against OpenCV's own projection."""

from types import SimpleNamespace

import cv2
from lg_tracker_ros.geometry.camera import Camera, camera_from_info
import numpy as np
import pytest

SIZE = 640, 480
K = np.array([[400.0, 0, 322.5], [0, 410.0, 238.0], [0, 0, 1]])
MODELS = {
    'plumb_bob': [-0.28, 0.09, 0.0007, -0.0004, -0.013],
    'rational_polynomial': [0.45, -2.6, 0.0008, -0.0003, 1.5, 0.33, -2.4, 1.42],
    'equidistant': [-0.012, 0.021, -0.018, 0.005]}


def info(model='plumb_bob', d=(), **fields):
    """Return something with the fields of a CameraInfo."""
    p = np.column_stack([K, np.zeros(3)])
    values = {'width': SIZE[0], 'height': SIZE[1], 'distortion_model': model, 'd': list(d),
              'k': K.ravel().tolist(), 'p': p.ravel().tolist(), 'binning_x': 0, 'binning_y': 0,
              'roi': SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)}
    return SimpleNamespace(**{**values, **fields})


def grid():
    """Return pixels all over the image, N x 2."""
    return np.stack(np.meshgrid(np.linspace(0, 639, 9), np.linspace(0, 479, 7)),
                    -1).reshape(-1, 2)


@pytest.mark.parametrize('model', MODELS)
def test_rays_lead_back_to_their_pixels_by_opencvs_projection(model):
    camera = camera_from_info(info(model, MODELS[model]), rectified=False)
    rays = camera.rays(grid())
    assert np.linalg.norm(rays, axis=1) == pytest.approx(1)
    points = rays * np.linspace(0.5, 20, len(rays))[:, None]
    d = np.array(MODELS[model])
    project = cv2.fisheye.projectPoints if model == 'equidistant' else cv2.projectPoints
    seen = (project(points[:, None], np.zeros(3), np.zeros(3), K, d)[0]).reshape(-1, 2)
    assert np.abs(seen - grid()).max() < 1e-3
    assert np.abs(camera.pixels(points) - grid()).max() < 1e-3


@pytest.mark.parametrize('model', MODELS)
def test_points_are_seen_where_opencv_sees_them(model):
    camera = camera_from_info(info(model, MODELS[model]), rectified=False)
    points = np.random.default_rng(3).uniform((-1, -1, 2), (1, 1, 9), (50, 3))
    d = np.array(MODELS[model])
    project = cv2.fisheye.projectPoints if model == 'equidistant' else cv2.projectPoints
    seen = (project(points[:, None], np.zeros(3), np.zeros(3), K, d)[0]).reshape(-1, 2)
    assert camera.pixels(points) == pytest.approx(seen, abs=1e-6)
    rays = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert camera.rays(seen) == pytest.approx(rays, abs=1e-6)


def test_a_fisheye_sees_to_its_sides_and_behind():
    camera = Camera(np.array([[100.0, 0, 320], [0, 100, 240], [0, 0, 1]]), np.zeros(4), True)
    rays = camera.rays([(320 + 100 * np.pi / 2, 240), (320, 240 - 100 * 1.7), (320, 240)])
    assert rays == pytest.approx(np.array([
        [1, 0, 0], [0, -np.sin(1.7), np.cos(1.7)], [0, 0, 1]]), abs=1e-9)
    assert camera.pixels(rays)[1] == pytest.approx((320, 240 - 170))


def test_without_a_ray_there_is_nan():
    # a barrel that folds back: nothing is ever seen in the corners
    camera = Camera(K, np.array([-0.9, 0.0, 0.0, 0.0, 0.0]))
    rays = camera.rays([(0, 0), (322.5, 238)])
    assert np.isnan(rays[0]).all() and rays[1] == pytest.approx((0, 0, 1))
    assert np.isnan(camera.pixels([(0, 0, -1)])).all()


def test_a_rectified_image_goes_by_p():
    p = np.array([[300.0, 0, 330, 0], [0, 300, 250, 0], [0, 0, 1, 0]])
    camera = camera_from_info(info(d=MODELS['plumb_bob'], p=p.ravel().tolist()), rectified=True)
    assert camera.rays([(630, 250)])[0] == pytest.approx(np.array([1, 0, 1]) / np.sqrt(2))


def test_binning_and_a_region_of_interest_move_the_pixels():
    region = SimpleNamespace(x_offset=100, y_offset=40, width=200, height=160)
    full = camera_from_info(info(), rectified=False)
    part = camera_from_info(info(roi=region, binning_x=2, binning_y=2), rectified=False)
    assert (part.width, part.height) == (100, 80)
    # binned pixel 30, 20 is made of the full ones 160, 161 and 80, 81
    assert part.rays([(30, 20)])[0] == pytest.approx(full.rays([(160.5, 80.5)])[0])


@pytest.mark.parametrize('fields, rectified, text', [
    ({'k': [0.0] * 9}, False, 'the camera is not calibrated: K has focal lengths 0 and 0'),
    ({'p': [0.0] * 12}, True, 'the camera is not calibrated: P has'),
    ({'k': [float('nan')] * 9}, False, 'not calibrated'),
    # before: these were taken, and bearings of NaN went out
    ({'k': [1e300, 0, 160, 0, 1e300, 120, 0, 0, 1]}, False, 'focal lengths 1e+300 and 1e+300 px'),
    ({'k': [300, 0, 1e300, 0, 300, 120, 0, 0, 1]}, False, 'centre 1e+300, 120'),
    ({'k': [1e-9, 0, 160, 0, 1e-9, 120, 0, 0, 1]}, False, 'focal lengths 1e-09 and 1e-09 px'),
    ({'distortion_model': 'x' * 999}, False, 'expected one of plumb_bob, rational_polynomial, eq'),
    ({'d': [0.1, 0.2]}, False, 'plumb_bob has 0 or 4 or 5 finite coefficients, D has 2'),
    ({'d': [0.1, float('nan'), 0, 0, 0]}, False, 'finite')])
def test_what_is_no_calibration_is_told_in_a_line(fields, rectified, text):
    with pytest.raises(ValueError) as e:
        camera_from_info(info(**fields), rectified)
    assert text in str(e.value) and len(str(e.value)) <= 300 and '\n' not in str(e.value)
