"""Measures the demo checkpoints on scenes that training never saw; prints a Markdown table."""

import argparse
import os
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import find_objects

from sav.config import PICTURE_DETECTION
from sav.data.masks import Masks
from sav.data.types import Detections
from sav.detectors.door import import_ultralytics
from sav.detectors.yolo import YoloDetector
from sav.device import choose_precision
from sav.evaluate.matching import match
from sav.sam.everything import segment_everything
from sav.sam.load import load_sam
from sav.sam.model import Embedding
from sav.trackers.association import box_iou
from tools.world.dataset import CLASS_NAMES, boxes_of, write_dataset, write_listing
from tools.world.prompts import Maps

FIRST_SEED = 2_000_000
"""Seeds from here on belong to evaluation: training and validation use lower ones."""

MIN_REGION = 400
WHOLE_IOU = 0.75


@dataclass(frozen=True)
class Overlaps:
    """How predicted masks overlap a map's labels.

    Attributes:
        iou: `(masks, labels)` float, the IoU of each mask with each label.
        areas: `(labels,)` int, visible pixels of each label.
    """

    iou: np.ndarray
    areas: np.ndarray


def overlaps(masks: Masks, label_map: np.ndarray, count: int) -> Overlaps:
    """The IoU of masks with labels 1 to `count` of a map `(H, W)`."""
    labels = masks_of(label_map, count)
    return Overlaps(masks.iou_matrix(labels), labels.areas)


def masks_of(label_map: np.ndarray, count: int) -> Masks:
    """The pixels of each of the labels 1 to `count` of a map `(H, W)`."""
    places = [place or (slice(0, 0), slice(0, 0)) for place in find_objects(label_map, count)[:count]]
    crops = [label_map[place] == label for label, place in enumerate(places, start=1)]
    corners = np.array([(columns.start, rows.start) for rows, columns in places], np.int64).reshape(-1, 2)
    return Masks.from_crops(label_map.shape, crops, corners)


