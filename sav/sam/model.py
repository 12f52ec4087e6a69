"""SAM on one device: a picture is embedded once, then asked by boxes or for everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor
from torch.nn import functional as F

from sav.masks import Masks
from sav.sam.encoder import HalfEncoder
from sav.types import Image


@dataclass(frozen=True)
class ChunkSizes:
    """What bounds SAM's memory.

    Attributes:
        prompts: Prompts that go through the mask decoder at once.
        logits_bytes: Bytes of float32 mask logits, at the picture's size, that exist at once.
    """

    prompts: int = 64
    logits_bytes: int = 32 * 2**20

    @classmethod
    def for_device(cls, device: torch.device) -> ChunkSizes:
        """Small chunks stay in a CPU's cache and out of the kernel's page tables; a GPU wants large ones."""
        return cls() if device.type == "cpu" else cls(logits_bytes=1024 * 2**20)


@dataclass(frozen=True)
class Embedding:
    """A picture as SAM's image encoder sees it.

    Attributes:
        features: `(1, C, h, w)` float32, on SAM's device.
        input_hw: Size of the picture inside SAM's square input, before padding.
        size_hw: Size of the picture itself.
    """

    features: Tensor
    input_hw: tuple[int, int]
    size_hw: tuple[int, int]


class SamModel:
    """Encoder, prompts and mask decoder of a `segment_anything` Sam, with bounded memory."""

    def __init__(
        self,
        sam: Sam,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        chunks: ChunkSizes | None = None,
    ) -> None:
        """Move `sam` to `device`; below float32 its image encoder is replaced by a `HalfEncoder`."""
        if precision != torch.float32:
            sam.image_encoder = HalfEncoder(sam.image_encoder, precision)
        self.sam = sam.to(device).eval()
        self.device = device
        self.chunks = chunks or ChunkSizes.for_device(device)
        self._resize = ResizeLongestSide(sam.image_encoder.img_size)

    @torch.inference_mode()
    def embed(self, images_bgr: Sequence[Image]) -> list[Embedding]:
        """Run the image encoder once on a batch of `(H, W, 3)` uint8 BGR pictures of any sizes."""
        if not images_bgr:
            return []
        resized = [self._resize.apply_image(bgr_to_rgb(image)) for image in images_bgr]
        features = self.sam.image_encoder(torch.cat([self._normalised(rgb) for rgb in resized]))
        return [
            Embedding(one[None], (rgb.shape[0], rgb.shape[1]), (image.shape[0], image.shape[1]))
            for one, rgb, image in zip(features, resized, images_bgr, strict=True)
        ]

    def _normalised(self, image_rgb: Image) -> Tensor:
        """A resized picture as the encoder wants it: `(1, 3, S, S)` float32, normalised and padded."""
        pixels = torch.from_numpy(image_rgb).to(self.device)
        return self.sam.preprocess(pixels.permute(2, 0, 1)[None].contiguous())

    def masks_from_boxes(self, embedding: Embedding, boxes_xyxy: NDArray[np.floating]) -> Masks:
        """One whole-object mask for each of `(N, 4)` boxes in the picture's pixels."""
        parts = [
            self.threshold(logits)
            for chunk in np.split(
                boxes_xyxy, range(self.chunks.prompts, len(boxes_xyxy), self.chunks.prompts)
            )
            for logits in self.enlarged(self._decode_boxes(embedding, chunk), embedding)
        ]
        return Masks.concatenate(embedding.size_hw, parts)

    @torch.inference_mode()
    def _decode_boxes(self, embedding: Embedding, boxes_xyxy: NDArray[np.floating]) -> Tensor:
        """`(N, h, w)` low-resolution mask logits."""
        boxes = torch.as_tensor(boxes_xyxy, dtype=torch.float32, device=self.device)
        if len(boxes) == 0:
            return boxes.new_zeros(0, 1, 1)
        scaled = self._resize.apply_boxes_torch(boxes, embedding.size_hw)
        sparse, dense = self.sam.prompt_encoder(points=None, boxes=scaled, masks=None)
        return self._decode(embedding, sparse, dense, multimask=False)[0].flatten(0, 1)

    @torch.inference_mode()
    def decode_points(self, embedding: Embedding, points_xy: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """Three masks for each of `(N, 2)` points in the picture's pixels.

        Returns:
            Low-resolution mask logits `(N, 3, h, w)` and the IoU that SAM predicts for each, `(N, 3)`.
        """
        scaled = self._resize.apply_coords(points_xy, embedding.size_hw)
        # Metal has no float64; elsewhere the points stay as upstream has them, to the last bit.
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        coordinates = torch.as_tensor(scaled, dtype=dtype, device=self.device)[:, None]
        labels = torch.ones(coordinates.shape[:2], dtype=torch.int, device=self.device)
        sparse, dense = self.sam.prompt_encoder(points=(coordinates, labels), boxes=None, masks=None)
        return self._decode(embedding, sparse, dense, multimask=True)

    def _decode(
        self, embedding: Embedding, sparse: Tensor, dense: Tensor, multimask: bool
    ) -> tuple[Tensor, Tensor]:
        logits, predicted_iou = self.sam.mask_decoder(
            image_embeddings=embedding.features,
            image_pe=self.sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
        )
        return logits, predicted_iou

    @torch.inference_mode()
    def enlarged(self, low_res_logits: Tensor, embedding: Embedding) -> Iterator[Tensor]:
        """Bring `(N, h, w)` mask logits to the picture's size, a few at a time: `(n, H, W)` each."""
        if len(low_res_logits) == 0:
            return
        square = self.sam.image_encoder.img_size
        bytes_each = 4 * (square * square + embedding.size_hw[0] * embedding.size_hw[1])
        at_once = max(1, self.chunks.logits_bytes // bytes_each)
        for chunk in low_res_logits.split(at_once):
            yield self._enlarge(chunk, embedding)

    def _enlarge(self, logits: Tensor, embedding: Embedding) -> Tensor:
        """Upstream's own interpolation, in planes of three as its three masks a point are.

        On one thread PyTorch interpolates three channels by another routine than any other number of them,
        and the two round differently: enough to move a pixel across the threshold now and then.
        """
        count = len(logits)
        threes = F.pad(logits, (0, 0, 0, 0, 0, -count % 3)).unflatten(0, (-1, 3))
        enlarged = self.sam.postprocess_masks(threes, embedding.input_hw, embedding.size_hw)
        return enlarged.flatten(0, 1)[:count]

    def threshold(self, logits: Tensor) -> Masks:
        """Compress the masks that `(n, H, W)` logits describe."""
        return Masks.from_dense((logits > self.sam.mask_threshold).cpu().numpy())


def bgr_to_rgb(image_bgr: Image) -> Image:
    """The one place where frames turn from OpenCV's channel order to SAM's."""
    return np.ascontiguousarray(image_bgr[..., ::-1])
