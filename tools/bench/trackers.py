"""Our trackers beside ultralytics' in one run: their quality, and the camera's motion.

    python -m tools.bench.trackers [--sequences] [--variants] [--json OUT]

Quality is measured on the MOT Challenge sequences in ../shared/mot, or on generated scenes where those are
absent; `refined` is ours put right after the fact. `--sequences` shows each by itself, `--variants` counts
each four times, forwards and backwards, as it is and jittered, since a single run is chance by half a point.
Camera motion is measured on windows moved by a known path over ../shared/media/*.mp4, or over a generated
picture.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.evaluate.tracks import TrackScore, TrackTable, score_tracks
from sav.stages.refine import RefineConfig
from sav.trackers import BoTSORT, ByteTrack, SavTracker, Tracker, TrackerConfig
from sav.trackers.camera_motion import CameraMotion
from tools.tracking.mot_sequences import MOT_FOLDER, MotSequence, read_sequences, score_sequences
from tools.tracking.scenes import make_scene, stretched
from tools.tracking.ultralytics_trackers import UltralyticsTracker
from tools.tracking.variants import variants

MEDIA_FOLDER = MOT_FOLDER.parent / "media"
PAPER: dict[str, Any] = {
    "track_high_thresh": 0.6,
    "track_low_thresh": 0.1,
    "new_track_thresh": 0.7,
    "match_thresh": 0.8,
}
CONFIGS = {
    "bytetrack": (TrackerConfig("bytetrack", **PAPER), False),
    "botsort": (TrackerConfig("botsort", gmc_method="none", **PAPER), False),
    "botsort, warps": (TrackerConfig("botsort", gmc_method="none", **PAPER), True),
    "sav": (TrackerConfig.of_type("sav", **PAPER), False),
    "sav, warps": (TrackerConfig.of_type("sav", **PAPER), True),
}
OURS = {"botsort": BoTSORT, "bytetrack": ByteTrack, "sav": SavTracker}
METRICS = ("HOTA", "MOTA", "IDF1", "IDSW")
WINDOW = (512, 384)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the tables here")
    parser.add_argument("--sequences", action="store_true", help="show each sequence by itself, too")
    parser.add_argument("--variants", action="store_true", help="count each sequence in four variants")
    arguments = parser.parse_args(argv)
    cv2.setNumThreads(1)
    report = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one thread",
        "versions": _versions(),
        "quality": compare_quality(arguments.sequences, arguments.variants),
        "camera": compare_camera_motion(),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def make_ours(config: TrackerConfig, frame_rate: float = 30.0) -> Tracker:
    return OURS[config.tracker_type](config, frame_rate=frame_rate)


def compare_quality(by_sequence: bool = False, with_variants: bool = False) -> list[dict[str, Any]]:
    rows = _real_quality(by_sequence, with_variants) if MOT_FOLDER.is_dir() else _generated_quality()
    print(f"{'quality':<30}{'':<13}" + "".join(f"{metric:>8}" for metric in METRICS))
    for row in rows:
        numbers = "".join(f"{row[metric]:>8.1f}" for metric in METRICS[:3]) + f"{row['IDSW']:>8.0f}"
        print(f"{row['on'] + ', ' + row['tracker']:<30}{row['by']:<13}{numbers}")
    return rows


def _real_quality(by_sequence: bool, with_variants: bool) -> list[dict[str, Any]]:
    sequences, rows = read_sequences(), []
    for name, (config, with_warps) in CONFIGS.items():
        chosen = [sequence for sequence in sequences if sequence.warps or not with_warps]
        if with_variants:
            chosen = [variant for sequence in chosen for variant in variants(sequence)]
        tables = {
            by: score_sequences(chosen, partial(_tracker, by, config), with_warps=with_warps)
            for by in _makers(config)
        }
        make, refine = partial(_tracker, "ours", config), RefineConfig()
        tables["refined"] = score_sequences(chosen, make, with_warps=with_warps, refine=refine)
        names = dict.fromkeys(sequence.name for sequence in chosen) if by_sequence else {}
        for group in ("MOT17", "MOT15", *names):
            for by, table in tables.items():
                if group in table:
                    rows.append({"on": group, "tracker": name, "by": by, **_numbers(table[group])})
    return rows


def _makers(config: TrackerConfig) -> tuple[str, ...]:
    """Whose trackers there are of a kind."""
    return ("ours",) if config.tracker_type == "sav" else ("ours", "ultralytics")


def _tracker(by: str, config: TrackerConfig, sequence: MotSequence) -> Tracker:
    return make_ours(config, sequence.frame_rate) if by == "ours" else UltralyticsTracker(config)


def _generated_quality() -> list[dict[str, Any]]:
    scenes, rows = [make_scene(objects=30, seed=seed) for seed in range(8)], []
    for name, (config, with_warps) in CONFIGS.items():
        if with_warps:
            continue
        for by in _makers(config):
            make = make_ours if by == "ours" else UltralyticsTracker
            scores = []
            for scene in scenes:
                tracker = make(config)
                tracks = [tracker.update(frame) for frame in scene.detections]
                found = TrackTable.of_frames([t.track_ids for t in tracks], [t.boxes_xyxy for t in tracks])
                scores.append(_numbers(score_tracks(found, scene.truth)))
            means = {metric: float(np.mean([score[metric] for score in scores])) for metric in METRICS}
            rows.append({"on": "generated", "tracker": name, "by": by, **means})
    return rows


def _numbers(score: TrackScore) -> dict[str, float]:
    return dict(zip(METRICS, (score.hota, score.mota, score.idf1, score.switches), strict=True))


def compare_camera_motion() -> list[dict[str, Any]]:
    """Move a window over pictures by a known path and compare the estimates with it."""
    from ultralytics.trackers.utils.gmc import GMC

    print(f"\n{'camera motion, 512x384':<30}{'':<13}{'mean px':>9}{'median':>9}{'95 %':>9}{'ms':>9}")
    rows = []
    for name, pictures in _footage():
        windows, motions = _moved_window(pictures)
        estimators: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
            "ours": CameraMotion().estimate,
            "ultralytics": GMC("sparseOptFlow").apply,
        }
        errors: dict[str, list[float]] = {by: [] for by in estimators}
        times: dict[str, list[float]] = {by: [] for by in estimators}
        for window, motion in zip(windows, motions, strict=True):
            for by, estimate in estimators.items():
                start = time.perf_counter()
                found = estimate(window)
                times[by].append(1000 * (time.perf_counter() - start))
                errors[by].append(_corner_error(found, motion))
        for by in estimators:
            error, ms = np.array(errors[by][1:]), float(np.median(times[by][1:]))
            spread = [float(error.mean()), float(np.median(error)), float(np.percentile(error, 95))]
            print(f"{name:<30}{by:<13}" + "".join(f"{number:>9.2f}" for number in (*spread, ms)))
            rows.append(
                {"on": name, "by": by, "mean": spread[0], "median": spread[1], "p95": spread[2], "ms": ms}
            )
    return rows


def _footage(frames: int = 120) -> Iterator[tuple[str, list[NDArray[Any]]]]:
    for path in sorted(MEDIA_FOLDER.glob("*.mp4")):
        capture = cv2.VideoCapture(str(path))
        moving = [picture for found, picture in (capture.read() for _ in range(frames)) if found]
        yield f"{path.stem}, moving", moving
        yield f"{path.stem}, one frame", moving[:1] * frames
    if not MEDIA_FOLDER.is_dir():
        noise = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
        yield "generated", [stretched(cv2.GaussianBlur(noise, (0, 0), 3))] * frames


def _moved_window(
    pictures: list[NDArray[Any]],
) -> tuple[list[NDArray[Any]], list[NDArray[np.float64]]]:
    """Return what a window sees that sweeps, zooms and rolls over `pictures`, and its motion a frame."""
    height, width = pictures[0].shape[:2]
    room = np.array([width - 1.1 * WINDOW[0], height - 1.1 * WINDOW[1]]) * 0.4
    windows, views = [], []
    for step, picture in enumerate(pictures):
        middle = np.array([width, height]) / 2 + room * np.sin([step / 9.5, step / 6.8 + 1])
        turn, zoom = 2 * np.sin(step / 6), 1 + 0.05 * np.sin(step / 8)
        view = np.asarray(cv2.getRotationMatrix2D(middle.tolist(), turn, zoom), np.float64)
        view[:, 2] += np.array(WINDOW) / 2 - middle
        windows.append(cv2.warpAffine(picture, view, WINDOW, flags=cv2.INTER_LINEAR))
        views.append(np.vstack([view, [0, 0, 1]]))
    motions = [after @ np.linalg.inv(before) for before, after in zip(views[:1] + views, views, strict=False)]
    return windows, motions


def _corner_error(estimate: NDArray[Any], truth: NDArray[Any]) -> float:
    corners = np.array([[0, 0, 1], [WINDOW[0], 0, 1], [0, WINDOW[1], 1], [*WINDOW, 1]], float).T
    return float(np.linalg.norm(estimate @ corners - truth[:2] @ corners, axis=0).mean())


def _versions() -> dict[str, str]:
    import scipy
    import ultralytics

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "opencv": cv2.__version__,
        "ultralytics": ultralytics.__version__,
    }


if __name__ == "__main__":
    raise SystemExit(main())
