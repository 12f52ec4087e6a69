"""Pictures written: whole files or none."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from sav.data.types import Image
from sav.files import whole_file

_JPEG_QUALITY = 95
# Most pixels in a row or a column, of libjpeg and of OpenCV's libpng.
_JPEG_SIDE = 65_500
_OPENCV_PNG_SIDE = 1_000_000


def write_picture(path: Path, image_bgr: Image) -> Path:
    """Encode `(H, W, 3)` uint8 BGR by the suffix of `path`; the file appears whole or not at all.

    Returns:
        Where it is: `path`, but for a picture too large for a JPEG, which becomes a PNG.
    """
    if path.suffix.lower() in (".jpg", ".jpeg") and max(image_bgr.shape[:2]) > _JPEG_SIDE:
        path = path.with_suffix(".png")
    encoded = _encoded(path.suffix.lower(), image_bgr)
    with whole_file(path) as partial:
        partial.write_bytes(encoded)
    return path


def _encoded(suffix: str, image_bgr: Image) -> bytes:
    if suffix == ".png" and max(image_bgr.shape[:2]) > _OPENCV_PNG_SIDE:
        file = io.BytesIO()
        Pillow.fromarray(np.ascontiguousarray(image_bgr[..., ::-1])).save(file, "PNG", compress_level=1)
        return file.getvalue()
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix in (".jpg", ".jpeg") else []
    fine, encoded = cv2.imencode(suffix, image_bgr, options)
    if not fine:
        raise ValueError(f"cannot encode a {image_bgr.shape} picture as {suffix}")
    return encoded.tobytes()
