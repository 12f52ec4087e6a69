"""The models of the other stages, drawn at random and written to files, and how fast ours is read."""

from __future__ import annotations

from collections.abc import Iterator

from sav.device import choose_precision
from sav.sam.load import load_sam
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.models import sam_checkpoint, untrained_detector


def figures(lab: Lab) -> Iterator[Figure]:
    options = lab.options
    drawn = lab.once(lambda: sam_checkpoint(options, lab.large))
    detector = lab.once(lambda: untrained_detector(options, options.video_yolo))
    note = f"and written; {options.video_yolo} {detector:.1f} s"
    yield Figure(f"{lab.name_of(lab.large)} drawn at random", drawn, "s", note=note)

    path, precision = sam_checkpoint(options, lab.large), choose_precision(options.precision, lab.device)
    seconds = lab.once(lambda: load_sam(path, lab.device, precision))
    size = path.stat().st_size / 1e9
    yield Figure(f"{lab.name_of(lab.large)} loaded", seconds, "s", note=f"{size:.2f} GB, imports made")
