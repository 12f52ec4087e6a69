"""The way in from Python: a detector and a SAM that make scenes of pictures and videos."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from sav.checkpoints import find_checkpoints
from sav.config import (
    DEFAULT_TRACKER,
    PICTURE_DETECTION,
    VIDEO_DETECTION,
    DetectionConfig,
    MaskConfig,
    as_words,
)
from sav.data.scene import Scene
from sav.data.types import Frame
from sav.detectors.sliced import Sliced
from sav.device import choose_device, choose_precision
from sav.errors import SettingError
from sav.inputs import USUAL_RATE, Picture, Source, as_detections, as_frame, as_frames, open_source
from sav.media.selection import Moment
from sav.sam.load import load_sam
from sav.sam.model import SamModel
from sav.stages.asking import masks_of
from sav.stages.overlap import overlap
from sav.stages.prompts import Prompts
from sav.stages.refine import RefineConfig, SceneRefiner, refined
from sav.stages.regions import RegionFollower
from sav.stages.scenes import Cutter, Detector, Seen, look
from sav.stages.stream import stream
from sav.trackers import Tracker, make_tracker
from sav.video_scenes import Tracking, VideoScenes

# Frames that a GPU takes at once; a CPU gains nothing by it, and from a camera it would be delay.
_GPU_BATCH = 4


@dataclass(frozen=True)
class Origin:
    """The files of the models of a segmenter, and how they compute.

    Attributes:
        files: What they were loaded from: `yolo`, the detector's checkpoint, or `boxes`, a file or folder in
            its place; and `sam`, SAM's checkpoint.
        device: The kind of device: `cpu`, `cuda` or `mps`.
        precision: One of `sav.config.PRECISIONS`.
        words: What the detector was told to find.
        text_model: SHA-256 of the file that told it what they mean.
    """

    files: Mapping[str, Path]
    device: str
    precision: str
    words: tuple[str, ...] = ()
    text_model: str = ""


class Segmenter:
    """A detector and a SAM that make scenes of pictures and videos.

    What is set here holds for all calls; `detect`, `masks` and `regions` can be given for one call, too.

    Attributes:
        detector: Finds boxes.
        sam: Finds masks.
        detect: What the detector keeps; open fields mean the defaults of pictures or of videos.
        masks: What is done with masks after SAM has made them.
        regions: Whether pictures get what SAM finds beyond the objects, without a name.
        origin: Where the models come from and how they compute; None for parts of a caller's own.
    """

    origin: Origin | None = None

    def __init__(
        self,
        detector: Detector,
        sam: SamModel,
        *,
        detect: DetectionConfig = DetectionConfig(),
        masks: MaskConfig = MaskConfig(),
        regions: bool = True,
    ) -> None:
        """Join two models that are loaded; `Segmenter.load` takes their files.

        Raises:
            SettingError: If the detector does not know a class that `detect` names.
            TypeError: If the models are not models.
        """
        if not callable(detector) or not hasattr(detector, "categories"):
            raise TypeError("for checkpoint files write Segmenter.load(yolo_checkpoint, sam_checkpoint)")
        self.detector, self.sam = detector, sam
        self.detect, self.masks, self.regions = detect, masks, regions
        self._detector_for(None, PICTURE_DETECTION)

    @classmethod
    def load(
        cls,
        yolo_checkpoint: str | Path | None,
        sam_checkpoint: str | Path,
        *,
        words: str | Sequence[str] | None = None,
        text_checkpoint: str | Path | None = None,
        boxes: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        compiled: bool = False,
        offline: bool = False,
        trust_checkpoint: bool = False,
        detect: DetectionConfig = DetectionConfig(),
        masks: MaskConfig = MaskConfig(),
        regions: bool = True,
    ) -> Segmenter:
        """Find or fetch both checkpoints and load them.

        Args:
            yolo_checkpoint: Any ultralytics checkpoint that finds boxes, masks, poses or oriented boxes.
            sam_checkpoint: Any SAM, SAM 2 or MobileSAM checkpoint.
            words: What a YOLO-World or YOLOE is to find: `"red bus, dog on a leash"`, or a list. They become
                its classes.
            text_checkpoint: The text model that it was trained with, for words that are new; by default the
                official file in its own folder.
            boxes: A file or folder of boxes, as `sav.detectors.boxes.BoxFile` reads it; `yolo_checkpoint` is
                not looked at then, and may be None.
            device: `auto`, `cuda`, `cuda:1`, `mps` or `cpu`.
            precision: `float32` for upstream's masks to the last pixel; `auto` for the fastest that
                shows no difference; `bfloat16` or `float16` for an image encoder in that precision. On a GPU
                the detector computes in half precision unless it is `float32`.
            compiled: Compile SAM's image encoder with `torch.compile`, which takes a minute or more.
            offline: Never download a missing official checkpoint.
            trust_checkpoint: Run Python code in the detector's file, if its layers are of its own.
            detect: What the detector keeps; open fields mean the defaults of pictures or of videos.
            masks: What is done with masks after SAM has made them.
            regions: In pictures, look for what the detector has no name for, too; much slower.

        Raises:
            CheckpointError: If one cannot be had or used.
            PackageMissingError: If words are new, and open_clip is not installed.
            SettingError: If there is no such device, the detector does not know a class that `detect` names,
                `torch.compile` does not work here, or words are none.
        """
        from sav.detectors.load import load_detector
        from sav.detectors.words import load_vocabulary

        chosen, spoken = choose_device(device), as_words(words)
        if spoken and boxes is not None:
            raise SettingError("give words or boxes, not both: boxes come in place of a detector")
        wanted = {"sam": sam_checkpoint}
        if boxes is None:
            wanted["yolo"] = _given(yolo_checkpoint)
        files = dict(zip(wanted, find_checkpoints([*wanted.values()], offline), strict=True))
        if boxes is not None:
            files["boxes"] = Path(boxes)
        vocabulary = None
        if spoken:
            text = Path(text_checkpoint) if text_checkpoint is not None else None
            vocabulary = load_vocabulary(files["yolo"], spoken, text, offline)
        computing = choose_precision(precision, chosen)
        detector = load_detector(files, chosen, detect, trust_checkpoint, vocabulary, computing)
        sam = load_sam(files["sam"], chosen, computing, compiled)
        segmenter = cls(detector, sam, detect=detect, masks=masks, regions=regions)
        text_model = vocabulary.text_model if vocabulary else ""
        segmenter.origin = Origin(files, chosen.type, precision, spoken, text_model)
        return segmenter

    @property
    def files(self) -> Mapping[str, Path]:
        """What the models were loaded from, see `Origin`; empty for a caller's own."""
        return self.origin.files if self.origin else {}

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the detector knows, id to name."""
        return self.detector.categories

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
            seen = Seen.in_picture(frame, as_detections(boxes_xyxy, class_ids, scores, self.categories))
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

    def track(
        self,
        source: Source,
        *,
        tracker: str | Tracker = DEFAULT_TRACKER,
        start: str | Moment | None = None,
        end: str | Moment | None = None,
        stride: int = 1,
        frame_rate: float | None = None,
        batch: int | None = None,
        detect: DetectionConfig | None = None,
        masks: MaskConfig | None = None,
        regions: bool = False,
        known: Iterable[Scene] = (),
        refine: RefineConfig | None = None,
    ) -> VideoScenes:
        """Follow every object of a video; decoding works ahead while the models do.

        Args:
            source: A video, a folder of numbered pictures, a camera's number, an address, a reader from
                `open_video`, which is left open and has its own start, end and stride, or frames: anything
                that gives what a call takes, such as `(T, H, W, 3)` uint8 BGR or a generator.
            tracker: `sav`, `botsort`, `bytetrack`, a YAML file with ultralytics' tracker keys, or a tracker
                that has seen nothing yet.
            start: First frame: its number, seconds (`"12.5s"`) or a time (`"00:01:30"`).
            end: First frame that is not wanted, likewise.
            stride: Take every how many frames.
            frame_rate: Frames per second of frames that are handed in; by default 30.
            batch: Frames that the models take at once; by default 4 on a GPU, else 1.
            detect: What the detector keeps; a tracker makes use of boxes from about 0.1 up.
            masks: What is done with the masks.
            regions: Whether to follow what has no name, too; it takes two to three times as long.
            known: The scenes of the first frames, from an earlier run over them with the same settings; they
                are handed out again, and the models see what comes after them.
            refine: How tracks are put right after the fact, which hands out each scene two seconds later;
                None hands them out as they are found.

        Returns:
            Each frame's scene, in order. It has a length where that is known; close it, use it with `with`,
            or go through to its end, to let go of the source.

        Raises:
            OSError: At once, if there is no such source or tracker.
            ValueError: At once, if it cannot be read or an argument makes no sense.
            VideoDamagedError: After the last good frame, if the video stops before its end.
        """
        detector = self._detector_for(detect, VIDEO_DETECTION)
        opened = open_source(source, start, end, stride, frame_rate)
        try:
            followed = _made(tracker, float(opened.frame_rate))
            detector = _looking(detector, followed)
        except BaseException:
            opened.release()
            raise
        cutter = self._following(masks, regions, opened.frame_rate)
        batch = batch or (1 if opened.comes_live else self.batch)
        scenes = self._overlapped(opened.frames, detector, cutter, batch, followed, known)
        if refine:
            refiner = self.refiner(float(opened.frame_rate), refine)
            scenes = refined(scenes, refiner)
        return VideoScenes(scenes, opened.info, opened.release)

    def refiner(self, frame_rate: float, refine: RefineConfig) -> SceneRefiner:
        """What puts the scenes of one video right; this SAM makes the masks that are missing."""
        return SceneRefiner(partial(masks_of, self.sam), frame_rate=frame_rate, config=refine)

    def start_tracking(
        self,
        tracker: str | Tracker = DEFAULT_TRACKER,
        *,
        frame_rate: float = USUAL_RATE,
        detect: DetectionConfig | None = None,
        masks: MaskConfig | None = None,
        regions: bool = False,
    ) -> Tracking:
        """Follow objects through frames that are handed in one by one: `scene = tracking(frame)`.

        Args:
            tracker: As for `track`.
            frame_rate: Frames per second, for how long lost objects are remembered.
            detect: What the detector keeps; a tracker makes use of boxes from about 0.1 up.
            masks: What is done with the masks.
            regions: Whether to follow what has no name, too.

        Raises:
            OSError: If there is no such tracker.
            ValueError: If an argument makes no sense.
        """
        followed = _made(tracker, frame_rate)
        detector = _looking(self._detector_for(detect, VIDEO_DETECTION), followed)
        cutter = self._following(masks, regions, frame_rate)
        return Tracking(detector, cutter, followed, Fraction(frame_rate))

    def _overlapped(
        self,
        frames: Iterable[Frame],
        detector: Detector,
        cutter: Cutter,
        batch: int,
        tracker: Tracker | None = None,
        known: Iterable[Scene] = (),
    ) -> Iterator[Scene]:
        with closing(overlap(frames, capacity=2 * batch)) as ahead:
            yield from stream(detector, cutter, ahead, tracker, batch, known)

    def settings(self, for_video: bool) -> dict[str, Any]:
        """All that is set here and changes what is found, in words that JSON knows."""
        defaults = VIDEO_DETECTION if for_video else PICTURE_DETECTION
        computing = {"device": self.origin.device, "precision": self.origin.precision} if self.origin else {}
        found: dict[str, Any] = {"detect": asdict(self.detect.over(defaults)), "masks": asdict(self.masks)}
        settings = found | computing | ({} if for_video else {"regions": self.regions})
        if self.origin and self.origin.words:
            settings |= {"words": list(self.origin.words), "text_model": self.origin.text_model}
        return dict(json.loads(json.dumps(settings)))

    @property
    def batch(self) -> int:
        """How many pictures or frames the models take at once where nothing else is said."""
        return 1 if self.sam.device.type == "cpu" else _GPU_BATCH

    def _cutter(self, masks: MaskConfig | None, with_regions: bool) -> Cutter:
        return Cutter(self.sam, self.categories, masks or self.masks, with_regions)

    def _following(self, masks: MaskConfig | None, regions: bool, frame_rate: float | Fraction) -> Cutter:
        """The cutter of one video."""
        follower = RegionFollower(self.sam, float(frame_rate)) if regions else None
        return replace(self._cutter(masks, False), follower=follower)

    def _detector_for(self, detect: DetectionConfig | None, defaults: DetectionConfig) -> Detector:
        """The detector with the settings of one call over this segmenter's over the mode's."""
        if not hasattr(self.detector, "with_config"):
            if detect is not None:
                raise TypeError(f"{type(self.detector).__name__} takes no settings: it has no with_config")
            return self.detector
        config = (detect or DetectionConfig()).over(self.detect.over(defaults))
        detector = self.detector.with_config(config)
        if config.slices is None or isinstance(detector, Sliced):
            return detector
        return Sliced(detector, config)


def _made(tracker: str | Tracker, frame_rate: float) -> Tracker:
    """A tracker by its name, or the caller's own."""
    return make_tracker(tracker, frame_rate=frame_rate) if isinstance(tracker, str) else tracker


def _looking(detector: Detector, tracker: Tracker) -> Detector:
    """The detector that also tells what objects look like, if the tracker wants that and it can."""
    if getattr(tracker, "wants_looks", False) and hasattr(detector, "with_looks"):
        looking: Detector = detector.with_looks()
        return looking
    return detector


def _given(checkpoint: str | Path | None) -> str | Path:
    if checkpoint is None:
        raise TypeError("give a detector's checkpoint, or boxes")
    return checkpoint
