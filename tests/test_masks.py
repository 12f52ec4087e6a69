import numpy as np
import pytest
from pycocotools import mask as coco_mask

from sav.masks import Masks


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
