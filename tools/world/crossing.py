"""Ten people who cross, two and two, behind a wall: all alike, or each in other colours.

    python -m tools.world.crossing FOLDER

writes `alike.mp4` and `colours.mp4`, a minute each, with their exact truth in COCO form beside them. Behind
the wall everybody stops for a moment, so that nobody comes out where and when their walk said.
"""

from dataclasses import dataclass

import numpy as np

from tools.world.beings import being
from tools.world.people import SIZE, different_looks, make_people, write_both
from tools.world.shapes import Entity, Material, Sketch
from tools.world.video import STRIDES_PER_METRE, Clip

FRAMES_PER_SECOND = 10
SECONDS = 60
PEOPLE = 10
WALL_Z, WALL_HALF_WIDTH, WALL_HEIGHT = 9.0, 1.7, 2.6
"""Where the wall stands, in metres."""

_FIRST_Z, _LANE = 9.8, 0.3
_START_X, _SPEED = 6.8, 1.2
_EVERY_SECONDS = 11.8


@dataclass(frozen=True)
class Walker:
    """Somebody who walks from one side to the other and stops for a while in the middle.

    Attributes:
        seed: Decides how they look.
        z: Distance from the viewer's line in metres.
        heading: 1 from left to right, -1 from right to left.
        start: When they begin, in seconds.
        pause: For how many seconds they stop.
    """

    seed: int
    z: float
    heading: int
    start: float
    pause: float

    def entity(self, seconds: float, track_id: int) -> Entity:
        """What there is to draw at a time."""
        to_middle, since = _START_X / _SPEED, seconds - self.start
        walked = _SPEED * (since - float(np.clip(since - to_middle, 0, self.pause)))
        x, phase = self.heading * (walked - _START_X), walked * STRIDES_PER_METRE
        return being("person", self.seed, x, self.z, self.heading, phase, track_id)


def make_crossing(seed: int, alike: bool, size: tuple[int, int] = SIZE) -> Clip:
    """The clip that `seed` stands for, with people who look `alike`, or as different as can be."""
    rng = np.random.default_rng([seed, 20241126])
    looks = PEOPLE if alike else different_looks(PEOPLE)
    return make_people(rng, seed, looks, _walker, size, (wall(),))


def _walker(rng: np.random.Generator, number: int, look: int) -> Walker:
    pair, side = divmod(number, 2)
    start = pair * _EVERY_SECONDS + float(rng.uniform(0, 0.4))
    z = _FIRST_Z + _LANE * int(rng.integers(4)) + 2 * _LANE * side
    return Walker(look, z, 1 - 2 * side, start, float(rng.uniform(0.4, 1.2)))


def wall() -> Entity:
    """A wall higher than anybody."""
    sketch, w = Sketch(), WALL_HALF_WIDTH
    sketch.box("wall", -w, w, 0, WALL_HEIGHT, Material((120, 140, 168), 1.02, 0.94, 0.05, 0.03))
    return Entity("wall", tuple(sketch.faces), 0.0, WALL_Z, footprint=(w, 0.2, WALL_HEIGHT))


if __name__ == "__main__":
    write_both(make_crossing, __doc__, 3_200_000, FRAMES_PER_SECOND, SECONDS)
