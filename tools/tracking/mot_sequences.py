"""Real sequences of the MOT Challenge, where they lie beside the checkout: detections, warps, scores."""

from __future__ import annotations

import configparser
import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections
from sav.trackers import Tracker

MOT_FOLDER = Path(__file__).parents[3] / "shared" / "mot"
LOWEST_SCORE = 0.1


@dataclass(frozen=True)
class MotSequence:
    """One sequence; `detections` and `warps` have an entry a frame, `warps` is empty where none are known."""

    name: str
    benchmark: str
    frame_rate: float
    detections: tuple[Detections, ...]
    warps: tuple[NDArray[np.float64], ...]


def read_sequences(folder: Path = MOT_FOLDER) -> list[MotSequence]:
    """Return the sequences in `folder`, none where it is absent."""
    return [_read(path.parent) for path in sorted(folder.glob("*/det.txt"))]


def _read(folder: Path) -> MotSequence:
    ini = configparser.ConfigParser()
    ini.read(folder / "seqinfo.ini")
    info = ini["Sequence"]
    length = int(info["seqLength"])
    rows = np.loadtxt(folder / "det.txt", delimiter=",", ndmin=2)
    rows = rows[rows[:, 6] >= LOWEST_SCORE]
    warp_file = folder / "gmc.txt"
    warps = np.loadtxt(warp_file, delimiter=",")[:, 1:].reshape(-1, 2, 3) if warp_file.exists() else ()
    return MotSequence(
        folder.name,
        info["benchmark"],
        float(info["frameRate"]),
        tuple(_frame(rows[rows[:, 0] == frame]) for frame in range(1, length + 1)),
        tuple(warps),
    )


def _frame(rows: NDArray[np.float64]) -> Detections:
    corners = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1)
    scores = rows[:, 6].astype(np.float32)
    return Detections(corners.astype(np.float32), scores, np.zeros(len(rows), np.int64))


def score_sequences(
    sequences: list[MotSequence], make: Callable[[MotSequence], Tracker], *, with_warps: bool = False
) -> dict[str, dict[str, Any]]:
    """Follow `sequences`, each with a tracker of its own, and return evaluate.py's table."""
    with tempfile.TemporaryDirectory() as results:
        for sequence in sequences:
            lines = _result_lines(sequence, make(sequence), with_warps)
            Path(results, f"{sequence.name}.txt").write_text("".join(lines))
        return _evaluate_module().evaluate(MOT_FOLDER, results, [sequence.name for sequence in sequences])


def _result_lines(sequence: MotSequence, tracker: Tracker, with_warps: bool) -> list[str]:
    lines = []
    for index, detections in enumerate(sequence.detections):
        warp = sequence.warps[index] if with_warps and sequence.warps else None
        tracks = tracker.update(detections, None, warp)
        for ident, (left, top, right, bottom) in zip(tracks.track_ids, tracks.boxes_xyxy, strict=True):
            size = f"{right - left:.2f},{bottom - top:.2f}"
            lines.append(f"{index + 1},{ident},{left:.2f},{top:.2f},{size},1,-1,-1,-1\n")
    return lines


def _evaluate_module() -> Any:
    spec = importlib.util.spec_from_file_location("mot_evaluate", MOT_FOLDER / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
