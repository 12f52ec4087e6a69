"""A painter in a process of its own: drawing is many small steps, each of which holds Python's threads up.

Frames go there and back through memory that both processes share and that has no name; what is known of them
goes through a pipe. Both are gone with the processes, whatever ends these.
"""

from __future__ import annotations

import math
import mmap
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from sav.data.instances import Instances
from sav.data.scene import Scene
from sav.data.types import Detections, Image
from sav.drawing.overlay import Painter
from sav.errors import WorkerLostError
from sav.looks import DrawConfig

# Frames that are there at once: one that is drawn, one that waits, one that is fetched.
_SLOTS = 3
_IMAGE = "image"
# Before a process has its own paths it would look for modules in whatever folder is the current one.
_CODE = "import sys; sys.path[:] = {paths!r}; from sav.drawing.apart import serve; serve()"
_DONE = b"."


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
    """Has a process draw, which is given what a picture shows, and no more."""

    ahead = _SLOTS - 1

    def __init__(self, config: DrawConfig, size_hw: tuple[int, int]) -> None:
        """Start the process, for frames of one size.

        Raises:
            OSError: It cannot be started, or there is no memory for the frames.
        """
        self._asked = self._fetched = 0
        memory = os.memfd_create("sav-frames")
        try:
            self._frames = _frames_in(memory, size_hw, is_new=True)
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE.format(paths=[path or str(Path.cwd()) for path in sys.path])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[memory],
                start_new_session=True,  # Ctrl-C is for who asks
            )
            self._tell((memory, size_hw, config))
        finally:
            os.close(memory)

    def ask(self, scene: Scene) -> None:
        """See `Drawing`."""
        image = scene.frame.image
        np.copyto(self._frames[self._asked % _SLOTS], image)
        nothing = Instances.empty(scene.size_hw)
        shown = replace(scene, everything=nothing, candidates=Detections.empty())
        self._tell(shown, image)
        self._asked += 1

    def picture(self) -> Image:
        """See `Drawing`."""
        assert self._process.stdout is not None
        if self._process.stdout.read(len(_DONE)) != _DONE:
            raise _lost(self._process)
        picture: Image = self._frames[self._fetched % _SLOTS].copy()
        self._fetched += 1
        return picture

    def close(self) -> None:
        """See `Drawing`."""
        self._process.kill()
        self._process.communicate()

    def _tell(self, what: Any, image: Image | None = None) -> None:
        """Send something; in place of an image goes a word for it."""
        assert self._process.stdin is not None
        try:
            _Pickler(self._process.stdin, image).dump(what)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise _lost(self._process) from None


def drawing(config: DrawConfig, size_hw: tuple[int, int], apart: bool) -> Drawing:
    """What draws the scenes of a video with frames of `size_hw`; `apart` where the system can do that."""
    if apart and hasattr(os, "memfd_create") and not hasattr(sys, "frozen"):
        with suppress(OSError):
            return DrawnApart(config, size_hw)
    return DrawnHere(config)


def serve() -> None:
    """Draw what is asked for at the standard input, until it ends."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody prints among the answers
    memory, size_hw, config = pickle.load(asked)
    frames, painter, count = _frames_in(memory, size_hw), Painter(config), 0
    while asked.peek(1):
        slot = frames[count % _SLOTS]
        np.copyto(slot, painter(_Unpickler(asked, slot).load()))
        answers.write(_DONE)
        answers.flush()
        count += 1


class _Pickler(pickle.Pickler):
    def __init__(self, file: BinaryIO | Any, image: Image | None) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._image = image

    def persistent_id(self, value: Any) -> str | None:
        return _IMAGE if value is self._image and value is not None else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, image: Image) -> None:
        super().__init__(file)
        self._image = image

    def persistent_load(self, name: str) -> Image:
        return self._image


def _frames_in(memory: int, size_hw: Sequence[int], is_new: bool = False) -> list[Image]:
    """The frames in shared memory, `(H, W, 3)` uint8 each."""
    shape = _SLOTS, *size_hw, 3
    if is_new:
        os.posix_fallocate(memory, 0, math.prod(shape))  # where there is too little it fails here
    return [*np.frombuffer(mmap.mmap(memory, math.prod(shape)), np.uint8).reshape(shape)]


def _lost(process: subprocess.Popen[bytes]) -> WorkerLostError:
    status = process.wait()
    return WorkerLostError(f"the process that draws ended with status {status}; run again with --resume")
