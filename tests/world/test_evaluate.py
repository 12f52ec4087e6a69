"""What the evaluation of the checkpoints counts, against the plain definitions."""

import numpy as np
import pytest

from sav.data.masks import Masks
from sav.data.types import Detections
from tools.world.evaluate import matched, overlaps


@pytest.mark.parametrize("count", [0, 1, 6])
def test_overlaps_with_labels_are_those_of_their_pixels(count):
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 7, (4, 5)), np.ones((6, 7), int)).astype(np.int32)
    labels[labels == 3] = 0  # a label that nothing shows
    dense = rng.random((count, *labels.shape)) < 0.3
    found = overlaps(Masks.from_dense(dense), labels, 6)
    assert found.areas.tolist() == [int((labels == label).sum()) for label in range(1, 7)]
    wanted = [[(m & (labels == i)).sum() / (m | (labels == i)).sum() for i in range(1, 7)] for m in dense]
    np.testing.assert_allclose(found.iou, np.reshape(wanted, (count, 6)))


def test_a_detection_matches_one_object_of_its_class_that_it_overlaps_by_half():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [40, 0, 50, 4]], np.float32)
    seen = Detections(boxes, np.full(4, 0.5, np.float32), np.array([1, 1, 2, 1]))
    true_boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
    assert matched(seen, np.array([1, 1, 1]), true_boxes) == [(0, 0)]
    assert matched(seen, np.array([1, 2, 1]), true_boxes) == [(0, 0), (2, 1)]
    assert matched(seen, np.zeros(0, int), np.zeros((0, 4))) == []
