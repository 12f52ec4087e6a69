"""seg.py whole, in a fresh process: from the command to the written pictures and annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.options import Options
from tools.bench.scripts import our_script, their_models, their_way

if TYPE_CHECKING:
    from sav.data.masks import Masks

REFERENCE = "YOLO.predict, SamPredictor.predict_torch, SamAutomaticMaskGenerator in one script, float32"


def cases(options: Options) -> list[Case]:
    model = options.models[0]
    goals = (Goal("times_faster", 12.0),) if model == "b" and not options.on_gpu else ()
    return [Case(f"{Path(model).stem}, {options.picture.name}", model, goals=goals)]


def ours(options: Options, case: Case) -> Task:
    from tools.bench.models import sam_checkpoint

    out = options.folder / "seg_ours"
    sam = sam_checkpoint(options, case.model)
    # Upstream keeps every box's mask, also where two are the same, as those of random weights often are.
    flags = ["--img_path", str(options.picture), "--save_dir", str(out), "--duplicate_iou", "1"]
    models = ["--yolo_checkpoint", str(options.yolo), "--sam_checkpoint", str(sam)]
    return our_script(options, "seg.py", [*flags, *models], lambda: _ours(out / "annotations" / "coco.json"))


def theirs(options: Options, case: Case) -> Task:
    from tools.bench.models import sam_checkpoint

    out = options.folder / "seg_theirs"
    out.mkdir(exist_ok=True)
    models = their_models(options, options.yolo, sam_checkpoint(options, case.model), case.model)
    arguments = [*models, str(options.picture), str(out)]
    return their_way(
        options,
        "seg_way",
        arguments,
        lambda: _decoded(json.loads((out / "report.json").read_text())["masks"]),
    )


def _ours(coco_file: Path) -> Masks:
    coco = json.loads(coco_file.read_text())
    unlabelled = {category["id"] for category in coco["categories"] if category["name"] == "unlabelled"}
    return _decoded(
        [one["segmentation"] for one in coco["annotations"] if one["category_id"] not in unlabelled]
    )


def _decoded(rles: list[dict[str, Any]]) -> Masks:
    import numpy as np
    from pycocotools import mask as coco_mask

    from tools.bench.agreement import as_masks

    stack = [coco_mask.decode(rle).astype(bool) for rle in rles]
    return as_masks(np.array(stack) if stack else np.zeros((0, 1, 1), bool))


def agreement(ours: Any, theirs: Any) -> Agreement:
    from tools.bench.agreement import agree

    found = agree({"this precision": ours[0]}, theirs)
    return Agreement(found.agrees, f"{found.how}, of named objects")


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {"until_the_models_start_s": evidence[1]["ready_s"], "named_objects": len(evidence[0])}
