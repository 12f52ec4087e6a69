"""Deep pictures brought to 8 bits by one rule, whatever their type and range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Image

# How far values may lie beyond a range, in its lengths, and still be taken to be in it: they are clipped.
_SLACK = 0.05
_SAMPLED = 2**22  # pixels that the range is judged by
_CHUNK = 2**22  # values scaled at once


@dataclass(frozen=True)
class Range:
    """What becomes black and what becomes white, and the share of it that values must fill to take it."""

    black: float
    white: float
    least_filled: float = 0


def to_8_bits(
    values: NDArray[Any], bits: int = 0, nodata: float | None = None, white_is_zero: bool = False
) -> Image:
    """Scale `(H, W)` or `(H, W, C)` of any type to uint8, all channels alike.

    The range that becomes 0 to 255 is the narrowest usual one that holds all values: 0 to 1 for floats, then
    those of 8, 10, 12, 14, 16 and so on bits; with negative values, -1 to 1 for floats, then the signed ones.
    Where floats beyond 1 fill less than a quarter of it, or negative values less than half, the range goes
    from their least (0 if none is negative) to their greatest. Infinities, NaN, `nodata` and the
    ten-thousandth that lies furthest out at either end do not count; NaN and `nodata` become black.

    Args:
        values: Integers, floats, complex numbers (their magnitude is taken) or bools.
        bits: Significant bits of integers, if fewer than their type has; 0 means all.
        nodata: The value that stands for nothing.
        white_is_zero: Whether the least values become white.
    """
    if values.dtype.kind == "b":
        return (values != white_is_zero).astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "c":
        values = np.abs(values)
    if values.dtype == np.uint8 and bits in (0, 8):
        return 255 - values if white_is_zero else values
    chosen = choose_range(values, bits, nodata)
    scaled = np.empty(values.shape, np.uint8)
    rows = max(1, _CHUNK // max(1, values[:1].size))
    for top in range(0, len(values), rows):
        scaled[top : top + rows] = _scaled(values[top : top + rows], chosen, nodata, white_is_zero)
    return scaled


def _scaled(values: NDArray[Any], chosen: Range, nodata: float | None, white_is_zero: bool) -> Image:
    length = chosen.white - chosen.black
    with np.errstate(over="ignore", invalid="ignore"):
        shares = (values.astype(np.float64) - chosen.black) * 255 / (length or 1.0)
    if white_is_zero:
        shares = 255 - shares
    shares[np.isnan(shares)] = 0
    if nodata is not None:
        shares[values == nodata] = 0
    return np.rint(np.clip(shares, 0, 255)).astype(np.uint8)


def choose_range(values: NDArray[Any], bits: int = 0, nodata: float | None = None) -> Range:
    """The range that `to_8_bits` takes for these values."""
    least, greatest = _ends(values, nodata)
    is_signed = least < -_SLACK * max(greatest, 0)
    for usual in _usual_ranges(values.dtype, bits, is_signed):
        slack = _SLACK * (usual.white - usual.black)
        if usual.black - slack <= least and greatest <= usual.white + slack:
            filled = (greatest - min(least, 0)) / (usual.white - usual.black)
            if filled >= usual.least_filled:
                return usual
            break
    return Range(least if is_signed else 0, greatest)


def _usual_ranges(dtype: np.dtype[Any], bits: int, is_signed: bool) -> Iterator[Range]:
    """From narrow to wide."""
    if dtype.kind == "f":
        yield Range(-1 if is_signed else 0, 1)
        bottom, top = -(2.0**63), 2.0**64
    else:
        info = np.iinfo(dtype)
        bottom, top = info.min, 2**bits - 1 if bits else info.max

    for width in range(8, 66, 2):
        if is_signed:
            yield Range(max(-(2 ** (width - 1)), bottom), min(2 ** (width - 1) - 1, top), least_filled=0.5)
        else:
            yield Range(0, min(2**width - 1, top), least_filled=0.25 if dtype.kind == "f" else 0)


def _ends(values: NDArray[Any], nodata: float | None) -> tuple[float, float]:
    """The least and the greatest value that count; judged by a sample if there are many."""
    step = max(1, int(np.sqrt(values.size / _SAMPLED)))
    sample = values[::step, ::step].ravel()
    if values.dtype.kind == "f":
        sample = sample[np.isfinite(sample)]
    if nodata is not None:
        sample = sample[sample != nodata]
    if not len(sample):
        return 0.0, 0.0
    beyond = -(-len(sample) // 10_000) if len(sample) >= 200 else 0
    ordered = np.partition(sample, [beyond, len(sample) - 1 - beyond])
    return float(ordered[beyond]), float(ordered[len(sample) - 1 - beyond])
