"""track.py whole, in a fresh process: the demo video, and a generated 1080p video with ten objects.

What is outside the models is the time, from the first frame that a model sees to the last file in place, in
which neither the detector nor SAM is at work in any thread.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.options import ROOT, Options
from tools.bench.scripts import our_script, their_models, their_way

if TYPE_CHECKING:
    from numpy.typing import NDArray

REFERENCE = "YOLO.track, SamPredictor.predict_torch, cv2.VideoWriter, one after the other, float32"
OBJECTS = 10
_OUTSIDE = Goal("outside_models", 0.15, at_least=False)
_FAST = Goal("frames_per_second_after_start", 30.0)


def cases(options: Options) -> list[Case]:
    model, (demo_frames, frames) = options.models[0], options.frames
    goals = (_OUTSIDE, _FAST) if options.on_gpu and model == "h" else (_OUTSIDE,)
    name = f"{Path(model).stem}, {options.video_yolo}, 1080p"
    return [Case("demo video", "demo", demo_frames, (_OUTSIDE,)), Case(name, model, frames, goals)]


def _video_and_detector(options: Options, case: Case) -> tuple[Path, Path, int, int]:
    """The video, the detector's file and picture size, and how many boxes replace what it finds."""
    if case.model == "demo":
        return options.video, ROOT / "model" / "demo_yolo.pt", 640, 0
    from tools.bench.inputs import make_video, resized_picture
    from tools.bench.models import untrained_detector

    background = resized_picture(options, options.size_hw)
    video = make_video(options.folder / "objects.mp4", case.count, OBJECTS, background)
    return video, untrained_detector(options, options.video_yolo), max(options.size_hw), OBJECTS


def ours(options: Options, case: Case) -> Task:
    from tools.bench.models import sam_checkpoint

    video, yolo, imgsz, boxes = _video_and_detector(options, case)
    sam, out = sam_checkpoint(options, case.model), options.folder / "track_ours.mp4"
    flags = [
        "--video_path",
        str(video),
        "--save_path",
        str(out),
        "--end",
        str(case.count),
        "--imgsz",
        str(imgsz),
    ]
    models = ["--yolo_checkpoint", str(yolo), "--sam_checkpoint", str(sam)]
    coco_file = options.folder / "track_ours_annotations" / "coco.json"
    return our_script(options, "track.py", [*flags, *models], lambda: _our_unions(coco_file), boxes)


def theirs(options: Options, case: Case) -> Task:
    from tools.bench.models import sam_checkpoint

    video, yolo, imgsz, boxes = _video_and_detector(options, case)
    out = options.folder / "track_theirs"
    out.mkdir(exist_ok=True)
    models = their_models(options, yolo, sam_checkpoint(options, case.model), case.model)
    arguments = [*models, str(video), str(out), str(case.count), str(imgsz), str(boxes)]
    return their_way(options, "track_way", arguments, lambda: _their_unions(out / "unions.npz"))


def _our_unions(coco_file: Path) -> list[NDArray[Any]]:
    """The pixels of all objects of each frame."""
    import numpy as np
    from pycocotools import mask as coco_mask

    coco = json.loads(coco_file.read_text())
    unions = {one["id"]: np.zeros((one["height"], one["width"]), bool) for one in coco["images"]}
    for one in coco["annotations"]:
        unions[one["image_id"]] |= coco_mask.decode(one["segmentation"]).astype(bool)
    return list(unions.values())


def _their_unions(file: Path) -> list[NDArray[Any]]:
    import numpy as np

    saved = np.load(file)
    height, width = saved["size_hw"].tolist()
    return [
        np.unpackbits(bits, count=height * width).reshape(height, width).astype(bool)
        for bits in saved["unions"]
    ]


def agreement(ours: Any, theirs: Any) -> Agreement:
    import numpy as np

    a, b = np.array(ours[0]), np.array(theirs)
    if a.shape != b.shape:
        return Agreement(False, f"{len(a)} and {len(b)} frames")
    union = (a | b).sum(axis=(1, 2))
    overlap = (
        float(((a & b).sum(axis=(1, 2)) / np.maximum(union, 1))[union > 0].mean()) if union.any() else 1.0
    )
    how = f"{len(a)} frames, mean IoU {overlap:.4f} of all objects' pixels (the trackers differ)"
    return Agreement(overlap >= 0.9, how)


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    report = evidence[1]
    return {
        "outside_models": 1 - report["models_s"] / report["run_s"],
        "frames_per_second_after_start": case.count / report["run_s"],
        "until_the_models_start_s": report["ready_s"],
    }
