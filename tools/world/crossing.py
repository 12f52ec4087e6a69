"""Ten people who cross, two and two, behind a wall: all alike, or each in other colours.

    python -m tools.world.crossing FOLDER

writes `alike.mp4` and `colours.mp4`, a minute each, with their exact truth in COCO form beside them. Behind
the wall everybody stops for a moment, so that nobody comes out where and when their walk said.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.world.beings import being
from tools.world.camera import Camera
from tools.world.make_samples import write_clip
from tools.world.scene import Scene, Sky, Street, backdrop, in_paint_order, make_sky
from tools.world.shapes import Entity, Material, Sketch
from tools.world.video import STRIDES_PER_METRE

SIZE = (640, 360)
FRAMES_PER_SECOND = 10
SECONDS = 60
PEOPLE = 10
WALL_Z, WALL_HALF_WIDTH, WALL_HEIGHT = 9.0, 1.7, 2.6
"""Where the wall stands, in metres."""

_FIRST_Z, _LANE = 9.8, 0.3
_START_X, _SPEED = 6.8, 1.2
_EVERY_SECONDS = 11.8
_LOOKS = 60


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


@dataclass(frozen=True)
class Crossing:
    """A clip of people behind a wall; as `tools.world.video.Clip`, it gives the scene of a time.

    Attributes:
        camera: Stands still.
        sky: Weather and light.
        behind: What lies behind everything, in the order of painting.
        standing: The wall, houses and trees.
        walkers: Who walks; the first has track id 1.
        seed: Decides the texture.
    """

    camera: Camera
    sky: Sky
    behind: tuple[Entity, ...]
    standing: tuple[Entity, ...]
    walkers: tuple[Walker, ...]
    seed: int

    def scene(self, seconds: float) -> Scene:
        """The scene at a time after the beginning; everybody keeps their track id."""
        acting = [walker.entity(seconds, number) for number, walker in enumerate(self.walkers, 1)]
        things = in_paint_order(self.camera, [*self.standing, *acting])
        return Scene(self.camera, self.sky, (*self.behind, *things), self.seed)


def make_crossing(seed: int, alike: bool, size: tuple[int, int] = SIZE) -> Crossing:
    """The clip that `seed` stands for, with people who look `alike`, or as different as can be."""
    rng = np.random.default_rng([seed, 20241126])
    width, height = size
    camera = Camera(width, height, width * 0.95, height * 0.4, 0.0, 2.4, 0.0)
    sky = make_sky(rng, "clear")
    things = backdrop(rng, sky, camera, Street((6.0, 14.0), (14.0, 20.0), (20.0, 23.0), None, 26.0))
    is_far = [entity.name not in ("house", "tree") for entity in things]
    looks = [int(rng.integers(_LOOKS))] * PEOPLE if alike else different_looks(PEOPLE)
    return Crossing(
        camera,
        sky,
        tuple(entity for entity, far in zip(things, is_far, strict=True) if far),
        (wall(), *(entity for entity, far in zip(things, is_far, strict=True) if not far)),
        tuple(_walker(rng, number, look) for number, look in enumerate(looks)),
        seed,
    )


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


def different_looks(count: int) -> list[int]:
    """The seeds of people whose clothes differ most in colour, each from all before."""
    colours = np.array([_clothes(seed) for seed in range(_LOOKS)])  # (looks, 6)
    chosen = [0]
    while len(chosen) < count:
        distances = np.linalg.norm(colours[:, None] - colours[chosen], axis=2).min(1)
        chosen.append(int(distances.argmax()))
    return chosen


def _clothes(seed: int) -> np.ndarray:
    """Blue, green and red of a person's shirt and trousers, `(6,)`."""
    faces = being("person", seed, 0, 0, 1).faces
    by_part = {face.part: face.material.colour for face in faces}
    return np.array([*by_part["torso"], *by_part["legs"]], float)


def main() -> None:
    """Renders both clips; the same version of the code gives the same pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=3_200_000)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, alike in (("alike", True), ("colours", False)):
        clip = make_crossing(args.seed, alike)
        paths = args.folder / f"{name}.mp4", args.folder / f"{name}.json"
        write_clip(clip, *paths, SIZE, FRAMES_PER_SECOND, SECONDS)


if __name__ == "__main__":
    main()
