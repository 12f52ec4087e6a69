"""Tracks put right after the fact: what that costs beside following them."""

from __future__ import annotations

from typing import Any

from sav.stages.refine import Refiner
from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.options import Options
from tools.bench.stages.trackers import drifting_boxes
from tools.bench.trackers import CONFIGS, make_ours
from tools.tracking.mot_sequences import tracked_frame

REFERENCE = "our BoT-SORT, which finds the tracks"
_GOALS = {10: (Goal("ms_per_frame", 0.5, at_least=False),)}
_FRAME_RATE = 30.0


def cases(options: Options) -> list[Case]:
    """Each is named by its number of boxes."""
    return [Case(f"{count} boxes", count=count, goals=_GOALS.get(count, ())) for count in (10, 50, 100, 200)]


def ours(options: Options, case: Case) -> Task:
    tracker, frames = make_ours(CONFIGS["botsort"][0]), drifting_boxes(case.count)
    tracked = [
        tracked_frame(number / _FRAME_RATE, tracker.update(detections), detections)
        for number, detections in enumerate(frames)
    ]

    def run() -> tuple[int, int]:
        refiner = Refiner(frame_rate=_FRAME_RATE)
        refined = [ready for frame in tracked for ready in refiner.add(frame)] + refiner.finish()
        return len(refined), sum(len(frame.ids) for frame in refined)

    return Task(run)


def theirs(options: Options, case: Case) -> Task:
    frames = drifting_boxes(case.count)

    def run() -> tuple[int, int]:
        tracker = make_ours(CONFIGS["botsort"][0])
        return len(frames), sum(len(tracker.update(frame)) for frame in frames)

    return Task(run)


def agreement(ours: tuple[int, int], theirs: tuple[int, int]) -> Agreement:
    (frames, boxes), (their_frames, their_boxes) = ours, theirs
    return Agreement(
        frames == their_frames and boxes >= their_boxes / 2,
        f"{boxes} boxes of {their_boxes}; python -m tools.bench.trackers compares their quality",
    )


def figures(
    case: Case, seconds: float, evidence: tuple[int, int], hardware: dict[str, Any]
) -> dict[str, float]:
    return {"ms_per_frame": 1000 * seconds / evidence[0]}
