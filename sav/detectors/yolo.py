"""ultralytics' detectors: boxes, scores and classes of the objects in pictures."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import torch
import torchvision  # noqa: F401  ultralytics suppresses with torchvision's kernel if it is there
from torch import Tensor

from sav.config import PICTURE_DETECTION, DetectionConfig
from sav.data.types import Detections, Image
from sav.detectors.appearance import appearances
from sav.detectors.door import import_ultralytics
from sav.detectors.names import resolve_classes
from sav.detectors.network import load_network
from sav.detectors.open_vocabulary import move
from sav.detectors.words import Vocabulary
from sav.device import compute_alone_after_fork

# What ultralytics puts around a picture.
_GREY = (114, 114, 114)
# What a head that chooses gives at least: classes are filtered afterwards.
_LEAST_CHOSEN = 300
# Strides in the least side of an RT-DETR's square: one smaller has fewer places than the objects it asks for.
_LEAST_SQUARE = 5
# The surest boxes that are compared with each other; of oriented ones every pair is, in one table.
_MOST_UPRIGHT, _MOST_TURNED = 30_000, 4_000


class Detector:
    """An ultralytics detection model on one device. Any number of threads may call it at once.

    Attributes:
        categories: Every class that the model knows, id to name.
    """

    def __init__(
        self,
        checkpoint: Path,
        device: torch.device,
        config: DetectionConfig = PICTURE_DETECTION,
        trust_checkpoint: bool = False,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        """Load the model and resolve the class names.

        Args:
            checkpoint: A file that ultralytics wrote. Code in it is not run.
            device: Where to compute.
            config: What is kept.
            trust_checkpoint: Run the file's code after all, if its model needs it.
            vocabulary: What it is to find, if it can be told.

        Raises:
            CheckpointError: If the file is not an ultralytics model that finds boxes.
            SettingError: If the model does not know a class that `config` names.
        """
        compute_alone_after_fork()
        self._network = load_network(checkpoint, trust_checkpoint, vocabulary)
        move(self._network.module, device)
        self._device = device
        self._with_looks = False
        self._set(config)

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the model knows, id to name."""
        return MappingProxyType(self._network.names)

    def with_config(self, config: DetectionConfig) -> Detector:
        """The same model with other settings.

        Raises:
            SettingError: If the model does not know a class that `config` names.
        """
        other = copy.copy(self)
        other._set(config)
        return other

    def with_looks(self) -> Detector:
        """The same model and settings, with what objects look like in its detections."""
        other = copy.copy(self)
        other._with_looks = True
        return other

    def _set(self, config: DetectionConfig) -> None:
        self._config = config.over(PICTURE_DETECTION)
        self._class_ids = resolve_classes(config.classes, self.categories)

    def __call__(self, images_bgr: Sequence[Image]) -> list[Detections]:
        """Detect in a batch of `(H, W, 3)` uint8 BGR pictures; strongest boxes first.

        Pictures of one size go through the model together, so that none is seen otherwise than alone.
        """
        by_size: defaultdict[tuple[tuple[int, ...], int], list[int]] = defaultdict(list)
        for place, image in enumerate(images_bgr):
            by_size[image.shape, place if self._network.sees_one else 0].append(place)

        found = [Detections.empty()] * len(images_bgr)
        for (size, _), places in by_size.items():
            tables = self._find([images_bgr[place] for place in places])
            for place, (table, looks) in zip(places, tables, strict=True):
                found[place] = _detections(table.cpu().numpy(), looks.cpu().numpy(), (size[0], size[1]))
        return found

    @torch.inference_mode()
    def _find(self, images_bgr: list[Image]) -> list[tuple[Tensor, Tensor]]:
        """For each of several pictures of one size what is in it.

        Returns:
            `(N, 6)`, corners in its pixels, score and class, and `(N, D)` int8, what they look like.
        """
        operations, network = import_ultralytics().utils.ops, self._network
        side = side_for(images_bgr[0].shape[:2], self._config.imgsz or 0, network.stride)
        if network.is_transformer:
            side = max(side, _LEAST_SQUARE * network.stride)
        images = [_thick_enough(image, side) for image in images_bgr]
        size_hw = images[0].shape[:2]
        batch = self._prepared(images, side)
        most = max(self._config.max_det or 0, _LEAST_CHOSEN)
        table, grids = network.look(batch, most) if self._with_looks else (network(batch, most), [])
        seen_hw, squeezed = batch.shape[2:], torch.ones(4, device=self._device)
        if network.is_transformer:  # gives centres and sizes as shares of the picture
            scale = table.new_tensor([*size_hw[::-1], *size_hw[::-1]])
            table = torch.cat([operations.xywh2xyxy(table[..., :4]) * scale, table[..., 4:]], -1)
            squeezed = scale.new_tensor([*seen_hw[::-1], *seen_hw[::-1]]) / scale

        kept = self._suppressed(table)
        looks = appearances(grids, [boxes[:, :4] * squeezed for boxes in kept], seen_hw[1])
        if not network.is_transformer:
            for boxes in kept:
                boxes[:, :4] = operations.scale_boxes(seen_hw, boxes[:, :4], size_hw)
        return list(zip(kept, looks, strict=True))

    def _suppressed(self, table: Tensor) -> list[Tensor]:
        """The boxes that stay of what the network gives: `(N, 6)` a picture, the surest first."""
        config, network = self._config, self._network
        kept = import_ultralytics().utils.nms.non_max_suppression(
            table,
            conf_thres=config.conf,
            iou_thres=config.iou,
            classes=self._class_ids,
            agnostic=network.names_once,
            max_det=config.max_det,
            nc=network.class_count,
            end2end=network.chooses,
            max_time_img=float("inf"),  # a slow machine gives the same boxes
            rotated=network.is_oriented,
            max_nms=_MOST_TURNED if network.is_oriented else _MOST_UPRIGHT,
        )
        return [_upright(boxes) if network.is_oriented else boxes[:, :6] for boxes in kept]

    def _prepared(self, images_bgr: list[Image], side: int) -> Tensor:
        """Pictures of one size as the model wants them: `(B, channels, H, W)` float32, 0 to 1."""
        network = self._network
        letterbox = import_ultralytics().data.augment.LetterBox(
            side,
            auto=not network.is_transformer,
            scale_fill=network.is_transformer,
            stride=network.stride,
        )
        images = images_bgr
        if network.channels == 1:
            images = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] for image in images]  # type: ignore[misc]
        boxed = np.stack([np.atleast_3d(letterbox(image=image)) for image in images])
        pixels = torch.from_numpy(boxed).to(self._device).permute(0, 3, 1, 2).contiguous()
        if network.channels == 3:
            pixels = pixels.flip(1)
        return pixels.float().div_(255)


