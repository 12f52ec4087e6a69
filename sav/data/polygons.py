"""Masks as polygons: exact outlines along the pixels' edges, or one ring an object through pixel centres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sav.data.masks import Masks
from sav.data.types import BoolArray

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
    """One ring out of several: each hangs by a bridge on the nearest point of those before it."""
    if len(rings) < 2:
        return rings[0] if rings else np.zeros((0, 2), np.int64)

    # Of each ring the others that hang on it: where it is left, the other's number, where that is entered.
    starts = np.concatenate([[0], np.cumsum([len(ring) for ring in rings])])
    hanging: list[list[tuple[int, int, int]]] = [[] for _ in rings]
    seen = _Points()
    for number, ring in enumerate(rings):
        if number:
            enter, leave = seen.nearest(ring)
            owner = int(np.searchsorted(starts, leave, side="right")) - 1
            hanging[owner].append((leave - int(starts[owner]), number, enter))
        seen.add(ring)

    # Around the first ring, and from each place where another hangs on it around that and back.
    pieces: list[Ring] = []
    under_way = [_tour(rings[0], hanging[0])]
    while under_way:
        step = next(under_way[-1], None)
        if step is None:
            under_way.pop()
        elif isinstance(step, tuple):
            number, enter = step
            under_way.append(_tour(rings[number], hanging[number], enter))
        else:
            pieces.append(step)
    return np.concatenate(pieces)


def _tour(
    ring: Ring, hanging: list[tuple[int, int, int]], enter: int | None = None
) -> Iterator[Ring | tuple[int, int]]:
    """The pieces of a ring in order, between them what hangs there; back to `enter` if it has one."""
    start = enter or 0
    turned = np.roll(ring, -start, axis=0)
    done = 0
    for leave, number, entered in sorted(((at - start) % len(ring), *rest) for at, *rest in hanging):
        yield turned[done : leave + 1]
        yield number, entered
        done = leave
    yield turned[done:]
    if enter is not None:
        yield turned[:1]


class _Points:
    """Points that come ring by ring and are asked for the nearest: k-d trees, each much larger than the next.

    A mask of noise has tens of thousands of rings; comparing each with all before it would take minutes.
    """

    def __init__(self) -> None:
        self._trees: list[tuple[int, cKDTree]] = []
        self._count = 0

    def add(self, points: Ring) -> None:
        start, together = self._count, points
        self._count += len(points)
        while self._trees and self._trees[-1][1].n < 2 * len(together):
            start, smaller = self._trees.pop()
            together = np.concatenate([smaller.data, together])
        self._trees.append((start, cKDTree(together, leafsize=64, balanced_tree=False)))

    def nearest(self, points: Ring) -> tuple[int, int]:
        """Positions of one of `points` and of one that was added, as close to each other as any two are."""
        best = (np.inf, 0, 0)
        for start, tree in self._trees:
            distances, positions = tree.query(points)
            here = int(distances.argmin())
            best = min(best, (float(distances[here]), here, start + int(positions[here])))
        return best[1:]


def _contours(mask: NDArray[np.uint8]) -> list[Ring]:
    """OpenCV's contours of a uint8 mask: pieces and holes, through the centres of border pixels."""
    if mask.size == 0:
        return []
    rings, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [ring[::-1, 0].astype(np.int64) for ring in rings]


def _doubled(crop: BoolArray) -> NDArray[np.uint8]:
    # Two equal bytes are one number: a third of the time of repeating both ways.
    wide = np.multiply(crop, np.uint16(0x0101), dtype=np.uint16, order="C").view(np.uint8)
    return wide.repeat(2, axis=0)


def _on_edges(ring: Ring) -> Ring:
    """A contour of a doubled mask, moved out by a quarter of a pixel to the original pixels' edges."""
    corners = (ring + 1) // 2
    repeated = (corners == np.roll(corners, 1, axis=0)).all(axis=1)
    return corners[~repeated]
