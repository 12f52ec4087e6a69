from dataclasses import replace

import numpy as np
import pytest

from sav.data.types import Detections, Frame, Tracks

BOXES = np.array([[0, 0, 4, 4], [1, 1, 5, 5]], np.float32)
NUMBERS = np.arange(2, dtype=np.int64)
DETECTIONS = Detections(BOXES, np.ones(2, np.float32), NUMBERS)
FRAME = Frame(np.zeros((4, 5, 3), np.uint8))
TRACKS = Tracks(NUMBERS, NUMBERS, BOXES, NUMBERS)


@pytest.mark.parametrize(
    ("table", "column", "wrong", "message"),
    [
        (DETECTIONS, "boxes_xyxy", BOXES * np.float32(np.nan), "boxes_xyxy must be finite"),
        (DETECTIONS, "boxes_xyxy", BOXES[:, :3], r"boxes_xyxy must have shape \(N, 4\)"),
        (DETECTIONS, "boxes_xyxy", BOXES.astype(np.float64), "boxes_xyxy must be an array of float32"),
        (DETECTIONS, "scores", np.array([1, np.inf], np.float32), "scores must be finite"),
        (DETECTIONS, "scores", np.ones(3, np.float32), r"scores must have shape \(2\)"),
        (DETECTIONS, "class_ids", np.zeros(2), "class_ids must be an array of int64, not float64"),
        (TRACKS, "track_ids", NUMBERS.astype(np.float32), "track_ids must be an array of int64"),
        (TRACKS, "boxes_xyxy", np.full((2, 4), np.inf, np.float32), "boxes_xyxy must be finite"),
        (FRAME, "image", FRAME.image[..., 0], r"image must have shape \(H, W, 3\)"),
        (FRAME, "image", np.zeros((4, 5, 3)), "image must be an array of uint8"),
    ],
)
def test_arrays_of_another_shape_or_type_or_that_are_not_finite_are_refused(table, column, wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(table, **{column: wrong})
