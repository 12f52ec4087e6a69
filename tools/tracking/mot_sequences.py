"""Real sequences of the MOT Challenge, where they lie beside the checkout: detections, warps, scores."""

from __future__ import annotations

import configparser
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections
from sav.evaluate.mot import SequenceTruth, find_sequences
from sav.evaluate.tracks import Counts, TrackScore, TrackTable, count_tracks, pooled
from sav.trackers import Tracker

MOT_FOLDER = Path(__file__).parents[3] / "shared" / "mot"
LOWEST_SCORE = 0.1


@dataclass(frozen=True)
class MotSequence:
    """One sequence; `detections` and `warps` have an entry a frame, `warps` is empty where none are known."""

    name: str
    truth: SequenceTruth
    frame_rate: float
    detections: tuple[Detections, ...]
    warps: tuple[NDArray[np.float64], ...]

    @property
    def benchmark(self) -> str:
        """`MOT15` or `MOT17`, whose rules hold."""
        return self.truth.benchmark


def read_sequences(folder: Path = MOT_FOLDER) -> list[MotSequence]:
    """Return the sequences in `folder`, none where it is absent."""
    return [_read(path.parent) for path in sorted(folder.glob("*/det.txt"))]


def _read(folder: Path) -> MotSequence:
    ini = configparser.ConfigParser()
    ini.read(folder / "seqinfo.ini")
    info = ini["Sequence"]
    (truth,) = find_sequences(folder)
    rows = np.loadtxt(folder / "det.txt", delimiter=",", ndmin=2)
    rows = rows[rows[:, 6] >= LOWEST_SCORE]
    warp_file = folder / "gmc.txt"
    warps = np.loadtxt(warp_file, delimiter=",")[:, 1:].reshape(-1, 2, 3) if warp_file.exists() else ()
    return MotSequence(
        folder.name,
        truth,
        float(info["frameRate"]),
        tuple(_frame(rows[rows[:, 0] == frame]) for frame in range(1, int(info["seqLength"]) + 1)),
        tuple(warps),
    )


def _frame(rows: NDArray[np.float64]) -> Detections:
    corners = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1)
    scores = rows[:, 6].astype(np.float32)
    return Detections(corners.astype(np.float32), scores, np.zeros(len(rows), np.int64))


def score_sequences(
    sequences: list[MotSequence], make: Callable[[MotSequence], Tracker], *, with_warps: bool = False
) -> dict[str, TrackScore]:
    """Follow `sequences`, each with a tracker of its own.

    Returns:
        The scores of each benchmark's together, and of each sequence's by its name; variants of a sequence
        have the same name.
    """
    counts = defaultdict[str, list[Counts]](list)
    for sequence in sequences:
        counted = count_tracks(_follow(sequence, make(sequence), with_warps), sequence.truth.read())
        counts[sequence.benchmark].append(counted)
        counts[sequence.name].append(counted)
    return {name: pooled(members) for name, members in counts.items()}


def _follow(sequence: MotSequence, tracker: Tracker, with_warps: bool) -> TrackTable:
    warps = sequence.warps if with_warps and sequence.warps else [None] * len(sequence.detections)
    tracks = [
        tracker.update(detections, None, warp)
        for detections, warp in zip(sequence.detections, warps, strict=True)
    ]
    return TrackTable.of_frames([one.track_ids for one in tracks], [one.boxes_xyxy for one in tracks])
