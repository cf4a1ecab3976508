"""The generator of sequences: same seed same bytes, labels that agree with the pictures."""

import argparse
from dataclasses import asdict, replace
import json

import cv2
from lg_tracker_ros.training.data.media import Sprite
from lg_tracker_ros.training.synthesis import preview
from lg_tracker_ros.training.synthesis.actors import Actor, Look, Patch
from lg_tracker_ros.training.synthesis.camera_motion import (
    Camera,
    CameraConfig,
    curve,
    draw_camera,
    wander,
)
from lg_tracker_ros.training.synthesis.compositing import paste, patch_sprite, stamp, tight_box
from lg_tracker_ros.training.synthesis.generator import draw_scenario, generate, SceneConfig
from lg_tracker_ros.training.synthesis.photometric import (
    apply_curve,
    blur_along,
    degrade,
    jitter_color,
    Lens,
    LensConfig,
    Light,
    LightConfig,
)
from lg_tracker_ros.training.synthesis.scene import Scenario, Shot
from lg_tracker_ros.training.synthesis.target_motion import StoryConfig
from lg_tracker_ros.types import Box
import numpy as np
import pytest

PLAIN = np.repeat(np.arange(256.0)[:, None], 3, 1)
"""The colours as they are."""

STILL = CameraConfig(pan=0, closeness=(1, 1), zoom=1, roll=0, shake=0)
QUIET = SceneConfig(
    96, 128, (6, 6), patch=0, cut=0, video=0, shutter=(0, 0),
    camera=STILL, light=LightConfig(0, 0, 0),
    lens=LensConfig(tone=0, defocus=0, noise=0, compression=0, grey=0, coarse=0),
    story=StoryConfig(growth=1, stretch=0, lean=0, spin=0, turn=0, warp=0, lookalikes=(0, 0),
                      passers=(0, 0), occluders=(0, 0), leave=0, shadow=0, blend=0, soft=0))
"""Nothing happens but the target's own way."""


def texture(rng, h, w):
    """Draw a smooth texture."""
    return cv2.GaussianBlur(rng.integers(0, 256, (h, w, 3), np.uint8), (0, 0), 2)


