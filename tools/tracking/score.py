"""How well tracks agree with the truth: HOTA, MOTA, IDF1 and identity switches, by TrackEval."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sav.trackers.association import iou


@dataclass(frozen=True)
class TrackingScore:
    """HOTA, MOTA and IDF1 in percent, and the number of identity switches."""

    hota: float
    mota: float
    idf1: float
    switches: int


def score_tracks(
    true_ids: Sequence[NDArray[np.int64]],
    true_boxes_xyxy: Sequence[NDArray[np.float64]],
    track_ids: Sequence[NDArray[np.int64]],
    track_boxes_xyxy: Sequence[NDArray[np.float32]],
) -> TrackingScore:
    """Score tracks against the truth; every argument has one entry a frame."""
    truth, true_count = _numbered(true_ids)
    tracks, track_count = _numbered(track_ids)
    data = {
        "num_timesteps": len(truth),
        "num_gt_ids": true_count,
        "num_tracker_ids": track_count,
        "num_gt_dets": sum(map(len, truth)),
        "num_tracker_dets": sum(map(len, tracks)),
        "gt_ids": truth,
        "tracker_ids": tracks,
        "similarity_scores": [iou(a, b) for a, b in zip(true_boxes_xyxy, track_boxes_xyxy, strict=True)],
    }
    quiet = {"PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):
        import trackeval

        hota = trackeval.metrics.HOTA().eval_sequence(data)
        clear = trackeval.metrics.CLEAR(quiet).eval_sequence(data)
        identity = trackeval.metrics.Identity(quiet).eval_sequence(data)
    return TrackingScore(
        100 * float(np.mean(hota["HOTA"])),
        100 * float(clear["MOTA"]),
        100 * float(identity["IDF1"]),
        int(clear["IDSW"]),
    )


def _numbered(ids: Sequence[NDArray[np.int64]]) -> tuple[list[NDArray[np.int64]], int]:
    """Replace ids by numbers from 0 without gaps."""
    known = np.unique(np.concatenate([np.zeros(0, np.int64), *ids]))
    return [np.searchsorted(known, frame) for frame in ids], len(known)
