"""Tracks beside ground truth: HOTA, MOTA, IDF1 and what they are made of, computed by TrackEval.

HOTA: Luiten et al. 2021, "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking". MOTA: Bernardin
and Stiefelhagen 2008. IDF1: Ristani et al. 2016. Boxes overlap by IoU, for MOTA and IDF1 by at least 0.5.
A frame without a row is one in which nothing was found. Classes are not told apart.
"""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import BoolArray, IntArray
from sav.errors import PackageMissingError
from sav.evaluate.matching import match
from sav.trackers.association import box_iou

LEAST_IOU = 0.5


class Role(IntEnum):
    """What a box of the truth is for."""

    SCORED = 0  # to be found
    IGNORED = 1  # a found box on it is neither right nor wrong
    OTHER = 2  # a found box on it is wrong


@dataclass(frozen=True, eq=False)
class TrackTable:
    """The boxes of a sequence, N rows in the order of their frames.

    Attributes:
        frame_count: Number of frames.
        frames: `(N,)` int64, from 1, ascending.
        ids: `(N,)` int64, each once a frame.
        boxes_xyxy: `(N, 4)` float64, pixels.
        roles: `(N,)` int8, a `Role` each.
    """

    frame_count: int
    frames: IntArray
    ids: IntArray
    boxes_xyxy: NDArray[np.float64]
    roles: NDArray[np.int8]

    def __post_init__(self) -> None:
        count = len(self.frames)
        if not self.ids.shape == self.roles.shape == (count,) or self.boxes_xyxy.shape != (count, 4):
            raise ValueError("frames, ids, boxes_xyxy and roles must have a row a box")
        if (np.diff(self.frames) < 0).any() or (count and not 1 <= self.frames[0] <= self.frames[-1]):
            raise ValueError("frames must ascend from 1")

    @classmethod
    def of_frames(cls, ids: Sequence[NDArray[np.int64]], boxes_xyxy: Sequence[NDArray[Any]]) -> TrackTable:
        """The table of ids `(n,)` and boxes `(n, 4)` that are given frame by frame."""
        lengths = [len(frame) for frame in ids]
        return cls(
            frame_count=len(ids),
            frames=np.repeat(np.arange(1, len(ids) + 1), lengths),
            ids=np.concatenate([np.zeros(0, np.int64), *ids]),
            boxes_xyxy=np.concatenate([np.zeros((0, 4)), *boxes_xyxy]),
            roles=np.full(sum(lengths), Role.SCORED, np.int8),
        )

    def chosen(self, which: BoolArray) -> TrackTable:
        """The rows that `(N,)` bool flags pick, of as many frames."""
        return TrackTable(
            self.frame_count, self.frames[which], self.ids[which], self.boxes_xyxy[which], self.roles[which]
        )

    def renumbered(self, numbers: IntArray) -> TrackTable:
        """The rows of some frames, of which the first becomes 1, and so on.

        Args:
            numbers: `(F,)` int64, each once.
        """
        is_wanted = np.isin(self.frames, numbers)
        order = np.argsort(numbers)
        frames = order[np.searchsorted(numbers, self.frames[is_wanted], sorter=order)] + 1
        places = np.flatnonzero(is_wanted)[np.argsort(frames, kind="stable")]
        return TrackTable(
            len(numbers), np.sort(frames), self.ids[places], self.boxes_xyxy[places], self.roles[places]
        )

    def rows_of_frames(self, frame_count: int) -> list[slice]:
        """The rows of each of the first frames."""
        ends = np.searchsorted(self.frames, np.arange(frame_count + 1), side="right").tolist()
        return [slice(start, end) for start, end in itertools.pairwise(ends)]


@dataclass(frozen=True)
class TrackScore:
    """How well tracks agree with the truth, of one sequence or of several together.

    Attributes:
        hota: Percent, as are `deta` (of detection), `assa` (of association), `mota` and `idf1`.
        deta: Percent.
        assa: Percent.
        mota: Percent, 100 at most, and below 0 where there are more mistakes than objects.
        idf1: Percent.
        switches: Changes of identity (IDSW).
        false_positives: Found boxes without a true one.
        misses: True boxes without a found one (false negatives).
        ids: Found identities.
        true_ids: True identities.
    """

    hota: float
    deta: float
    assa: float
    mota: float
    idf1: float
    switches: int
    false_positives: int
    misses: int
    ids: int
    true_ids: int


@dataclass(frozen=True, eq=False)
class Counts:
    """What TrackEval counted in one sequence, to be pooled with that of others; its own form.

    Attributes:
        results: A dictionary for each of HOTA, CLEAR, Identity and Count.
    """

    results: tuple[dict[str, Any], ...]


