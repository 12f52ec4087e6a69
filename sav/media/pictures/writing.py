"""Pictures written: whole files or none."""

from __future__ import annotations

from pathlib import Path

import cv2

from sav.files import whole_file
from sav.types import Image

_JPEG_QUALITY = 95
_JPEG_SIDE = 65_500  # pixels, libjpeg's limit


def write_picture(path: Path, image_bgr: Image) -> Path:
    """Encode `(H, W, 3)` uint8 BGR by the suffix of `path`; the file appears whole or not at all.

    Returns:
        Where it is: `path`, but for a picture too large for a JPEG, which becomes a PNG.
    """
    if path.suffix.lower() in (".jpg", ".jpeg") and max(image_bgr.shape[:2]) > _JPEG_SIDE:
        path = path.with_suffix(".png")
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    fine, encoded = cv2.imencode(path.suffix, image_bgr, options)
    if not fine:
        raise ValueError(f"cannot encode a {image_bgr.shape} picture as {path.name}")
    with whole_file(path) as partial:
        partial.write_bytes(encoded.tobytes())
    return path
