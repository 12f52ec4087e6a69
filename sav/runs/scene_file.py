"""A scene on disk without its pixels: what earlier runs found is told again with what this one found.

A zip of NumPy arrays without code in it, the same bytes for the same scene.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, Frame
from sav.errors import ResultsError
from sav.files import whole_file

# What zipfile, zlib, NumPy, JSON and our own checks raise where bytes are not as they were written.
_OF_A_DAMAGED_ZIP = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError, SyntaxError, TypeError,
    ValueError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def save_scene(scene: Scene, path: Path) -> None:
    """Write a picture's scene, without its image and without what SAM found by itself but the regions.

    Raises:
        WriteError: It cannot be written.
    """
    about = {
        "name": scene.frame.name,
        "size_hw": scene.size_hw,
        "categories": list(scene.categories.items()),
        "duplicates": scene.duplicates,
    }
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            about=np.frombuffer(json.dumps(about).encode("ascii"), np.uint8),
            boxes_xyxy=scene.boxes_xyxy,
            scores=scene.scores,
            class_ids=scene.class_ids,
            track_ids=scene.track_ids,
            mask_boxes=scene.masks.boxes_xyxy,
            masks=scene.masks.packed,
            region_boxes=scene.regions.boxes_xyxy,
            regions=scene.regions.packed,
        )


def load_scene(path: Path, index: int = 0) -> Scene:
    """Read a scene as the frame of that index; its image is black.

    Raises:
        OSError: It cannot be read.
        ResultsError: It is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            height, width = about["size_hw"]
            image = np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3))
            regions = Masks((height, width), arrays["region_boxes"], arrays["regions"])
            return Scene(
                frame=Frame(image, index, about["name"]),
                detections=Detections(arrays["boxes_xyxy"], arrays["scores"], arrays["class_ids"]),
                masks=Masks((height, width), arrays["mask_boxes"], arrays["masks"]),
                track_ids=arrays["track_ids"],
                categories=dict(about["categories"]),
                everything=regions,
                regions=regions,
                region_ids=np.arange(len(regions)),
                duplicates=about["duplicates"],
            )
    except OSError as error:
        if error.filename is not None:
            raise
        raise _damaged(path) from error  # it names a place where nothing is
    except _OF_A_DAMAGED_ZIP as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ResultsError:
    return ResultsError(f"{path} is damaged: remove it, and segment its picture again")
