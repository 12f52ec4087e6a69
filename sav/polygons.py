"""Masks as polygons: exact outlines along the pixels' edges, or one ring an object through pixel centres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.masks import Masks
from sav.types import BoolArray

Ring = NDArray[np.int64]


def outlines(masks: Masks) -> Iterator[list[Ring]]:
    """Each mask's outline along the pixels' edges: its area by the even-odd rule is the mask's, exactly.

    Yields:
        The rings of one mask, each `(P, 2)` int64, x and y in pixels, not closed: pieces clockwise as seen
        on the screen, holes counter-clockwise. None for an empty mask.
    """
    for crop, (rows, columns) in masks.crops():
        corner = np.array([columns.start, rows.start])
        yield [corner + _on_edges(ring) for ring in _contours(_doubled(crop))]


def centre_rings(masks: Masks) -> Iterator[Ring]:
    """Each mask as one ring through the centres of its border pixels, for formats that have no more.

    Pieces and holes hang together by bridges, there and back on the same line. Filled with its border, as
    cv2.fillPoly and Pillow do, it gives the mask back, and with it the pixels under the bridges.

    Yields:
        `(P, 2)` int64, x and y of pixels, not closed; no points for an empty mask.
    """
    for crop, (rows, columns) in masks.crops():
        yield np.array([columns.start, rows.start]) + joined(_contours(crop.view(np.uint8)))


def joined(rings: Sequence[Ring]) -> Ring:
    """One ring out of several, by bridges between their first ring's nearest points and each other's."""
    if not rings:
        return np.zeros((0, 2), np.int64)
    whole = rings[0]
    for ring in rings[1:]:
        leave, enter = _nearest(whole, ring)
        tour = np.concatenate([ring[enter:], ring[: enter + 1]])
        whole = np.concatenate([whole[: leave + 1], tour, whole[leave:]])
    return whole


def _nearest(ring: Ring, other: Ring) -> tuple[int, int]:
    """Positions of a point in `ring` and a point in `other` that lie close to each other."""
    enter = 0
    for _ in range(2):
        leave = int(((ring - other[enter]) ** 2).sum(axis=1).argmin())
        enter = int(((other - ring[leave]) ** 2).sum(axis=1).argmin())
    return leave, enter


def _contours(mask: NDArray[np.uint8]) -> list[Ring]:
    """OpenCV's contours of a uint8 mask: pieces and holes, through the centres of border pixels."""
    if mask.size == 0:
        return []
    rings, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [ring[::-1, 0].astype(np.int64) for ring in rings]


def _doubled(crop: BoolArray) -> NDArray[np.uint8]:
    return crop.view(np.uint8).repeat(2, axis=0).repeat(2, axis=1)


def _on_edges(ring: Ring) -> Ring:
    """A contour of a doubled mask, moved out by a quarter of a pixel to the original pixels' edges."""
    corners = (ring + 1) // 2
    repeated = (corners == np.roll(corners, 1, axis=0)).all(axis=1)
    return corners[~repeated]
