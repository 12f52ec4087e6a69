"""People who walk to and fro in the open, turn as they like and pass before and behind one another.

    python -m tools.world.crowd FOLDER

writes `alike.mp4` and `colours.mp4`, with their exact truth in COCO form beside them. Nobody is hidden for
long, but somebody always is in part, and nobody comes out of a crossing the way that they went in for sure.
"""

from dataclasses import dataclass

import numpy as np

from tools.world.beings import being
from tools.world.people import SIZE, different_looks, make_people, write_both
from tools.world.shapes import Entity
from tools.world.video import STRIDES_PER_METRE, Clip

FRAMES_PER_SECOND = 15
SECONDS = 20
PEOPLE = 6
_NEAREST_Z, _LANE = 8.2, 0.7
_HALF_WIDTH = 4.0
_STEPS_A_SECOND = 30


@dataclass(frozen=True)
class Stroller:
    """Somebody who walks to and fro: three swings of their own, one on top of the other.

    Attributes:
        seed: Decides how they look.
        z: Distance from the viewer's line in metres.
        reaches: How far each swing goes to either side, in metres.
        periods: How long each takes there and back, in seconds.
        phases: Where in each they begin, in radians.
    """

    seed: int
    z: float
    reaches: tuple[float, ...]
    periods: tuple[float, ...]
    phases: tuple[float, ...]

    def entity(self, seconds: float, track_id: int) -> Entity:
        """What there is to draw at a time."""
        places = self._x(np.linspace(0, seconds, int(seconds * _STEPS_A_SECOND) + 2))
        walked = float(np.abs(np.diff(places)).sum())
        heading = 1 if places[-1] >= places[-2] else -1
        return being(
            "person", self.seed, float(places[-1]), self.z, heading, walked * STRIDES_PER_METRE, track_id
        )

    def _x(self, seconds: np.ndarray) -> np.ndarray:
        angles = 2 * np.pi * seconds[:, None] / np.array(self.periods) + np.array(self.phases)
        return np.asarray((np.array(self.reaches) * np.sin(angles)).sum(1))


def make_crowd(seed: int, alike: bool, size: tuple[int, int] = SIZE) -> Clip:
    """The clip that `seed` stands for, with people who look `alike`, or as different as can be."""
    rng = np.random.default_rng([seed, 20261127])
    return make_people(rng, seed, PEOPLE if alike else different_looks(PEOPLE), _stroller, size)


def _stroller(rng: np.random.Generator, number: int, look: int) -> Stroller:
    shares = rng.dirichlet(np.ones(3))
    return Stroller(
        look,
        _NEAREST_Z + _LANE * number,
        tuple((_HALF_WIDTH * shares).tolist()),
        tuple(rng.uniform(5, 16, 3).tolist()),
        tuple(rng.uniform(0, 2 * np.pi, 3).tolist()),
    )


if __name__ == "__main__":
    write_both(make_crowd, __doc__, 3_300_000, FRAMES_PER_SECOND, SECONDS)
