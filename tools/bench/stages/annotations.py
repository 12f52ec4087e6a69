"""Annotations: run-length encoding beside upstream's, and saving every format beside saving the default."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.options import ROOT, Options
from tools.bench.stages.drawing import INSTANCES, make_scene

if TYPE_CHECKING:
    from sav.segmenter import Segmenter

REFERENCE = "segment_anything's mask_to_rle_pytorch and coco_encode_rle"
_RLE, _RUN = f"RLE of {INSTANCES} masks", "every format, demo video"
# Saving all formats may make a run 1.3 times as long.
_GOAL = Goal("times_faster", 1 / 1.3)


def cases(options: Options) -> list[Case]:
    whole = Case(
        _RUN, count=options.frames[0], goals=(_GOAL,), reference="a run that saves the default formats"
    )
    return [Case(_RLE, count=INSTANCES), whole]


def ours(options: Options, case: Case) -> Task:
    if case.name == _RUN:
        from sav.formats.registry import format_names

        return whole_run(options, case.count, format_names(True))
    masks = make_scene(options, case.count).masks
    return Task(lambda: masks[np.arange(len(masks))].rles())


def theirs(options: Options, case: Case) -> Task:
    if case.name == _RUN:
        from sav.formats.registry import VIDEO_FORMATS

        return whole_run(options, case.count, VIDEO_FORMATS)
    import torch
    from segment_anything.utils.amg import coco_encode_rle, mask_to_rle_pytorch

    masks = torch.from_numpy(make_scene(options, case.count).masks.dense())
    return Task(lambda: [coco_encode_rle(rle) for rle in mask_to_rle_pytorch(masks)])


def whole_run(options: Options, frames: int, formats: Sequence[str]) -> Task:
    """From the opened video to the last file in place, models loaded."""
    from sav.runs.videos.job import VideoJob
    from sav.runs.videos.run import run_video

    segmenter = demo_segmenter(options)

    def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            job = VideoJob(
                str(options.video), Path(folder) / "a.mp4", end=str(frames), formats=tuple(formats)
            )
            return run_video(job, segmenter).found.objects

    return Task(run)


def demo_segmenter(options: Options) -> Segmenter:
    """The demo checkpoints, loaded."""
    from sav.config import DetectionConfig
    from sav.segmenter import Segmenter

    return Segmenter.load(
        ROOT / "model" / "demo_yolo.pt",
        ROOT / "model" / "demo_sam.pth",
        device=options.device,
        precision=options.precision,
        detect=DetectionConfig(conf=0.1, imgsz=640),
    )


def agreement(ours: Any, theirs: Any) -> Agreement:
    what = "the run-length encodings" if isinstance(ours, list) else "the number of tracks"
    return Agreement(ours == theirs, f"{what} {'are the same' if ours == theirs else 'differ'}")


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {}
