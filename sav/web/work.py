"""What is done for a visitor when it is their turn: the models over a picture or a video, or one click."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.config import DetectionConfig
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.runs.events import Event, Note, Problem, Reached
from sav.runs.report import Report
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from sav.web.config import WebConfig
from sav.web.downloads import stem_of
from sav.web.line import Job, StoppedError
from sav.web.models import LoadedModels
from sav.web.result import Result
from sav.web.uploads import most_frames
from sav.web.watching import Glimpses, Watched


@dataclass(frozen=True)
class Wish:
    """What a visitor has chosen.

    Attributes:
        detector: A detector's file.
        sam: A SAM's file.
        words: What a detector that takes words is told to find; empty for what it knows by itself.
        classes: The classes that are looked for; all if empty.
        everything: Whether to look for what has no name, too.
    """

    detector: str
    sam: str
    words: str = ""
    classes: tuple[str, ...] = ()
    everything: bool = False

    @property
    def detect(self) -> DetectionConfig:
        """What the detector keeps."""
        return DetectionConfig(classes=() if self.words.strip() else self.classes)


@dataclass(frozen=True)
class Done:
    """How a video ended.

    Attributes:
        report: What the run says.
        lines: What it told on its way.
    """

    report: Report
    lines: tuple[str, ...]


def find_in_picture(job: Job, models: LoadedModels, result: Result, wish: Wish) -> Scene:
    """All that the models see in a picture.

    Raises:
        StoppedError: Nobody wants it any more.
        ResultsError: The picture is gone.
    """
    segmenter = models.segmenter(wish.detector, wish.sam, wish.words, wish.detect, wish.everything)
    job.check()
    frame = result.known.scene.frame

    def on_progress(share: float) -> None:
        job.check()
        job.reached = Reached(share, 1, "picture", frame.name)

    scene = segmenter(frame, on_progress=on_progress)
    # Nothing on the page shows what SAM found before objects explained some of it.
    return replace(scene, everything=scene.everything[:0])


def find_in_video(job: Job, models: LoadedModels, result: Result, wish: Wish, config: WebConfig) -> Done:
    """Follow all objects of a video; where it is stopped, what is done is saved.

    Raises:
        StoppedError: It is stopped before the first frame.
        SavError: It cannot be read.
    """
    lines: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Reached):
            job.reached = event
            if job.is_stopped or event.position >= most_frames(config):
                raise KeyboardInterrupt  # the run takes it for Ctrl-C, and saves
        elif isinstance(event, Note | Problem):
            lines.append(event.line)

    def load() -> Segmenter:
        return models.segmenter(wish.detector, wish.sam, wish.words, wish.detect)

    asked = VideoJob(
        source=str(result.upload),
        save_path=result.folder / f"{stem_of(result.upload.name)}_sav.mp4",
        end=f"{config.max_seconds:g}s",
        regions=wish.everything,
        formats=(),  # they are made of what is stored when they are asked for
        overwrite=True,
        max_megapixels=config.max_megapixels,
    )
    try:
        report = run_video(asked, lambda: Watched(load(), Glimpses(result)), on_event)
    except KeyboardInterrupt:
        raise StoppedError from None
    finally:
        result.is_at_work = False
    if not report.done:
        raise StoppedError
    return Done(report, tuple(lines))


def mask_at(
    job: Job, models: LoadedModels, result: Result, wish: Wish, place: NDArray[np.float64]
) -> tuple[Masks, NDArray[Any]]:
    """The mask at a point `(2,)` or in a box `(4,)`, in pixels, and its box `(1, 4)`.

    Raises:
        StoppedError: Nobody wants it any more.
        ResultsError: The picture is gone.
        SettingError: The place is not in the picture.
    """
    segmenter = models.segmenter(wish.detector, wish.sam, wish.words)
    job.check()
    prompts = models.prompts(segmenter, result.token, result.known.scene.frame)
    if len(place) == 4:
        return prompts.in_boxes([place]), place[None]
    masks = prompts.at_points([place])
    return masks, masks.boxes_xyxy
