"""The models of a run over a video: a segmenter of this process, or many of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from sav.data.scene import Scene
from sav.media.video import VideoReader
from sav.stages.refine import RefineConfig, SceneRefiner
from sav.trackers import Tracker


class VideoModels(Protocol):
    """What a run over a video asks of models; `Segmenter` is such."""

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the detector knows, id to name."""

    @property
    def checkpoint_hashes(self) -> dict[str, str]:
        """The SHA-256 of each file that they come from."""

    @property
    def batch(self) -> int:
        """How many frames they take at once where nothing else is said."""

    def settings(self, for_video: bool) -> dict[str, Any]:
        """All that is set and changes what is found, in words that JSON knows."""

    def track(
        self, source: VideoReader, *, tracker: Tracker, batch: int, regions: bool, known: Iterable[Scene]
    ) -> Iterator[Scene]:
        """Each frame's scene, in order; see `Segmenter.track`."""

    def refiner(self, frame_rate: float, refine: RefineConfig) -> SceneRefiner:
        """What puts the scenes of one video right."""


def at_hand(models: VideoModels | Callable[[], VideoModels]) -> VideoModels:
    """The models; if they are what loads them, they are loaded now."""
    given: Any = models  # a segmenter can be called, too
    loaded: VideoModels = given if hasattr(given, "track") else given()
    return loaded
