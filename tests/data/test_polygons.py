import cv2
import numpy as np
import pytest

from sav.data.masks import Masks
from sav.data.polygons import centre_rings, joined, outlines


def ragged_mask(seed: int, size_hw=(50, 70)) -> np.ndarray:
    """Pieces, holes, diagonal neighbours and borders, the coarser the smaller `seed` is."""
    noise = np.random.default_rng(seed).random(size_hw, np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 0.3 + 3.0 / (1 + seed))
    return smooth > np.median(smooth)


def one(mask: np.ndarray) -> Masks:
    return Masks.from_dense(mask[None])


def signed_area(ring: np.ndarray) -> float:
    x, y = ring.T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def inside(rings: list[np.ndarray], size_hw: tuple[int, int]) -> np.ndarray:
    """Which pixels' centres lie inside by the even-odd rule: the slow reference."""
    y, x = np.mgrid[: size_hw[0], : size_hw[1]] + 0.5
    found = np.zeros(size_hw, bool)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if y0 != y1:
                found ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_outlines_hold_the_mask_exactly(seed):
    mask = ragged_mask(seed)
    rings = next(outlines(one(mask)))
    assert sum(map(signed_area, rings)) == mask.sum()
    assert (inside(rings, mask.shape) == mask).all()
    whole = joined(rings)
    assert signed_area(whole) == mask.sum()
    assert (inside([whole], mask.shape) == mask).all()


def test_an_outline_runs_along_the_pixels_edges():
    mask = np.zeros((10, 10), bool)
    mask[2:5, 3:7] = True
    (ring,) = next(outlines(one(mask)))
    assert {tuple(point) for point in ring.tolist()} == {(3, 2), (7, 2), (7, 5), (3, 5)}
    assert signed_area(ring) == 12


def test_a_ring_with_a_hole_is_exact_when_filled():
    mask = np.zeros((30, 30), bool)
    mask[5:25, 5:25] = True
    mask[10:20, 12:18] = False
    assert (filled(next(centre_rings(one(mask))), mask.shape) == mask).all()


@pytest.mark.parametrize("seed", range(12))
def test_a_filled_ring_gives_the_mask_and_the_bridges(seed):
    mask = ragged_mask(seed)
    back = filled(next(centre_rings(one(mask))), mask.shape)
    assert back[mask].all()
    pieces = cv2.connectedComponents(mask.astype(np.uint8))[0] - 1
    holes = cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)[0] - 1
    assert (back & ~mask).sum() <= 15 * (pieces + holes)


def filled(ring: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros(size_hw, np.uint8)
    cv2.fillPoly(canvas, [ring.astype(np.int32)], 1)
    return canvas.astype(bool)


def test_empty_masks_have_no_rings():
    masks = Masks.from_dense(np.zeros((2, 8, 9), bool))
    assert list(outlines(masks)) == [[], []]
    assert [len(ring) for ring in centre_rings(masks)] == [0, 0]
    assert list(outlines(masks[:0])) == []


def test_noise_makes_one_ring_with_bridges_to_the_nearest():
    mask = np.random.default_rng(0).random((60, 80)) < 0.3
    back = filled(next(centre_rings(one(mask))), mask.shape)
    assert back[mask].all()
    assert (back & ~mask).sum() < 0.3 * mask.sum()
    (rings,) = outlines(one(mask))
    assert signed_area(joined(rings)) == mask.sum()
