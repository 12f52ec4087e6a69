"""What an open-vocabulary detector is told to find: words as vectors, computed once and kept beside it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sav.checkpoints import check_checkpoints, find_checkpoints, sha256_of
from sav.detectors.text_models import TextModel, text_model_of
from sav.errors import PackageMissingError
from sav.files import whole_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What a detector is to find.

    Attributes:
        words: The words and phrases, which become its classes from 0 up.
        vectors: `(words, D)` float32, of length 1.
        text_model: SHA-256 of the file that the vectors were made with.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    text_model: str

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.dtype != np.float32 or len(self.vectors) != len(self.words):
            raise ValueError(f"vectors {self.vectors.dtype} {self.vectors.shape} for {len(self.words)} words")


def check_words(
    checkpoint: Path, words: tuple[str, ...], text_checkpoint: Path | None = None, offline: bool = False
) -> None:
    """Check without torch that a detector can be told words, and that all is there that it takes.

    A checkpoint that is still to be downloaded passes.

    Raises:
        CheckpointError: The detector knows fixed classes, or a file is missing and cannot be downloaded.
        PackageMissingError: A package is.
    """
    if not checkpoint.exists():
        return
    model = text_model_of(checkpoint)
    place = text_checkpoint or model.beside(checkpoint)
    if place.is_file() and find_spec("open_clip"):
        return
    if _kept(checkpoint, words, model, place) is None:
        check_checkpoints([place], offline)
        if find_spec("open_clip") is None:
            raise PackageMissingError("--words needs open-clip-torch: pip install open-clip-torch")


def load_vocabulary(
    checkpoint: Path, words: tuple[str, ...], text_checkpoint: Path | None = None, offline: bool = False
) -> Vocabulary:
    """The words for a detector, with vectors that are kept from an earlier run, or are made and kept now.

    Args:
        checkpoint: The detector's file.
        words: What it is to find.
        text_checkpoint: Its text model's file; by default the official one in the detector's folder, which is
            downloaded if it is missing.
        offline: Never download it.

    Raises:
        CheckpointError: The detector knows fixed classes, or the text model cannot be had or used.
        PackageMissingError: open_clip is missing.
        SettingError: A word is too long.
    """
    model = text_model_of(checkpoint)
    place = text_checkpoint or model.beside(checkpoint)
    kept = _kept(checkpoint, words, model, place)
    if kept is not None:
        return kept

    from sav.detectors.text import encode

    (place,) = find_checkpoints([place], offline)
    vocabulary = Vocabulary(words, encode(words, place, model.is_quick), sha256_of(place))
    _keep(vocabulary, checkpoint, model)
    return vocabulary


def _places(checkpoint: Path, words: Sequence[str], model: TextModel) -> Iterator[Path]:
    """Where the vectors of words are kept: beside the checkpoint, or else in the user's own cache."""
    digest = hashlib.sha256(json.dumps([model.name, *words]).encode()).hexdigest()
    name = f"{Path(model.files[0]).stem}.words-{digest[:16]}.safetensors"
    yield checkpoint.parent / name
    yield cache_folder() / name


def cache_folder() -> Path:
    """The user's folder for what can be made anew."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "segment-any-video"


def _kept(checkpoint: Path, words: tuple[str, ...], model: TextModel, place: Path) -> Vocabulary | None:
    """The vectors of an earlier run with the text model at `place`, or with any if there is none."""
    wanted = sha256_of(place) if place.is_file() else None
    for kept in _places(checkpoint, words, model):
        vocabulary = _read(kept, words)
        if vocabulary is not None and wanted in (None, vocabulary.text_model):
            return vocabulary
    return None


def _read(kept: Path, words: tuple[str, ...]) -> Vocabulary | None:
    """What is kept in a file; None if there is nothing, or it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(kept), framework="numpy") as file:
            about = file.metadata() or {}
            if json.loads(about["words"]) != list(words):
                return None
            vocabulary = Vocabulary(words, file.get_tensor("vectors"), about["text_model"])
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    return vocabulary if np.isfinite(vocabulary.vectors).all() else None


def _keep(vocabulary: Vocabulary, checkpoint: Path, model: TextModel) -> None:
    """Write the vectors down where they are found again, whole or not at all."""
    from safetensors.numpy import save

    about = {"words": json.dumps(vocabulary.words), "text_model": vocabulary.text_model}
    problem = ""
    for kept in _places(checkpoint, vocabulary.words, model):
        try:
            if kept.parent != checkpoint.parent:
                kept.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(kept) as partial:
                partial.write_bytes(save({"vectors": vocabulary.vectors}, about))
            return
        except OSError as error:
            problem = problem or " ".join(str(error).split())
    logger.warning("what the words are as vectors is not kept for the next run: %s", problem)
