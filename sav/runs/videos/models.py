"""The models of a run over a video: a segmenter of this process, or many of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from sav.checkpoints import file_hashes
from sav.config import DetectionConfig, EverythingConfig, MaskConfig, as_settings
from sav.data.scene import Scene
from sav.media.video import VideoReader
from sav.stages.refine import RefineConfig, SceneRefiner
from sav.trackers import Tracker


class KnownModels(Protocol):
    """What is known of models also before they are loaded."""

    @property
    def checkpoint_hashes(self) -> dict[str, str]:
        """The SHA-256 of each file that they come from."""

    def settings(self, for_video: bool) -> dict[str, Any]:
        """All that is set and changes what is found, in words that JSON knows; see `Asked` for the device."""


class VideoModels(KnownModels, Protocol):
    """What a run over a video asks of models; `Segmenter` is such."""

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the detector knows, id to name."""

    @property
    def batch(self) -> int:
        """How many frames they take at once where nothing else is said."""

    def track(
        self, source: VideoReader, *, tracker: Tracker, batch: int, regions: bool, known: Iterable[Scene]
    ) -> Iterator[Scene]:
        """Each frame's scene, in order; see `Segmenter.track`."""

    def refiner(self, frame_rate: float, refine: RefineConfig) -> SceneRefiner:
        """What puts the scenes of one video right."""


@dataclass(frozen=True)
class Asked:
    """Models that are asked for, and not loaded.

    Attributes:
        files: What they will be loaded from, as `Segmenter.files` has it.
        detect: What the detector keeps.
        masks: What is done with the masks.
        everything: How SAM looks for all that is in a picture.
        precision: How they are to compute; on which device nobody knows yet.
    """

    files: Mapping[str, Path]
    detect: DetectionConfig = DetectionConfig()
    masks: MaskConfig = MaskConfig()
    everything: EverythingConfig = EverythingConfig()
    precision: str = "auto"

    @cached_property
    def checkpoint_hashes(self) -> dict[str, str]:
        """The SHA-256 of each file."""
        return file_hashes(self.files)

    def settings(self, for_video: bool) -> dict[str, Any]:
        """What `Segmenter.settings` will be, but for the device."""
        settings = as_settings(self.detect, self.masks, self.everything, for_video)
        return settings | {"precision": self.precision}


def at_hand(models: VideoModels | Callable[[], VideoModels]) -> VideoModels:
    """The models; if they are what loads them, they are loaded now."""
    given: Any = models  # a segmenter can be called, too
    loaded: VideoModels = given if hasattr(given, "track") else given()
    return loaded
