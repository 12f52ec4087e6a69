"""Every mask that SAM finds in a picture by itself, as SamAutomaticMaskGenerator finds them, but cheaper.

The method and its defaults are those of Kirillov et al., "Segment Anything" (arXiv 2304.02643, appendix B),
and of segment_anything's SamAutomaticMaskGenerator, without crops: a grid of points, three masks a point,
filters by predicted IoU and by stability, then non-maximum suppression of boxes. The filter by predicted IoU
comes first, before the masks are made: it changes nothing in the result, and much of the work falls away.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.config import EverythingConfig
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.operators import nms
from sav.sam.enlarge import Stability
from sav.sam.fast.on_device import DeviceEnlarger
from sav.sam.fast.share_out import share_out
from sav.sam.model import Embedding, SamModel


def segment_everything(
    model: SamModel,
    embedding: Embedding,
    config: EverythingConfig = EverythingConfig(),
    on_progress: Callable[[float], None] = lambda share: None,
) -> Instances:
    """All masks of an embedded picture that pass the filters, the best predicted IoU first.

    That IoU, cut to 0 to 1, is their score; their ids are their positions.
    `on_progress` gets the share that is done after each batch of points, from the thread that did it.
    """
    points = point_grid(config.points_per_side) * np.array(embedding.size_hw[::-1])
    find = _find_on_device if isinstance(model.enlarger(embedding, 3), DeviceEnlarger) else _find
    masks, scores = find(model, embedding, config, points, on_progress)
    estimates = scores.float().clamp(0, 1).numpy()
    return Instances.unlabelled(masks, estimates, np.arange(len(masks), dtype=np.int64))


def point_grid(points_per_side: int) -> NDArray[np.float64]:
    """The centres of a square grid of cells over the unit square, row by row, `(N, 2)` x and y."""
    half = 1 / (2 * points_per_side)
    centres = np.linspace(half, 1 - half, points_per_side)
    return np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)


def _find(
    model: SamModel,
    embedding: Embedding,
    config: EverythingConfig,
    points_xy: NDArray[np.float64],
    on_progress: Callable[[float], None],
) -> tuple[Masks, Tensor]:
    """The masks of all points, and their predicted IoU on the CPU, the best first."""
    batches = [
        points_xy[start : start + config.points_per_batch]
        for start in range(0, len(points_xy), config.points_per_batch)
    ]
    done = count(1)

    def work(points_xy: NDArray[np.float64]) -> tuple[Masks, Tensor]:
        found = _masks_at(model, embedding, config, points_xy)
        on_progress(next(done) / len(batches))
        return found

    # `found` is in the order of the points, whichever thread did them: masks of equal IoU keep theirs.
    found = share_out(work, batches) if model.shares_out else [work(batch) for batch in batches]
    masks = Masks.concatenate(embedding.size_hw, [masks for masks, _ in found])
    scores = torch.cat([predicted_iou for _, predicted_iou in found])
    kept = _distinct(torch.from_numpy(masks.boxes_xyxy), scores, config.nms_threshold)
    return masks[kept.numpy()], scores[kept]


@torch.inference_mode()
def _masks_at(
    model: SamModel, embedding: Embedding, config: EverythingConfig, points_xy: NDArray[np.float64]
) -> tuple[Masks, Tensor]:
    """The masks of one batch of points that pass the filters, with their predicted IoU on the CPU."""
    logits, predicted_iou = model.decode_points(embedding, points_xy, _least_iou(model, config))
    masks, kept = model.enlarged(logits, embedding, channels=3, stability=_stability(config))
    return masks, predicted_iou.cpu()[torch.from_numpy(kept)]


@torch.inference_mode()
def _find_on_device(
    model: SamModel,
    embedding: Embedding,
    config: EverythingConfig,
    points_xy: NDArray[np.float64],
    on_progress: Callable[[float], None],
) -> tuple[Masks, Tensor]:
    """As `_find`; on the device masks stay small logits until it is known which are wanted."""
    enlarger = model.enlarger(embedding, channels=3)
    assert isinstance(enlarger, DeviceEnlarger)
    least_iou, stability = _least_iou(model, config), _stability(config)
    found, done = [], 0
    for decoded in model.decode_points_in_batches(embedding, points_xy, config.points_per_batch, least_iou):
        measured = enlarger.measured(decoded.logits, stability)
        (kept,) = measured.kept.nonzero(as_tuple=True)
        found.append((decoded.logits[kept], measured.boxes_xyxy[kept], decoded.predicted_iou[kept]))
        done += decoded.prompts
        on_progress(done / len(points_xy))

    logits, boxes, scores = (torch.cat(parts) for parts in zip(*found, strict=True))
    kept = _distinct(boxes, scores, config.nms_threshold)
    return enlarger.packed(logits[kept], boxes[kept]), scores[kept].cpu()


def _least_iou(model: SamModel, config: EverythingConfig) -> float | None:
    least_iou = config.predicted_iou_threshold
    if least_iou is None:
        least_iou = model.convention.predicted_iou_threshold
    return least_iou if least_iou > 0 else None


def _stability(config: EverythingConfig) -> Stability | None:
    if config.stability_threshold > 0:
        return Stability(config.stability_threshold, config.stability_offset)
    return None


def _distinct(boxes_xyxy: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Positions of the masks that no better one overlaps, the best first, by the IoU of their boxes."""
    boxes = boxes_xyxy.float()
    # Upstream's boxes end on the last pixel, not behind it, and that decides which masks survive.
    boxes[:, 2:] = (boxes[:, 2:] - 1).clamp(min=0)
    return nms(boxes, scores, threshold)
