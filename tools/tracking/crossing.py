"""How many people keep their id through the clips of `tools.world.crossing`, with looks and without.

    python -m tools.world.crossing FOLDER
    python -m tools.tracking.crossing FOLDER

Somebody's id is right if it is theirs for most of the time whenever they are seen, and nobody else's. They
are seen again when they were not found for more than a second.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sav.config import VIDEO_DETECTION, DetectionConfig
from sav.data.types import Detections, Tracks
from sav.detectors.yolo import YoloDetector
from sav.evaluate.coco import CocoFile, read_coco
from sav.evaluate.matching import match
from sav.media.reader import open_video
from sav.trackers import SavTracker, TrackerConfig
from sav.trackers.association import box_iou

MODEL = Path(__file__).parents[2] / "model" / "demo_yolo.pt"
LEAST_IOU = 0.5


def main() -> None:
    """Detects once a clip, and follows what is found with and without looks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--yolo_checkpoint", type=Path, default=MODEL)
    args = parser.parse_args()
    for name in ("alike", "colours"):
        rate, found = detect(args.folder / f"{name}.mp4", args.yolo_checkpoint)
        truth = read_coco(args.folder / f"{name}.json")
        for with_looks in (False, True):
            config = TrackerConfig.of_type("sav", with_reid=with_looks)
            right = ids_right(truth, found, follow(config, rate, found), rate)
            print(f"{name}, {'with' if with_looks else 'without'} looks: {right} of 10 ids right")


def detect(video: Path, checkpoint: Path) -> tuple[float, list[Detections]]:
    """Frames per second, and what is found in each frame, with looks."""
    config = DetectionConfig(imgsz=640).over(VIDEO_DETECTION)
    detector = YoloDetector(checkpoint, torch.device("cpu"), config).with_looks()
    with open_video(str(video), None, None, 1) as reader:
        return float(reader.frame_rate), [detector([frame.image])[0] for frame in reader]


def follow(config: TrackerConfig, rate: float, found: Sequence[Detections]) -> list[Tracks]:
    """The tracks of each frame; the camera stands still."""
    tracker = SavTracker(config, frame_rate=rate)
    return [tracker.update(detections, None, np.eye(2, 3)) for detections in found]


def ids_right(truth: CocoFile, found: Sequence[Detections], tracks: Sequence[Tracks], rate: float) -> int:
    """How many true people have an id of their own that lasts."""
    stretches: dict[int, list[Counter[int]]] = {}
    last_frames: dict[int, int] = {}
    frames = zip(truth.pictures.values(), found, tracks, strict=True)
    for frame, (picture, detections, seen) in enumerate(frames):
        boxes = detections.boxes_xyxy[seen.detection_indices]
        rows, columns = match(box_iou(picture.boxes_xyxy, boxes), LEAST_IOU)
        pairs = zip(picture.track_ids[rows].tolist(), seen.track_ids[columns].tolist(), strict=True)
        for person, ident in pairs:
            if person not in last_frames or frame - last_frames[person] > rate:
                stretches.setdefault(person, []).append(Counter())
            last_frames[person] = frame
            stretches[person][-1][ident] += 1

    ids = {person: {max(c, key=c.__getitem__) for c in some} for person, some in stretches.items()}
    owners = Counter(ident for some in ids.values() for ident in some)
    return sum(len(some) == 1 and owners[min(some)] == 1 for some in ids.values())


if __name__ == "__main__":
    main()
