"""A run beside its ground truth: finds what can be compared, and compares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from sav.data.types import IntArray
from sav.errors import EvaluationError
from sav.evaluate.coco import CocoFile, read_coco
from sav.evaluate.masks import MaskScores, score_masks
from sav.evaluate.mot import SequenceTruth, find_sequences, read_tracks, tracks_of
from sav.evaluate.tracks import Counts, TrackScore, count_tracks, pooled
from sav.folder.twins import other_video
from sav.media.save_path import annotations_folder

_FOLDERS = ("", "annotations")
_KINDS = (".json", ".txt")


@dataclass(frozen=True)
class TrackScores:
    """The scores of one or more sequences.

    Attributes:
        sequences: By name.
        all: Of all of them together.
        frames_without_truth: Number of frames with tracks that the truth does not have; they are left out.
        frames_not_found: Number of frames of the truth that the run does not have; they are left out where
            masks tell which the run has, for a frame in which nothing is found has no track.
    """

    sequences: Mapping[str, TrackScore]
    all: TrackScore
    frames_without_truth: int = 0
    frames_not_found: int = 0


@dataclass(frozen=True)
class Comparison:
    """What of a run can be compared with a truth, each None if it cannot.

    Attributes:
        coco: The masks that were found and the true ones.
        tracks: By sequence, the file of the tracks that were found, and their truth.
    """

    coco: tuple[CocoFile, CocoFile] | None
    tracks: Mapping[str, tuple[Path, SequenceTruth | CocoFile]] | None

    @property
    def files(self) -> list[Path]:
        """All that is read."""
        masks = [file.path for file in self.coco or ()]
        return masks + [path for found, truth in (self.tracks or {}).values() for path in (found, truth.path)]

    def score_masks(self) -> MaskScores | None:
        """Compare the masks.

        Raises:
            EvaluationError: If nothing in them meets.
        """
        return score_masks(*self.coco) if self.coco else None

    def score_tracks(self) -> TrackScores | None:
        """Compare the tracks.

        Raises:
            EvaluationError: If a file is not what it should be.
            PackageMissingError: If TrackEval is not installed.
        """
        if not self.tracks:
            return None
        counts, surplus, missing = dict[str, Counts](), 0, 0
        for name, (path, truth) in self.tracks.items():
            if isinstance(truth, SequenceTruth):
                counts[name] = count_tracks(read_tracks(path, truth.frame_count), truth.read())
                continue
            frames = _frames(self.coco[0] if self.coco else truth, truth)
            found = read_tracks(path)
            common = found.renumbered(frames[:, 0]), tracks_of(truth).renumbered(frames[:, 1])
            counts[name] = count_tracks(*common)
            surplus += len(np.setdiff1d(found.frames, frames[:, 0]))
            missing += len(truth.pictures) - len(frames)
        scores = {name: pooled([one]) for name, one in counts.items()}
        return TrackScores(scores, pooled(list(counts.values())), surplus, missing)


def compare(run: Path, truth: Path) -> Comparison:
    """Find what belongs together.

    Args:
        run: coco.json, mot.txt, a folder with these in it or in its annotations/, the video that a run wrote,
            or a folder with a NAME.txt for each sequence of the truth.
        truth: COCO instances JSON, a gt.txt, a MOTChallenge sequence's folder, or a folder of those.

    Raises:
        FileNotFoundError: If one of them is not there.
        EvaluationError: If nothing can be compared; the message says why.
    """
    for place in (run, truth):
        if not place.exists():
            raise FileNotFoundError(f"there is no {place}: check the path")
    if run.is_file() and run.suffix.lower() not in _KINDS and annotations_folder(run).is_dir():
        if other := other_video(run):
            raise EvaluationError(f"{annotations_folder(run)} has the annotations of {other}: give that")
        run = annotations_folder(run)
    if truth.is_dir() or truth.suffix.lower() == ".txt":
        sequences = find_sequences(truth)
        pairs = {one.name: (_tracks_file(run, one, len(sequences)), one) for one in sequences}
        return Comparison(None, pairs)
    if truth.suffix.lower() != ".json":
        raise EvaluationError(
            f"{truth} is no ground truth: give COCO's .json, MOTChallenge's gt.txt, or its folder"
        )
    return _compare_with_coco(run, read_coco(truth))


def _compare_with_coco(run: Path, truth: CocoFile) -> Comparison:
    masks, tracks = _find(run, "coco.json"), _find(run, "mot.txt")
    if masks is None and tracks is None:
        raise EvaluationError(
            f"{run} cannot be evaluated: it has no coco.json and no mot.txt; python -m sav export writes them"
        )
    if masks is None and not truth.has_tracks:
        raise EvaluationError(f"{truth.path} has no track_id to compare {tracks} with; give a coco.json")
    return Comparison(
        (read_coco(masks), truth) if masks else None,
        {truth.path.stem: (tracks, truth)} if tracks and truth.has_tracks else None,
    )


def _find(run: Path, name: str) -> Path | None:
    """The file of that name in a run, or the run itself where it is a file of that kind."""
    if run.is_dir():
        return next((path for folder in _FOLDERS if (path := run / folder / name).is_file()), None)
    return run if run.suffix.lower() == Path(name).suffix else None


def _tracks_file(run: Path, sequence: SequenceTruth, sequence_count: int) -> Path:
    own = run / f"{sequence.name}.txt"
    if own.is_file():
        return own
    found = _find(run, "mot.txt") if sequence_count == 1 else None
    if found is None:
        wanted = f"mot.txt or {own.name}" if sequence_count == 1 else f"{own.name}, the tracks of a sequence"
        raise EvaluationError(f"{run} cannot be compared with {sequence.path}: there is no {wanted}")
    return found


def _frames(found: CocoFile, truth: CocoFile) -> IntArray:
    """`(F, 2)` int64, each frame that both have by its number in either, in order of the truth."""
    common = [name for name in truth.pictures if name in found.pictures]
    numbers = [(found.pictures[name].frame_number, truth.pictures[name].frame_number) for name in common]
    return np.array(sorted(numbers, key=itemgetter(1)), np.int64).reshape(-1, 2)
