"""Detections and SAM joined into scenes: boxes as prompts, and what SAM finds beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sav.checkpoints import find_checkpoint
from sav.config import DetectionConfig
from sav.detect import Detector
from sav.device import choose_device
from sav.masks import Masks
from sav.sam.everything import segment_everything
from sav.sam.load import load_sam
from sav.sam.model import SamModel
from sav.scene import Scene
from sav.types import Image, IntArray


@dataclass(frozen=True)
class RegionConfig:
    """When a mask that SAM found by itself is kept as an unlabelled region.

    Attributes:
        explained: Smallest share of it on labelled objects that counts as explained by them.
        least_area: Pixels outside all labelled objects of which it must have more.
    """

    explained: float = 0.3
    least_area: int = 100


def load_segmenter(
    yolo_checkpoint: str | Path,
    sam_checkpoint: str | Path,
    device: str = "auto",
    config: DetectionConfig = DetectionConfig(),
    with_regions: bool = True,
    offline: bool = False,
) -> Segmenter:
    """Find or fetch both checkpoints and load them.

    Raises:
        CheckpointError: If one cannot be had or used.
        ValueError: If there is no such device, or the detector does not know a class that `config` names.
    """
    chosen = choose_device(device)
    found = [find_checkpoint(path, offline) for path in (yolo_checkpoint, sam_checkpoint)]
    return Segmenter(Detector(found[0], chosen, config), load_sam(found[1], chosen), with_regions)


class Segmenter:
    """A detector and a SAM that make scenes of single pictures."""

    def __init__(self, detector: Detector, sam: SamModel, with_regions: bool = True) -> None:
        """Join two loaded models; without regions, SAM is asked for the detector's boxes only: fast."""
        self.detector = detector
        self.sam = sam
        self.with_regions = with_regions

    def __call__(self, image_bgr: Image) -> Scene:
        """Everything that the two models see in a `(H, W, 3)` uint8 BGR picture."""
        detections = self.detector([image_bgr])[0]
        embedding = self.sam.embed([image_bgr])[0]
        masks = self.sam.masks_from_boxes(embedding, detections.boxes_xyxy)
        everything = (
            segment_everything(self.sam, embedding) if self.with_regions else Masks.empty(embedding.size_hw)
        )
        regions, region_ids = unexplained(everything, masks)
        return Scene(
            detections=detections,
            masks=masks,
            track_ids=np.arange(1, len(detections) + 1),
            categories=self.detector.categories,
            everything=everything,
            regions=regions,
            region_ids=region_ids,
        )


def unexplained(
    everything: Masks, objects: Masks, config: RegionConfig = RegionConfig()
) -> tuple[Masks, IntArray]:
    """The masks that no labelled object explains, less the objects' pixels, and their positions."""
    covered = objects.union()
    inside = everything.areas_inside(covered)
    outside = everything.areas - inside
    kept = np.flatnonzero((inside < config.explained * everything.areas) & (outside > config.least_area))
    return everything[kept].without(covered), kept