def disc(rng, w=40, h=60):
    """Draw a textured ellipse as BGRA."""
    alpha = np.zeros((h, w, 1), np.uint8)
    cv2.ellipse(alpha, (w // 2, h // 2), (w // 2 - 1, h // 2 - 1), 0, 0, 360, 255, -1)
    return np.dstack([texture(rng, h, w), alpha])


@pytest.fixture(scope='module')
def sprites():
    rng = np.random.default_rng(0)
    eggs = [Sprite(f'egg{i}', 'egg', disc(rng)) for i in range(3)]
    views = tuple(disc(rng, 20 + 5 * abs(4 - i), 60) for i in range(8))
    return [*eggs, Sprite('top', 'top', views[0], views)]


@pytest.fixture(scope='module')
def backgrounds():
    rng = np.random.default_rng(1)
    video = tuple(cv2.imencode('.jpg', texture(rng, 90, 160))[1].tobytes() for _ in range(4))
    return [texture(rng, 240, 320), texture(rng, 400, 300), video]


def check(s):
    """Assert what holds for every sequence."""
    n, h, w = s.frames.shape[:3]
    assert s.frames.dtype == np.uint8 and s.masks.dtype == bool
    assert s.masks.shape == (n, h, w) and s.boxes.shape == (n, 4) and len(s.others) == n
    assert s.visibility.shape == (n,) and 0 <= s.visibility.min() <= s.visibility.max() <= 1
    for box, mask, share, others in zip(s.boxes, s.masks, s.visibility, s.others):
        assert others.shape[1] == 4
        for x, y, ow, oh in others:
            assert x >= 0 and y >= 0 and x + ow <= w and y + oh <= h
        if share == 0:
            assert np.isnan(box).all() and not mask.any()
            continue
        ys, xs = np.nonzero(mask)
        assert box.tolist() == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
    assert s.visibility[0] >= 0.9


def test_the_same_seed_gives_the_same_bytes(sprites, backgrounds):
    config = SceneConfig(120, 160, (10, 14), cut=0.5)
    for seed in range(6):
        a, b = (generate(np.random.default_rng(seed), sprites, backgrounds, config)
                for _ in range(2))
        for x, y in ((a.frames, b.frames), (a.boxes, b.boxes), (a.masks, b.masks),
                     (a.visibility, b.visibility)):
            assert x.tobytes() == y.tobytes()
        assert [o.tobytes() for o in a.others] == [o.tobytes() for o in b.others]
        other = generate(np.random.default_rng(seed + 100), sprites, backgrounds, config)
        assert other.frames.tobytes() != a.frames.tobytes()


def test_frames_are_rendered_alike_in_any_order(sprites, backgrounds):
    scenario = draw_scenario(np.random.default_rng(3), sprites, backgrounds,
                             SceneConfig(120, 160, (9, 9), cut=1))
    assert len(scenario) == 9 and len(scenario.shots) == 2
    forth = [scenario.render(i).image for i in range(9)]
    back = [scenario.render(i).image for i in reversed(range(9))][::-1]
    assert all((a == b).all() for a, b in zip(forth, back))
    with pytest.raises(IndexError, match='frame 9 of 9'):
        scenario.render(9)


def test_labels_agree_and_the_first_frame_is_clear(sprites, backgrounds):
    # much in front of the target, which begins where they do
    busy = replace(StoryConfig(), occluders=(3, 4), lookalikes=(3, 4), crossing=1, hiding=1)
    absent = hidden = 0
    for seed in range(20):
        s = generate(np.random.default_rng(seed), sprites, backgrounds,
                     SceneConfig(96, 128, (8, 16), story=busy))
        check(s)
        absent += (s.visibility == 0).sum()
        hidden += ((s.visibility > 0) & (s.visibility < 0.8)).sum()
    assert absent > 5 and hidden > 15


def test_a_target_alone_shows_wholly_and_the_box_is_its_own(sprites, backgrounds):
    for seed in range(10):
        s = generate(np.random.default_rng(seed), sprites, backgrounds, QUIET)
        check(s)
        assert not any(len(o) for o in s.others) and (s.visibility > 0.3).all()
        # it lies before a still picture: all that changes is within its boxes
        changed = (s.frames[1:] != s.frames[:-1]).any(3)
        margin = np.ones((7, 7), np.uint8)
        for i, c in enumerate(changed):
            near = cv2.dilate((s.masks[i] | s.masks[i + 1]).view(np.uint8), margin)
            assert not (c & (near == 0)).any()


def test_it_leaves_and_is_absent(sprites, backgrounds):
    config = replace(QUIET, frames=(40, 40), story=replace(QUIET.story, leave=1, speed=0.02))
    runs = [generate(np.random.default_rng(i), sprites, backgrounds, config) for i in range(12)]
    for s in runs:
        check(s)
        assert (s.visibility == 0).any()
    returned = [s for s in runs if s.visibility[-1] > 0.5]
    assert len(returned) > 2
    moved = [np.hypot(*(s.boxes[np.flatnonzero(s.visibility == 0)[0] - 1, :2]
                        - s.boxes[np.flatnonzero(s.visibility == 0)[-1] + 1, :2]))
             for s in returned]
    assert np.median(moved) > 30  # at another place


EXTREMES = {
    'tiny': SceneConfig(story=StoryConfig(smallest=10, largest=0.12)),
    'huge': SceneConfig(story=StoryConfig(smallest=70, largest=0.7)),
    'wide': SceneConfig(64, 300),
    'tall': SceneConfig(300, 64),
    'least frame': SceneConfig(32, 32),
    'one frame': SceneConfig(frames=(1, 1), cut=1),
    'two frames': SceneConfig(frames=(2, 2), cut=1),
    'patches': SceneConfig(patch=1),
    'cuts': SceneConfig(cut=1),
    'videos': SceneConfig(video=1),
    'long exposure': SceneConfig(shutter=(1, 1)),
    'never absent': SceneConfig(least=0),
    'wild camera': SceneConfig(camera=CameraConfig(1, (4, 6), 6, 90, 0.3)),
    'dark and bright': SceneConfig(light=LightConfig(3, 1, 1)),
    'bad lens': SceneConfig(lens=LensConfig(2, 1, (5, 8), 1, (40, 60), 1, (1, 2), 1, 1)),
    'wild story': SceneConfig(story=StoryConfig(
        growth=30, speed=2, stretch=2, lean=180, spin=1, turn=1, turn_rate=(40, 90), warp=0.2,
        lookalikes=(8, 8), passers=(8, 8), crossing=1, occluders=(6, 6), hiding=1, leave=1,
        shadow=1, blend=1, soft=1)),
}


@pytest.mark.parametrize('name', EXTREMES)
def test_extremes_work(name, sprites, backgrounds):
    config = EXTREMES[name]
    if config.frames == (16, 60):
        config = replace(config, frames=(8, 12))
    if (config.height, config.width) == (320, 320):
        config = replace(config, height=100, width=140)
    for seed in range(4):
        s = generate(np.random.default_rng(seed), sprites, backgrounds, config)
        check(s)
        assert s.frames.shape[1:3] == (config.height, config.width)
        assert config.frames[0] <= len(s.frames) <= config.frames[1]


def test_sizes_are_within_their_limits(sprites, backgrounds):
    for seed in range(10):
        s = generate(np.random.default_rng(seed), sprites, backgrounds, replace(
            QUIET, story=replace(QUIET.story, smallest=10, largest=0.7, growth=4)))
        whole = s.boxes[s.visibility > 0.99, 2:]
        assert np.sqrt(whole.prod(1)).min() > 8 and whole.max() <= 0.7 * 96 + 2
        assert whole.max(0)[1] / whole.min(0)[1] <= 4.5


def test_look_alikes_are_others_of_the_class(sprites, backgrounds):
    config = SceneConfig(96, 128, (3, 3), patch=0, cut=0,
                         story=StoryConfig(lookalikes=(2, 2), passers=(2, 2)))
    seen = set()
    for seed in range(20):
        scenario = draw_scenario(np.random.default_rng(seed), sprites, backgrounds, config)
        cast = {label: actor.sprite for actor, label in scenario.shots[0].cast}
        target = cast.pop(1)
        for label, sprite in cast.items():
            if label != 255:
                assert sprite.category == target.category and sprite.name != target.name
                seen.add(target.category)
            else:
                assert sprite.category != target.category
        if target.category == 'top':  # the only one of its class
            assert set(cast) <= {255}
    assert seen == {'egg'}


def still_shot(actors, picture):
    """Put actors before a picture for one frame, seen as it is."""
    camera = Camera(np.eye(2, 3)[None], np.eye(2, 3)[None])
    h, w = picture.shape[:2]
    light = Light(np.ones((1, 3)), None, None, 1.0, 1.0)
    lens = Lens(PLAIN, np.zeros(1), None, np.zeros((1, 2), np.int64), None, False, 1.0)
    shot = Shot(picture, 0, 1.0, False, camera, light, tuple(actors))
    return Scenario((shot,), lens, (h, w), 0.0, 0.05, 'square')


def square(x, side=20):
    """Make a red square actor whose left side is at ``x``, its top at 30."""
    image = np.zeros((side, side, 4), np.uint8)
    image[..., 2:] = 255
    sprite = Sprite('square', 'square', image)
    middle = np.array([[x, 30]]) + (side - 1) / 2
    return Actor(sprite, Look(sprite, PLAIN), middle,
                 np.ones((1, 2)), np.zeros(1), np.zeros(1, np.int64))


def test_visibility_and_boxes_by_hand():
    picture = np.zeros((100, 120, 3), np.uint8)
    shown = still_shot([(square(40), 1)], picture).render(0)
    assert shown.box == Box(40, 30, 20, 20) and shown.visibility == 1
    assert (shown.image[30:50, 40:60] == (0, 0, 255)).all() and shown.image.sum() == 255 * 400
    # a look-alike covers its right quarter, and is itself seen
    shown = still_shot([(square(40), 1), (square(55), 2)], picture).render(0)
    assert shown.box == Box(40, 30, 15, 20) and shown.visibility == 0.75
    assert shown.others == (Box(55, 30, 20, 20),)
    # half out of the frame
    shown = still_shot([(square(-10), 1)], picture).render(0)
    assert shown.box == Box(0, 30, 10, 20) and shown.visibility == 0.5
    # hidden but for a line that is less than a twentieth: absent; the other is no look-alike
    covered = still_shot([(square(40, 40), 1), (square(41, 40), 255)], picture).render(0)
    assert covered.box is None and covered.visibility == 0 and not covered.mask.any()
    assert covered.others == ()
    assert still_shot([(square(400), 1)], picture).render(0).box is None


def test_pasting_blends_by_alpha():
    canvas = np.full((20, 30, 3), 100, np.uint8)
    image = np.zeros((4, 6, 4), np.uint8)
    image[..., :3], image[..., 3] = 100, 128  # premultiplied: half of 200
    labels = np.zeros((20, 30), np.uint8)
    patch = Patch(image, image[..., 3] > 100, 28, 18)
    paste(canvas, patch)
    stamp(labels, patch, 7)
    assert (canvas[18:, 28:] == 150).all() and (canvas[:18] == 100).all()
    assert tight_box(labels == 7) == Box(28, 18, 2, 2)
    paste(canvas, Patch(image, image[..., 3] > 100, 40, 4))  # outside: nothing happens
    assert (canvas[:18] == 100).all()


def test_a_curve_runs_through_its_points_and_a_camera_stays_inside():
    points = [[0, 0], [4, 1], [2, 5], [7, 7]]
    assert curve(points, 31)[::10] == pytest.approx(np.array(points, float))
    rng = np.random.default_rng(0)
    path = wander(rng, 50, 6, 2)
    assert path.shape == (50, 2) and np.abs(path).max() <= 1
    assert np.abs(np.diff(path, axis=0)).max() < 0.6  # no leaps
    for _ in range(20):
        camera = draw_camera(rng, (200, 300), (90, 120), 12, CameraConfig(roll=0, shake=0))
        corners = camera.unproject(np.zeros(2)), camera.unproject(np.array([120.0, 90.0]))
        assert min(corners[0].min(), (np.array([300, 200]) - corners[1]).min()) >= -1e-6
        assert (camera.matrices == camera.steady).all()


def test_blur_has_the_length_of_the_motion():
    dot = np.zeros((61, 61, 3), np.uint8)
    dot[30, 30] = 255
    for length in (4, 9, 14):
        row = blur_along(dot, np.array([float(length), 0.0]))[30, :, 0].astype(float)
        x = np.arange(61)
        spread = np.sqrt((row * (x - 30) ** 2).sum() / row.sum())
        assert spread == pytest.approx(length / np.sqrt(12), rel=0.25)
    assert blur_along(dot, np.array([0.4, 0.4])) is dot


def test_colour_and_lens():
    rng = np.random.default_rng(0)
    image = np.dstack([texture(rng, 40, 50), np.arange(2000, dtype=np.uint8).reshape(40, 50)])
    changed = jitter_color(rng, image, 1.0)
    assert (changed[..., 3] == image[..., 3]).all() and (changed != image).any()
    assert (apply_curve(image, PLAIN) == image).all()
    bgr = np.ascontiguousarray(image[..., :3])
    for _ in range(20):
        out = degrade(rng, bgr)
        assert out.shape == bgr.shape and out.dtype == np.uint8
    # no light from the right half, a third of the gain in blue
    light = Light(np.array([[1 / 3, 1, 1]]), None, np.array([[1.0, 0, 0]]), 0.0, 0.01)
    lit = light.shine(np.full((60, 80, 3), 90, np.uint8), 0)
    assert np.abs(lit[:, :38].astype(int) - (30, 90, 90)).max() <= 1 and lit[:, 42:].max() == 0


def test_patches_of_photographs():
    rng = np.random.default_rng(0)
    image = texture(rng, 200, 300)
    for _ in range(20):
        sprite = patch_sprite(rng, image)
        h, w = sprite.image.shape[:2]
        assert max(h, w) <= 128 and sprite.category == 'patch'
        assert 0.2 < (sprite.image[..., 3] > 100).mean() <= 1
        assert not sprite.image[0, :, 3].all()
    with pytest.raises(ValueError, match='16 x 16 pixels or more, got 300 x 10'):
        patch_sprite(rng, image[:10])


def test_wrong_settings_and_no_material_are_said(sprites, backgrounds):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match='32 pixels or more, got 8 x 320'):
        SceneConfig(height=8)
    with pytest.raises(ValueError, match=r'a range such as \(16, 60\), got \(9, 3\)'):
        SceneConfig(frames=(9, 3))
    with pytest.raises(ValueError, match=r'from 1 to 224 px, which is largest .* got 300'):
        SceneConfig(story=StoryConfig(smallest=300))
    with pytest.raises(ValueError, match='needs sprites and backgrounds, got 4 and 0'):
        generate(rng, sprites, [])
    clear = Sprite('clear', 'glass', np.zeros((30, 30, 4), np.uint8))
    with pytest.raises(ValueError, match='none of twenty sprites is solid'):
        generate(rng, [clear], backgrounds, replace(QUIET, patch=0))
    assert json.loads(json.dumps(asdict(QUIET)))['story']['growth'] == 1  # can be saved


def test_preview_writes_a_contact_sheet(tmp_path, sprites, capsys):
    rng = np.random.default_rng(0)
    (tmp_path / 'stills' / 'images').mkdir(parents=True)
    (tmp_path / 'stamps').mkdir()
    cv2.imwrite(str(tmp_path / 'stills' / 'images' / 'a.png'), texture(rng, 200, 300))
    (tmp_path / 'stills' / 'instances.json').write_text(json.dumps(
        {'images': [{'id': 1, 'file_name': 'a.png'}], 'categories': [], 'annotations': []}))
    for i in range(3):
        grain = rng.integers(0, 256, (80, 60, 3), np.uint8)
        cv2.imwrite(str(tmp_path / 'stamps' / f'{i}.png'),
                    np.dstack([grain, np.full((80, 60), 255, np.uint8)]))
    parser = argparse.ArgumentParser()
    preview.add_arguments(parser)

    def run(*options):
        return preview.run(parser.parse_args(
            ['--data', str(tmp_path), '--count', '2', '--columns', '3', '--side', '50',
             '--size', '64', '64', *options]))
    out = tmp_path / 'sheet.png'
    assert run('--out', str(out)) == 0
    assert cv2.imread(str(out)).shape == (100, 150, 3)
    assert 'green is the target' in capsys.readouterr().out
    with pytest.raises(ValueError, match='cannot be written'):
        run('--out', str(tmp_path / 'none' / 'sheet.png'))
    with pytest.raises(ValueError, match='must be 1 or more, got 2, 3 and 0'):
        run('--side', '0')
