"""Real sequences of the MOT Challenge, where they lie beside the checkout: detections, warps, scores."""

from __future__ import annotations

import configparser
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections, Tracks
from sav.evaluate.mot import SequenceTruth, find_sequences
from sav.evaluate.tracks import Counts, TrackScore, TrackTable, count_tracks, pooled
from sav.stages.refine import RefineConfig, RefinedFrame, Refiner, TrackedFrame
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
    sequences: list[MotSequence],
    make: Callable[[MotSequence], Tracker],
    *,
    with_warps: bool = False,
    refine: RefineConfig | None = None,
) -> dict[str, TrackScore]:
    """Follow `sequences`, each with a tracker of its own, and refine the tracks where `refine` says how.

    Returns:
        The scores of each benchmark's together, and of each sequence's by its name; variants of a sequence
        have the same name.
    """
    counts = defaultdict[str, list[Counts]](list)
    for sequence in sequences:
        warps = sequence.warps if with_warps and sequence.warps else (None,) * len(sequence.detections)
        found = _follow(sequence, make(sequence), warps, refine)
        counted = count_tracks(found, sequence.truth.read())
        counts[sequence.benchmark].append(counted)
        counts[sequence.name].append(counted)
    return {name: pooled(members) for name, members in counts.items()}


def _follow(
    sequence: MotSequence,
    tracker: Tracker,
    warps: Sequence[NDArray[np.float64] | None],
    refine: RefineConfig | None,
) -> TrackTable:
    steps = list(zip(sequence.detections, warps, strict=True))
    tracks = [tracker.update(detections, None, warp) for detections, warp in steps]
    if refine is None:
        return TrackTable.of_frames([one.track_ids for one in tracks], [one.boxes_xyxy for one in tracks])

    refiner, refined = Refiner(refine, frame_rate=sequence.frame_rate), list[RefinedFrame]()
    for number, (one, (detections, warp)) in enumerate(zip(tracks, steps, strict=True)):
        refined += refiner.add(tracked_frame(number / sequence.frame_rate, one, detections, warp))
    refined += refiner.finish()
    return TrackTable.of_frames([one.ids for one in refined], [one.boxes.boxes_xyxy for one in refined])


def tracked_frame(
    time: float, tracks: Tracks, detections: Detections, warp: NDArray[np.float64] | None = None
) -> TrackedFrame:
    """What a tracker says of a frame, as it is refined: with the detector's own boxes."""
    boxes = replace(detections[tracks.detection_indices], class_ids=tracks.class_ids)
    return TrackedFrame(time, tracks.track_ids, boxes, detections, np.eye(2, 3) if warp is None else warp)
