"""A run over one long video by many workers, or by one where they could not share it."""

from __future__ import annotations

from collections.abc import Callable

from sav.cluster.placing import Workers
from sav.cluster.stretches import stretch_models
from sav.runs.events import Note, OnEvent, ignore
from sav.runs.report import Report
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from sav.trackers import load_config


def share_video(
    job: VideoJob, load: Callable[[], Segmenter], workers: Workers, on_event: OnEvent = ignore
) -> Report:
    """Do what `run_video` does, with the same results, by several workers.

    A worker that dies has its stretch done again. A stretch that two workers died of ends the run as a
    damaged file does: what was before it is saved, and `--resume` goes on there.

    Args:
        job: What to do. What has to be looked at in order is done by one worker, here; a note says so.
        load: Loads the models, in each worker's process; is pickled.
        workers: How many, and where.
        on_event: As for `run_video`.

    Raises:
        SavError: As `run_video`; and if there are no workers.
        OSError: As `run_video`.
    """
    reason = why_undivided(job)
    if reason:
        on_event(Note(f"one worker does this video, frame after frame: {reason}"))
        return run_video(job, load, on_event)
    with stretch_models(workers, load, on_event) as models:
        return run_video(job, models, on_event)


def why_undivided(job: VideoJob) -> str:
    """Why a video cannot be done in stretches; empty if it can."""
    if job.regions:
        return "--regions follows what SAM finds in one into the next"
    if load_config(job.tracker).with_masks:
        return f"{job.tracker} has with_masks, which asks SAM before it is known who is who"
    return ""
