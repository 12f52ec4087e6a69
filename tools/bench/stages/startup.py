"""From nothing to the first picture: seg.py with the demo checkpoints on one picture, named objects only."""

from __future__ import annotations

from typing import Any

from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.options import ROOT, Options
from tools.bench.scripts import our_script, their_models, their_way

REFERENCE = "a process that imports torch and ultralytics and loads both models, and ends"
_YOLO, _SAM = ROOT / "model" / "demo_yolo.pt", ROOT / "model" / "demo_sam.pth"


def cases(options: Options) -> list[Case]:
    return [Case("demo checkpoints", goals=(Goal("times_faster", 1 / 1.3),))]


def ours(options: Options, case: Case) -> Task:
    out = options.folder / "startup"
    flags = ["--img_path", str(ROOT / "TestImages" / "clear.jpg"), "--save_dir", str(out), "--labelled_only"]
    models = ["--yolo_checkpoint", str(_YOLO), "--sam_checkpoint", str(_SAM)]
    return our_script(options, "seg.py", [*flags, *models], lambda: (out / "our" / "clear_our.jpg").exists())


def theirs(options: Options, case: Case) -> Task:
    return their_way(options, "loading", their_models(options, _YOLO, _SAM, "demo"), lambda: True)


def agreement(ours: Any, theirs: Any) -> Agreement:
    return Agreement(ours[0], "our process also segmented, drew and saved a picture")


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {"until_the_models_start_s": evidence[1]["ready_s"]}
