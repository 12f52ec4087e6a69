"""ultralytics' detectors: boxes, scores and classes of the objects in pictures."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.config import PICTURE_DETECTION, DetectionConfig
from sav.data.types import Detections, FloatArray, Image
from sav.detectors.appearance import appearances
from sav.detectors.door import import_ultralytics
from sav.detectors.letterbox import GREY, Letterbox
from sav.detectors.names import resolve_classes
from sav.detectors.network import Network, load_network
from sav.detectors.open_vocabulary import move
from sav.detectors.quick import quicken
from sav.detectors.suppression import (
    CLASS,
    PICTURE,
    SCORE,
    Limits,
    candidates,
    chosen,
    suppressed,
    suppressed_turned,
)
from sav.detectors.words import Vocabulary
from sav.device import EXACT, Precision, compute_alone_after_fork, has_fast_float16
from sav.graphs import Graphs
from sav.picture_graphs import PictureGraphs
from sav.uploads import on_device, uploaded

# What a head that chooses gives at least: classes are filtered afterwards.
_LEAST_CHOSEN = 300
# Sizes of pictures whose graphs are kept: with looks, one holds half a gigabyte of features.
_MOST_GRAPHS = 4
# Strides in the least side of an RT-DETR's square: one smaller has fewer places than the objects it asks for.
_LEAST_SQUARE = 5


class YoloDetector:
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
        precision: Precision = EXACT,
    ) -> None:
        """Load the model and resolve the class names.

        Args:
            checkpoint: A file that ultralytics wrote. Code in it is not run.
            device: Where to compute.
            config: What is kept.
            trust_checkpoint: Run the file's code after all, if its model needs it.
            vocabulary: What it is to find, if it can be told.
            precision: Unless all must be exact, a GPU that is fast at it computes in half precision, and
                makes pictures ready itself.

        Raises:
            CheckpointError: If the file is not an ultralytics model that finds boxes.
            SettingError: If the model does not know a class that `config` names.
        """
        compute_alone_after_fork()
        self._network = load_network(checkpoint, trust_checkpoint, vocabulary)
        if self._network.is_regular and not precision.is_exact and has_fast_float16(device):
            self._network = self._network.halved()
            quicken(self._network.module)
        move(self._network.module, device)
        self._device = device
        self._graphs = Graphs(_MOST_GRAPHS)
        self._picture_graphs = PictureGraphs()
        self._with_looks = False
        self._set(config)

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the model knows, id to name."""
        return MappingProxyType(self._network.names)

    def with_config(self, config: DetectionConfig) -> YoloDetector:
        """The same model with other settings.

        Raises:
            SettingError: If the model does not know a class that `config` names.
        """
        other = copy.copy(self)
        other._set(config)
        return other

    def with_looks(self) -> YoloDetector:
        """The same model and settings, with what objects look like in its detections."""
        other = copy.copy(self)
        other._with_looks = True
        return other

    def _set(self, config: DetectionConfig) -> None:
        self._config = config.over(PICTURE_DETECTION)
        class_ids = resolve_classes(config.classes, self.categories)
        are_wanted = None
        if class_ids is not None:
            are_wanted = torch.zeros(max(self._network.class_count, *self.categories) + 1, dtype=torch.bool)
            are_wanted[class_ids] = True
            are_wanted = are_wanted.to(self._device)
        kept = self._config
        self._limits = Limits(
            kept.conf or 0, kept.iou or 0, kept.max_det or 0, are_wanted, self._network.names_once
        )

    def __call__(self, images_bgr: Sequence[Image]) -> list[Detections]:
        """Detect in a batch of `(H, W, 3)` uint8 BGR pictures; strongest boxes first.

        Pictures of one size go through the model together, so that none is seen otherwise than alone.
        """
        by_size: defaultdict[tuple[tuple[int, ...], int], list[int]] = defaultdict(list)
        for place, image in enumerate(images_bgr):
            by_size[image.shape, place if self._network.sees_one else 0].append(place)

        found = [Detections.empty()] * len(images_bgr)
        for places in by_size.values():
            some = self._find([images_bgr[place] for place in places])
            for place, detections in zip(places, some, strict=True):
                found[place] = detections
        return found

    @torch.inference_mode()
    def _find(self, images_bgr: list[Image]) -> list[Detections]:
        """What is in each of several pictures of one size."""
        network, first = self._network, images_bgr[0]
        size_hw = first.shape[0], first.shape[1]
        side = side_for(size_hw, self._config.imgsz or 0, network.stride)
        if network.is_transformer:
            side = max(side, _LEAST_SQUARE * network.stride)
        images = [_thick_enough(image, side) for image in images_bgr]
        batch = self._prepared(images, side)
        most = max(self._config.max_det or 0, _LEAST_CHOSEN)
        look = partial(self._graphs, _look) if network.is_regular else _look
        table, grids = look(network, batch, most, self._with_looks)

        kept = self._kept(table, len(images))
        rows, looks = _brought(kept, appearances(grids, kept, batch.shape[3]))
        thick_hw, seen_hw = (images[0].shape[0], images[0].shape[1]), (batch.shape[2], batch.shape[3])
        if network.is_transformer:
            rows[:, :4] *= np.tile(np.divide(thick_hw, seen_hw)[::-1], 2)
        else:
            import_ultralytics().utils.ops.scale_boxes(seen_hw, rows[:, :4], thick_hw)
        found = _detections(rows, looks, size_hw)
        return [found[rows[:, PICTURE] == place][: self._limits.max_det] for place in range(len(images))]

    def _kept(self, table: Tensor, batch: int) -> Tensor:
        """The boxes that stay of what `_look` gives: `(K, 7)`, see `sav.detectors.suppression`."""
        network = self._network
        if network.is_oriented:
            return suppressed_turned(table, self._limits, network.class_count, network.chooses)
        if network.chooses:
            return chosen(table, self._limits)
        return suppressed(table, self._limits, batch, network.class_count)

    def _prepared(self, images_bgr: list[Image], side: int) -> Tensor:
        """Pictures of one size as the network wants them: `(B, channels, H, W)`, 0 to 1."""
        network = self._network
        if network.dtype == torch.float32 or network.channels == 1:
            return self._prepared_by_opencv(images_bgr, side)
        place = Letterbox.of(images_bgr[0].shape[:2], side, network.stride)
        frames = [uploaded(image, self._device) for image in images_bgr]
        return place(frames, network.dtype, self._picture_graphs)

    def _prepared_by_opencv(self, images_bgr: list[Image], side: int) -> Tensor:
        """The same as ultralytics does it, on the CPU."""
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
        return pixels.to(network.dtype).div_(255)


