"""How a run ended: how much was done, what was found, where it lies, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sav.data.scene import Scene
from sav.errors import DONE, FAILED, PARTLY_DONE
from sav.wording import count


@dataclass(frozen=True)
class Found:
    """What the scenes of a run hold, all together.

    Attributes:
        objects: Labelled objects; those of a video count once, however many frames they are in.
        regions: Unlabelled regions; those of a video count once.
        doubtful: Masks of objects that do not fit their boxes, see `Instances.doubtful`.
        duplicates: Objects left out because another of their class has the same mask, in each frame anew.
    """

    objects: int = 0
    regions: int = 0
    doubtful: int = 0
    duplicates: int = 0

    def __add__(self, other: Found) -> Found:
        """What both hold, of pictures."""
        return Found(
            self.objects + other.objects,
            self.regions + other.regions,
            self.doubtful + other.doubtful,
            self.duplicates + other.duplicates,
        )

    def with_scene(self, scene: Scene) -> Found:
        """All this, and what is in one more picture."""
        return self + Found(
            len(scene), len(scene.regions), int(np.count_nonzero(scene.doubtful)), scene.duplicates
        )


class FoundInVideo:
    """Counts what the frames of one video hold, under whatever ids."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._objects, self._regions = set[int](), set[int]()
        self._doubtful = self._duplicates = 0

    def add(self, scene: Scene) -> None:
        """Count what is in one more frame."""
        self._objects.update(scene.track_ids.tolist())
        self._regions.update(scene.regions.ids.tolist())
        self._doubtful += int(np.count_nonzero(scene.doubtful))
        self._duplicates += scene.duplicates

    @property
    def found(self) -> Found:
        """What there was so far."""
        return Found(len(self._objects), len(self._regions), self._doubtful, self._duplicates)


@dataclass(frozen=True)
class Report:
    """How a run over pictures or a video ended.

    Attributes:
        done: Pictures or frames whose results are written.
        wanted: Pictures asked for; None for a video, which is wanted to its end.
        found: What is in them.
        saved: Files and folders of the results.
        problem: What ended the run before its end; empty if nothing did.
        left_out: Frames that could not be read, while others after them could.
        is_whole: Whether all files of what is done could be written.
        is_begun: Whether some files are in place of a picture that is not done.
        with_regions: Whether unlabelled regions were looked for in pictures; a video's are told if any.
    """

    done: int
    wanted: int | None
    found: Found
    saved: tuple[Path, ...]
    problem: str = ""
    left_out: int = 0
    is_whole: bool = True
    is_begun: bool = False
    with_regions: bool = True

    @property
    def status(self) -> int:
        """The exit status that says how much was done."""
        reached_end = not self.problem if self.wanted is None else self.done == self.wanted
        if reached_end and self.is_whole and not self.left_out:
            return DONE
        return PARTLY_DONE if self.done or self.is_begun else FAILED

    def __str__(self) -> str:
        places = " and ".join(str(path) for path in self.saved)
        is_told = self.found.regions or (self.with_regions and self.wanted is not None)
        regions = f" and {count(self.found.regions, 'unlabelled region')}" if is_told else ""
        if self.wanted is None:
            if not self.done:
                return "no frame was done, nothing is saved"
            return f"{count(self.done, 'frame')}, {self._objects('object')}{regions} in {places}"
        pictures = f"{self.done} of {count(self.wanted, 'picture')}"
        if not self.done:
            return f"{pictures}: {f'some files are in {places}' if self.is_begun else 'nothing is saved'}"
        return f"{pictures}: {self._objects('labelled object')}{regions} in {places}"

    def _objects(self, noun: str) -> str:
        """How many objects, and what of them needs a look."""
        notes = []
        if self.found.doubtful:
            notes.append(f"{count(self.found.doubtful, 'mask')} doubtful")
        if self.found.duplicates:
            notes.append(f"{count(self.found.duplicates, 'double')} left out")
        return count(self.found.objects, noun) + (f" ({', '.join(notes)})" if notes else "")


@dataclass(frozen=True)
class VideosReport:
    """How a run over a folder of videos ended.

    Attributes:
        folder: Where the results are.
        wanted: Videos asked for.
        reports: How each of them ended that was begun and has results.
        taken_over: Videos that an earlier run has done.
        problem: What ended the run before its end; empty if nothing did.
    """

    folder: Path
    wanted: int
    reports: Sequence[Report] = field(default_factory=tuple)
    taken_over: int = 0
    problem: str = ""

    @property
    def done(self) -> int:
        """The videos that are whole."""
        return self.taken_over + sum(report.status == DONE for report in self.reports)

    @property
    def status(self) -> int:
        """The exit status that says how much was done."""
        if self.done == self.wanted and not self.problem:
            return DONE
        return PARTLY_DONE if self.done or any(report.done for report in self.reports) else FAILED

    def __str__(self) -> str:
        frames = sum(report.done for report in self.reports)
        objects = sum(report.found.objects for report in self.reports)
        videos = f"{self.done} of {count(self.wanted, 'video')}"
        if not frames:
            return f"{videos}: {f'done before, in {self.folder}' if self.done else 'nothing is saved'}"
        return f"{videos}: {count(frames, 'frame')}, {count(objects, 'object')} in {self.folder}"
