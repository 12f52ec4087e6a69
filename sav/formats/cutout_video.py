"""A video's objects cut out: a matte, white where they are, and a video of them alone with transparency.

Ids, classes, boxes and scores have no place in it.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np

from sav.data.crops import cut_out
from sav.data.scene import Scene
from sav.data.types import Image
from sav.errors import SettingError
from sav.formats.alpha_video import AlphaVideo
from sav.formats.target import Target
from sav.formats.writer import AnnotationWriter
from sav.media.colors import ColorTags
from sav.media.h264 import WriterConfig
from sav.media.pictures import write_picture
from sav.media.writer import VideoWriter

# Nearly lossless: a matte's edges are all that it has.
_MATTE = WriterConfig(crf=10)
_SUFFIXES = {"prores": ".mov", "vp9": ".webm"}


class CutoutVideoWriter(AnnotationWriter):
    """Writes `cutout/matte.mp4` or `cutout/matte/`, and `cutout/objects.mov` or `cutout/objects.webm`."""

    def __init__(self, target: Target) -> None:
        """Begin.

        Raises:
            ValueError: If the target is no video.
        """
        super().__init__(target)
        if target.video is None:
            raise SettingError("mattes are made of videos alone")
        options = target.options
        suffix = _SUFFIXES[options.cutout_video]
        self._objects = AlphaVideo(self._path(f"cutout/objects{suffix}"), target.video)
        self._matte: VideoWriter | None = None
        if options.cutout_matte == "mp4":
            matte = replace(_MATTE, encoder=options.video_encoder)
            silent = replace(target.video, audio=None, colors=ColorTags())
            self._matte = VideoWriter(self._path("cutout/matte.mp4"), silent, matte)

    def write(self, scene: Scene) -> None:
        """Add one frame's matte and objects."""
        wanted = self.target.options.cutout_ids
        chosen = scene[np.isin(scene.track_ids, wanted)] if wanted else scene
        mask = chosen.masks.union()
        self._objects.write(cut_out(scene.frame.image, mask), scene.frame.time)
        self._write_matte(scene, mask.astype(np.uint8) * 255)

    def discard(self) -> None:
        """Let go of both videos; see `AnnotationWriter.discard`."""
        self._objects.discard()
        if self._matte is not None:
            with contextlib.suppress(Exception):
                self._matte.interrupt()
        super().discard()

    def _write_matte(self, scene: Scene, grey: Image) -> None:
        if self._matte is not None:
            matte = grey[..., None].repeat(3, axis=-1)
            self._matte.write(replace(scene.frame, image=matte))
        else:
            write_picture(self._path(f"cutout/matte/{self.target.stem(scene)}.png"), grey)

    def _finish(self) -> None:
        self._objects.close()
        if self._matte is not None:
            # Without a frame there is no video; interrupting says so to no one.
            end = self._matte.close if self._matte.frame_count else self._matte.interrupt
            end()
