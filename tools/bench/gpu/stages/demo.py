"""The demo video with the demo checkpoints: frames a second, how good it is, and upstream's way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec

from sav.evaluate.compare import compare
from sav.evaluate.masks import MaskScore
from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.track import Run, speed
from tools.bench.models import DEMO
from tools.bench.options import ROOT
from tools.bench.stages.annotations import demo_segmenter
from tools.bench.upstream import track_way

_THEIRS = 24


def figures(lab: Lab) -> Iterator[Figure]:
    options, frames = lab.options, lab.options.frames[0]
    yield from speed(lab, demo_run(lab), Goal("frames/s", 60.0))
    if not lab.is_tiny:
        yield _score(lab)

    folder, count = options.folder / "theirs", min(_THEIRS, frames)
    folder.mkdir(exist_ok=True)
    arguments = [str(ROOT / "model" / "demo_yolo.pt"), str(DEMO), "", options.device]
    arguments += [str(options.video), str(folder), str(count), "640", "0"]
    seconds = lab.once(partial(track_way.main, *arguments))
    way = "YOLO.track" if find_spec("lap") else "YOLO.predict"
    note = f"{way}, SamPredictor.predict_torch, cv2.VideoWriter, float32; loading included"
    yield Figure(f"upstream's way, demo video, {count} frames", count / seconds, "frames/s", note=note)


def demo_run(lab: Lab) -> Run:
    """The run of this stage."""
    options = lab.options
    return Run("demo video", demo_segmenter(options), options.video, options.frames[0])


def _score(lab: Lab) -> Figure:
    truth = ROOT / "TestImages" / "ground_truth" / "street.json"
    folder = lab.options.folder / f"{lab.options.video.stem}_out_annotations"
    masks = compare(folder, truth).score_masks()
    if masks is None:
        return Figure("demo video, mIoU", note="failed: there is nothing to compare")
    told = [f"{what} {share:.3f}" for what, share in _shares(masks.all) if share is not None]
    return Figure("demo video, mIoU", masks.all.mean_iou, note=", ".join(told))


def _shares(score: MaskScore) -> list[tuple[str, float | None]]:
    return [("precision", score.precision), ("recall", score.recall), ("IoU of matches", score.matched_iou)]
