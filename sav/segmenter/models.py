"""A detector and a SAM that belong together, where they come from, and what is set for both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sav.checkpoints import file_hashes, find_checkpoints
from sav.config import PICTURE_DETECTION, DetectionConfig, EverythingConfig, MaskConfig, as_settings
from sav.data.scene import Scene
from sav.data.types import Frame
from sav.detectors.boxes import BoxFile
from sav.detectors.protocol import Detector
from sav.detectors.sliced import Sliced
from sav.device import choose_device, choose_precision
from sav.errors import SettingError
from sav.sam.load import load_sam
from sav.sam.model import SamModel
from sav.stages.overlap import overlap
from sav.stages.scenes import Cutter
from sav.stages.stream import stream
from sav.trackers import Tracker
from sav.words import as_words

M = TypeVar("M", bound="Models")

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


class Models:
    """A detector and a SAM, and what is set for them; `Segmenter`, which is that with all that it can do,
    says what its attributes are.
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
        everything: EverythingConfig = EverythingConfig(),
    ) -> None:
        """Join two models that are loaded; `Segmenter.load` takes their files.

        Raises:
            SettingError: If the detector does not know a class that `detect` names.
            TypeError: If the models are not models.
        """
        if not callable(detector) or not hasattr(detector, "categories"):
            raise TypeError("for checkpoint files write Segmenter.load(yolo_checkpoint, sam_checkpoint)")
        self.detector, self.sam = detector, sam
        self.detect, self.masks = detect, masks
        self.regions, self.everything = regions, everything
        self._detector_for(None, PICTURE_DETECTION)

    @classmethod
    def load(
        cls: type[M],
        yolo_checkpoint: str | Path | None,
        sam_checkpoint: str | Path,
        *,
        words: str | Sequence[str] | None = None,
        text_checkpoint: str | Path | None = None,
        boxes: str | Path | BoxFile | None = None,
        device: str = "auto",
        precision: str = "auto",
        compiled: bool = False,
        offline: bool = False,
        trust_checkpoint: bool = False,
        detect: DetectionConfig = DetectionConfig(),
        masks: MaskConfig = MaskConfig(),
        regions: bool = True,
        everything: EverythingConfig = EverythingConfig(),
    ) -> M:
        """Find or fetch both checkpoints and load them.

        Args:
            yolo_checkpoint: Any ultralytics checkpoint that finds boxes, masks, poses or oriented boxes.
            sam_checkpoint: Any SAM, SAM 2 or MobileSAM checkpoint.
            words: What a YOLO-World or YOLOE is to find: `"red bus, dog on a leash"`, or a list. They become
                its classes.
            text_checkpoint: The text model that it was trained with, for words that are new; by default the
                official file in its own folder.
            boxes: A file or folder of boxes, as `sav.detectors.boxes.BoxFile` reads it, or one that has been
                read; `yolo_checkpoint` is not looked at then, and may be None.
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
            everything: How that is looked for.

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
        files = _find_files(yolo_checkpoint, sam_checkpoint, boxes, offline)
        vocabulary = None
        if spoken:
            text = Path(text_checkpoint) if text_checkpoint is not None else None
            vocabulary = load_vocabulary(files["yolo"], spoken, text, offline)
        computing = choose_precision(precision, chosen)
        if isinstance(boxes, BoxFile):
            detector: Detector = boxes.with_config(detect)
        else:
            detector = load_detector(files, chosen, detect, trust_checkpoint, vocabulary, computing)
        sam = load_sam(files["sam"], chosen, computing, compiled)
        segmenter = cls(detector, sam, detect=detect, masks=masks, regions=regions, everything=everything)
        text_model = vocabulary.text_model if vocabulary else ""
        segmenter.origin = Origin(files, chosen.type, precision, spoken, text_model)
        return segmenter

    @property
    def files(self) -> Mapping[str, Path]:
        """What the models were loaded from, see `Origin`; empty for a caller's own."""
        return self.origin.files if self.origin else {}

    @cached_property
    def checkpoint_hashes(self) -> dict[str, str]:
        """Each file's SHA-256 in hexadecimal, a folder's of what is in it; none for a caller's own models."""
        return file_hashes(self.files)

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the detector knows, id to name."""
        return self.detector.categories

    def settings(self, for_video: bool) -> dict[str, Any]:
        """All that is set here and changes what is found, in words that JSON knows."""
        settings = as_settings(self.detect, self.masks, self.everything, for_video)
        if self.origin:
            settings |= {"device": self.origin.device, "precision": self.origin.precision}
        if not for_video:
            settings["regions"] = self.regions
        if self.origin and self.origin.words:
            settings |= {"words": list(self.origin.words), "text_model": self.origin.text_model}
        return settings

    @property
    def batch(self) -> int:
        """How many pictures or frames the models take at once where nothing else is said."""
        return 1 if self.sam.device.type == "cpu" else _GPU_BATCH

    def _cutter(self, masks: MaskConfig | None, with_regions: bool) -> Cutter:
        return Cutter(self.sam, self.categories, masks or self.masks, with_regions, self.everything)

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


def _find_files(
    yolo_checkpoint: str | Path | None,
    sam_checkpoint: str | Path,
    boxes: str | Path | BoxFile | None,
    offline: bool,
) -> dict[str, Path]:
    """What the models are loaded from, as `Origin.files` has it; missing checkpoints are fetched."""
    wanted = {"sam": sam_checkpoint}
    if boxes is None:
        if yolo_checkpoint is None:
            raise TypeError("give a detector's checkpoint, or boxes")
        wanted["yolo"] = yolo_checkpoint
    files = dict(zip(wanted, find_checkpoints([*wanted.values()], offline), strict=True))
    if boxes is not None:
        files["boxes"] = boxes.path if isinstance(boxes, BoxFile) else Path(boxes)
    return files
