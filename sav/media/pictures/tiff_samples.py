"""The samples of a TIFF as numbers of any type: segments taken up, differences summed, put in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sav.media.pictures.decoding import Limit
from sav.media.pictures.tiff_directory import COMPLEX, FLOAT, SIGNED, UNDEFINED, UNSIGNED, Directory
from sav.media.pictures.tiff_inflating import STORED, inflate, with_reversed_bits

_KINDS = {UNSIGNED: "u", UNDEFINED: "u", SIGNED: "i", FLOAT: "f", COMPLEX: "c"}
_TYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "c8", "c16")

# Bytes of samples for each pixel that is allowed: four bands of float32, say.
_MOST_BYTES = 16
# Bytes of samples, and pieces, taken up at once, unless a segment has more.
_CHUNK = 2**24
_CHUNK_PIECES = 2**12


@dataclass(frozen=True)
class _Layout:
    """How samples lie in a segment.

    Attributes:
        dtype: Of a sample in the file; of packed samples, the type that has room for one.
        packed_bits: Bits of a sample that is no whole number of bytes; else 0.
        bands: Samples of a pixel, side by side.
        kept: Bands that are wanted.
        row_bytes: Bytes of a row.
    """

    dtype: np.dtype[Any]
    packed_bits: int
    bands: int
    kept: int
    row_bytes: int

    @classmethod
    def of(cls, directory: Directory) -> _Layout:
        """Work it out.

        Raises:
            ValueError: If samples are of a type that is not read here.
        """
        bits, kind = directory.bits, _KINDS.get(directory.sample_format, "?")
        name = f"{kind}{bits // 8}" if bits % 8 == 0 else ""
        packed_bits = bits if kind == "u" and name not in _TYPES and 0 < bits <= 32 else 0
        if packed_bits:
            name = next(f"u{size}" for size in (1, 2, 4) if bits <= 8 * size)
        if name not in _TYPES:
            raise ValueError(
                f"its samples (format {directory.sample_format}, {bits or 'unequal'} bits) are not known"
            )
        bands = 1 if directory.is_planar else directory.bands
        return cls(
            dtype=np.dtype(directory.byte_order + name),
            packed_bits=packed_bits,
            bands=bands,
            kept=3 if directory.bands >= 3 else 1,
            row_bytes=-(-directory.segment_width * bands * bits // 8),
        )


@dataclass(frozen=True)
class _Piece:
    """Rows of a segment: where they lie in the file, and in the picture."""

    offset: int
    byte_count: int
    top: int
    left: int
    rows: int


def read_samples(file: BinaryIO, directory: Directory, limit: Limit) -> NDArray[Any]:
    """Read the samples of a picture, `(H, W, 3)`, or `(H, W, 1)` if it has fewer than three bands.

    Integers of fewer bits than a type has are in the next larger type.

    Raises:
        ValueError: If it is damaged, too large, or coded in a way that is not read here.
        OSError: If it is damaged.
    """
    layout = _Layout.of(directory)
    _check_size(directory, layout, limit)
    samples = _empty(directory, layout)
    for plane in range(layout.kept if directory.is_planar else 1):
        bands = slice(plane, plane + 1) if directory.is_planar else slice(None)
        for pieces in _in_chunks(_pieces(directory, layout, plane), layout.row_bytes):
            rows = [piece.rows for piece in pieces]
            packed = [_read(file, piece, directory, layout.row_bytes) for piece in pieces]
            plain = inflate(packed, directory.compression, layout.row_bytes, rows)
            for piece, part in zip(pieces, np.split(plain, np.cumsum(rows)[:-1]), strict=True):
                block = _as_samples(part, directory, layout)
                room = samples[
                    piece.top : piece.top + piece.rows, piece.left : piece.left + block.shape[1], bands
                ]
                room[...] = block[: room.shape[0], : room.shape[1], : room.shape[2]]
    return samples


def _check_size(directory: Directory, layout: _Layout, limit: Limit) -> None:
    if not directory.segment_width or not directory.segment_height or not 0 < directory.bands <= 65_535:
        raise ValueError("its strips, tiles or bands have no size")
    size = directory.height * directory.width * directory.bands * max(1, directory.bits // 8)
    if size > _MOST_BYTES * limit.pixels:
        raise ValueError(f"its {directory.bands} bands of {directory.bits} bits take {size / 1e9:.1f} GB")
    if directory.segment_height * layout.row_bytes > 4 * size + _CHUNK:
        raise ValueError("its strips or tiles are far larger than itself")


def _empty(directory: Directory, layout: _Layout) -> NDArray[Any]:
    """What a sparse file says of where it holds nothing."""
    dtype = layout.dtype.newbyteorder("=")
    nothing = directory.nodata or 0
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= nothing <= np.iinfo(dtype).max:
        nothing = 0
    return np.full((directory.height, directory.width, layout.kept), nothing, dtype)


def _pieces(directory: Directory, layout: _Layout, plane: int) -> Iterator[_Piece]:
    """The segments of a plane in order, without those of a sparse file that are left out."""
    across = -(-directory.width // directory.segment_width)
    down = -(-directory.height // directory.segment_height)
    first = plane * across * down
    if len(directory.offsets) < first + across * down:
        raise ValueError("its table of strips or tiles is too short")
    for index in range(across * down):
        offset = int(directory.offsets[first + index])
        top = index // across * directory.segment_height
        left = index % across * directory.segment_width
        rows = directory.segment_height
        if not directory.is_tiled:
            rows = min(rows, directory.height - top)
        if not offset:
            continue
        if directory.compression == STORED:
            yield from _stored(offset, top, left, rows, layout.row_bytes)
        elif first + index >= len(directory.byte_counts):
            raise ValueError("its table of strips or tiles is too short")
        else:
            yield _Piece(offset, int(directory.byte_counts[first + index]), top, left, rows)


def _stored(offset: int, top: int, left: int, rows: int, row_bytes: int) -> Iterator[_Piece]:
    """An uncompressed segment, which may be the whole picture, in pieces."""
    most = max(1, _CHUNK // row_bytes)
    for row in range(0, rows, most):
        count = min(most, rows - row)
        yield _Piece(offset + row * row_bytes, count * row_bytes, top + row, left, count)


def _in_chunks(pieces: Iterator[_Piece], row_bytes: int) -> Iterator[Sequence[_Piece]]:
    chunk: list[_Piece] = []
    size = 0
    for piece in pieces:
        if chunk and (size + piece.rows * row_bytes > _CHUNK or len(chunk) == _CHUNK_PIECES):
            yield chunk
            chunk, size = [], 0
        chunk.append(piece)
        size += piece.rows * row_bytes
    if chunk:
        yield chunk


def _read(file: BinaryIO, piece: _Piece, directory: Directory, row_bytes: int) -> bytes:
    file.seek(piece.offset)
    # Nothing grows to more than this by being compressed.
    data = file.read(min(piece.byte_count, 2 * piece.rows * row_bytes + 4096))
    return with_reversed_bits(data) if directory.fill_order == 2 else data


def _as_samples(plain: NDArray[np.uint8], directory: Directory, layout: _Layout) -> NDArray[Any]:
    """Rows of bytes as `(rows, segment width, bands)` samples."""
    shape = len(plain), directory.segment_width, layout.bands
    if directory.predictor == 3:
        return _summed_floats(plain, layout).reshape(shape)
    if layout.packed_bits:
        samples = _unpacked(plain, directory.segment_width * layout.bands, layout)
    else:
        samples = np.ascontiguousarray(plain).view(layout.dtype)
    samples = samples.reshape(shape)
    if directory.predictor == 2:
        # The differences are of the bits, taken as whole numbers, whatever they stand for.
        whole = samples.view(f"{layout.dtype.byteorder}u{layout.dtype.itemsize}")
        native = whole.astype(whole.dtype.newbyteorder("="))
        return np.cumsum(native, axis=1, dtype=native.dtype).view(layout.dtype.newbyteorder("="))
    return samples


def _summed_floats(plain: NDArray[np.uint8], layout: _Layout) -> NDArray[Any]:
    """Undo differences between bytes that were sorted by weight, the highest first (Adobe's TIFF note 3)."""
    rows = len(plain)
    summed = np.cumsum(plain.reshape(rows, -1, layout.bands), axis=1, dtype=np.uint8)
    by_weight = summed.reshape(rows, layout.dtype.itemsize, -1).transpose(0, 2, 1)
    return np.ascontiguousarray(by_weight).view(layout.dtype.newbyteorder(">"))


def _unpacked(plain: NDArray[np.uint8], count: int, layout: _Layout) -> NDArray[Any]:
    """`(rows, count)` numbers out of rows of bits, the highest first."""
    width = layout.packed_bits
    numbers = np.empty((len(plain), count), layout.dtype.newbyteorder("="))
    weights = 1 << np.arange(width - 1, -1, -1, dtype=np.int64)
    for row, packed in enumerate(plain):
        bits = np.unpackbits(packed, count=count * width).reshape(count, width)
        numbers[row] = bits @ weights
    return numbers