def side_for(size_hw: tuple[int, ...], imgsz: int, stride: int) -> int:
    """The long side at which a picture is seen: at most `imgsz`, never enlarged, in whole strides."""
    return -(-min(imgsz, max(size_hw)) // stride) * stride


def _thick_enough(image_bgr: Image, side: int) -> Image:
    """A picture so thin that nothing is left of it at `side` with grey below or beside it."""
    height, width = image_bgr.shape[:2]
    least = -(-max(height, width) // side)
    below, beside = max(0, least - height), max(0, least - width)
    if not below and not beside:
        return image_bgr
    padded = cv2.copyMakeBorder(image_bgr, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=(GREY, GREY, GREY))
    return np.asarray(padded, np.uint8)


def _look(network: Network, batch: Tensor, most: int, with_grids: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All boxes that a network gives, and features; of oriented boxes the table as it is."""
    table, grids = network.look(batch, most, with_grids)
    if network.is_transformer:  # gives centres and sizes as shares of the picture
        height, width = batch.shape[2:]
        sides = on_device(torch.tensor([width, height, width, height]), table.device)
        shares = import_ultralytics().utils.ops.xywh2xyxy(table[..., :4].float())
        table = torch.cat([shares * sides, table[..., 4:]], -1)
    if not network.is_oriented:
        table = candidates(table, network.class_count, network.chooses)
    return table, grids


def _brought(rows: Tensor, looks: Tensor) -> tuple[FloatArray, NDArray[np.int8]]:
    """Boxes `(K, 7)` and what they look like, brought over in one piece."""
    packed = torch.cat([rows.view(torch.uint8), looks.view(torch.uint8)], 1).cpu().numpy()
    length = 4 * rows.shape[1]
    return np.ascontiguousarray(packed[:, :length]).view(np.float32), packed[:, length:].view(np.int8)


def _detections(rows: FloatArray, looks: NDArray[np.int8], size_hw: tuple[int, int]) -> Detections:
    """The boxes inside a picture, with scores and classes."""
    height, width = size_hw
    boxes = np.clip(rows[:, :4], 0, np.array([width, height, width, height], np.float32))
    return Detections(boxes, rows[:, SCORE].copy(), rows[:, CLASS].astype(np.int64), looks)
