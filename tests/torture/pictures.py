"""Mutated pictures of every format that is opened."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image as Pillow

from sav.media.pictures import SUFFIXES, read_picture
from tests.torture.mutations import mutated

_SIZE_WH = (97, 61)


def trial(seed: int, number: int, folder: Path) -> str:
    """Read a mutated picture: it is a picture, or refused in one line."""
    name, content = mutant(seed, number)
    path = folder / f"mutant{number % 2}{Path(name).suffix}"
    path.write_bytes(content)
    image = read_picture(path)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        return f"FAULT: an image of {image.shape}, {image.dtype}"
    return "read"


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """A name and the content of a mutated picture; one in ten has another picture's suffix."""
    random = np.random.default_rng([seed, number])
    samples = list(pictures().items())
    (name, content), (other_name, other) = (samples[i] for i in random.integers(0, len(samples), 2))
    shown = other_name if random.random() < 0.1 else name
    return shown, mutated(content, other, random)


def prepare() -> None:
    """Make what all trials start from, once, before they are run in processes of their own."""
    pictures()


@lru_cache(maxsize=1)
def pictures() -> dict[str, bytes]:
    """Whole pictures of every kind, by name."""
    random = np.random.default_rng(0)
    rgb = np.kron(random.integers(0, 255, (8, 12, 3)), np.ones((8, 9, 1))).astype(np.uint8)
    rgb = np.ascontiguousarray(rgb[: _SIZE_WH[1], : _SIZE_WH[0]])
    found = {**_by_pillow(Pillow.fromarray(rgb)), **_tiffs(rgb)}
    return {name: content for name, content in found.items() if Path(name).suffix in SUFFIXES}


def _by_pillow(picture: Pillow.Image) -> dict[str, bytes]:
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    grey, palette, alpha = picture.convert("L"), picture.convert("P"), picture.convert("RGBA")
    kinds: dict[str, tuple[Pillow.Image, dict]] = {
        "plain.jpg": (picture, {"exif": exif}),
        "progressive.jpg": (picture, {"progressive": True}),
        "cmyk.jpg": (picture.convert("CMYK"), {}),
        "grey.jpeg": (grey, {}),
        "plain.png": (picture, {}),
        "alpha.png": (alpha, {}),
        "palette.png": (palette, {}),
        "deep.png": (Pillow.fromarray(np.asarray(grey).astype(np.uint16) * 257), {}),
        "animated.png": (picture, {"save_all": True, "append_images": [picture.rotate(90)]}),
        "plain.bmp": (picture, {}),
        "palette.bmp": (palette, {}),
        "bits.bmp": (picture.convert("1"), {}),
        "lossy.webp": (picture, {}),
        "lossless.webp": (alpha, {"lossless": True}),
        "animated.webp": (picture, {"save_all": True, "append_images": [picture.rotate(90)]}),
        "animated.gif": (palette, {"save_all": True, "append_images": [palette.rotate(90)]}),
        "plain.ppm": (picture, {}),
        "plain.pgm": (grey, {}),
        "plain.pbm": (picture.convert("1"), {}),
        "plain.jp2": (picture, {}),
        "plain.avif": (picture, {}),
        "lzw.tif": (picture, {"compression": "tiff_lzw"}),
        "jpeg.tif": (picture, {"compression": "jpeg"}),
        "packbits.tif": (grey, {"compression": "packbits"}),
        "fax.tif": (picture.convert("1"), {"compression": "group4"}),
        "palette.tif": (palette, {}),
        "pages.tiff": (picture, {"save_all": True, "append_images": [grey]}),
    }
    return {name: _saved(picture, name, options) for name, (picture, options) in kinds.items()}


def _saved(picture: Pillow.Image, name: str, options: dict) -> bytes:
    file = io.BytesIO()
    picture.save(file, Pillow.registered_extensions()[Path(name).suffix], **options)
    return file.getvalue()


def _tiffs(rgb: np.ndarray) -> dict[str, bytes]:
    """The TIFFs of microscopes and satellites."""
    grey = rgb[..., 0]
    arrays: dict[str, tuple[np.ndarray, dict]] = {
        "float32.tif": ((grey / 255).astype(np.float32), {}),
        "float16.tif": ((grey / 255).astype(np.float16), {}),
        "float64.tif": (grey / 255 * 2 - 1, {"byteorder": ">"}),
        "uint16.tif": (grey.astype(np.uint16) * 16, {"compression": "zlib"}),
        "uint32.tif": (grey.astype(np.uint32) << 20, {}),
        "int16.tif": (grey.astype(np.int16) - 128, {}),
        "planar.tif": (rgb.transpose(2, 0, 1).astype(np.uint16) * 257, {"planarconfig": "separate"}),
        "bands.tif": (np.dstack([rgb, rgb, grey]).astype(np.uint16), {"photometric": "minisblack"}),
        "white.tif": (grey, {"photometric": "miniswhite"}),
        "tiles.tif": (rgb, {"tile": (16, 16)}),
        "big.tif": (grey.astype(np.uint16), {"bigtiff": True}),
    }
    return {name: _tiff(array, options) for name, (array, options) in arrays.items()}


def _tiff(array: np.ndarray, options: dict) -> bytes:
    file = io.BytesIO()
    file.name = "a.tif"
    tifffile.imwrite(file, array, **options)
    return file.getvalue()
