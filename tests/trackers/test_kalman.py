"""The vectorised filters against the plain 8x8 Kalman filter that they stand for."""

import numpy as np
import pytest

from sav.trackers.kalman import AspectHeightFilter, WidthHeightFilter

MOTION = np.eye(8) + np.eye(8, k=4)
OBSERVATION = np.eye(4, 8)


class TextbookFilter:
    """One track's Kalman filter, written with whole matrices."""

    def __init__(self, kind, box):
        self.kind = kind
        self.mean = np.concatenate([self.measure(box), np.zeros(4)])
        self.covariance = np.diag(np.concatenate([self.noise(2 / 20, 1e-2), self.noise(10 / 160, 1e-5)]))

    def measure(self, box):
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        third = width / height if self.kind == "aspect" else width
        return np.array([(left + right) / 2, (top + bottom) / 2, third, height])

    def noise(self, share, aspect):
        third, height = self.mean[2:4]
        if self.kind == "aspect":
            return np.square([share * height, share * height, aspect, share * height])
        return np.square([share * third, share * height, share * third, share * height])

    def predict(self):
        step = np.diag(np.concatenate([self.noise(1 / 20, 1e-2), self.noise(1 / 160, 1e-5)]))
        self.mean = MOTION @ self.mean
        self.covariance = MOTION @ self.covariance @ MOTION.T + step

    def correct(self, box):
        innovation = OBSERVATION @ self.covariance @ OBSERVATION.T + np.diag(self.noise(1 / 20, 1e-1))
        gain = self.covariance @ OBSERVATION.T @ np.linalg.inv(innovation)
        self.mean = self.mean + gain @ (self.measure(box) - OBSERVATION @ self.mean)
        self.covariance = (np.eye(8) - gain @ OBSERVATION) @ self.covariance

    def warp(self, warp):
        linear, scale = warp[:, :2], np.sqrt(np.linalg.det(warp[:, :2]))
        sizes = np.diag([1, scale] if self.kind == "aspect" else [scale, scale])
        whole = np.kron(np.eye(2), np.block([[linear, np.zeros((2, 2))], [np.zeros((2, 2)), sizes]]))
        self.mean = whole @ self.mean
        self.mean[:2] += warp[:, 2]
        self.covariance = whole @ self.covariance @ whole.T


class TwoFilters:
    """The same boxes in a vectorised filter and in textbook ones."""

    def __init__(self, kind, boxes):
        self.filter = AspectHeightFilter() if kind == "aspect" else WidthHeightFilter()
        self.states = self.filter.start(boxes)
        self.textbook = [TextbookFilter(kind, box) for box in boxes]

    def predict(self):
        self.states = self.filter.predict(self.states, np.zeros(self.states.shape[1], bool))
        for one in self.textbook:
            one.predict()

    def correct(self, boxes):
        self.states = self.filter.correct(self.states, boxes)
        for one, box in zip(self.textbook, boxes, strict=True):
            one.correct(box)

    def warp(self, warp):
        self.filter.warp(self.states, warp)
        for one in self.textbook:
            one.warp(warp)

    def assert_same(self, rtol=1e-9, pixels=1e-9, correlation=1e-9):
        """Compare means and variances, and bound the correlation of coordinates that ours leaves out."""
        for track, one in enumerate(self.textbook):
            position, velocity, var_position, covariance, var_velocity = self.states[:, track]
            np.testing.assert_allclose(np.concatenate([position, velocity]), one.mean, rtol=rtol, atol=pixels)
            np.testing.assert_allclose(var_position, np.diag(one.covariance)[:4], rtol=rtol)
            np.testing.assert_allclose(var_velocity, np.diag(one.covariance)[4:], rtol=rtol)
            np.testing.assert_allclose(covariance, np.diag(one.covariance, 4), rtol=rtol, atol=1e-15)
            deviations = np.sqrt(np.diag(one.covariance))
            off = one.covariance / np.outer(deviations, deviations)
            off[np.arange(8), np.arange(8)] = off[np.arange(4), np.arange(4, 8)] = 0
            off[np.arange(4, 8), np.arange(4)] = 0
            assert np.abs(off).max() <= correlation


def random_boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 500, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 200, (count, 2))], 1)


@pytest.mark.parametrize("kind", ["aspect", "width"])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_many_steps_give_what_the_textbook_gives(kind, count):
    rng = np.random.default_rng(1)
    boxes = random_boxes(count)
    both = TwoFilters(kind, boxes)
    for step in range(20):
        both.predict()
        if step % 3:
            both.correct(boxes + step + rng.normal(0, 2, boxes.shape))
        both.assert_same()


@pytest.mark.parametrize("kind", ["aspect", "width"])
def test_a_camera_that_shifts_and_zooms_is_followed_exactly(kind):
    both = TwoFilters(kind, random_boxes(4))
    for step in range(6):
        both.predict()
        both.warp(np.array([[1.02, 0, 5.0 - step], [0, 1.02, -3.0]]))
        both.correct(random_boxes(4) + 2 * step)
        both.assert_same()


@pytest.mark.parametrize("kind", ["aspect", "width"])
def test_a_camera_that_rolls_is_followed_with_a_correlation_too_small_to_matter(kind):
    angle = np.deg2rad(0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle), 3.0], [np.sin(angle), np.cos(angle), -2.0]])
    boxes = np.array([[100.0, 50, 140, 150], [300, 200, 400, 300], [20, 300, 220, 400]])
    both = TwoFilters(kind, boxes)
    for step in range(10):
        both.predict()
        both.warp(turn)
        both.correct(boxes + step * np.array([3, -2, 3, -2]))
    both.assert_same(rtol=1e-2, pixels=0.1, correlation=0.05)


@pytest.mark.parametrize("kind", [AspectHeightFilter, WidthHeightFilter])
def test_a_measured_box_comes_back_as_it_was(kind):
    boxes = random_boxes(5)
    np.testing.assert_allclose(kind().boxes_xyxy(kind().start(boxes)), boxes)


@pytest.mark.parametrize("kind", [AspectHeightFilter, WidthHeightFilter])
def test_a_lost_box_moves_on_but_keeps_its_size(kind):
    boxes = np.array([[0.0, 0, 40, 80]])
    states = kind().start(boxes)
    for step in range(1, 12):
        states = kind().predict(states, np.array([False]))
        states = kind().correct(states, boxes * (1 + 0.02 * step) + 5 * step)
    before = kind().boxes_xyxy(states)[0]
    for _ in range(10):
        states = kind().predict(states, np.array([True]))
    after = kind().boxes_xyxy(states)[0]
    assert after[0] > before[0] + 20
    np.testing.assert_allclose(after[3] - after[1], before[3] - before[1], rtol=1e-9)
    np.testing.assert_allclose(after[2] - after[0], before[2] - before[0], rtol=1e-2)
