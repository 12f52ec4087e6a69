"""MOTChallenge text and sequence folders, read to be compared.

Format: https://motchallenge.net/instructions, `frame,id,left,top,width,height,consider,...` in pixels, frames
from 1. With nine columns, as in MOT16 to MOT20, the eighth is a class; else, as in MOT15, there is none. Of
ground truth only rows are scored that are to be considered and, where there are classes, are pedestrians. A
found box that is best paired with a person on a vehicle, a static person, a distractor, a reflection or, in
MOT20, a vehicle without a motor, is neither right nor wrong.
"""

from __future__ import annotations

import configparser
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.errors import EvaluationError
from sav.evaluate.coco import CocoFile
from sav.evaluate.tracks import Role, TrackTable

_LEAST_COLUMNS, _COLUMNS_WITH_CLASSES = 6, 9
# More than any video has, and any picture.
_MOST_FRAMES, _LARGEST_NUMBER = 10_000_000, 1e12
_PEDESTRIAN, _DISTRACTORS, _VEHICLE_WITHOUT_MOTOR = 1, (2, 7, 8, 12), 6


@dataclass(frozen=True)
class SequenceTruth:
    """Where the ground truth of a sequence lies.

    Attributes:
        name: The sequence's name.
        path: Its gt.txt.
        frame_count: Number of frames; None if nothing says it.
        benchmark: As `seqinfo.ini` or the sequence's name have it, such as `MOT17`; else empty.
    """

    name: str
    path: Path
    frame_count: int | None = None
    benchmark: str = ""

    def read(self) -> TrackTable:
        """The boxes that are scored, and those that are not judged.

        Raises:
            EvaluationError: If the file is no ground truth.
        """
        rows = _read_rows(self.path)
        roles = np.full(len(rows), Role.SCORED, np.int8)
        if rows.shape[1] > _LEAST_COLUMNS:
            roles[rows[:, 6] == 0] = Role.OTHER
        if rows.shape[1] == _COLUMNS_WITH_CLASSES:
            distractors = [*_DISTRACTORS, *[_VEHICLE_WITHOUT_MOTOR] * self.benchmark.startswith("MOT20")]
            roles[rows[:, 7] != _PEDESTRIAN] = Role.OTHER
            roles[np.isin(rows[:, 7], distractors)] = Role.IGNORED
        return _table(self.path, rows, self.frame_count, roles)


def find_sequences(place: Path) -> list[SequenceTruth]:
    """The sequences that a path stands for: a gt.txt, a sequence's folder, or a folder of those.

    Raises:
        EvaluationError: If there is none.
    """
    if not place.is_dir():
        return [SequenceTruth(place.stem, place)]
    found = _sequence(place)
    sequences = [found] if found else [one for path in sorted(place.iterdir()) if (one := _sequence(path))]
    if not sequences:
        raise EvaluationError(f"{place} is no MOTChallenge sequence: there is no gt/gt.txt in it")
    return sequences


def _sequence(folder: Path) -> SequenceTruth | None:
    paths = [path for path in (folder / "gt" / "gt.txt", folder / "gt.txt") if path.is_file()]
    if not paths:
        return None
    file = folder / "seqinfo.ini"
    if not file.is_file():
        return SequenceTruth(folder.name, paths[0], benchmark=folder.name)

    ini = configparser.ConfigParser()
    try:
        ini.read(file, encoding="utf-8")
        info = ini["Sequence"]
        name = info.get("name", folder.name)
        return SequenceTruth(name, paths[0], info.getint("seqLength"), info.get("benchmark", name))
    except (configparser.Error, KeyError, ValueError) as error:
        raise EvaluationError(f"{file} is no seqinfo.ini: {' '.join(str(error).split())}") from None


def read_tracks(path: Path, frame_count: int | None = None) -> TrackTable:
    """What a tracker found, as in mot.txt, of a sequence of so many frames.

    Raises:
        EvaluationError: If it is not MOTChallenge text, or has more frames.
    """
    return _table(path, _read_rows(path), frame_count)


def tracks_of(file: CocoFile) -> TrackTable:
    """The boxes with track ids of a video in COCO form; crowds are not judged.

    Raises:
        EvaluationError: If two objects of a frame have the same id.
    """
    frames = [picture for picture in file.pictures.values() if len(picture.rles)]
    parts = [
        np.column_stack([np.full(len(f.track_ids), f.frame_number), f.track_ids, f.boxes_xyxy, f.ignored])
        for f in frames
    ]
    rows = np.concatenate([np.zeros((0, 7)), *parts])
    rows = rows[rows[:, 1] >= 0]
    rows[:, 4:6] -= rows[:, 2:4]
    count = max((picture.frame_number for picture in file.pictures.values()), default=0)
    return _table(file.path, rows, count, np.where(rows[:, 6] > 0, Role.IGNORED, Role.SCORED).astype(np.int8))


def _read_rows(path: Path) -> NDArray[np.float64]:
    """`(N, columns)`, as they stand."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")
            rows = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8")
    except ValueError as error:
        raise EvaluationError(f"{path} is not MOTChallenge text: {error}") from None
    if not rows.size:
        return np.zeros((0, _LEAST_COLUMNS))
    if rows.shape[1] < _LEAST_COLUMNS:
        raise EvaluationError(
            f"{path} is not MOTChallenge text: frame,id,left,top,width,height are more columns"
            f" than {rows.shape[1]}"
        )
    return rows


def _table(
    path: Path, rows: NDArray[Any], frame_count: int | None, roles: NDArray[np.int8] | None = None
) -> TrackTable:
    """Rows `frame,id,left,top,width,height,...` as a checked table."""
    if (
        not (np.abs(rows[:, :6]) <= _LARGEST_NUMBER).all()
        or (rows[:, :2] % 1).any()
        or (rows[:, 4:6] < 0).any()
    ):
        raise EvaluationError(f"{path} is not MOTChallenge text: frames and ids are whole, boxes have a size")
    numbers = rows[:, :2].astype(np.int64)
    order = np.lexsort((numbers[:, 1], numbers[:, 0]))
    rows, numbers = rows[order], numbers[order]

    again = (np.diff(numbers, axis=0) == 0).all(axis=1).nonzero()[0]
    if len(again):
        frame, ident = numbers[again[0]].tolist()
        raise EvaluationError(f"{path} has the id {ident} twice in frame {frame}")
    first, last = numbers[:, 0].min(initial=1), int(numbers[:, 0].max(initial=0))
    if first < 1:
        raise EvaluationError(f"{path} has a frame {first}; they count from 1")
    if frame_count is not None and last > frame_count:
        raise EvaluationError(f"{path} has a frame {last}, but its sequence has {frame_count}")
    if last > _MOST_FRAMES:
        raise EvaluationError(f"{path} has a frame {last}, which no video has")

    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    return TrackTable(
        frame_count=last if frame_count is None else frame_count,
        frames=numbers[:, 0],
        ids=numbers[:, 1],
        boxes_xyxy=boxes,
        roles=np.full(len(rows), Role.SCORED, np.int8) if roles is None else roles[order],
    )
