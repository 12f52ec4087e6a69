"""Detections and SAM joined into scenes: boxes as prompts, and what SAM finds beyond them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sav.checkpoints import find_checkpoint
from sav.config import VIDEO_DETECTION, DetectionConfig
from sav.detect import Detector
from sav.device import choose_device, choose_precision
from sav.follow import follow
from sav.masks import Masks
from sav.media.pictures import read_picture
from sav.media.reader import open_video
from sav.media.selection import Moment
from sav.media.video import VideoReader
from sav.pipeline import overlap
from sav.sam.everything import segment_everything
from sav.sam.load import load_sam
from sav.scene import Scene
from sav.trackers import Tracker, make_tracker
from sav.types import Frame, Image, IntArray

# Frames that a GPU takes at once; a CPU gains nothing by it, and from a camera it would be delay.
_GPU_BATCH = 4


@dataclass(frozen=True)
class RegionConfig:
    """When a mask that SAM found by itself is kept as an unlabelled region.

    Attributes:
        explained: Smallest share of it on labelled objects that counts as explained by them.
        least_area: Pixels outside all labelled objects of which it must have more.
    """

    explained: float = 0.3
    least_area: int = 100


class Segmenter:
    """A detector and a SAM that make scenes of pictures and videos.

    Attributes:
        detector: Finds boxes.
        sam: Finds masks.
        with_regions: Whether pictures get unlabelled regions.
    """

    def __init__(
        self,
        yolo_checkpoint: str | Path,
        sam_checkpoint: str | Path,
        device: str = "auto",
        config: DetectionConfig | None = None,
        with_regions: bool = True,
        offline: bool = False,
        precision: str = "auto",
        compiled: bool = False,
    ) -> None:
        """Find or fetch both checkpoints and load them.

        Args:
            yolo_checkpoint: Any ultralytics detection checkpoint.
            sam_checkpoint: Any segment_anything ViT checkpoint.
            device: `auto`, `cuda`, `cuda:1`, `mps` or `cpu`.
            config: What the detector keeps; by default `DetectionConfig()` in pictures and
                `VIDEO_DETECTION` in videos.
            with_regions: In pictures, look for what the detector has no name for, too; much slower.
            offline: Never download a missing official checkpoint.
            precision: `float32` for segment_anything's masks to the last pixel; `auto` for the fastest that
                shows no difference; `bfloat16` or `float16` for an image encoder in that precision.
            compiled: Compile SAM's image encoder with `torch.compile`, which takes a minute or more.

        Raises:
            CheckpointError: If one cannot be had or used.
            ValueError: If there is no such device, or the detector does not know a class that `config` names,
                or `torch.compile` does not work here.
        """
        chosen = choose_device(device)
        found = [find_checkpoint(path, offline) for path in (yolo_checkpoint, sam_checkpoint)]
        self.detector = Detector(found[0], chosen, config or DetectionConfig())
        self.sam = load_sam(found[1], chosen, choose_precision(precision, chosen), compiled)
        self.with_regions = with_regions
        self._video_detector = self.detector if config else self.detector.with_config(VIDEO_DETECTION)

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the detector knows, id to name."""
        return self.detector.categories

    def __call__(self, picture: Image | Frame | str | Path) -> Scene:
        """Everything that the two models see in one picture.

        Args:
            picture: `(H, W, 3)` uint8 BGR, or a frame, or the path of a file.

        Raises:
            OSError: If there is no such file.
            ValueError: If it is no picture.
        """
        frame = _as_frame(picture)
        detections = self.detector([frame.image])[0]
        embedding = self.sam.embed([frame.image])[0]
        masks = self.sam.masks_from_boxes(embedding, detections.boxes_xyxy)
        everything = (
            segment_everything(self.sam, embedding) if self.with_regions else Masks.empty(frame.size_hw)
        )
        regions, region_ids = unexplained(everything, masks)
        return Scene(
            frame=frame,
            detections=detections,
            masks=masks,
            track_ids=np.arange(1, len(detections) + 1),
            categories=self.categories,
            everything=everything,
            regions=regions,
            region_ids=region_ids,
        )

    def track(
        self,
        source: str | Path | VideoReader,
        tracker: str | Tracker = "botsort",
        start: str | Moment | None = None,
        end: str | Moment | None = None,
        stride: int = 1,
        batch: int | None = None,
    ) -> Iterator[Scene]:
        """Follow every object of a video; decoding works ahead while the models do.

        Args:
            source: A video, a folder of numbered pictures, a camera's number, an address, or a reader
                from `open_video`, which is left open and has its own start, end and stride.
            tracker: `botsort`, `bytetrack`, a YAML file with ultralytics' tracker keys, or a tracker that
                has seen nothing yet.
            start: First frame: its number, seconds (`"12.5s"`) or a time (`"00:01:30"`).
            end: First frame that is not wanted, likewise.
            stride: Take every how many frames.
            batch: Frames that the models take at once; by default 4 on a GPU, else 1.

        Returns:
            Each frame's scene, in order. Close it, or go through to its end, to let go of the source.

        Raises:
            OSError: At once, if there is no such source or tracker.
            ValueError: At once, if it cannot be read or an argument makes no sense.
            VideoDamagedError: After the last good frame, if the video stops before its end.
        """
        is_lent = isinstance(source, VideoReader)
        reader = source if isinstance(source, VideoReader) else open_video(source, start, end, stride)
        try:
            if isinstance(tracker, str):
                tracker = make_tracker(tracker, frame_rate=float(reader.frame_rate))
        except Exception:
            if not is_lent:
                reader.close()
            raise
        on_gpu = self.sam.device.type != "cpu"
        batch = batch or (_GPU_BATCH if on_gpu and not reader.is_live else 1)
        return self._followed(reader, tracker, batch, is_lent)

    def _followed(self, reader: VideoReader, tracker: Tracker, batch: int, is_lent: bool) -> Iterator[Scene]:
        try:
            with closing(overlap(reader, capacity=2 * batch)) as frames:
                yield from follow(self._video_detector, self.sam, frames, tracker, batch)
        finally:
            if not is_lent:
                reader.close()


def _as_frame(picture: Image | Frame | str | Path) -> Frame:
    if isinstance(picture, Frame):
        return picture
    if isinstance(picture, (str, Path)):
        return Frame(read_picture(Path(picture)), name=Path(picture).name)
    return Frame(picture)


def unexplained(
    everything: Masks, objects: Masks, config: RegionConfig = RegionConfig()
) -> tuple[Masks, IntArray]:
    """The masks that no labelled object explains, less the objects' pixels, and their positions."""
    covered = objects.union()
    inside = everything.areas_inside(covered)
    outside = everything.areas - inside
    kept = np.flatnonzero((inside < config.explained * everything.areas) & (outside > config.least_area))
    return everything[kept].without(covered), kept
