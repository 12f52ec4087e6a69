"""The demo video with the demo checkpoints, and upstream's way of it: frames a second, and how good it is."""

from __future__ import annotations

from collections.abc import Iterator

from sav.evaluate.compare import compare
from sav.evaluate.masks import MaskScore
from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.scripts import observed
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.track import speed
from tools.bench.options import ROOT
from tools.bench.stages import track


def figures(lab: Lab) -> Iterator[Figure]:
    case = track.cases(lab.options)[0]
    run = observed(lab, "track.py", track.ours(lab.options, case).run)
    name = f"track.py, demo video, {case.count} frames"
    yield from speed(name, case.count, run, Goal("frames/s", 60.0))
    if case.count >= 100:
        yield _score(lab)
    seconds = lab.once(track.theirs(lab.options, case).run)
    note = f"{track.REFERENCE}; ours takes {run.seconds / seconds:.2f} times as long"
    yield Figure("upstream's way, demo video, start included", case.count / seconds, "frames/s", note=note)


def _score(lab: Lab) -> Figure:
    truth = ROOT / "TestImages" / "ground_truth" / "street.json"
    masks = compare(lab.options.folder / "track_ours_annotations", truth).score_masks()
    if masks is None:
        return Figure("demo video, mIoU", note="failed: there is nothing to compare")
    found = masks.all
    told = [f"{what} {share:.3f}" for what, share in _shares(found) if share is not None]
    return Figure("demo video, mIoU", found.mean_iou, note=", ".join(told))


def _shares(score: MaskScore) -> list[tuple[str, float | None]]:
    return [("precision", score.precision), ("recall", score.recall), ("IoU of matches", score.matched_iou)]
