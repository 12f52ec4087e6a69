import copy
import pickle

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from sav.data.masks import Masks


def shapes(count: int, size_hw=(37, 53)) -> np.ndarray:
    """The awkward ones (empty, full, one corner pixel, a bar, a ring, two pieces), then noise."""
    generator = np.random.default_rng(0)
    dense = generator.random((count, *size_hw)) < generator.random((count, 1, 1))
    awkward = np.zeros((6, *size_hw), bool)
    awkward[1] = True
    awkward[2, -1, -1] = True
    awkward[3, :, 5:9] = True
    awkward[4, 5:20, 5:20] = True
    awkward[4, 9:12, 9:12] = False
    awkward[5, :3, :3] = awkward[5, -3:, -3:] = True
    return np.concatenate([awkward, dense])[:count] if count else dense


@pytest.mark.parametrize("count", [0, 1, 30])
def test_dense_masks_survive_compression(count):
    dense = shapes(count)
    assert (Masks.from_dense(dense).dense() == dense).all()


@pytest.mark.parametrize("count", [0, 1, 30])
def test_run_lengths_are_those_of_pycocotools(count):
    dense = shapes(count)
    wanted = [coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode() for mask in dense]
    assert [rle["counts"] for rle in Masks.from_dense(dense).rles()] == wanted


@pytest.mark.parametrize("count", [0, 1, 30])
def test_no_iou_is_higher_than_boxes_and_areas_allow(count):
    dense = shapes(count)
    dense[20:25] = dense[15:20]  # masks with a double reach it
    masks = Masks.from_dense(dense)
    highest, ious = masks.highest_ious(), masks.iou_matrix()
    assert highest.shape == ious.shape
    assert (highest >= ious).all()
    assert (highest <= 1).all()
    if count == 30:
        assert (highest[range(20, 25), range(15, 20)] == 1).all()
        assert highest[2, 4] == 0


def test_areas_boxes_and_centroids_are_those_of_the_pixels():
    dense = shapes(30)
    masks = Masks.from_dense(dense)
    assert masks.areas.tolist() == dense.sum(axis=(1, 2)).tolist()
    rows, columns = np.mgrid[:37, :53]
    for mask, box, centroid in zip(dense[1:], masks.boxes_xyxy[1:], masks.centroids_xy[1:], strict=True):
        assert box.tolist() == [
            columns[mask].min(), rows[mask].min(), columns[mask].max() + 1, rows[mask].max() + 1
        ]  # fmt: skip
        assert np.allclose(centroid, [columns[mask].mean(), rows[mask].mean()], atol=1e-3)
    assert masks.boxes_xyxy[0].tolist() == [0, 0, 0, 0]
    assert masks.centroids_xy[0].tolist() == [0, 0]


@pytest.mark.parametrize("count", [0, 1, 30])
def test_overlaps_with_a_region_are_those_of_the_pixels(count):
    dense, region = shapes(count), np.random.default_rng(1).random((37, 53)) < 0.3
    masks = Masks.from_dense(dense)
    assert (masks.union() == dense.any(axis=0)).all()
    assert masks.areas_inside(region).tolist() == (dense & region).sum(axis=(1, 2)).tolist()
    assert (masks.without(region).dense() == (dense & ~region)).all()


@pytest.mark.parametrize("index", [slice(2, 9), [7, 0, 3], np.arange(30) % 3 == 0, []])
def test_masks_are_picked_like_an_array(index):
    dense = shapes(30)
    index = np.array(index, int) if isinstance(index, list) else index
    assert (Masks.from_dense(dense)[index].dense() == dense[index]).all()


def test_parts_are_joined_in_order():
    dense = shapes(30)
    parts = [Masks.from_dense(dense[:4]), Masks.empty((37, 53)), Masks.from_dense(dense[4:])]
    assert (Masks.concatenate((37, 53), parts).dense() == dense).all()
    assert len(Masks.concatenate((37, 53), [])) == 0


def test_masks_of_pictures_of_different_sizes_are_not_joined():
    with pytest.raises(ValueError, match="different sizes"):
        Masks.concatenate((37, 53), [Masks.empty((37, 54))])


def test_packed_bits_that_do_not_fit_the_boxes_are_refused():
    with pytest.raises(ValueError, match="packed has 1 bytes"):
        Masks((10, 10), np.array([[0, 0, 4, 4]]), np.zeros(1, np.uint8))


def test_a_large_sparse_stack_is_small():
    dense = np.zeros((50, 1000, 1000), bool)
    dense[:, 400:500, 400:500] = True
    assert Masks.from_dense(dense).packed.nbytes < dense.nbytes / 700


