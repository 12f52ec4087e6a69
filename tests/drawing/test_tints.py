"""Lines of boxes: quick ones are the pixels that slow ones are."""

import numpy as np

from sav.drawing.tints import _rectangle


def test_a_whole_box_has_the_pixels_of_bars_along_the_inside_of_its_sides():
    random = np.random.default_rng(0)
    for _ in range(200):
        height, width, thickness = random.integers(1, [30, 30, 5]).tolist()
        x0, x1 = np.sort(random.integers(-9, width + 9, 2)).tolist()
        y0, y1 = np.sort(random.integers(-9, height + 9, 2)).tolist()
        drawn = np.zeros((height, width, 3), np.uint8)
        _rectangle(drawn, (x0, y0, x1, y1), (1, 2, 3), thickness, dash=100)

        wanted = np.zeros_like(drawn)
        across, down = (slice(max(0, x0), max(0, x1)), slice(max(0, y0), max(0, y1)))
        for begin in (y0, y1 - thickness):
            wanted[max(0, begin) : max(0, begin + thickness), across] = 1, 2, 3
        for begin in (x0, x1 - thickness):
            wanted[down, max(0, begin) : max(0, begin + thickness)] = 1, 2, 3
        assert np.array_equal(drawn, wanted)
