"""From the command to the first frame in a model, by steps, and upstream's start."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.inputs import make_video
from tools.bench.models import sam_checkpoint, untrained_detector
from tools.bench.scripts import our_script, their_models, their_way
from tools.bench.stages.track import OBJECTS

_FRAMES = 4
# Seconds after which a script has hung.
_PATIENCE = 40.0


def figures(lab: Lab) -> Iterator[Figure]:
    options = lab.options
    yolo, sam = untrained_detector(options, options.video_yolo), sam_checkpoint(options, lab.large)
    video = make_video(options.folder / "short.mp4", _FRAMES, OBJECTS, lab.picture)
    models = ["--yolo_checkpoint", str(yolo), "--sam_checkpoint", str(sam)]
    tracked = ["--video_path", str(video), "--save_path", str(options.folder / "short_out.mp4")]
    size = ["--imgsz", str(max(options.size_hw))]
    segmented = ["--img_path", str(options.picture), "--save_dir", str(options.folder / "short_seg")]
    yield _started(lab, "track.py", [*tracked, *size, *models], OBJECTS)
    yield _started(lab, "seg.py", [*segmented, *models], 0)

    theirs = their_way(options, "loading", their_models(options, yolo, sam, lab.large), lambda: None)
    name = f"upstream's start, {lab.name_of(lab.large)}, {options.video_yolo}"
    yield Figure(name, lab.once(theirs.run), "s", note="importing and loading alone")


def _started(lab: Lab, script: str, flags: Sequence[str], boxes: int) -> Figure:
    options = replace(lab.options, script_seconds=None if lab.is_tiny else _PATIENCE)
    seconds = lab.once(our_script(options, script, flags, lambda: None, boxes).run)
    report: dict[str, float] = json.loads((options.folder / f"{script}.json").read_text())
    parts = {"before loading": "before_loading_s", "loading": "loading_s", "then": "after_loading_s"}
    told = ", ".join(f"{what} {report[key]:.1f} s" for what, key in parts.items())
    name = f"{script}, {lab.name_of(lab.large)}, from the command to the first frame in a model"
    return Figure(name, report["ready_s"], "s", note=f"{told}; {seconds:.1f} s to its end")
