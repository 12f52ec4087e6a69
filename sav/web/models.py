"""The checkpoints that are on the machine, and the one pair of them that is in memory."""

from __future__ import annotations

import copy
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sav.config import DetectionConfig
from sav.data.types import Frame
from sav.detectors.names import read_class_names
from sav.detectors.text_models import text_model_of
from sav.errors import CheckpointError, SettingError
from sav.presets import PRESETS
from sav.sam.unwrap import find_sam
from sav.segmenter import Segmenter
from sav.stages.prompts import Prompts
from sav.web.config import WebConfig
from sav.weights.file import open_checkpoint
from sav.words import as_words

_log = logging.getLogger(__name__)
_SUFFIXES = (".pt", ".pth", ".safetensors")
# Pictures whose embedding is kept for the next click: some 20 MB each.
_MOST_EMBEDDED = 8


@dataclass(frozen=True)
class Checkpoints:
    """What there is to choose from.

    Attributes:
        detectors: The detectors' class names, by the name of the file.
        sams: The names of SAM's files.
        folder: Where they are.
        take_words: The detectors that can be told words.
    """

    detectors: Mapping[str, Mapping[int, str]]
    sams: tuple[str, ...]
    folder: Path = field(default_factory=Path)
    take_words: frozenset[str] = frozenset()

    @property
    def usual(self) -> tuple[str, str]:
        """The detector and the SAM that are chosen for a visitor: the best known pair, or the first."""
        for pair in reversed(PRESETS.values()):
            names = Path(pair.yolo_checkpoint).name, Path(pair.sam_checkpoint).name
            if names[0] in self.detectors and names[1] in self.sams:
                return names
        return next(iter(self.detectors)), self.sams[0]


def list_checkpoints(folder: Path) -> Checkpoints:
    """Look at the files in a folder; nothing of them is loaded or run.

    Raises:
        CheckpointError: There is no detector, or no SAM.
    """
    detectors: dict[str, Mapping[int, str]] = {}
    sams = []
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() not in _SUFFIXES or not path.is_file():
            continue
        try:
            names = read_class_names(path)
            if names is not None:
                detectors[path.name] = names
            elif _is_sam(path):
                sams.append(path.name)
        except CheckpointError as error:
            _log.info("left out: %s", error)
    missing = [what for what, found in (("detector", detectors), ("SAM", sams)) if not found]
    if missing:
        raise CheckpointError(
            f"there is no {' and no '.join(missing)} in {folder}: name a folder with both in --model_dir;"
            " python -m sav doctor says where to get them"
        )
    take_words = frozenset(name for name in detectors if _takes_words(folder / name))
    return Checkpoints(detectors, tuple(sams), folder, take_words)


def _is_sam(path: Path) -> bool:
    with open_checkpoint(path) as opened:
        try:
            return bool(find_sam(opened.tree))
        except ValueError:
            return False


def _takes_words(path: Path) -> bool:
    try:
        text_model_of(path)
    except CheckpointError:
        return False
    return True


class LoadedModels:
    """Loads what is asked for; the pair before it goes first, so that memory is needed once.

    Used by the thread that does the jobs alone.
    """

    def __init__(self, checkpoints: Checkpoints, config: WebConfig) -> None:
        """Load nothing yet."""
        self._checkpoints, self._config = checkpoints, config
        self._loaded: tuple[tuple[str, str, tuple[str, ...]], Segmenter] | None = None
        self._embedded: OrderedDict[str, Prompts] = OrderedDict()

    def segmenter(
        self,
        detector: str,
        sam: str,
        words: str = "",
        detect: DetectionConfig = DetectionConfig(),
        regions: bool = False,
    ) -> Segmenter:
        """A pair of models by the names of their files, with the settings of one job.

        Raises:
            SettingError: There are no such files to choose from, or the words are none.
            CheckpointError: They cannot be used.
            PackageMissingError: The words are new, and open_clip is not installed.
        """
        if detector not in self._checkpoints.detectors or sam not in self._checkpoints.sams:
            raise SettingError("choose a detector and a SAM from the lists")
        told = as_words((words.strip() or None) if detector in self._checkpoints.take_words else None)
        if self._loaded is None or self._loaded[0] != (detector, sam, told):
            self._loaded = None
            self._embedded.clear()
            self._loaded = (detector, sam, told), self._load(detector, sam, told)
        chosen = copy.copy(self._loaded[1])
        chosen.detect, chosen.regions = detect, regions
        return chosen

    def prompts(self, segmenter: Segmenter, key: str, frame: Frame) -> Prompts:
        """A picture that can be asked about; its embedding is kept for a while under `key`."""
        prompts = self._embedded.pop(key, None) or segmenter.prompts(frame)
        self._embedded[key] = prompts
        while len(self._embedded) > _MOST_EMBEDDED:
            self._embedded.popitem(last=False)
        return prompts

    def _load(self, detector: str, sam: str, words: tuple[str, ...]) -> Segmenter:
        folder = self._checkpoints.folder
        return Segmenter.load(
            folder / detector,
            folder / sam,
            device=self._config.device,
            precision=self._config.precision,
            words=words or None,
            offline=True,
        )
