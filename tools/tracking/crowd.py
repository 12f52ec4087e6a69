"""How well people are followed through the clips of `tools.world.crowd`, with masks as a cue and without.

    python -m tools.world.crowd FOLDER
    python -m tools.tracking.crowd FOLDER

Prints HOTA, IDF1, switches of identity and ids; of how many frames and boxes SAM is asked before it is known
who is who, and of how many of those boxes for nothing, since they are not shown.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sav.config import VIDEO_DETECTION, DetectionConfig
from sav.data.shapes import BYTES, Shapes, shapes_in_boxes
from sav.data.types import Detections, IntArray, Tracks
from sav.detectors.yolo import YoloDetector
from sav.device import choose_precision
from sav.evaluate.coco import read_coco
from sav.evaluate.tracks import TrackTable, score_tracks
from sav.media.reader import open_video
from sav.sam.load import load_sam
from sav.trackers import SavTracker, TrackerConfig

MODELS = Path(__file__).parents[2] / "model"


@dataclass(frozen=True)
class Known:
    """A frame of which all is known that could be asked.

    Attributes:
        detections: What the detector saw.
        shapes: `(N, BYTES)`, the masks of all of it.
    """

    detections: Detections
    shapes: Shapes


@dataclass
class Asked:
    """What SAM would be asked for in a run: a number of rows a frame, and how many of them are not shown."""

    counts: list[int]
    wasted: list[int]


def main() -> None:
    """Detects and asks for all masks once a clip, and follows with and without them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--yolo_checkpoint", type=Path, default=MODELS / "demo_yolo.pt")
    parser.add_argument("--sam_checkpoint", type=Path, default=MODELS / "demo_sam.pth")
    args = parser.parse_args()
    for name in ("alike", "colours"):
        rate, frames = know(args.folder / f"{name}.mp4", args.yolo_checkpoint, args.sam_checkpoint)
        truth = true_tracks(args.folder / f"{name}.json")
        for with_masks in (False, "auto", True):
            config = TrackerConfig.of_type("sav", with_masks=with_masks)
            tracks, asked = follow(config, rate, frames)
            boxes = [
                known.detections.boxes_xyxy[seen.detection_indices]
                for known, seen in zip(frames, tracks, strict=True)
            ]
            score = score_tracks(TrackTable.of_frames([seen.track_ids for seen in tracks], boxes), truth)
            print(f"{name}, with_masks {str(with_masks).lower()}: HOTA {score.hota:.1f},", end=" ")
            print(f"IDF1 {score.idf1:.1f}, {score.switches} switches, {score.ids} ids;", end=" ")
            print(f"asked in {np.mean(np.array(asked.counts) > 0):.0%} of the frames", end=" ")
            print(f"for {np.mean(asked.counts):.2f} boxes, {np.mean(asked.wasted):.2f} of them not shown")


def know(video: Path, yolo_checkpoint: Path, sam_checkpoint: Path) -> tuple[float, list[Known]]:
    """Frames per second, and all that can be known of each frame."""
    cpu = torch.device("cpu")
    config = DetectionConfig(imgsz=640).over(VIDEO_DETECTION)
    detector = YoloDetector(yolo_checkpoint, cpu, config).with_looks()
    sam = load_sam(sam_checkpoint, cpu, choose_precision("auto", cpu), False)
    frames = []
    with open_video(str(video), None, None, 1) as reader:
        for frame in reader:
            (found,) = detector([frame.image])
            (embedding,) = sam.embed([frame.image])
            masks = sam.masks_from_boxes(embedding, found.boxes_xyxy)
            frames.append(Known(found, shapes_in_boxes(masks, found.boxes_xyxy)))
        return float(reader.frame_rate), frames


def true_tracks(path: Path) -> TrackTable:
    """The truth of a clip as scores take it."""
    pictures = list(read_coco(path).pictures.values())
    return TrackTable.of_frames([one.track_ids for one in pictures], [one.boxes_xyxy for one in pictures])


def follow(config: TrackerConfig, rate: float, frames: list[Known]) -> tuple[list[Tracks], Asked]:
    """The tracks of each frame, and what was asked for; the camera stands still."""
    tracker = SavTracker(config, frame_rate=rate)
    tracks, asked = [], Asked([], [])
    for known in frames:
        rows: IntArray = np.zeros(0, np.int64)

        def ask(chosen: IntArray, known: Known = known) -> Detections:
            nonlocal rows
            rows = chosen
            shapes = np.zeros((len(known.detections), BYTES), np.uint8)
            shapes[chosen] = known.shapes[chosen]
            return replace(known.detections, shapes=shapes)

        tracks.append(tracker.update(known.detections, None, np.eye(2, 3), ask))
        asked.counts.append(len(rows))
        asked.wasted.append(len(np.setdiff1d(rows, tracks[-1].detection_indices)))
    return tracks, asked


if __name__ == "__main__":
    main()
