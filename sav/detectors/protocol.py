"""What a detector is: anything that finds boxes, ultralytics' or a caller's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sav.config import DetectionConfig
from sav.data.types import Detections, Image


class Detector(Protocol):
    """What finds boxes, as `Segmenter` takes it. It may have three more methods, which are called if it has.

    `with_config(config)` gives the same detector with the settings of a `DetectionConfig`; without it there
    are none. `with_looks()` gives the same one with `looks` in its detections, for trackers that compare
    those. `in_frames(frames)` is called with `Frame`s in place of a call with their images, for one that must
    know which they are, as `BoxFile` must.
    """

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that it knows, id to name."""

    def __call__(self, images_bgr: Sequence[Image]) -> list[Detections]:
        """The boxes in each `(H, W, 3)` uint8 BGR picture, the surest first."""


class ConfigurableDetector(Detector, Protocol):
    """A detector whose settings can be changed."""

    def with_config(self, config: DetectionConfig) -> ConfigurableDetector:
        """The same with other settings."""
