"""The camera's motion, estimated from pictures whose motion is known."""

import cv2
import numpy as np
import pytest

from sav.trackers.camera_motion import CameraMotion


def texture(height, width, seed=0):
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def window(wall, scale, angle, shift, size):
    """Look at `wall` through a window; return the picture and the map from wall to picture."""
    height, width = wall.shape[:2]
    view = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale), [0, 0, 1]])
    view[:2, 2] += np.array(shift) - [(width - size[0]) / 2, (height - size[1]) / 2]
    return cv2.warpAffine(wall, view[:2], size, flags=cv2.INTER_LINEAR), view


def corner_error(estimate, truth, size):
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [size[0], size[1], 1]], float).T
    return np.linalg.norm(estimate @ corners - truth[:2] @ corners, axis=0).mean()


@pytest.mark.parametrize("size", [(320, 240), (512, 384), (961, 541), (1920, 1080)])
def test_a_known_path_is_followed_to_a_fraction_of_a_pixel(size):
    wall = texture(size[1] + 200, size[0] + 200)
    camera, before, errors = CameraMotion(), None, []
    for step in range(8):
        picture, view = window(
            wall, 1 + 0.01 * np.sin(step), 0.5 * np.cos(step), (9.3 * np.sin(step), 6.1 * np.cos(step)), size
        )
        estimate = camera.estimate(picture)
        if before is not None:
            errors.append(corner_error(estimate, view @ np.linalg.inv(before), size))
        before = view
    assert np.mean(errors) < 0.25


def test_the_first_frame_has_not_moved():
    np.testing.assert_array_equal(CameraMotion().estimate(texture(240, 320)), np.eye(2, 3))


def test_a_still_camera_has_not_moved():
    camera, picture = CameraMotion(), texture(240, 320)
    for _ in range(4):
        np.testing.assert_allclose(camera.estimate(picture), np.eye(2, 3), atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_counts_as_no_motion_and_the_next_shot_is_followed(seed):
    camera = CameraMotion()
    camera.estimate(texture(384, 512, seed))
    after = texture(484, 612, seed + 100)
    picture, first = window(after, 1, 0, (0, 0), (512, 384))
    np.testing.assert_array_equal(camera.estimate(picture), np.eye(2, 3))
    picture, second = window(after, 1, 0, (7.5, -4), (512, 384))
    assert corner_error(camera.estimate(picture), second @ np.linalg.inv(first), (512, 384)) < 0.25


@pytest.mark.parametrize("grey", [0, 128])
def test_pictures_without_texture_count_as_no_motion(grey):
    camera = CameraMotion()
    for _ in range(3):
        np.testing.assert_array_equal(camera.estimate(np.full((240, 320, 3), grey, np.uint8)), np.eye(2, 3))


def test_a_fade_to_black_and_back_counts_as_no_motion():
    camera, picture = CameraMotion(), texture(240, 320)
    for frame in (picture, np.zeros_like(picture), picture):
        np.testing.assert_array_equal(camera.estimate(frame), np.eye(2, 3))


def test_a_change_of_size_counts_as_no_motion():
    camera = CameraMotion()
    camera.estimate(texture(240, 320))
    np.testing.assert_array_equal(camera.estimate(texture(480, 640)), np.eye(2, 3))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (16, 16)])
def test_the_tiniest_pictures_pass(size):
    camera = CameraMotion()
    for seed in range(2):
        assert camera.estimate(texture(*size, seed)).shape == (2, 3)


def test_a_large_object_that_moves_is_not_taken_for_the_camera():
    wall, thing = texture(384, 512), texture(200, 150, 7)
    camera = CameraMotion()
    for step in range(6):
        picture = wall.copy()
        picture[100:300, 50 + 12 * step : 200 + 12 * step] = thing
        assert corner_error(camera.estimate(picture), np.eye(3), (512, 384)) < 0.25
