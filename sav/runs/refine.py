"""The tracks of a run that is over, put right after the fact; what was found stays beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sav.data.masks import Masks
from sav.data.types import FloatArray, Image
from sav.errors import SettingError
from sav.files import named_errors
from sav.interrupts import anything_is_saved, working
from sav.runs.events import OnEvent, Reached, Saved, ignore
from sav.runs.report import FoundInVideo, Report
from sav.runs.stored import REFINED, open_source, opened, refined_about, video_scenes
from sav.sam.model import SamModel
from sav.stages.asking import masks_of
from sav.stages.overlap import overlap
from sav.stages.refine import RefineConfig, SceneRefiner, refined
from sav.store import Store


@dataclass(frozen=True)
class RefineJob:
    """What is to be refined.

    Attributes:
        run: The run; see `find_store`.
        config: How.
    """

    run: Path
    config: RefineConfig = RefineConfig()  # noqa: RUF009 (frozen, as all configs are)


def run_refine(job: RefineJob, sam: Callable[[], SamModel], on_event: OnEvent = ignore) -> Report:
    """Refine what a run over a video found; exports and renderings show what comes out.

    What an earlier refining left is replaced when all is done.

    Args:
        job: What to do.
        sam: Gives the model for masks that are missing, when the first is.
        on_event: Is told how far it is.

    Raises:
        FileNotFoundError: There is no store of such a run.
        SavError: The run is over pictures, or the store or the source cannot be read, or nothing can be
            written there.
    """
    with opened(job.run, as_found=True) as store:
        if store.about.video is None:
            raise SettingError(f"{job.run} is of pictures: only what is followed through a video is refined")
        place = store.path.with_name(REFINED)
        partial = place.with_name(f"partial_{REFINED}")
        try:
            report = _refine(store, partial, job, sam, on_event)
            with named_errors(place):
                partial.replace(place)
        finally:
            partial.unlink(missing_ok=True)
        anything_is_saved()
        report = replace(report, saved=(place,))
        on_event(Saved(report))
        return report


def _refine(
    store: Store, partial: Path, job: RefineJob, sam: Callable[[], SamModel], on_event: OnEvent
) -> Report:
    """Write what comes out to a store of its own."""
    loaded, found, total = cache(sam), FoundInVideo(), len(store)

    def masks(image: Image, boxes_xyxy: FloatArray) -> Masks:
        return masks_of(loaded(), image, boxes_xyxy)

    with (
        open_source(store) as reader,
        Store.create(partial, refined_about(store.about, job.config)) as target,
    ):
        refiner = SceneRefiner(masks, frame_rate=float(reader.frame_rate), config=job.config)
        scenes = refined(video_scenes(store, reader), refiner)
        with working(), closing(overlap(scenes)) as ready:
            for number, scene in enumerate(ready, start=1):
                target.add(scene)
                found.add(scene)
                on_event(Reached(number, total, "frame"))
        if store.is_finished:
            target.finish(store.end_time)
    return Report(total, None, found.found, ())
