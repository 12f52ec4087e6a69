"""Sequences seen otherwise: what happens to the boxes happens to their truth."""

import numpy as np
import pytest

from sav.data.types import Detections
from sav.evaluate.mot import SequenceTruth
from tools.tracking.mot_sequences import MotSequence
from tools.tracking.variants import backwards, variants


@pytest.fixture
def sequence(tmp_path):
    """Two objects through three frames, the second of them in the last two."""
    rows = [(1, 1, 10), (2, 1, 15), (2, 2, 90), (3, 1, 20), (3, 2, 80)]
    path = tmp_path / "gt.txt"
    path.write_text("".join(f"{frame},{ident},{left},0,20,40,1,-1,-1,-1\n" for frame, ident, left in rows))
    corners = [
        np.array([(left, 0, left + 20, 40) for f, _, left in rows if f == frame]) for frame in (1, 2, 3)
    ]
    seen = [
        Detections(c.astype(np.float32), np.full(len(c), 0.7, np.float32), np.zeros(len(c), int))
        for c in corners
    ]
    warps = [np.eye(2, 3), np.array([[1, 0, 5.0], [0, 1, 0]]), np.array([[2, 0, 4.0], [0, 2, 8]])]
    return MotSequence("S", SequenceTruth("S", path, 3, "MOT15"), 10.0, tuple(seen), tuple(warps))


def test_backwards_truth_and_detections_tell_of_the_same_frames(sequence):
    turned = backwards(sequence)
    truth = turned.truth.read()
    assert truth.frames.tolist() == [1, 1, 2, 2, 3] and truth.ids.tolist() == [1, 2, 1, 2, 1]
    for frame, detections in enumerate(turned.detections, start=1):
        np.testing.assert_allclose(truth.boxes_xyxy[truth.frames == frame], detections.boxes_xyxy)


def test_backwards_warps_undo_what_the_warps_do(sequence):
    turned = backwards(sequence)
    np.testing.assert_allclose(turned.warps[0], np.eye(2, 3))
    back, forth = turned.warps[1], sequence.warps[2]
    np.testing.assert_allclose(back[:, :2] @ (forth @ (3, 7, 1)) + back[:, 2], (3, 7))
    assert backwards(sequence).warps[2][0, 2] == -5


def test_jitter_is_small_the_same_each_time_and_leaves_the_truth_alone(sequence):
    one, two = variants(sequence), variants(sequence)
    assert len(one) == 4 and one[0] is sequence
    for first, second in zip(one, two, strict=True):
        assert all(a == b for a, b in zip(first.detections, second.detections, strict=True))
    moved = np.abs(one[2].detections[1].boxes_xyxy - sequence.detections[1].boxes_xyxy)
    assert 0 < moved.max() < 4
    assert one[2].truth is sequence.truth
