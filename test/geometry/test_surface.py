"""Depths in a box: which of them are the target's."""

from types import SimpleNamespace

from lg_tracker_ros.geometry.camera import Camera
from lg_tracker_ros.geometry.frames import Rigid
from lg_tracker_ros.geometry.surface import registered, Samples, separate, surface
from lg_tracker_ros.media.depth import DepthImage
from lg_tracker_ros.types import Box
import numpy as np
import pytest

K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])


def message(depth, encoding='32FC1', big=False, pad=0):
    """Return something with the fields of an Image, rows padded by ``pad`` bytes."""
    kind = {'32FC1': 'f4', '16UC1': 'u2', 'mono16': 'u2'}[encoding]
    scale = 1 if encoding == '32FC1' else 1000
    data = (np.asarray(depth) * scale).astype(('>' if big else '<') + kind)
    rows = [row.tobytes() + b'\xff' * pad for row in data]
    return SimpleNamespace(height=data.shape[0], width=data.shape[1], encoding=encoding,
                           is_bigendian=int(big), step=len(rows[0]), data=b''.join(rows))


def scene(near=2.0, far=5.0):
    """Return 240 x 320 m with the target at (130, 90), 40 x 30 px."""
    depth = np.full((240, 320), far)
    depth[90:120, 130:170] = near
    return depth


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16', '32FC1'])
@pytest.mark.parametrize('big, pad', [(False, 0), (True, 0), (False, 12)])
def test_both_encodings_any_order_of_bytes_and_padded_rows(encoding, big, pad):
    depths = DepthImage(message(scene(), encoding, big, pad))
    found = depths.metres(np.array([0, 100]), np.array([0, 150]))
    assert found == pytest.approx(np.array([[5, 5], [5, 2]]))


def test_what_was_not_measured_is_nan():
    depth = np.array([[np.nan, np.inf, 0, -1, 1.5]])
    found = DepthImage(message(depth)).metres(np.arange(1), np.arange(5))
    assert np.isnan(found[0, :4]).all() and found[0, 4] == 1.5
    far = DepthImage(message([[3.4e38, 1e-30]])).metres(np.arange(1), np.arange(2))
    assert np.isnan(far).all()  # the largest float means that nothing was measured
    assert np.isnan(DepthImage(message([[0.0]], '16UC1')).metres(np.arange(1), np.arange(1)))


def test_what_is_no_depth_is_told():
    with pytest.raises(ValueError, match="encoding 'bgr8' is no depth; expected a raw image of "
                                         '16UC1, mono16, 32FC1: name its topic in depth_topics'):
        DepthImage(SimpleNamespace(encoding='bgr8'))
    with pytest.raises(ValueError, match="'16UC1; compressedDepth' is no depth"):
        DepthImage(SimpleNamespace(format='16UC1; compressedDepth'))
    with pytest.raises(ValueError, match='needs 1280 bytes, got 100'):
        DepthImage(SimpleNamespace(encoding='16UC1', is_bigendian=0, width=320, height=2,
                                   step=640, data=b'0' * 100))


def test_the_target_counts_not_what_is_behind_or_missing():
    depth = scene()
    # two thirds of the box are not the target: a median would be 5 m
    box = Box(115, 75, 70, 60)
    assert np.median(depth[75:135, 115:185]) == 5
    found = surface(registered(DepthImage(message(depth)), box, (320, 240)))
    assert found.z == 2 and found.spread == 0 and 0.4 < found.share < 0.9
    rng = np.random.default_rng(1)
    depth[rng.random(depth.shape) < 0.6] = 0  # holes
    depth += rng.normal(0, 0.01, depth.shape) * (depth > 0)
    found = surface(registered(DepthImage(message(depth)), box, (320, 240)))
    assert found.z == pytest.approx(2, abs=0.01)
    assert found.spread == pytest.approx(0.01, rel=0.5)


def test_too_few_depths_are_none():
    depth = np.zeros((240, 320))
    box = Box(130, 90, 40, 30)
    assert surface(registered(DepthImage(message(depth)), box, (320, 240))) is None
    depth[100, 140:148] = 2
    assert surface(registered(DepthImage(message(depth)), box, (320, 240))) is None
    assert surface(registered(DepthImage(message(scene())), Box(900, 90, 40, 30), (320, 240))
                   ) is None
    assert surface(Samples(*np.zeros((3, 0)))) is None


def test_a_registered_depth_may_be_smaller_but_not_of_another_shape():
    box = Box(260, 180, 80, 60)
    found = surface(registered(DepthImage(message(scene())), box, (640, 480)))
    assert found.z == 2 and found.share > 0.99
    with pytest.raises(ValueError) as e:
        registered(DepthImage(message(scene()[:180])), box, (640, 480))
    assert str(e.value) == (
        'depth images of 320 x 180 px do not lie on images of 640 x 480 px; take the depth that '
        "was registered to the camera, or set depth_alignment to 'separate'")


def test_a_depth_camera_of_its_own():
    # 10 cm to the right of the image's camera, turned by 5 degrees, with another focal length
    camera = Camera(K, np.zeros(0))
    other = Camera(np.array([[200.0, 0, 155], [0, 205, 118], [0, 0, 1]]), np.zeros(0))
    turn = np.radians(5)
    to_camera = Rigid.of((0.1, 0.0, 0.02), (0, np.sin(turn / 2), 0, np.cos(turn / 2)))
    # a wall 4 m away and, before it, a square at 1.5 m, both in the image camera's frame
    v, u = np.mgrid[:240, :320]
    rays = other.rays(np.column_stack([u.ravel(), v.ravel()]))
    depth = np.zeros(len(rays))
    for z, half in ((4.0, 99.0), (1.5, 0.2)):
        turned = rays @ to_camera.rotation.T
        length = (z - to_camera.translation[2]) / turned[:, 2]
        hit = turned * length[:, None] + to_camera.translation
        on = (abs(hit[:, 0] - 0.3) < half) & (abs(hit[:, 1]) < half)
        depth[on] = (rays[:, 2] * length)[on]
    depths = DepthImage(message(depth.reshape(240, 320)))
    center = camera.pixels([(0.3, 0, 1.5)])[0] + 0.5
    box = Box.from_center(*center, 80, 80)  # the square's 0.4 m at 1.5 m
    found = surface(separate(depths, box, other, camera, to_camera))
    assert found.z == pytest.approx(1.5, abs=1e-3) and found.share > 0.95
    away = Box(20, 20, 40, 40)
    assert surface(separate(depths, away, other, camera, to_camera)).z == pytest.approx(4)
