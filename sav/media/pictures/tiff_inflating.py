"""The compressed segments of a TIFF as plain bytes, by zlib, or by the libtiff that Pillow brings."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sav.media.pictures.kinds import open_as

STORED = 1
_DEFLATE = (8, 32946)
_BY_LIBTIFF = (5, 32773, 34925, 50000)  # LZW, PackBits, LZMA, Zstandard

_REVERSED_BITS = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)[:, ::-1], axis=1)[
    :, 0
]


def inflate(
    segments: Sequence[bytes], compression: int, row_bytes: int, rows: Sequence[int]
) -> NDArray[np.uint8]:
    """Decompress segments that lie below each other.

    Args:
        segments: Their bytes in the file.
        compression: TIFF's number.
        row_bytes: Bytes of a row.
        rows: Rows of each segment; all have the same number but the last, which may have fewer.

    Returns:
        `(sum of rows, row_bytes)`.

    Raises:
        ValueError: If they are cut short, or compressed in a way that is not read here.
        OSError: If they are damaged.
    """
    if compression in _BY_LIBTIFF:
        return _by_libtiff(segments, compression, row_bytes, rows)
    sizes = [count * row_bytes for count in rows]
    if compression in _DEFLATE:
        plain = [_unzipped(one, size) for one, size in zip(segments, sizes, strict=True)]
    elif compression == STORED:
        plain = [one[:size] for one, size in zip(segments, sizes, strict=True)]
    else:
        raise ValueError(f"its compression {compression} is not read here for samples of this type; take LZW")
    if any(len(one) != size for one, size in zip(plain, sizes, strict=True)):
        raise ValueError("it is cut short")
    joined = plain[0] if len(plain) == 1 else b"".join(plain)
    return np.frombuffer(joined, np.uint8).reshape(-1, row_bytes)


def with_reversed_bits(data: bytes) -> bytes:
    """Each byte with its lowest bit first."""
    return _REVERSED_BITS[np.frombuffer(data, np.uint8)].tobytes()


def _unzipped(data: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, size)
    except zlib.error as error:
        raise ValueError(f"its pixels are damaged ({error})") from error


def _by_libtiff(
    segments: Sequence[bytes], compression: int, row_bytes: int, rows: Sequence[int]
) -> NDArray[np.uint8]:
    """Wrapped as the strips of a grey picture, whose pixels are the bytes."""
    counts = np.array([len(one) for one in segments], np.uint32)
    tags = 9
    tables = 8 + 2 + 12 * tags + 4
    starts = tables + 8 * len(segments) + np.cumsum(counts) - counts
    one = len(segments) == 1

    def table(values: NDArray[np.uint32], place: int) -> int:
        return int(values[0]) if one else place

    entries = {
        256: row_bytes,
        257: sum(rows),
        258: 8,
        259: compression,
        262: 1,
        273: table(starts, tables),
        277: 1,
        278: rows[0],
        279: table(counts, tables + 4 * len(segments)),
    }
    lengths = {273: len(segments), 279: len(segments)}
    directory = b"".join(
        struct.pack("<HHII", tag, 4, lengths.get(tag, 1), value) for tag, value in entries.items()
    )
    head = struct.pack("<2sHIH", b"II", 42, 8, tags) + directory + struct.pack("<I", 0)
    parts = (head, starts.astype("<u4").tobytes(), counts.astype("<u4").tobytes(), *segments)
    with open_as("TIFF", io.BytesIO(b"".join(parts))) as opened:
        return np.array(opened)
