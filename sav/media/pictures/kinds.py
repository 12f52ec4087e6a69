"""The kinds of pictures that are read: each is known by its first bytes and has one decoder, named here.

A decoder is taken by name, never by asking all that Pillow has: some of those start other programs
(PostScript), and some are written in Python for files of the eighties.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, BinaryIO

from PIL import Image as Pillow
from PIL import ImageFile, TiffImagePlugin

# Bytes at a file's start that tell its kind.
HEAD = 64

# Decoders by kind: the module of Pillow, or of a plug-in for it, and the class.
_DECODERS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "TIFF": (__name__, "Tiff"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "JPEG 2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "PNM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
}

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)


def advice(kind: str = "") -> str:
    """What a user can do about pictures of a kind that is not read here."""
    return "convert to JPEG or PNG" + (", or pip install pillow-heif" if kind == "HEIF" else "")


class Tiff(TiffImagePlugin.TiffImageFile):
    """Pillow's decoder, which alone asks for the process's limit of size even here."""

    def load_prepare(self) -> None:
        """Make room for the pixels."""
        if getattr(self, "_im", self) is None and hasattr(self, "_tile_size"):
            self.im = Pillow.core.new(self.mode, self._tile_size)  # type: ignore[attr-defined]
        super().load_prepare()


def kind_of(head: bytes) -> str:
    """The kind of a picture by its first bytes; empty if it is none that is read here."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head[:1] == b"P" and head[1:2] in b"123456f" and head[2:3].isspace():
        return "PNM"
    if head[4:8] == b"ftyp":
        brands = {head[start : start + 4] for start in range(8, HEAD, 4)}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}:
            return "HEIF"
    return ""


def open_as(kind: str, file: BinaryIO) -> ImageFile.ImageFile:
    """Begin to read a picture of this kind; its size is known then, its pixels are not decoded yet.

    Going to the class at once also leaves out Pillow's own limit of size, a setting of the whole process.

    Raises:
        ValueError: If there is no decoder for this kind here.
        Exception: Of any type, if the file is damaged.
    """
    module, name = _DECODERS[kind]
    try:
        decoder: Any = getattr(import_module(module), name)
    except ImportError:
        raise ValueError(f"it is {kind} inside, for which there is no decoder here: {advice(kind)}") from None
    file.seek(0)
    opened: ImageFile.ImageFile = decoder(file)
    return opened
