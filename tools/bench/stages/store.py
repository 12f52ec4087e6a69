"""The store of a run over the demo video: every frame added and on the disk, beside the whole run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.options import Options
from tools.bench.stages.annotations import demo_segmenter, whole_run

REFERENCE = "the run that finds what is stored, from the opened video to the last file in place"
# A store may cost 3 % of a run.
_GOAL = Goal("times_faster", 1 / 0.03)


def cases(options: Options) -> list[Case]:
    return [Case("demo video", count=options.frames[0], goals=(_GOAL,))]


def ours(options: Options, case: Case) -> Task:
    from sav.media.reader import open_video
    from sav.store import About, Store
    from sav.trackers import make_tracker

    segmenter = demo_segmenter(options)
    with open_video(options.video, end=case.count) as reader:
        about = About(categories=segmenter.categories, video=reader.info)
        tracker = make_tracker("botsort", frame_rate=float(reader.frame_rate))
        scenes = list(segmenter.track(reader, tracker=tracker))

    def run() -> tuple[int, int, int]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.sqlite"
            with Store.create(path, about) as store:
                for scene in scenes:
                    store.add(scene)
                store.finish()
            return len(scenes), sum(len(scene) for scene in scenes), path.stat().st_size

    return Task(run)


def theirs(options: Options, case: Case) -> Task:
    from sav.formats.registry import VIDEO_FORMATS

    return whole_run(options, case.count, VIDEO_FORMATS)


def agreement(ours: tuple[int, int, int], theirs: int) -> Agreement:
    frames, objects, _ = ours
    return Agreement(bool(objects) == bool(theirs), f"{objects} objects in {frames} frames, {theirs} tracks")


def figures(
    case: Case, seconds: float, evidence: tuple[int, int, int], hardware: dict[str, Any]
) -> dict[str, float]:
    frames, objects, size = evidence
    return {
        "ms_a_frame": 1000 * seconds / frames,
        "bytes_a_frame": size / frames,
        "objects_a_frame": objects / frames,
    }
