"""Masks that are known by their counts are the masks that those were made of."""

import copy
import pickle

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from sav.data.counted import CountedMasks, MaskMeasures
from sav.data.masks import Masks
from sav.data.rle import decompressed


def shapes(count, size_hw=(37, 53)):
    """Noise of any density, single pixels, and pictures that are empty, full, or full but for a row."""
    random = np.random.default_rng(count)
    dense = random.random((count, *size_hw)) < random.random((count, 1, 1)) ** 3
    dense[:1] = False
    dense[1:2] = True
    dense[2:3] = np.arange(size_hw[0])[:, None] != 7
    dense[3:6] = False
    dense[3:4, 0, 0] = dense[4:5, -1, -1] = dense[5:6, size_hw[0] // 2, 0] = True
    return dense


def counted(masks):
    return CountedMasks(masks.size_hw, masks.boxes_xyxy, MaskMeasures.of(masks))


@pytest.mark.parametrize("count", [0, 1, 60])
def test_pixels_are_made_when_they_are_asked_for(count):
    masks = Masks.from_dense(shapes(count))
    again = counted(masks)
    assert again.rles() == masks.rles() and again.areas.tolist() == masks.areas.tolist()
    assert again.run_lengths == masks.run_lengths
    assert "packed" not in vars(again)
    assert again == masks and masks == again
    assert (again.dense() == masks.dense()).all()
    assert again[count // 2 :] == masks[count // 2 :]
    assert Masks.concatenate((37, 53), [again, masks]) == Masks.concatenate((37, 53), [masks, masks])


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 40), (40, 1), (700, 3)])
def test_pictures_may_have_any_size(size_hw):
    masks = Masks.from_dense(shapes(20, size_hw))
    assert counted(masks) == masks


@pytest.mark.parametrize("make", [lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy])
def test_they_are_sent_and_copied_as_masks(make):
    masks = Masks.from_dense(shapes(9))
    assert make(counted(masks)) == masks


def test_counts_are_read_as_pycocotools_writes_them():
    random = np.random.default_rng(0)
    for size in (1, 2, 3, 4, 9, 200):
        lengths = random.integers(1, 10 ** random.integers(1, 7, size))
        lengths[0] = 0 if size % 2 else lengths[0]
        total = int(lengths.sum())
        (rle,) = coco_mask.frPyObjects([{"size": [total, 1], "counts": lengths.tolist()}], total, 1)
        assert decompressed(rle["counts"].decode()).tolist() == lengths.tolist()


@pytest.mark.parametrize("counts", ["", "Q", "0Q"])
def test_counts_that_are_cut_off_are_refused(counts):
    with pytest.raises(ValueError, match="cut off"):
        decompressed(counts)


def test_counts_of_a_picture_of_another_size_are_refused():
    masks = Masks.from_dense(shapes(9))
    again = CountedMasks((37, 54), masks.boxes_xyxy, MaskMeasures.of(masks))
    with pytest.raises(ValueError, match="not of a picture of 54x37 pixels"):
        _ = again.packed


def test_what_is_of_another_number_of_masks_is_refused():
    masks = Masks.from_dense(shapes(9))
    with pytest.raises(ValueError, match="8 masks cannot have 9"):
        CountedMasks((37, 53), masks.boxes_xyxy[1:], MaskMeasures.of(masks))
