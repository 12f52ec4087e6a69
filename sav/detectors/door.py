"""The one door to ultralytics: imported when it is needed, without a trace in the caller's process."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import logging
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator, MutableMapping
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

_importing = threading.Lock()
# What ultralytics puts in the place of others' functions when it is imported; the last three on Windows only.
_PATCHED: tuple[tuple[ModuleType, str], ...] = (
    (Image, "open"),
    (torch, "save"),
    (torch, "load"),
    (cv2, "imread"),
    (cv2, "imwrite"),
    (cv2, "imshow"),
)


@cache
def import_ultralytics() -> ModuleType:
    """The package, with all of it imported that a detector needs.

    If nobody has imported it before, it is from then on as this program wants it: it installs nothing, looks
    for no network, and keeps its settings in a folder that goes when the process ends. A program that uses
    ultralytics itself, and wants it otherwise, imports it before it makes a detector. What it changes in
    others, from the environment to Pillow, is changed back either way.
    """
    with _importing, _undisturbed():
        import ultralytics
        import ultralytics.data.augment
        import ultralytics.nn.tasks
        import ultralytics.utils.nms
        import ultralytics.utils.ops
    return ultralytics


@cache
def import_sam_modules() -> SimpleNamespace:
    """Those modules of MobileSAM and SAM 2 that the package ships, under the same terms: no weights come."""
    import_ultralytics()
    with _importing, _undisturbed():
        from ultralytics.models.sam.modules import blocks, decoders, encoders, tiny_encoder
    return SimpleNamespace(
        FpnNeck=encoders.FpnNeck,
        Hiera=encoders.Hiera,
        SAM2MaskDecoder=decoders.SAM2MaskDecoder,
        SAM2TwoWayTransformer=blocks.SAM2TwoWayTransformer,
        TinyViT=tiny_encoder.TinyViT,
    )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Put back what an import of ultralytics changes for the whole process."""
    environment = dict(os.environ)
    functions = [(home, name, getattr(home, name)) for home, name in _PATCHED]
    opencv_threads = cv2.getNumThreads()
    printing = dataclasses.asdict(torch._tensor_str.PRINT_OPTS)
    os.environ.update(YOLO_CONFIG_DIR=_settings_folder(), YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")
    logger = logging.getLogger("ultralytics")
    logger.addFilter(_is_warning)
    try:
        with warnings.catch_warnings(), np.printoptions():
            yield
    finally:
        logger.removeFilter(_is_warning)
        _restore(os.environ, environment)
        for home, name, function in functions:
            setattr(home, name, function)
        cv2.setNumThreads(opencv_threads)
        torch.set_printoptions(**printing)


def _is_warning(record: logging.LogRecord) -> bool:
    """Whether it is more than what ultralytics tells about its new settings."""
    return record.levelno >= logging.WARNING


@cache
def _settings_folder() -> str:
    """A folder for ultralytics' settings, so that the user's own stay as they are."""
    folder = tempfile.mkdtemp(prefix="sav-ultralytics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _restore(mapping: MutableMapping[str, str], before: dict[str, Any]) -> None:
    for name in set(mapping) - set(before):
        del mapping[name]
    for name, value in before.items():
        if mapping.get(name) != value:
            mapping[name] = value