def test_one_mask_is_picked_at_the_size_of_the_picture():
    dense = shapes(30)
    masks = Masks.from_dense(dense)
    assert (masks[4] == dense[4]).all() and (masks[np.int64(-1)] == dense[-1]).all()
    assert masks[np.array(4)].dtype == bool
    for beyond in (30, -31):
        with pytest.raises(IndexError):
            masks[beyond]


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_loop_goes_through_the_masks_one_by_one(count):
    dense = shapes(count)
    assert [mask.tolist() for mask in Masks.from_dense(dense)] == dense.tolist()


@pytest.mark.parametrize("count", [0, 1, 30])
def test_masks_survive_pickling_and_copying_without_what_was_worked_out(count):
    masks = Masks.from_dense(shapes(count))
    size = len(pickle.dumps(masks))
    assert len(masks.rles()) == len(masks.areas) == count
    assert len(pickle.dumps(masks)) == size
    for again in (pickle.loads(pickle.dumps(masks)), copy.deepcopy(masks), copy.copy(masks)):
        assert again == masks and again.rles() == masks.rles()


def test_masks_are_equal_if_their_pixels_are():
    dense = shapes(30)
    other = dense.copy()
    other[20, 3, 3] ^= True
    masks = Masks.from_dense(dense)
    assert masks == Masks.from_dense(dense.copy()) != Masks.from_dense(other)
    assert masks != Masks.from_dense(dense[:, :-1])
    assert Masks.empty((4, 5)) != Masks.empty((5, 4))
    assert masks != "masks"


def test_masks_are_shown_in_a_few_words():
    assert repr(Masks.from_dense(shapes(30))) == "<Masks: 30 of 53x37 pixels>"


@pytest.mark.parametrize("count", [0, 1, 30])
def test_intersection_over_union_is_that_of_the_pixels(count):
    flat = shapes(count).reshape(count, 37 * 53).astype(int)
    shared = flat @ flat.T
    union = flat.sum(axis=1)[:, None] + flat.sum(axis=1) - shared
    matrix = Masks.from_dense(flat.reshape(count, 37, 53).astype(bool)).iou_matrix()
    assert matrix.shape == (count, count)
    assert np.allclose(matrix, shared / np.maximum(union, 1))


@pytest.mark.parametrize(("count", "others"), [(0, 0), (0, 5), (5, 0), (7, 12)])
def test_intersection_over_union_with_other_masks_is_that_of_the_pixels(count, others):
    dense = shapes(count + others)
    a, b = Masks.from_dense(dense[:count]), Masks.from_dense(dense[count:])
    wanted = [[(one & two).sum() / max((one | two).sum(), 1) for two in b] for one in a]
    np.testing.assert_allclose(a.iou_matrix(b), np.reshape(wanted, (count, others)))


def test_masks_of_pictures_of_two_sizes_have_no_overlap():
    with pytest.raises(ValueError, match="different sizes"):
        Masks.from_dense(shapes(2)).iou_matrix(Masks.from_dense(np.ones((1, 3, 4), bool)))


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_pixels_of_masks_in_boxes_are_those_that_the_boxes_touch(count):
    dense = shapes(count)
    boxes = np.random.default_rng(2).uniform(-20, 70, (count, 4)).astype(np.float32)
    boxes[1::2] = np.sort(boxes[1::2].reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    rows, columns = np.mgrid[:37, :53]
    x0, y0, x1, y1 = boxes.T[..., None, None]
    inside = (columns + 1 > x0) & (columns < x1) & (rows + 1 > y0) & (rows < y1)
    inside &= (x0 <= x1) & (y0 <= y1)
    masks = Masks.from_dense(dense)
    assert masks.areas_within(boxes).tolist() == (dense & inside).sum(axis=(1, 2)).tolist()


def test_pixels_in_boxes_of_whole_pixels_are_counted_exactly():
    masks = Masks.from_dense(np.ones((1, 10, 10), bool))
    assert masks.areas_within(np.array([[2, 3, 5, 9]])).tolist() == [18]


def test_masks_and_boxes_of_different_number_are_refused():
    with pytest.raises(ValueError, match=r"30 masks need boxes of shape \(30, 4\)"):
        Masks.from_dense(shapes(30)).areas_within(np.zeros((4, 4)))


@pytest.mark.parametrize("box", [[-1, 0, 2, 2], [3, 0, 2, 2], [0, 0, 11, 2]])
def test_boxes_outside_the_picture_are_refused(box):
    with pytest.raises(ValueError, match="must lie in the picture, 10x20 pixels"):
        Masks((20, 10), np.array([box]), np.zeros(1, np.uint8))


def test_arrays_of_other_types_are_refused():
    with pytest.raises(ValueError, match="must be int64, not float64"):
        Masks((10, 10), np.zeros((1, 4)), np.zeros(0, np.uint8))


def test_crops_count_from_the_end_too():
    masks = Masks.from_dense(shapes(30))
    assert (masks.crop(-1) == masks.crop(29)).all()
    with pytest.raises(IndexError):
        masks.crop(30)
