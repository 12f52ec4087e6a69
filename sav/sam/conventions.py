"""What the generations of SAM do differently around their networks: with pictures, prompts and masks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from segment_anything.modeling import PromptEncoder
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor
from torch.nn import functional as F

from sav.data.types import Image
from sav.picture_graphs import PictureGraphs
from sav.sam.resizing import Taps, resized, taps_for
from sav.uploads import uploaded

PIXEL_MEAN_RGB = (123.675, 116.28, 103.53)
PIXEL_STD_RGB = (58.395, 57.12, 57.375)
# Above this logit a pixel belongs to the mask.
MASK_THRESHOLD = 0.0


Pixels = TypeVar("Pixels", Image, Tensor)


class Convention(ABC):
    """How a picture lies in the square that the encoder sees, and how prompts and masks are put.

    Attributes:
        side: Pixels along a side of the square.
        prompt_side: Pixels along a side of the square in which prompts are given.
        square: To how many pixels a side masks are enlarged before they are cut to the picture; 0 where they
            go to the picture's size at once.
        point_dtype: In which upstream computes where points lie.
        predicted_iou_threshold: Upstream's, below which "everything" leaves masks out.
    """

    square: int
    point_dtype: torch.dtype
    predicted_iou_threshold: float

    def __init__(self, side: int, prompt_side: int | None = None) -> None:
        self.side, self.prompt_side = side, prompt_side or side

    @abstractmethod
    def input_hw(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width of a picture of `size_hw` inside the square."""

    @abstractmethod
    def pixels(self, images_bgr: Sequence[Image], device: torch.device, *, exactly: bool = True) -> Tensor:
        """Pictures as the encoder wants them: `(B, 3, side, side)` float32, RGB.

        Args:
            images_bgr: `(H, W, 3)` uint8, BGR, of any sizes.
            device: Where they are wanted; nothing waits for it unless all is `exactly` upstream's.
            exactly: Whether upstream's own library resizes them, wherever it computes.
        """

    @abstractmethod
    def prompts(self, places_xy: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Places `(..., 2)` in the picture's pixels as places in the prompts' square."""

    @abstractmethod
    def embed_boxes(self, encoder: PromptEncoder, boxes_xyxy: Tensor) -> Tensor:
        """Tokens `(N, P, C)` of boxes `(N, 4)` in the prompts' square."""

    def embed_points(self, encoder: PromptEncoder, points_xy: Tensor) -> Tensor:
        """Tokens `(N, P, C)` of points `(N, 2)` in the prompts' square, each on an object.

        They are the encoder's own, which looks up labels and has a GPU waited for to do so.
        """
        padded = torch.stack([points_xy + 0.5, torch.zeros_like(points_xy)], dim=1)
        points = encoder.pe_layer.forward_with_coords(padded, encoder.input_image_size)
        points[:, 0] += encoder.point_embeddings[1].weight
        points[:, 1] = encoder.not_a_point_embed.weight
        return points

    @abstractmethod
    def enlarge(self, planes: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Logits `(N, channels, h, w)` at the picture's size, by upstream's own interpolation."""


class FirstConvention(Convention):
    """SAM's: the picture's longer side fills the square, and nothing is behind the shorter one.

    Kirillov et al., "Segment Anything" (arXiv 2304.02643).
    """

    point_dtype = torch.float64
    predicted_iou_threshold = 0.88

    def __init__(self, side: int, prompt_side: int | None = None) -> None:
        super().__init__(side, prompt_side)
        self.square = side
        self._resize = _Resize(self.side)
        self._graphs = PictureGraphs()

    def input_hw(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """See `Convention`."""
        return _Resize.get_preprocess_shape(*size_hw, self.side)

    def pixels(self, images_bgr: Sequence[Image], device: torch.device, *, exactly: bool = True) -> Tensor:
        """See `Convention`: resized as Pillow does it, normalised, then padded with zeros."""
        if exactly or device.type != "cuda":
            return self._pixels_by_pillow(images_bgr, device)
        return self._pixels_on_device(images_bgr, device)

    def _pixels_by_pillow(self, images_bgr: Sequence[Image], device: torch.device) -> Tensor:
        squares = torch.zeros(len(images_bgr), 3, self.side, self.side, device=device)
        for square, image in zip(squares, images_bgr, strict=True):
            smaller = self._resize.apply_image(bgr_to_rgb(image))
            planes = torch.from_numpy(smaller).to(device).permute(2, 0, 1)
            _normalise(planes, out=square[:, : planes.shape[1], : planes.shape[2]])
        return squares

    def _pixels_on_device(self, images_bgr: Sequence[Image], device: torch.device) -> Tensor:
        # Frames of a video are all of one size, and go through each step together.
        if len({image.shape for image in images_bgr}) == 1:
            size_hw = images_bgr[0].shape[0], images_bgr[0].shape[1]
            frames = tuple(uploaded(image, device) for image in images_bgr)
            taps = taps_for(size_hw, self.input_hw(size_hw), device)
            return self._graphs(_in_squares, frames, taps, self.side)

        squares = torch.empty(len(images_bgr), 3, self.side, self.side, device=device)
        for square, image in zip(squares, images_bgr, strict=True):
            square.copy_(self._pixels_on_device([image], device)[0])
        return squares

    def prompts(self, places_xy: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """See `Convention`."""
        height, width = _Resize.get_preprocess_shape(*size_hw, self.prompt_side)
        scaled = places_xy[..., 0] * (width / size_hw[1]), places_xy[..., 1] * (height / size_hw[0])
        return torch.stack(scaled, dim=-1)

    def embed_boxes(self, encoder: PromptEncoder, boxes_xyxy: Tensor) -> Tensor:
        """See `Convention`: a token for each of two corners."""
        return encoder(points=None, boxes=boxes_xyxy, masks=None)[0]

    def enlarge(self, planes: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """See `Convention`: to the square, cut to the picture, to its size."""
        height, width = self.input_hw(size_hw)
        squared = interpolate(planes, (self.side, self.side))
        return interpolate(squared[..., :height, :width], size_hw)


class SecondConvention(Convention):
    """SAM 2's: the picture is stretched to the square, and masks go straight back to its size.

    Ravi et al., "SAM 2: Segment Anything in Images and Videos" (arXiv 2408.00714).
    """

    square = 0
    point_dtype = torch.float32
    predicted_iou_threshold = 0.8

    def input_hw(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """See `Convention`: the whole square."""
        return self.side, self.side

    def pixels(self, images_bgr: Sequence[Image], device: torch.device, *, exactly: bool = True) -> Tensor:
        """See `Convention`: a channel at a time, so that a large picture is never in memory in float32."""
        squares = torch.empty(len(images_bgr), 3, self.side, self.side, device=device)
        for square, image in zip(squares, images_bgr, strict=True):
            channels = bgr_to_rgb(uploaded(image, device)).permute(2, 0, 1)
            for plane, channel in zip(square, channels, strict=True):
                plane.copy_(_shrunk(channel[None, None].float() / 255, self.side)[0, 0])
            _normalise(square, out=square, scale=255)
        return squares

    def prompts(self, places_xy: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """See `Convention`."""
        shares = places_xy[..., 0] / size_hw[1], places_xy[..., 1] / size_hw[0]
        return torch.stack(shares, dim=-1) * self.prompt_side

    def embed_boxes(self, encoder: PromptEncoder, boxes_xyxy: Tensor) -> Tensor:
        """See `Convention`: a token for each of two corners, and what stands for no further point."""
        corners = encoder(points=None, boxes=boxes_xyxy, masks=None)[0]
        no_more = encoder.not_a_point_embed.weight.expand(len(corners), 1, -1)
        return torch.cat([corners, no_more], dim=1)

    def enlarge(self, planes: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """See `Convention`."""
        return interpolate(planes, size_hw)


class _Resize(ResizeLongestSide):  # type: ignore[misc]
    """Keeps a row of a picture that is a thousand times as wide as high, and a column likewise."""

    @staticmethod
    def get_preprocess_shape(oldh: int, oldw: int, long_side_length: int) -> tuple[int, int]:
        """Height and width inside SAM's square."""
        height, width = ResizeLongestSide.get_preprocess_shape(oldh, oldw, long_side_length)
        return max(1, height), max(1, width)


def bgr_to_rgb(image_bgr: Pixels) -> Pixels:
    """The one place where frames `(H, W, 3)` turn from OpenCV's channel order to SAM's."""
    if isinstance(image_bgr, Tensor):
        return image_bgr.flip(-1)
    return np.ascontiguousarray(image_bgr[..., ::-1])


def interpolate(planes: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Logits `(N, channels, h, w)` at another size, as all SAMs do it."""
    return F.interpolate(planes, size_hw, mode="bilinear", align_corners=False)


def _in_squares(frames_bgr: tuple[Tensor, ...], taps: Taps, side: int) -> Tensor:
    """Pictures `(H, W, 3)` of one size as `FirstConvention` has them in squares, `(B, 3, side, side)`."""
    frames = torch.stack(frames_bgr)
    planes = resized(bgr_to_rgb(frames).permute(0, 3, 1, 2).contiguous(), taps)  # (B, 3, h, w)
    squares = torch.zeros(len(frames), 3, side, side, device=frames.device)
    _normalise(planes, out=squares[..., : planes.shape[2], : planes.shape[3]])
    return squares


def _shrunk(channel: Tensor, side: int) -> Tensor:
    return F.interpolate(channel, (side, side), mode="bilinear", align_corners=False, antialias=True)


def _normalise(planes: Tensor, *, out: Tensor, scale: float = 1) -> None:
    """Write `(..., 3, h, w)` from 0 to 255, or less after `scale`, less the mean, by the spread."""
    mean, std = (_constants(values, scale, planes.device) for values in (PIXEL_MEAN_RGB, PIXEL_STD_RGB))
    torch.sub(planes, mean, out=out).div_(std)


def _constants(values: tuple[float, ...], scale: float, device: torch.device) -> Tensor:
    """`(3, 1, 1)` float32, one number a channel, written there: a graph cannot bring it from the CPU."""
    planes = [torch.full((1, 1, 1), value / scale, dtype=torch.float32, device=device) for value in values]
    return torch.cat(planes)
