"""Masks move with the pixels that they lie on."""

import cv2
import numpy as np
import pytest

from sav.data.masks import Masks
from sav.stages.regions.motion import MaskMotion, moved

SIZE_HW = (120, 160)
NOTHING = np.zeros(SIZE_HW, np.bool_)


def texture(seed=0, size_hw=SIZE_HW):
    noise = np.random.default_rng(seed).integers(0, 255, (size_hw[0] // 4, size_hw[1] // 4, 3), np.uint8)
    return cv2.resize(noise, size_hw[::-1], interpolation=cv2.INTER_CUBIC)


def boxes(*corners):
    dense = np.zeros((len(corners), *SIZE_HW), np.bool_)
    for mask, (x0, y0, x1, y1) in zip(dense, corners, strict=True):
        mask[y0:y1, x0:x1] = True
    return Masks.from_dense(dense)


def follow(motion, image, masks, covered):
    return motion.follow(image, masks, covered, np.zeros((len(masks), 2)))[0]


def test_masks_move_with_the_picture_and_are_cut_at_its_edge():
    motion, image = MaskMotion(), texture()
    masks = boxes((40, 30, 80, 70), (140, 90, 160, 120))
    assert not follow(motion, image, masks, NOTHING).areas.any()
    assert motion.is_cut
    found = follow(motion, np.roll(image, (4, 7), (0, 1)), masks, NOTHING)
    assert not motion.is_cut
    assert found == boxes((47, 34, 87, 74), (147, 94, 160, 120))


def test_what_is_all_one_colour_moves_with_the_camera():
    motion, image = MaskMotion(), texture()
    image[20:100, 30:120] = 128
    masks = boxes((40, 30, 110, 90))
    follow(motion, image, masks, NOTHING)
    assert follow(motion, np.roll(image, 5, 1), masks, NOTHING) == boxes((45, 30, 115, 90))


def test_fractions_of_a_pixel_add_up():
    motion, image, masks, owed = MaskMotion(), texture(), boxes((40, 30, 80, 70)), np.zeros((1, 2))
    follow(motion, image, masks, NOTHING)
    for step in range(1, 11):
        shift = np.array([[1, 0, 0.4 * step], [0, 1, 0]])
        later = cv2.warpAffine(image, shift, SIZE_HW[::-1], borderMode=cv2.BORDER_REFLECT)
        masks, owed = motion.follow(later, masks, NOTHING, owed)
    assert abs(int(masks.boxes_xyxy[0, 0]) - 44) <= 1 and (np.abs(owed) <= 0.5).all()


def test_each_mask_has_a_motion_of_its_own():
    motion, image = MaskMotion(), texture()
    later = image.copy()
    later[20:100, 14:94] = image[20:100, 10:90]
    masks = boxes((20, 30, 80, 90), (110, 20, 150, 60))
    follow(motion, image, masks, NOTHING)
    shifts = follow(motion, later, masks, NOTHING).boxes_xyxy - masks.boxes_xyxy
    assert np.abs(shifts - [[4, 0, 4, 0], [0, 0, 0, 0]]).max() <= 1


def test_what_is_hidden_moves_as_the_rest_does_and_not_as_what_hides_it():
    motion, image = MaskMotion(), texture()
    covered = NOTHING.copy()
    covered[20:60, 30:70] = True
    later = np.roll(image, 3, 1)
    later[20:60, 38:78] = image[20:60, 30:70]
    masks = boxes((32, 22, 68, 58))
    follow(motion, image, masks, covered)
    assert follow(motion, later, masks, covered) == boxes((35, 22, 71, 58))


def test_what_can_be_seen_beside_an_object_moves_as_the_rest_does():
    motion, image = MaskMotion(), texture()
    covered = NOTHING.copy()
    covered[20:100, 40:110] = True
    later = np.roll(image, 3, 1)
    later[20:100, 48:118] = image[20:100, 40:110]
    covered[20:100, 48:118] = True
    masks = boxes((36, 20, 80, 100))
    follow(motion, image, masks, covered)
    assert follow(motion, later, masks, covered) == boxes((39, 20, 83, 100))


@pytest.mark.parametrize(
    ("first", "second", "is_cut"),
    [
        (texture(1), texture(2), True),
        (texture(1), texture(1), False),
        (np.full((*SIZE_HW, 3), 90, np.uint8), np.full((*SIZE_HW, 3), 91, np.uint8), False),
        (np.full((*SIZE_HW, 3), 90, np.uint8), texture(1), True),
        (texture(1), texture(1, (60, 80)), True),
    ],
)
def test_a_cut_is_known_and_a_dull_frame_is_none(first, second, is_cut):
    motion = MaskMotion()
    follow(motion, first, boxes(), NOTHING)
    follow(motion, second, boxes(), NOTHING)
    assert motion.is_cut is is_cut


def test_a_mask_that_leaves_the_picture_is_empty():
    masks = boxes((0, 0, 10, 10), (20, 20, 30, 30))
    assert moved(masks, np.array([[-20, 0], [0, 200]])).areas.tolist() == [0, 0]
    assert len(moved(masks[:0], np.zeros((0, 2), np.int64))) == 0