def matched(seen: Detections, true_classes: np.ndarray, true_boxes: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (detection, object) of one class whose boxes overlap by half."""
    is_same = seen.class_ids[:, None] == true_classes[None]
    pairs = match(box_iou(seen.boxes_xyxy, true_boxes) * is_same, 0.5)
    return list(zip(*(side.tolist() for side in pairs), strict=True))


def detector_figures(checkpoint: Path, folder: Path, image_size: int | None) -> dict[str, float]:
    """mAP50 overall and for each class, by ultralytics' own validation."""
    listing = write_listing(folder, "eval", "eval")
    found = (
        import_ultralytics()
        .YOLO(checkpoint)
        .val(
            data=str(listing),
            imgsz=image_size,
            plots=False,
            workers=0,
            verbose=False,
            project=str(folder),
            name="val",
        )
    )
    figures = {"mAP50": float(found.box.map50), "mAP50-95": float(found.box.map)}
    return figures | {
        f"AP50 {CLASS_NAMES[int(c)]}": float(v)
        for c, v in zip(found.box.ap_class_index, found.box.ap50, strict=True)
    }


class SamFigures:
    """Collects what SAM did, picture by picture."""

    def __init__(self, detector: YoloDetector, sam_path: Path, device: torch.device) -> None:
        self.detector, self.sam = detector, load_sam(sam_path, device, choose_precision("auto", device))
        self.true_box: dict[str, list[float]] = defaultdict(list)
        self.end_to_end: dict[str, list[float]] = defaultdict(list)
        self.objects = 0
        self.regions: dict[str, list[bool]] = defaultdict(list)
        self.buses: list[tuple[int, float]] = []

    def matched_share(self) -> float:
        """How many of all objects a detection of their class matched, 0 to 1."""
        return sum(map(len, self.end_to_end.values())) / max(1, self.objects)

    def add(self, scene: Maps, everything: bool) -> None:
        """Runs the models on one scene; asking for everything takes most of the time."""
        image = np.ascontiguousarray(scene.picture[..., ::-1])
        embedding = self.sam.embed([image])[0]
        objects = np.flatnonzero(scene.labelled)
        boxes = boxes_of(scene.thing_map, len(scene.thing_names))[objects]
        found = overlaps(
            self.sam.masks_from_boxes(embedding, boxes), scene.thing_map, len(scene.thing_names)
        ).iou
        whole = dict(zip(objects.tolist(), found[np.arange(len(objects)), objects].tolist(), strict=True))
        for thing, iou in whole.items():
            self.true_box[scene.thing_names[thing]].append(iou)
        self._add_end_to_end(scene, image, embedding, objects, boxes)
        if everything:
            self._add_everything(scene, embedding, whole)

    def _add_end_to_end(
        self, scene: Maps, image: np.ndarray, embedding: Embedding, objects: np.ndarray, boxes: np.ndarray
    ) -> None:
        seen = self.detector([image])[0]
        classes = np.array([CLASS_NAMES.index(scene.thing_names[i]) for i in objects], int)
        pairs = matched(seen, classes, boxes.reshape(-1, 4))
        masks = self.sam.masks_from_boxes(embedding, seen.boxes_xyxy)
        iou = overlaps(masks, scene.thing_map, len(scene.thing_names)).iou
        self.objects += len(objects)
        for i, j in pairs:
            self.end_to_end[scene.thing_names[objects[j]]].append(float(iou[i, objects[j]]))

    def _add_everything(self, scene: Maps, embedding: Embedding, whole: dict[int, float]) -> None:
        masks = segment_everything(self.sam, embedding).masks
        parts = overlaps(masks, scene.part_map, len(scene.part_names))
        found = parts.iou.max(0, initial=0.0) >= 0.5
        large = parts.areas > MIN_REGION
        siblings = np.bincount(scene.part_things, minlength=len(scene.thing_names))
        for part in np.flatnonzero(large):
            thing = scene.part_things[part]
            kind = "part" if siblings[thing] > 1 else "region"
            self.regions[kind].append(bool(found[part]))
        things = overlaps(masks, scene.thing_map, len(scene.thing_names))
        several = ~scene.labelled & (siblings > 1) & (things.areas > MIN_REGION)
        self.regions["region"].extend((things.iou.max(0, initial=0.0) >= 0.5)[several].tolist())
        for thing, iou in whole.items():
            mine = large & (scene.part_things == thing)
            if scene.thing_names[thing] == "bus" and mine.sum() > 1:
                self.buses.append((int(found[mine].sum()), iou))


def _mean(values: dict[str, list[float]] | dict[str, list[bool]]) -> float:
    return float(np.mean([v for group in values.values() for v in group] or [0.0]))


def report(detector: dict[str, float], sam: SamFigures, scenes: int) -> str:
    """The figures as Markdown."""
    lines = [
        f"Measured on {scenes} scenes (seeds {FIRST_SEED} and on).",
        "",
        "| figure | value |",
        "|---|---|",
    ]
    lines += [f"| detector {name} | {value:.3f} |" for name, value in detector.items()]
    lines.append(f"| SAM with true boxes, mean IoU | {_mean(sam.true_box):.3f} |")
    lines += [
        f"| SAM with true boxes, {name} ({len(v)}) | {np.mean(v):.3f} |"
        for name, v in sorted(sam.true_box.items())
    ]
    lines.append(f"| end to end, mean IoU of matched objects | {_mean(sam.end_to_end):.3f} |")
    lines.append(f"| end to end, share of objects matched | {sam.matched_share():.3f} |")
    lines.append(
        f"| everything, recall of parts and regions over {MIN_REGION} pixels | {_mean(sam.regions):.3f} |"
    )
    lines += [
        f"| everything, recall of {name}s ({len(v)}) | {np.mean(v):.3f} |"
        for name, v in sorted(sam.regions.items())
    ]
    split = np.array([n > 1 for n, _ in sam.buses] or [False])
    one = np.array([iou >= WHOLE_IOU for _, iou in sam.buses] or [False])
    lines.append(
        f"| buses ({len(sam.buses)}) of which everything finds more than one part | {split.mean():.3f} |"
    )
    lines.append(
        f"| buses whose prompted mask is the whole bus (IoU {WHOLE_IOU} or more) | {one.mean():.3f} |"
    )
    lines.append(f"| buses with both | {(split & one).mean():.3f} |")
    return "\n".join(lines)


def main() -> None:
    """Renders the evaluation scenes, runs both models on them, and prints the report."""
    model = Path(__file__).parents[2] / "model"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detector", type=Path, default=model / "demo_yolo.pt")
    parser.add_argument("--sam", type=Path, default=model / "demo_sam.pth")
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--everything", type=int, default=50, help="scenes to ask for everything in")
    parser.add_argument("--folder", type=Path, help="keep the rendered scenes here for the next time")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.folder or Path(temporary)).resolve()
        write_dataset(folder, "eval", range(FIRST_SEED, FIRST_SEED + args.scenes), 1)
        config = PICTURE_DETECTION
        boxes = detector_figures(args.detector, folder, config.imgsz)
        figures = SamFigures(
            YoloDetector(args.detector, torch.device("cpu"), config), args.sam, torch.device("cpu")
        )
        paths = sorted((folder / "eval" / "sam").glob("*[0-9].npz"))[: args.scenes]
        for number, path in enumerate(paths):
            figures.add(Maps.load(path), everything=number < args.everything)
        print(report(boxes, figures, args.scenes))


if __name__ == "__main__":
    main()
