"""Coarse masks: what they keep of fine ones, and how alike two are wherever their boxes have gone."""

import numpy as np
import pytest

from sav.data.masks import Masks
from sav.data.shapes import BYTES, SIDE, shape_ious, shapes_in_boxes

SIZE_HW = (120, 160)


def discs(centres_xy, radius=20):
    """Masks of discs, and the boxes around them."""
    y, x = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    dense = np.stack([(x - cx) ** 2 + (y - cy) ** 2 <= radius**2 for cx, cy in centres_xy])
    masks = Masks.from_dense(dense)
    return masks, masks.boxes_xyxy.astype(np.float32)


def test_a_shape_is_the_mask_read_at_the_middle_of_each_cell():
    masks, boxes = discs([(50, 60)])
    (shape,) = shapes_in_boxes(masks, boxes)
    x0, y0, x1, y1 = boxes[0]
    x = np.floor(x0 + (np.arange(SIDE) + 0.5) / SIDE * (x1 - x0)).astype(int)
    y = np.floor(y0 + (np.arange(SIDE) + 0.5) / SIDE * (y1 - y0)).astype(int)
    np.testing.assert_array_equal(np.unpackbits(shape).reshape(SIDE, SIDE), masks[0][np.ix_(y, x)])


def test_what_lies_outside_its_box_or_is_empty_leaves_nothing():
    masks, boxes = discs([(50, 60), (200, 60)])  # the second is outside the picture
    assert masks.areas[1] == 0
    shapes = shapes_in_boxes(masks, boxes + 70)
    assert shapes.shape == (2, BYTES) and not shapes.any()


@pytest.mark.parametrize("count", [0, 3])
def test_any_number_of_masks_has_as_many_shapes(count):
    masks, boxes = discs([(50, 60)])
    several = masks[np.zeros(count, np.int64)]
    shapes = shapes_in_boxes(several, np.repeat(boxes, count, 0))
    assert shapes.shape == (count, BYTES)
    np.testing.assert_array_equal(shape_ious(shapes, boxes.repeat(count, 0), shapes, boxes), np.ones(count))


@pytest.mark.parametrize("shift", [0, 4, 11, 25, 60])
def test_the_iou_of_shapes_is_that_of_the_masks_but_for_their_coarseness(shift):
    masks, boxes = discs([(50, 60), (50 + shift, 58)])
    shapes = shapes_in_boxes(masks, boxes)
    (iou,) = shape_ious(shapes[:1], boxes[:1], shapes[1:], boxes[1:])
    assert iou == pytest.approx(masks.iou_matrix()[0, 1], abs=0.04)


def test_a_shape_goes_where_its_box_goes_and_grows_with_it():
    masks, boxes = discs([(50, 60)])
    shapes = shapes_in_boxes(masks, boxes)
    larger = boxes * 1.5 + 300
    np.testing.assert_array_equal(shape_ious(shapes, larger, shapes, larger), [1])
    assert shape_ious(shapes, boxes, shapes, larger) == [0]