def side_for(size_hw: tuple[int, ...], imgsz: int, stride: int) -> int:
    """The long side at which a picture is seen: at most `imgsz`, never enlarged, in whole strides."""
    return -(-min(imgsz, max(size_hw)) // stride) * stride


def _upright(turned: Tensor) -> Tensor:
    """The smallest upright boxes around oriented ones, which is what SAM takes as a prompt.

    Args:
        turned: `(N, 7)`: centre, width, height, score, class, angle in radians.

    Returns:
        `(N, 6)`: corners, score, class.
    """
    (centre, size), angle = turned[:, :4].split(2, dim=1), turned[:, -1:]
    along, across = angle.cos().abs(), angle.sin().abs()
    half = (size.abs() * along + size.abs().flip(1) * across) / 2
    return torch.cat([centre - half, centre + half, turned[:, 4:6]], 1)


def _thick_enough(image_bgr: Image, side: int) -> Image:
    """A picture so thin that nothing is left of it at `side` with grey below or beside it."""
    height, width = image_bgr.shape[:2]
    least = -(-max(height, width) // side)
    below, beside = max(0, least - height), max(0, least - width)
    if not below and not beside:
        return image_bgr
    padded = cv2.copyMakeBorder(image_bgr, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=_GREY)
    return np.asarray(padded, np.uint8)


def _detections(table: np.ndarray, looks: np.ndarray, size_hw: tuple[int, int]) -> Detections:
    """Boxes, scores and classes out of `(N, 6)` float32, the boxes inside the picture."""
    is_finite = np.isfinite(table).all(1)
    table, looks = table[is_finite], looks[is_finite]
    height, width = size_hw
    boxes = np.clip(table[:, :4], 0, np.array([width, height, width, height], np.float32))
    return Detections(boxes, table[:, 4].copy(), table[:, 5].astype(np.int64), looks)
