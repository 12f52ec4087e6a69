"""Constant-velocity Kalman filters over boxes, for all tracks at once.

The motion and noise models of ByteTrack and BoT-SORT keep the four coordinates of a box apart, so the 8x8
covariance of a track is four 2x2 blocks, one per coordinate. A track's whole filter is then 5x4 numbers, one
step for all tracks is one small matrix product, and a correction needs no matrix inverse: exact, and cheap.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

POSITION, VELOCITY, VAR_POSITION, COVARIANCE, VAR_VELOCITY = range(5)  # planes of the filter states
_MEANS, _GAINED = slice(POSITION, VAR_POSITION), slice(VAR_POSITION, VAR_VELOCITY)

_STEP = np.array(
    [
        [1, 1, 0, 0, 0],  # position += velocity
        [0, 1, 0, 0, 0],
        [0, 0, 1, 2, 1],  # F P F' written out, F = [[1, 1], [0, 1]]
        [0, 0, 0, 1, 1],
        [0, 0, 0, 0, 1],
    ],
    np.float64,
)

_POSITION_NOISE = 1 / 20  # standard deviations as shares of the box's size, as in DeepSORT (arXiv 1703.07402)
_VELOCITY_NOISE = 1 / 160
_ASPECT = np.array([0.0, 0.0, 1.0, 0.0])

# Products with these are exact: corners of a box to its centre and size, and back.
_TO_CENTRES = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
_TO_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
_SIZES_TWICE = np.array([2, 3, 2, 3])


class BoxFilter(ABC):
    """A Kalman filter whose state is a box in some parametrisation, and that box's change per frame.

    States are `(5, N, 4)` float64: the four coordinates' positions, velocities, variances of the position,
    covariances of position and velocity, and variances of the velocity.
    """

    _lengths: slice
    """Coordinates that are lengths: zooming scales them, and they stand still while a track is lost."""

    @abstractmethod
    def measure(self, boxes_xyxy: Array) -> Array:
        """Turn `(N, 4)` corners into `(N, 4)` coordinates of this filter."""

    @abstractmethod
    def boxes_xyxy(self, states: Array) -> Array:
        """Return the estimated boxes, `(N, 4)` corners."""

    @abstractmethod
    def _noise(self, positions: Array) -> Callable[[float, float], Array]:
        """Return what gives variances, `(N, 4)`, of a deviation that is a share of the size.

        It takes that share, and the deviation of what is no length but a ratio.
        """

    def start(self, boxes_xyxy: Array) -> Array:
        """Return the states, `(5, N, 4)`, of tracks that were seen once, at `boxes_xyxy`."""
        positions = self.measure(boxes_xyxy)
        states = np.zeros((5, len(positions), 4))
        states[POSITION] = positions
        noise = self._noise(positions)
        states[VAR_POSITION] = noise(2 * _POSITION_NOISE, 1e-2)
        states[VAR_VELOCITY] = noise(10 * _VELOCITY_NOISE, 1e-5)
        return states

    def predict(self, states: Array, lost: NDArray[np.bool_]) -> Array:
        """Return `states` one frame later; tracks that are `lost`, `(N,)`, keep their size."""
        if np.count_nonzero(lost):
            states[VELOCITY, lost, self._lengths] = 0
        noise = self._noise(states[POSITION])
        later = (_STEP @ states.reshape(5, -1)).reshape(states.shape)
        later[VAR_POSITION] += noise(_POSITION_NOISE, 1e-2)
        later[VAR_VELOCITY] += noise(_VELOCITY_NOISE, 1e-5)
        return later

    def correct(self, states: Array, boxes_xyxy: Array) -> Array:
        """Return `states` after each was observed as the box in the same row of `boxes_xyxy`, `(N, 4)`."""
        noise = self._noise(states[POSITION])(_POSITION_NOISE, 1e-1)
        gains = states[_GAINED] / (states[VAR_POSITION] + noise)
        corrected = states.copy()
        corrected[_MEANS] += gains * (self.measure(boxes_xyxy) - states[POSITION])
        corrected[_GAINED] -= gains * states[VAR_POSITION]
        corrected[VAR_VELOCITY] -= gains[1] * states[COVARIANCE]
        return corrected

    def warp(self, states: Array, warp: Array) -> None:
        """Carry `states` along a motion of the camera, in place (BoT-SORT, arXiv 2206.14651, section 3.2).

        Centres follow the whole warp, velocities its linear part, lengths its scale: a box stays upright when
        the picture turns. Variances are exact; the slight correlation that a roll puts between x and y is
        left out, so that coordinates stay apart.

        Args:
            states: `(5, N, 4)` float64.
            warp: `(2, 3)`, from pixels of the frame before to pixels of this one.
        """
        linear = warp[:, :2]
        squared_scale = abs(linear[0, 0] * linear[1, 1] - linear[0, 1] * linear[1, 0])
        states[_MEANS, :, :2] = states[_MEANS, :, :2] @ linear.T
        states[POSITION, :, :2] += warp[:, 2]
        states[VAR_POSITION:, :, :2] = states[VAR_POSITION:, :, :2] @ np.square(linear).T
        states[_MEANS, :, self._lengths] *= np.sqrt(squared_scale)
        states[VAR_POSITION:, :, self._lengths] *= squared_scale


class AspectHeightFilter(BoxFilter):
    """Centre, aspect ratio (width by height) and height: ByteTrack's state (arXiv 2110.06864)."""

    _lengths = slice(3, 4)

    def measure(self, boxes_xyxy: Array) -> Array:
        """Turn `(N, 4)` corners into centre, aspect ratio and height."""
        measured = boxes_xyxy @ _TO_CENTRES
        measured[:, 2] /= measured[:, 3]
        return measured

    def boxes_xyxy(self, states: Array) -> Array:
        """Return the estimated boxes, `(N, 4)` corners."""
        positions = states[POSITION].copy()
        positions[:, 2] *= positions[:, 3]
        return positions @ _TO_CORNERS

    def _noise(self, positions: Array) -> Callable[[float, float], Array]:
        squares = np.square(positions[:, 3:])
        return lambda share, aspect: squares * (share**2 * (1 - _ASPECT)) + aspect**2 * _ASPECT


class WidthHeightFilter(BoxFilter):
    """Centre, width and height: BoT-SORT's state (arXiv 2206.14651, section 3.1)."""

    _lengths = slice(2, 4)

    def measure(self, boxes_xyxy: Array) -> Array:
        """Turn `(N, 4)` corners into centre, width and height."""
        return boxes_xyxy @ _TO_CENTRES

    def boxes_xyxy(self, states: Array) -> Array:
        """Return the estimated boxes, `(N, 4)` corners."""
        return states[POSITION] @ _TO_CORNERS

    def _noise(self, positions: Array) -> Callable[[float, float], Array]:
        squares = np.square(positions).take(_SIZES_TWICE, 1)
        return lambda share, aspect: squares * share**2
