import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import sav
from sav import Instance, Instances, Masks
from sav.data.types import UNLABELLED_ID

SIZE_HW = (6, 8)


def table(count: int) -> Instances:
    """Objects of two classes, a column of pixels each in boxes that are as wide as that."""
    dense = np.zeros((count, *SIZE_HW), bool)
    for column, mask in enumerate(dense):
        mask[1:5, column] = True
    masks = Masks.from_dense(dense)
    return Instances(
        masks.boxes_xyxy.astype(np.float32),
        np.linspace(0.9, 0.5, count, dtype=np.float32),
        np.arange(count, dtype=np.int64) % 2,
        np.arange(count, dtype=np.int64) * 10 + 7,
        masks,
    )


@pytest.mark.parametrize(
    ("column", "wrong", "message"),
    [
        ("boxes_xyxy", np.zeros((3, 4), np.float32), r"boxes_xyxy must have shape \(2, 4\), not \(3, 4\)"),
        ("boxes_xyxy", np.zeros((2, 4)), "boxes_xyxy must be an array of float32, not float64"),
        ("boxes_xyxy", np.full((2, 4), np.nan, np.float32), "boxes_xyxy must be finite"),
        ("boxes_xyxy", np.full((2, 4), np.inf, np.float32), "boxes_xyxy must be finite"),
        ("scores", np.zeros((2, 1), np.float32), r"scores must have shape \(2\)"),
        ("scores", np.array([0.5, np.nan], np.float32), "scores must be finite"),
        ("class_ids", np.zeros(2, np.int32), "class_ids must be an array of int64, not int32"),
        ("ids", [1, 2], "ids must be an array of int64, not list"),
        ("masks", Masks.empty(SIZE_HW), r"boxes_xyxy must have shape \(0, 4\)"),
    ],
)
def test_a_column_that_does_not_fit_is_refused(column, wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(table(2), **{column: wrong})


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_table_of_any_length_is_indexed_gone_through_and_joined(count):
    instances = table(count)
    assert len(instances) == len(list(instances)) == len(instances[:]) == count
    assert instances[np.ones(count, bool)] == instances[np.arange(count)] == instances
    assert instances[np.zeros(count, bool)] == instances[:0] == Instances.empty(SIZE_HW)
    assert Instances.concatenate(SIZE_HW, [instances[:1], instances[1:]]) == instances
    assert repr(instances) == f"<Instances: {count} of 8x6 pixels>"


def test_rows_are_picked_in_the_order_of_their_indices():
    assert table(3)[np.array([2, 0])].ids.tolist() == [27, 7]
    assert table(3)[::-1].masks == table(3).masks[::-1]
    assert table(3)[-1] == list(table(3))[2]
    with pytest.raises(IndexError):
        table(3)[3]


def test_a_row_is_a_value_of_each_column():
    row = table(3)[1]
    assert isinstance(row, Instance)
    assert (row.id, row.track_id, row.class_id, row.class_name) == (17, 17, 1, "")
    assert (row.box_xyxy.tolist(), int(row.mask.sum()), row.is_doubtful) == ([1, 1, 2, 5], 4, False)
    assert repr(row) == "<Instance 17: class 1 0.70, box 1, 1, 2, 5, 4 pixels>"


def test_regions_have_no_class_and_the_boxes_of_their_masks():
    masks = table(2).masks
    regions = Instances.unlabelled(masks, np.array([0.9, 0.8], np.float32), np.array([5, 2], np.int64))
    assert regions.class_ids.tolist() == [UNLABELLED_ID] * 2
    assert (regions.boxes_xyxy == masks.boxes_xyxy).all()
    assert [(region.id, region.class_name) for region in regions] == [(5, "unlabelled"), (2, "unlabelled")]
    assert not regions.doubtful.any()


def test_a_mask_that_is_empty_or_mostly_outside_its_box_is_doubtful():
    instances = table(4)
    boxes = instances.boxes_xyxy.copy()
    boxes[1, [1, 3]] += 2
    boxes[2, [1, 3]] += 3
    dense = instances.masks.dense()
    dense[3] = False
    doubted = replace(instances, boxes_xyxy=boxes, masks=Masks.from_dense(dense))
    assert doubted.doubtful.tolist() == [False, False, True, True]


def test_a_mask_that_is_a_spot_in_its_box_is_doubtful_and_one_aslant_or_at_the_border_is_not():
    dense = np.zeros((3, 100, 100), np.bool_)
    dense[0, 40:53, 40:53] = True
    np.fill_diagonal(dense[1], True)
    dense[2, 60:, :10] = True
    boxes = np.array([[10, 0, 60, 100], [0, 0, 100, 100], [-90, 60, 10, 100]], np.float32)
    numbers = np.arange(3, dtype=np.int64)
    spots = Instances(boxes, np.ones(3, np.float32), numbers, numbers, Masks.from_dense(dense))
    assert spots.doubtful.tolist() == [True, False, False]


def test_copies_are_equal_and_hold_nothing_that_was_worked_out():
    instances = table(2)
    assert not instances.doubtful.any()
    for twin in (copy.deepcopy(instances), pickle.loads(pickle.dumps(instances))):
        assert twin == instances
        assert "doubtful" not in vars(twin)
    assert instances != table(3)


def test_it_is_public():
    assert sav.Instances is Instances
