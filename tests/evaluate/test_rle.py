import numpy as np
import pytest
from pycocotools import mask as coco_mask

from sav.evaluate.rle import checked_rle, run_lengths

SIZE_HW = (10, 12)


def masks(count):
    rng = np.random.default_rng(1)
    for _ in range(count):
        height, width = rng.integers(1, 200, 2)
        yield np.asfortranarray(rng.random((height, width)) < rng.random() ** 3, np.uint8)


def test_run_lengths_are_those_that_pycocotools_wrote():
    for mask in masks(60):
        rle = coco_mask.encode(mask)
        lengths = run_lengths(rle["counts"].decode())
        assert lengths.sum() == mask.size and lengths[1::2].sum() == mask.sum()
        again = coco_mask.frPyObjects({"size": rle["size"], "counts": lengths.tolist()}, *rle["size"])
        assert again == rle


def test_text_numbers_and_polygons_give_the_same_mask():
    mask = np.zeros(SIZE_HW, np.uint8, order="F")
    mask[2:5, 3:9] = 1
    rle = coco_mask.encode(mask)
    text = {"size": list(SIZE_HW), "counts": rle["counts"].decode()}
    numbers = {"size": list(SIZE_HW), "counts": run_lengths(text["counts"]).tolist()}
    polygons = [[3, 2, 6, 2, 6, 5, 3, 5], [6, 2, 9, 2, 9, 5, 6, 5]]
    for segmentation in (text, numbers, polygons):
        np.testing.assert_array_equal(coco_mask.decode(checked_rle(segmentation, SIZE_HW)), mask)


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (None, "neither"),
        ({"size": [10, 12]}, "neither"),
        ({"size": [12, 10], "counts": "0h3"}, "not the size"),
        *(({"size": [10, 12], "counts": counts}, "add up") for counts in ([60, 61], [-5, 125], [], "", "12")),
        *(({"size": [10, 12], "counts": counts}, "not RLE") for counts in ("oooo", "é", "~", "o" * 20 + "0")),
        ([], "empty"),
        ([[]], "three points"),
        ([[1, 2, 3, 4]], "three points"),
        ([[1, 2, 3, 4, 5, 6, 7]], "three points"),
        ([[1, 2, 3, 4, 5, 1e9]], "far outside"),
        ([[1, 2, 3, 4, 5, float("nan")]], "far outside"),
    ],
)
def test_what_is_no_mask_never_reaches_pycocotools(segmentation, reason):
    with pytest.raises(ValueError, match=reason):
        checked_rle(segmentation, SIZE_HW)
