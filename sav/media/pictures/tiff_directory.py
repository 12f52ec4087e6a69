"""What the first directory of a TIFF says about its picture (TIFF 6.0 and BigTIFF)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


class Tag(IntEnum):
    """The tags that are read."""

    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    BANDS = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    COLOR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    SAMPLE_FORMAT = 339
    NODATA = 42113


# Sample formats.
UNSIGNED, SIGNED, FLOAT, UNDEFINED, COMPLEX = 1, 2, 3, 4, 6

# Types of values by their number in the file, as numpy has them.
_TYPES = {
    1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8",
    18: "u8",
}  # fmt: skip
_MOST_TAGS = 4096
# A picture of 200 megapixels has so many tiles of 16x16, and a table of more is there to eat memory.
_MOST_VALUES = 2**20

Values = Mapping[int, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The layout of a TIFF's first picture.

    Attributes:
        byte_order: `<` or `>`.
        width: Pixels in a row.
        height: Rows.
        bands: Samples of a pixel.
        bits: Bits of a sample; 0 if they differ from band to band.
        sample_format: One of the formats above; 0 if they differ.
        compression: TIFF's number.
        photometric: TIFF's number of what samples mean; 0 if white is zero, 2 for RGB, 3 for a palette.
        predictor: 1 for none, 2 for differences of integers, 3 for differences of the bytes of floats.
        fill_order: 2 if the bits of each byte are reversed.
        orientation: As in Exif.
        is_planar: Whether each band is stored by itself.
        is_tiled: Whether segments are tiles, padded to their full size, and not strips.
        segment_width: Pixels in a row of a segment.
        segment_height: Rows of a segment; the last strip may have fewer.
        offsets: `(S,)` where each segment begins in the file.
        byte_counts: `(S,)` how long each is.
        color_map: `(3, N)` red, green and blue, 0 to 65535, of pictures with a palette; else `(3, 0)`.
        nodata: GDAL's value for nothing, if there is one.
    """

    byte_order: str
    width: int
    height: int
    bands: int
    bits: int
    sample_format: int
    compression: int
    photometric: int
    predictor: int
    fill_order: int
    orientation: int
    is_planar: bool
    is_tiled: bool
    segment_width: int
    segment_height: int
    offsets: NDArray[Any]
    byte_counts: NDArray[Any]
    color_map: NDArray[Any]
    nodata: float | None


def read_directory(file: BinaryIO) -> Directory:
    """Read the layout of the first picture in a TIFF.

    Raises:
        ValueError: If it is damaged (also struct.error).
    """
    byte_order, values = _read_tags(file)
    width, height = _number(values, Tag.WIDTH, 0), _number(values, Tag.HEIGHT, 0)
    if not width or not height:
        raise ValueError("its width or height is missing")
    is_tiled = Tag.TILE_OFFSETS in values
    return Directory(
        byte_order=byte_order,
        width=width,
        height=height,
        bands=_number(values, Tag.BANDS, 1),
        bits=_number_of_all(values, Tag.BITS, 1),
        sample_format=_number_of_all(values, Tag.SAMPLE_FORMAT, UNSIGNED),
        compression=_number(values, Tag.COMPRESSION, 1),
        photometric=_number(values, Tag.PHOTOMETRIC, 1),
        predictor=_number(values, Tag.PREDICTOR, 1),
        fill_order=_number(values, Tag.FILL_ORDER, 1),
        orientation=_number(values, Tag.ORIENTATION, 1),
        is_planar=_number(values, Tag.PLANAR, 1) == 2,
        is_tiled=is_tiled,
        segment_width=_number(values, Tag.TILE_WIDTH, 0) if is_tiled else width,
        segment_height=_number(values, Tag.TILE_HEIGHT, 0)
        if is_tiled
        else min(height, _number(values, Tag.ROWS_PER_STRIP, height)),
        offsets=_numbers(values, Tag.TILE_OFFSETS if is_tiled else Tag.STRIP_OFFSETS),
        byte_counts=_numbers(values, Tag.TILE_BYTES if is_tiled else Tag.STRIP_BYTES),
        color_map=_color_map(_numbers(values, Tag.COLOR_MAP)),
        nodata=_nodata(values),
    )


def _read_tags(file: BinaryIO) -> tuple[str, Values]:
    """The byte order, and the values of each known tag."""
    file.seek(0)
    head = file.read(16)
    byte_order = "<" if head.startswith(b"II") else ">"
    is_big = struct.unpack_from(byte_order + "H", head, 2)[0] == 43
    # How the number of tags is stored, a tag, and the place in a tag that holds its values or leads to them.
    count_format, tag_format, place_format = ("Q", "HHQ8s", "Q") if is_big else ("H", "HHI4s", "I")
    (start,) = struct.unpack_from(byte_order + place_format, head, 8 if is_big else 4)

    file.seek(start)
    (count,) = _unpack(file, byte_order + count_format)
    if count > _MOST_TAGS:
        raise ValueError(f"its directory has {count} tags")
    tags = [_unpack(file, byte_order + tag_format) for _ in range(count)]

    values = {}
    for tag, kind, length, place in tags:
        if tag not in Tag.__members__.values() or kind not in _TYPES:
            continue
        if length > _MOST_VALUES:
            raise ValueError(f"its tag {Tag(tag).name.lower()} has {length} values")
        dtype = np.dtype(byte_order + _TYPES[kind])
        stored = place
        if length * dtype.itemsize > len(place):
            file.seek(struct.unpack(byte_order + place_format, place)[0])
            stored = file.read(length * dtype.itemsize)
        values[tag] = np.frombuffer(stored, dtype, length)
    return byte_order, values


def _unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _numbers(values: Values, tag: Tag) -> NDArray[Any]:
    return values.get(tag, np.zeros(0, np.int64))


def _number(values: Values, tag: Tag, default: int) -> int:
    found = _numbers(values, tag)
    return int(found[0]) if len(found) else default


def _number_of_all(values: Values, tag: Tag, default: int) -> int:
    """The value that all bands have; 0 if they differ."""
    found = _numbers(values, tag)[: _number(values, Tag.BANDS, 1)]
    return 0 if len(np.unique(found)) > 1 else _number(values, tag, default)


def _color_map(colors: NDArray[Any]) -> NDArray[Any]:
    return colors[: len(colors) // 3 * 3].reshape(3, -1)


def _nodata(values: Values) -> float | None:
    text = _numbers(values, Tag.NODATA).astype(np.uint8).tobytes().decode("ascii", "replace")
    try:
        return float(text.strip("\0 ").replace(",", "."))
    except ValueError:
        return None
