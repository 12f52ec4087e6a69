"""Scenes of pictures: of one, of some at once, of many in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from sav.config import PICTURE_DETECTION, DetectionConfig, MaskConfig
from sav.data.scene import Scene
from sav.data.types import Frame
from sav.inputs import Picture, as_detections, as_frame, as_frames
from sav.segmenter.models import Models
from sav.stages.look import Seen, look
from sav.stages.prompts import Prompts


class PictureSegmenter(Models):
    """What two models can do with pictures."""

    def __call__(
        self,
        picture: Picture,
        *,
        boxes_xyxy: ArrayLike | None = None,
        class_ids: ArrayLike | None = None,
        scores: ArrayLike | None = None,
        detect: DetectionConfig | None = None,
        masks: MaskConfig | None = None,
        regions: bool | None = None,
        on_progress: Callable[[float], None] = lambda share: None,
    ) -> Scene:
        """Everything that the two models see in one picture.

        Args:
            picture: A file's path, `(H, W, 3)` uint8 BGR, a Pillow picture, or a frame.
            boxes_xyxy: `(N, 4)` boxes in pixels, in place of what the detector would find; each gets a mask.
            class_ids: `(N,)` their classes in the detector's numbering; by default the first.
            scores: `(N,)` their scores, 0 to 1; by default 1.
            detect: What the detector keeps, for this call.
            masks: What is done with the masks, for this call.
            regions: Whether to look for what has no name, for this call.
            on_progress: Told now and then which share of the regions is looked for, 0 to 1, from any thread.

        Raises:
            OSError: If there is no such file.
            ValueError: If it is no picture, or a setting or a box makes no sense.
            TypeError: If it is several pictures, or of a kind that is none.
        """
        frame = as_frame(picture)
        if boxes_xyxy is None:
            seen = look(self._detector_for(detect, PICTURE_DETECTION), [frame])[0]
        else:
            boxes = as_detections(boxes_xyxy, class_ids, scores, self.categories, frame.size_hw)
            seen = Seen.in_picture(frame, boxes)
            masks = masks or MaskConfig(duplicate_iou=1)
        cutter = self._cutter(masks, self.regions if regions is None else regions)
        return cutter([seen], lambda place, share: on_progress(share))[0]

    def together(
        self,
        frames: Sequence[Frame],
        *,
        detect: DetectionConfig | None = None,
        masks: MaskConfig | None = None,
        regions: bool | None = None,
        on_progress: Callable[[int, float], None] = lambda place, share: None,
    ) -> list[Scene]:
        """The scenes of some pictures that the models take at once.

        Args:
            frames: The pictures.
            detect: What the detector keeps, for this call.
            masks: What is done with the masks, for this call.
            regions: Whether to look for what has no name, for this call.
            on_progress: Told now and then of a picture, by its place, which share of its regions is looked
                for, 0 to 1, from any thread.

        Raises:
            DeviceMemoryError: There is no memory for one of them alone.
        """
        seen = look(self._detector_for(detect, PICTURE_DETECTION), frames)
        return self._cutter(masks, self.regions if regions is None else regions)(seen, on_progress)

    def prompts(self, picture: Picture) -> Prompts:
        """One picture of which SAM is asked for masks at points and in boxes, without the detector.

        Args:
            picture: As for a call; it is embedded once, at once.

        Raises:
            OSError: If there is no such file.
            ValueError: If it is no picture.
            DeviceMemoryError: There is no memory for it.
        """
        return Prompts(self.sam, as_frame(picture).image)

    def pictures(
        self,
        pictures: str | Path | Iterable[Picture],
        *,
        detect: DetectionConfig | None = None,
        masks: MaskConfig | None = None,
        regions: bool | None = None,
        batch: int | None = None,
    ) -> Iterator[Scene]:
        """A scene for each of several pictures, in order; reading works ahead while the models do.

        Args:
            pictures: A folder, or anything that gives what a call takes.
            detect: What the detector keeps.
            masks: What is done with the masks.
            regions: Whether to look for what has no name.
            batch: Pictures that the models take at once; by default 4 on a GPU, else 1.

        Raises:
            OSError: At once, if there is no such folder; in its place, if a file is missing.
            ValueError: In its place, if something is no picture.
        """
        detector = self._detector_for(detect, PICTURE_DETECTION)
        cutter = self._cutter(masks, self.regions if regions is None else regions)
        return self._overlapped(as_frames(pictures), detector, cutter, batch or self.batch)
