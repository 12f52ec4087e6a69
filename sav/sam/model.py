"""SAM on one device: a picture is embedded once, then prompted by boxes and by points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything.modeling import Sam
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sav.data.masks import Masks
from sav.data.types import BoolArray, Image
from sav.device import EXACT, Precision, compute_alone_after_fork
from sav.sam.decoder import Decoder
from sav.sam.encoders import Features
from sav.sam.enlarge import Enlarger, Stability
from sav.sam.fast.decoder import FastDecoder
from sav.sam.fast.enlarge import CropEnlarger
from sav.sam.fast.low_rank_decoder import Shared
from sav.sam.fast.on_device import DeviceEnlarger, masks_together
from sav.sam.kinds import make_encoder
from sav.sam.outputs import ONE, THREE, Decoded, Wanted
from sav.uploads import on_device


@dataclass(frozen=True)
class ChunkSizes:
    """What bounds SAM's memory.

    Attributes:
        prompts: Prompts that go through the mask decoder at once, or a few more.
        logits_bytes: Bytes of float32 mask logits, at the picture's size, that exist at once.
    """

    prompts: int = 4
    logits_bytes: int = 32 * 2**20

    @classmethod
    def for_device(cls, device: torch.device, is_exact: bool = True) -> ChunkSizes:
        """Small chunks stay in a CPU's cache and out of the kernel's page tables; a GPU wants large ones."""
        if device.type == "cpu":
            return cls(prompts=max(4, 2 * torch.get_num_threads()) * (1 if is_exact else 2))
        return cls(prompts=128 if device.type == "cuda" and not is_exact else 64, logits_bytes=1024 * 2**20)


@dataclass(frozen=True, eq=False)
class Embedding:
    """A picture as SAM's image encoder sees it.

    Attributes:
        features: Of one picture, float32, on SAM's device.
        size_hw: Size of the picture.
        shared: What the fast decoder has computed of the features on CUDA, for all prompts; else None.
    """

    features: Features
    size_hw: tuple[int, int]
    shared: Shared | None = None


class SamModel:
    """Encoder, prompts and mask decoder of a SAM of any kind, with bounded memory."""

    def __init__(
        self,
        sam: Sam,
        device: torch.device,
        precision: Precision = EXACT,
        chunks: ChunkSizes | None = None,
    ) -> None:
        """Move `sam` to `device`; unless all must be exact, faster code takes the place of its modules."""
        compute_alone_after_fork()
        self.sam = sam.to(device).eval()  # before weights are copied in another precision
        self.device = device
        self.encoder = make_encoder(self.sam, precision)
        self.convention = self.encoder.convention
        self._is_exact = precision.is_exact
        self.chunks = chunks or ChunkSizes.for_device(device, precision.is_exact)
        # Tokens `(N, P, C)` of `(N, 4)` boxes in the prompts' square.
        self._embed_boxes = partial(self.convention.embed_boxes, self.sam.prompt_encoder)
        self._decoder: Decoder | FastDecoder
        if precision.is_exact:
            self._decoder = Decoder(self.sam, self.chunks.prompts)
        else:
            self._decoder = FastDecoder(self.sam, self.chunks.prompts, self._embed_boxes)

    def finish_compiling(self) -> None:
        """Return when all kernels are there that are compiled while others work: for measuring times."""
        if isinstance(self._decoder, FastDecoder):
            self._decoder.finish_compiling()

    @property
    def shares_out(self) -> bool:
        """Whether threads should share prompts out: on a CPU, but not if their number may change rounding."""
        return self.device.type == "cpu" and not self._is_exact

    @torch.inference_mode()
    def embed(self, images_bgr: Sequence[Image]) -> list[Embedding]:
        """Run the image encoder once on a batch of `(H, W, 3)` uint8 BGR pictures of any sizes."""
        if not images_bgr:
            return []

        pixels = self.convention.pixels(images_bgr, self.device, exactly=self._is_exact)
        features = self.encoder(pixels)
        return [
            self._prepared(features.of_picture(place), (image.shape[0], image.shape[1]))
            for place, image in enumerate(images_bgr)
        ]

    def _prepared(self, features: Features, size_hw: tuple[int, int]) -> Embedding:
        # In the lane that encodes, which has time for it; on a CPU when it is wanted.
        if isinstance(self._decoder, FastDecoder) and self.device.type == "cuda":
            return Embedding(features, size_hw, self._decoder.share(features))
        return Embedding(features, size_hw)

    def masks_from_boxes(self, embedding: Embedding, boxes_xyxy: NDArray[np.floating]) -> Masks:
        """One whole-object mask for each of `(N, 4)` boxes in the picture's pixels."""
        if len(boxes_xyxy) == 0:
            return Masks.empty(embedding.size_hw)
        (logits,) = self._decode_boxes([embedding], [boxes_xyxy])
        return self.enlarged(logits, embedding, channels=1)[0]

    def masks_from_boxes_together(
        self, embeddings: Sequence[Embedding], boxes_xyxy: Sequence[NDArray[np.floating]]
    ) -> list[Masks]:
        """As `masks_from_boxes` for each of some pictures; a GPU is waited for once for all of them."""
        enlargers = [self.enlarger(embedding, channels=1) for embedding in embeddings]
        device_enlargers = [one for one in enlargers if isinstance(one, DeviceEnlarger)]
        if len(device_enlargers) < len(enlargers):
            return [self.masks_from_boxes(*pair) for pair in zip(embeddings, boxes_xyxy, strict=True)]
        return masks_together(device_enlargers, self._decode_boxes(embeddings, boxes_xyxy))

    @torch.inference_mode()
    def _decode_boxes(
        self, embeddings: Sequence[Embedding], boxes_xyxy: Sequence[NDArray[np.floating]]
    ) -> list[Tensor]:
        """`(N, h, w)` low-resolution mask logits of each of some pictures."""
        decoder, counts = self._decoder, [*map(len, boxes_xyxy)]
        extents = [*map(self._extent_hw, embeddings)]
        pairs = [*zip(embeddings, boxes_xyxy, strict=True)]
        if not isinstance(decoder, FastDecoder) or not decoder.takes_together(counts, extents):
            return [self._decode_boxes_alone(*pair) for pair in pairs]
        # As many of each.
        filled = pad_sequence([self._in_square(*pair) for pair in pairs], batch_first=True)
        rows, columns = map(max, zip(*extents, strict=True))
        features, shared = zip(*((one.features, one.shared) for one in embeddings), strict=True)
        logits = decoder.together(features, on_device(filled, self.device), (rows, columns), shared)
        return [of_one[:count] for of_one, count in zip(logits, counts, strict=True)]

    def _decode_boxes_alone(self, embedding: Embedding, boxes_xyxy: NDArray[np.floating]) -> Tensor:
        boxes = on_device(self._in_square(embedding, boxes_xyxy), self.device)
        is_fast = isinstance(self._decoder, FastDecoder)  # which embeds them by itself
        return self._decode(embedding, boxes if is_fast else self._embed_boxes(boxes), ONE)[0]

    def _in_square(self, embedding: Embedding, boxes_xyxy: NDArray[np.floating]) -> Tensor:
        """`(N, 4)` boxes in the prompts' square, on the CPU: on a GPU each little step would be a launch."""
        corners = torch.as_tensor(boxes_xyxy, dtype=torch.float32).reshape(-1, 2, 2)
        return self.convention.prompts(corners, embedding.size_hw).flatten(1)

    @torch.inference_mode()
    def decode_points(
        self, embedding: Embedding, points_xy: NDArray[np.float64], least_iou: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """Three masks for each of `(N, 2)` points in the picture's pixels, less the doubtful ones.

        Returns:
            Low-resolution mask logits `(K, h, w)` and the IoU that SAM predicts for each, `(K,)`, of the K
            masks whose predicted IoU is above `least_iou`, point by point.
        """
        return self._decode(embedding, self._embed_points(embedding, points_xy), THREE, least_iou)

    def decode_points_in_batches(
        self, embedding: Embedding, points_xy: NDArray[np.float64], batch: int, least_iou: float | None = None
    ) -> Iterator[Decoded]:
        """As `decode_points`, some at a time: `batch` where all must be exact, else as many as suit."""
        if isinstance(self._decoder, FastDecoder):
            sparse = self._embed_points(embedding, points_xy)
            wanted = Wanted(THREE, least_iou, self._extent_hw(embedding))
            yield from self._decoder.chunks(embedding.features, sparse, wanted, embedding.shared)
            return
        for start in range(0, len(points_xy), batch):
            points = points_xy[start : start + batch]
            yield Decoded(*self.decode_points(embedding, points, least_iou), len(points))

    def _embed_points(self, embedding: Embedding, points_xy: NDArray[np.float64]) -> Tensor:
        # Metal has no float64; elsewhere the points stay as upstream has them, to the last bit.
        dtype = torch.float32 if self.device.type == "mps" else self.convention.point_dtype
        points = on_device(torch.as_tensor(points_xy, dtype=dtype), self.device)
        scaled = self.convention.prompts(points, embedding.size_hw)
        return self.convention.embed_points(self.sam.prompt_encoder, scaled)

    def _decode(
        self, embedding: Embedding, prompts: Tensor, outputs: slice, least_iou: float | None = None
    ) -> tuple[Tensor, Tensor]:
        wanted = Wanted(outputs, least_iou, self._extent_hw(embedding))
        if isinstance(self._decoder, FastDecoder):
            return self._decoder(embedding.features, prompts, wanted, embedding.shared)
        return self._decoder(embedding.features, prompts, wanted)

    def _extent_hw(self, embedding: Embedding) -> tuple[int, int]:
        """Rows and columns of the features that the picture covers."""
        cells_hw = embedding.features.coarse.shape[-2:]
        # One more than the picture covers: enlarging looks half a logit past its end.
        rows, columns = (
            min(cells, -(-pixels * cells // self.convention.side) + 1)
            for pixels, cells in zip(self.convention.input_hw(embedding.size_hw), cells_hw, strict=True)
        )
        return rows, columns

    @torch.inference_mode()
    def enlarged(
        self, logits: Tensor, embedding: Embedding, channels: int, stability: Stability | None = None
    ) -> tuple[Masks, BoolArray]:
        """The masks of `(N, h, w)` logits at the picture's size, less the unstable ones, and which they are.

        `channels` is the number of masks that each prompt gave; see `Enlarger`.
        """
        return self.enlarger(embedding, channels).masks(logits, stability)

    def enlarger(self, embedding: Embedding, channels: int) -> Enlarger:
        """What makes masks at the picture's size from logits on SAM's device; see `Enlarger`."""
        given = self.convention, embedding.size_hw, self.chunks.logits_bytes, channels
        if self.device.type == "cpu":
            return CropEnlarger(*given, is_exact=self._is_exact)
        if self.device.type == "cuda":
            return DeviceEnlarger(*given, is_exact=self._is_exact)
        return Enlarger(*given)
