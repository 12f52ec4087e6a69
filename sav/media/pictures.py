"""Still pictures in and out: any common format in, whole files or none out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from sav.files import whole_file
from sav.types import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_JPEG_QUALITY = 95


def list_pictures(path: Path) -> list[Path]:
    """The picture at `path`, or all pictures in that folder, sorted by name.

    Raises:
        FileNotFoundError: If there is nothing at `path`, or no picture in the folder.
        ValueError: If `path` is a file of another kind.
    """
    if path.is_dir():
        found = sorted(item for item in path.iterdir() if item.suffix.lower() in SUFFIXES and item.is_file())
        if not found:
            raise FileNotFoundError(f"no pictures in {path}; looked for {', '.join(SUFFIXES)}")
        return found
    if not path.exists():
        raise FileNotFoundError(f"there is no picture or folder {path}")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path} is not a picture; known are {', '.join(SUFFIXES)}")
    return [path]


def output_stems(pictures: Sequence[Path]) -> list[str]:
    """A name for each picture's results, without suffix; no two are the same, on any file system.

    A picture alone in having its stem keeps it; `a.jpg` and `a.png` become `a_jpg` and `a_png`.
    """
    shared = Counter(picture.stem.casefold() for picture in pictures)
    taken = {stem for stem, count in shared.items() if count == 1}
    stems = []
    for picture in pictures:
        stem = picture.stem
        if shared[stem.casefold()] > 1:
            stem = f"{stem}_{picture.suffix[1:]}"
            while stem.casefold() in taken:
                stem += "_"
            taken.add(stem.casefold())
        stems.append(stem)
    return stems


def read_picture(path: Path) -> Image:
    """Decode to `(H, W, 3)` uint8 BGR, upright; transparency is dropped, 16 bits become 8.

    Raises:
        ValueError: If the file is damaged, cut short, or not a picture.
    """
    try:
        with Pillow.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            rgb = _to_rgb(upright)
    except (UnidentifiedImageError, Pillow.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{path} cannot be read as a picture: {error}") from error
    return np.ascontiguousarray(rgb[..., ::-1])


def _to_rgb(picture: Pillow.Image) -> Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _to_8_bits(np.asarray(picture))
        return np.repeat(grey[..., None], 3, axis=2)
    return np.asarray(picture.convert("RGB"))


def _to_8_bits(grey: np.ndarray) -> Image:
    """16-bit integers are scaled by 257; floats are taken as 0 to 1, or as 0 to 255 if they go beyond."""
    if grey.dtype.kind == "f":
        grey = np.nan_to_num(grey)
        scale = 255.0 if grey.max(initial=0) <= 1 else 1.0
        return np.clip(np.rint(grey * scale), 0, 255).astype(np.uint8)
    return np.clip((grey.astype(np.int64) + 128) // 257, 0, 255).astype(np.uint8)


def write_picture(path: Path, image_bgr: Image) -> None:
    """Encode `(H, W, 3)` uint8 BGR by the suffix of `path`; the file appears whole or not at all."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    fine, encoded = cv2.imencode(path.suffix, image_bgr, options)
    if not fine:
        raise ValueError(f"cannot encode a {image_bgr.shape} picture as {path.name}")
    with whole_file(path) as partial:
        partial.write_bytes(encoded.tobytes())