def score_tracks(found: TrackTable, truth: TrackTable) -> TrackScore:
    """Score the tracks of one sequence; see `count_tracks`."""
    return pooled([count_tracks(found, truth)])


def count_tracks(found: TrackTable, truth: TrackTable) -> Counts:
    """Compare the tracks of one sequence with the truth.

    Raises:
        PackageMissingError: If TrackEval is not installed.
    """
    frame_count = max(found.frame_count, truth.frame_count)
    found, truth = _judged(found, truth), truth.chosen(truth.roles == Role.SCORED)
    places = list(zip(*(table.rows_of_frames(frame_count) for table in (truth, found)), strict=True))
    return count_overlaps(
        [truth.ids[theirs] for theirs, _ in places],
        [found.ids[ours] for _, ours in places],
        [box_iou(truth.boxes_xyxy[theirs], found.boxes_xyxy[ours], np.float64) for theirs, ours in places],
    )


def count_overlaps(
    true_ids: Sequence[IntArray], ids: Sequence[IntArray], overlaps: Sequence[NDArray[np.float64]]
) -> Counts:
    """Compare tracks of any shape with the truth.

    Args:
        true_ids: For each frame `(n,)` int64, each id once.
        ids: For each frame `(m,)` int64, what was found, each id once.
        overlaps: For each frame `(n, m)`, 0 to 1, how much of the one each of the others is.

    Raises:
        PackageMissingError: If TrackEval is not installed.
    """
    true_numbers, true_count = _numbered(true_ids)
    numbers, count = _numbered(ids)
    comparison = {
        "num_timesteps": len(overlaps),
        "num_gt_ids": true_count,
        "num_tracker_ids": count,
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, ids)),
        "gt_ids": true_numbers,
        "tracker_ids": numbers,
        "similarity_scores": list(overlaps),
    }
    return Counts(tuple(metric.eval_sequence(comparison) for metric in _metrics()))


def pooled(counts: Sequence[Counts]) -> TrackScore:
    """The score of one or more sequences; counts are added up, which is not the mean of their scores."""
    columns = zip(*(one.results for one in counts), strict=True)
    hota, clear, identity, number = (
        metric.combine_sequences(dict(enumerate(column))) if len(counts) > 1 else column[0]
        for metric, column in zip(_metrics(), columns, strict=True)
    )
    return TrackScore(
        hota=100 * float(np.mean(hota["HOTA"])),
        deta=100 * float(np.mean(hota["DetA"])),
        assa=100 * float(np.mean(hota["AssA"])),
        mota=100 * float(clear["MOTA"]),
        idf1=100 * float(identity["IDF1"]),
        switches=int(clear["IDSW"]),
        false_positives=int(clear["CLR_FP"]),
        misses=int(clear["CLR_FN"]),
        ids=int(number["IDs"]),
        true_ids=int(number["GT_IDs"]),
    )


def _metrics() -> list[Any]:
    """TrackEval's HOTA, CLEAR, Identity and Count; it prints when it is imported."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            from trackeval import metrics
    except ImportError as error:
        raise PackageMissingError(
            f"HOTA, MOTA and IDF1 need the package TrackEval ({error}): pip install trackeval"
        ) from None
    settings = {"THRESHOLD": LEAST_IOU, "PRINT_CONFIG": False}
    return [metrics.HOTA(), metrics.CLEAR(settings), metrics.Identity(settings), metrics.Count()]


def _judged(found: TrackTable, truth: TrackTable) -> TrackTable:
    """What was found less the boxes that are best paired with an ignored one, among all of the truth."""
    is_judged = np.ones(len(found.ids), np.bool_)
    is_ignored = truth.roles == Role.IGNORED
    if np.any(is_ignored):
        tables = truth.rows_of_frames(truth.frame_count), found.rows_of_frames(truth.frame_count)
        for theirs, ours in zip(*tables, strict=True):
            overlaps = box_iou(truth.boxes_xyxy[theirs], found.boxes_xyxy[ours], np.float64)
            rows, columns = match(overlaps, LEAST_IOU)
            is_judged[ours.start + columns[is_ignored[theirs][rows]]] = False
    return found.chosen(is_judged)


def _numbered(ids: Sequence[IntArray]) -> tuple[list[IntArray], int]:
    """Each frame's ids replaced by numbers from 0 without gaps, and how many there are."""
    known, numbers = np.unique(np.concatenate([np.zeros(0, np.int64), *ids]), return_inverse=True)
    ends = np.cumsum([len(frame) for frame in ids])[:-1]
    return np.split(numbers.reshape(-1).astype(np.int64), ends), len(known)
