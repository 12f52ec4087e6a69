"""A video's frames drawn in a process of their own.

They go there and back through memory that both processes share and that has no name: it is gone with them.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import pickle
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO, Protocol

import numpy as np

from sav.apart import Apart
from sav.data.instances import Instances
from sav.data.scene import Scene
from sav.data.types import Detections, Image
from sav.drawing.overlay import Painter
from sav.looks import DrawConfig

# Frames that are there at once: one that is drawn, one that waits, one that is fetched.
_SLOTS = 3
_IMAGE = "image"


class Drawing(Protocol):
    """Draws the scenes of one video in their order, each some time after it is asked for.

    Attributes:
        ahead: How many scenes may be asked for before the first one's picture is fetched, less one.
    """

    ahead: int

    def ask(self, scene: Scene) -> None:
        """Have the next scene drawn."""

    def picture(self) -> Image:
        """The next picture, `(H, W, 3)` uint8 BGR."""

    def close(self) -> None:
        """End; what was not fetched is gone."""


class DrawnHere:
    """Draws when it is asked."""

    ahead = 0

    def __init__(self, config: DrawConfig) -> None:
        self._painter, self._drawn = Painter(config), deque[Image]()

    def ask(self, scene: Scene) -> None:
        """See `Drawing`."""
        self._drawn.append(self._painter(scene))

    def picture(self) -> Image:
        """See `Drawing`."""
        return self._drawn.popleft()

    def close(self) -> None:
        """See `Drawing`."""
        self._drawn.clear()


class DrawnApart:
    """Has a process draw, which is given what a picture shows, and no more; draws here if it cannot work."""

    ahead = _SLOTS - 1

    def __init__(self, config: DrawConfig, size_hw: tuple[int, int]) -> None:
        """Start the process, for frames of one size.

        Raises:
            OSError: It cannot be started, or there is no memory for the frames.
        """
        self._asked = self._fetched = 0
        self._config = config
        self._here: DrawnHere | None = None
        memory = os.memfd_create("sav-frames")
        try:
            # Where there is too little it fails here, and not when it is written to.
            os.posix_fallocate(memory, 0, _SLOTS * 3 * math.prod(size_hw))
            self._frames = _frames_in(memory, size_hw)
            self.process = Apart(_Painting(memory, size_hw, config), [memory])
        finally:
            os.close(memory)

    def ask(self, scene: Scene) -> None:
        """See `Drawing`."""
        if not self._asked and not self.process.ready():
            self._here = DrawnHere(self._config)
        self._asked += 1
        if self._here is not None:
            self._here.ask(scene)
            return
        image = scene.frame.image
        np.copyto(self._frames[(self._asked - 1) % _SLOTS], image)
        nothing = Instances.empty(scene.size_hw)
        question = io.BytesIO()
        _Pickler(question, image).dump(replace(scene, everything=nothing, candidates=Detections.empty()))
        self.process.ask(question.getvalue())

    def picture(self) -> Image:
        """See `Drawing`."""
        if self._here is not None:
            return self._here.picture()
        self.process.answer()
        picture: Image = self._frames[self._fetched % _SLOTS].copy()
        self._fetched += 1
        return picture

    def close(self) -> None:
        """See `Drawing`."""
        self.process.close()


def drawing(config: DrawConfig, size_hw: tuple[int, int], apart: bool) -> Drawing:
    """What draws the scenes of a video with frames of `size_hw`; `apart` where the system can do that."""
    if apart and hasattr(os, "memfd_create") and Apart.is_possible():
        with suppress(OSError):
            return DrawnApart(config, size_hw)
    return DrawnHere(config)


class _Painting:
    """Draws each scene over the frame that is in memory, and leaves the picture in its place."""

    def __init__(self, memory: int, size_hw: tuple[int, int], config: DrawConfig) -> None:
        self._memory, self._size_hw = memory, size_hw
        self._painter, self._count = Painter(config), 0
        self._frames: list[Image] = []

    def __call__(self, question: bytes) -> None:
        self._frames = self._frames or _frames_in(self._memory, self._size_hw)
        slot = self._frames[self._count % _SLOTS]
        np.copyto(slot, self._painter(_Unpickler(io.BytesIO(question), slot).load()))
        self._count += 1


class _Pickler(pickle.Pickler):
    """Leaves out a frame's pixels."""

    def __init__(self, file: BinaryIO, image: Image) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._image = image

    def persistent_id(self, value: Any) -> str | None:
        return _IMAGE if value is self._image else None


class _Unpickler(pickle.Unpickler):
    """Puts pixels in the place of those that were left out."""

    def __init__(self, file: BinaryIO, image: Image) -> None:
        super().__init__(file)
        self._image = image

    def persistent_load(self, name: str) -> Image:
        return self._image


def _frames_in(memory: int, size_hw: tuple[int, int]) -> list[Image]:
    """The frames in shared memory, `(H, W, 3)` uint8 each."""
    shape = _SLOTS, *size_hw, 3
    return [*np.frombuffer(mmap.mmap(memory, math.prod(shape)), np.uint8).reshape(shape)]
