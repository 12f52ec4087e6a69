from collections import Counter

import numpy as np
import pytest

from tools.training.boxes import (
    CLIPPED,
    CROWD,
    NO_SIZE,
    OUTSIDE,
    TWICE,
    Boxes,
    label_text,
    sound,
    without_crowds,
)


def test_boxes_that_are_none_go_and_each_defect_is_counted():
    rows = [
        (10, 10, 20, 20),
        (10, 10, 20, 20),  # twice
        (5, 5, 0, 9),  # without size
        (5, 5, float("nan"), 9),
        (90, 40, 30, 30),  # over the edge
        (200, 10, 20, 20),  # outside
        (99.5, 0, 1, 10),  # rounding, which is no defect
    ]
    boxes, defects = sound(Boxes.from_xywh(rows, [1] * 7), (100, 50))
    assert defects == {TWICE: 1, NO_SIZE: 2, CLIPPED: 1, OUTSIDE: 1}
    assert sorted(boxes.xyxy.tolist()) == [[10, 10, 30, 30], [90, 40, 100, 50], [99.5, 0, 100, 10]]


def test_the_same_box_of_another_class_and_a_crowd_are_no_duplicates():
    boxes, defects = sound(Boxes.from_xywh([(1, 1, 5, 5)] * 3, [0, 1, 1], [0, 0, 1]), (10, 10))
    assert len(boxes) == 3 and not defects
    kept = without_crowds(boxes, defects := Counter())
    assert kept.class_ids.tolist() == [0, 1] and defects == {CROWD: 1}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_labels_give_back_the_boxes(count):
    rows = np.array([(10.25, 5, 30, 20), (0, 0, 64, 48), (60, 40, 4, 8)])[:count]
    text = label_text(Boxes.from_xywh(rows, [7, 0, 364][:count]), (64, 48))
    read = np.array([line.split() for line in text.splitlines()], float).reshape(-1, 5)
    corners = (read[:, 1:3] - read[:, 3:] / 2) * (64, 48)
    assert np.allclose(corners, rows[:, :2], atol=1e-4) and np.allclose(
        read[:, 3:] * (64, 48), rows[:, 2:], atol=1e-4
    )
    assert read[:, 0].tolist() == [7, 0, 364][:count]


def test_a_box_thinner_than_the_text_s_digits_keeps_a_size():
    text = label_text(Boxes.from_xywh([(1, 1, 1e-5, 3)], [0]), (100_000, 10))
    assert float(text.split()[3]) > 0
