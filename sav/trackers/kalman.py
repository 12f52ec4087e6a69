"""Constant-velocity Kalman filters over boxes, for all tracks at once.

The motion and noise models of ByteTrack and BoT-SORT treat the four coordinates of a box alike and apart, so
the 8x8 covariance of a track is four 2x2 blocks, one per coordinate. A track's whole filter is then 5x4
numbers, and predicting and correcting are a few products over all tracks: exact, and without a matrix
inverse.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

POSITION, VELOCITY, VAR_POSITION, COVARIANCE, VAR_VELOCITY = range(5)  # rows of a track's (5, 4) filter state

_POSITION_WEIGHT = 1 / 20  # standard deviations as shares of the box's size, from DeepSORT (arXiv 1703.07402)
_VELOCITY_WEIGHT = 1 / 160


class BoxFilter(ABC):
    """A Kalman filter whose state is a box in some parametrisation, and that box's change per frame.

    States are `(N, 5, 4)` float64: position, velocity, variance of the position, covariance of both, and
    variance of the velocity, each for the four coordinates.
    """

    frozen_when_lost: tuple[int, ...]
    """Coordinates that stand still while a track is lost, so that an unseen box keeps its size."""

    @abstractmethod
    def measure(self, boxes_xyxy: Array) -> Array:
        """Turn `(N, 4)` corners into `(N, 4)` coordinates of this filter."""

    @abstractmethod
    def boxes_xyxy(self, states: Array) -> Array:
        """Return the estimated boxes, `(N, 4)` corners."""

    @abstractmethod
    def _deviations(self, positions: Array) -> tuple[Array, Array, Array]:
        """Return standard deviations, `(N, 4)`, of a step's position and velocity, and of a measurement."""

    @abstractmethod
    def _initial_deviations(self, positions: Array) -> tuple[Array, Array]:
        """Return standard deviations of position and velocity for tracks of one observation."""

    @abstractmethod
    def _scale_sizes(self, states: Array, scale: float) -> None:
        """Multiply the lengths among coordinates 2 and 3 by `scale`, in place."""

    def start(self, boxes_xyxy: Array) -> Array:
        """Return the states, `(N, 5, 4)`, of tracks that were seen once, at `boxes_xyxy`."""
        positions = self.measure(boxes_xyxy)
        states = np.zeros((len(positions), 5, 4))
        position, velocity = self._initial_deviations(positions)
        states[:, POSITION] = positions
        states[:, VAR_POSITION] = position**2
        states[:, VAR_VELOCITY] = velocity**2
        return states

    def predict(self, states: Array, lost: NDArray[np.bool_]) -> None:
        """Advance `states` by one frame, in place; rows that are `lost` keep their size."""
        states[:, VELOCITY, self.frozen_when_lost] *= ~lost[:, None]
        position, velocity, _ = self._deviations(states[:, POSITION])
        states[:, POSITION] += states[:, VELOCITY]
        states[:, VAR_POSITION] += 2 * states[:, COVARIANCE] + states[:, VAR_VELOCITY] + position**2
        states[:, COVARIANCE] += states[:, VAR_VELOCITY]
        states[:, VAR_VELOCITY] += velocity**2

    def correct(self, states: Array, boxes_xyxy: Array) -> Array:
        """Return `states` after observing `boxes_xyxy`, row by row."""
        _, _, measurement = self._deviations(states[:, POSITION])
        innovation = self.measure(boxes_xyxy) - states[:, POSITION]
        gain = states[:, VAR_POSITION : COVARIANCE + 1] / (states[:, VAR_POSITION] + measurement**2)[:, None]
        corrected = states.copy()
        corrected[:, POSITION : VELOCITY + 1] += gain * innovation[:, None]
        corrected[:, VAR_POSITION : COVARIANCE + 1] -= gain * states[:, VAR_POSITION, None]
        corrected[:, VAR_VELOCITY] -= gain[:, 1] * states[:, COVARIANCE]
        return corrected

    def warp(self, states: Array, warp: Array) -> None:
        """Carry `states` along a camera motion, in place (BoT-SORT, arXiv 2206.14651, section 3.2).

        Centres follow the whole warp, velocities its linear part, lengths its scale: a box stays upright when
        the picture turns. Variances are exact; the correlation that a rotation puts between x and y, second
        order in its angle, is left out so that coordinates stay apart.

        Args:
            states: `(N, 5, 4)` float64.
            warp: `(2, 3)`, from pixels of the frame before to pixels of this one.
        """
        linear = warp[:, :2]
        states[:, :2, :2] = states[:, :2, :2] @ linear.T
        states[:, POSITION, :2] += warp[:, 2]
        states[:, 2:, :2] = states[:, 2:, :2] @ np.square(linear).T
        self._scale_sizes(states, float(np.sqrt(abs(np.linalg.det(linear)))))


