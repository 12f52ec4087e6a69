"""Models that are watched at work on a video: now and then a small picture of the frame that they are at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from sav.data.scene import Scene
from sav.drawing import overlay
from sav.web.picture import shown
from sav.web.result import Result

# Seconds between two pictures, and the longest side of one.
_EVERY = 1.0
_LONGEST = 640


class Watched:
    """What a run asks of models, answered by them; each scene is shown to somebody on its way."""

    def __init__(self, models: Any, see: Callable[[Scene], None]) -> None:
        """Watch `models`, which are as `sav.runs.videos.models.VideoModels` says."""
        self._models, self._see = models, see

    def __getattr__(self, name: str) -> Any:
        return getattr(self._models, name)

    def track(self, *video: Any, **settings: Any) -> Iterator[Scene]:
        """Each frame's scene, in order."""
        scenes = self._models.track(*video, **settings)
        try:
            for scene in scenes:
                self._see(scene)
                yield scene
        finally:
            close = getattr(scenes, "close", None)
            if close is not None:
                close()


class Glimpses:
    """Leaves a small JPEG of a scene in a result, at most one a second."""

    def __init__(self, result: Result) -> None:
        """Begin with the first scene that there is."""
        self._result, self._due = result, 0.0

    def __call__(self, scene: Scene) -> None:
        """Take a scene, or let it pass."""
        now = time.monotonic()
        if now < self._due:
            return
        self._result.glimpse = shown(overlay(scene), _LONGEST)
        self._result.is_at_work = True
        self._result.glimpses += 1
        self._due = now + _EVERY
