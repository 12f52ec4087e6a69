"""Files as disks, networks and attackers leave them: bits flipped, ends cut, sizes wrong, pieces moved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Random = np.random.Generator

# Values at which sizes and counts go wrong.
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(content: bytes, other: bytes, random: Random) -> bytes:
    """`content` after one to three mishaps; `other` is a file of another kind, for pieces of it."""
    for _ in range(int(random.integers(1, 4))):
        mishap = _MISHAPS[int(random.integers(len(_MISHAPS)))]
        content = mishap(content, other, random) or content
    return content


def _flip_bits(content: bytes, other: bytes, random: Random) -> bytes:
    bits = np.frombuffer(content, np.uint8).copy()
    places = random.integers(0, len(bits), int(random.integers(1, 9)))
    np.bitwise_xor.at(bits, places, (1 << random.integers(0, 8, len(places))).astype(np.uint8))
    return bits.tobytes()


def _flip_bits_of_the_head(content: bytes, other: bytes, random: Random) -> bytes:
    """Headers decide most, and are a small part of a file."""
    return _flip_bits(content[:512], other, random) + content[512:]


def _write_an_edge(content: bytes, other: bytes, random: Random) -> bytes:
    """A size or a count that is as large or as small as can be, in either byte order."""
    width = int(random.choice([1, 2, 4]))
    value = int(random.choice(_EDGES)) & ((1 << 8 * width) - 1)
    end = min(len(content), int(random.choice([64, 512, len(content)])))
    place = int(random.integers(max(1, end)))
    written = value.to_bytes(width, str(random.choice(["big", "little"])))  # type: ignore[arg-type]
    return content[:place] + written + content[place + width :]


def _cut(content: bytes, other: bytes, random: Random) -> bytes:
    return content[: int(random.integers(len(content)))]


def _lose_a_piece(content: bytes, other: bytes, random: Random) -> bytes:
    begin, end = _piece(content, random)
    return content[:begin] + content[end:]


def _repeat_a_piece(content: bytes, other: bytes, random: Random) -> bytes:
    begin, end = _piece(content, random)
    return content[:end] + content[begin:end] * int(random.integers(1, 4)) + content[end:]


def _scribble(content: bytes, other: bytes, random: Random) -> bytes:
    begin, end = _piece(content, random)
    return content[:begin] + random.bytes(end - begin) + content[end:]


def _take_from_another(content: bytes, other: bytes, random: Random) -> bytes:
    begin, end = _piece(content, random)
    start = int(random.integers(max(1, len(other))))
    return content[:begin] + other[start : start + end - begin] + content[end:]


def _join_another(content: bytes, other: bytes, random: Random) -> bytes:
    return content[: int(random.integers(len(content)))] + other


def _zeros(content: bytes, other: bytes, random: Random) -> bytes:
    """A hole, as a file system leaves it after a crash."""
    begin, end = _piece(content, random)
    return content[:begin] + bytes(end - begin) + content[end:]


def _piece(content: bytes, random: Random) -> tuple[int, int]:
    """The begin and the end of a piece, most of them short."""
    begin = int(random.integers(max(1, len(content))))
    length = min(len(content) - begin, int(2 ** random.uniform(0, 14)))
    return begin, begin + length


_MISHAPS: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (
    _flip_bits,
    _flip_bits_of_the_head,
    _write_an_edge,
    _write_an_edge,
    _cut,
    _lose_a_piece,
    _repeat_a_piece,
    _scribble,
    _take_from_another,
    _join_another,
    _zeros,
)