class AspectHeightFilter(BoxFilter):
    """Centre, aspect ratio (width by height) and height: ByteTrack's state (arXiv 2110.06864)."""

    frozen_when_lost = (3,)

    def measure(self, boxes_xyxy: Array) -> Array:
        """Turn `(N, 4)` corners into centre, aspect ratio and height."""
        measured = _centre_and_size(boxes_xyxy)
        measured[:, 2] /= measured[:, 3]
        return measured

    def boxes_xyxy(self, states: Array) -> Array:
        """Return the estimated boxes, `(N, 4)` corners."""
        half = states[:, POSITION, 3:] * 0.5
        half = np.concatenate([half * states[:, POSITION, 2:3], half], axis=1)
        centre = states[:, POSITION, :2]
        return np.concatenate([centre - half, centre + half], axis=1)

    def _deviations(self, positions: Array) -> tuple[Array, Array, Array]:
        height = positions[:, 3:]
        return (
            height * (_POSITION_WEIGHT * _NOT_ASPECT) + 1e-2 * _ASPECT,
            height * (_VELOCITY_WEIGHT * _NOT_ASPECT) + 1e-5 * _ASPECT,
            height * (_POSITION_WEIGHT * _NOT_ASPECT) + 1e-1 * _ASPECT,
        )

    def _initial_deviations(self, positions: Array) -> tuple[Array, Array]:
        height = positions[:, 3:]
        return (
            height * (2 * _POSITION_WEIGHT * _NOT_ASPECT) + 1e-2 * _ASPECT,
            height * (10 * _VELOCITY_WEIGHT * _NOT_ASPECT) + 1e-5 * _ASPECT,
        )

    def _scale_sizes(self, states: Array, scale: float) -> None:
        states[:, :2, 3] *= scale
        states[:, 2:, 3] *= scale**2


class WidthHeightFilter(BoxFilter):
    """Centre, width and height: BoT-SORT's state (arXiv 2206.14651, section 3.1)."""

    frozen_when_lost = (2, 3)

    def measure(self, boxes_xyxy: Array) -> Array:
        """Turn `(N, 4)` corners into centre, width and height."""
        return _centre_and_size(boxes_xyxy)

    def boxes_xyxy(self, states: Array) -> Array:
        """Return the estimated boxes, `(N, 4)` corners."""
        centre, half = states[:, POSITION, :2], states[:, POSITION, 2:] * 0.5
        return np.concatenate([centre - half, centre + half], axis=1)

    def _deviations(self, positions: Array) -> tuple[Array, Array, Array]:
        size = positions[:, _WIDTH_HEIGHT_TWICE]
        return _POSITION_WEIGHT * size, _VELOCITY_WEIGHT * size, _POSITION_WEIGHT * size

    def _initial_deviations(self, positions: Array) -> tuple[Array, Array]:
        size = positions[:, _WIDTH_HEIGHT_TWICE]
        return 2 * _POSITION_WEIGHT * size, 10 * _VELOCITY_WEIGHT * size

    def _scale_sizes(self, states: Array, scale: float) -> None:
        states[:, :2, 2:] *= scale
        states[:, 2:, 2:] *= scale**2


_ASPECT = np.array([0.0, 0.0, 1.0, 0.0])
_NOT_ASPECT = 1 - _ASPECT
_WIDTH_HEIGHT_TWICE = [2, 3, 2, 3]


def _centre_and_size(boxes_xyxy: Array) -> Array:
    size = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    return np.concatenate([(boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) * 0.5, size], axis=1)
