"""People who walk to and fro in the open, turn as they like and pass before and behind one another.

    python -m tools.world.crowd FOLDER

writes `alike.mp4` and `colours.mp4`, with their exact truth in COCO form beside them. Nobody is hidden for
long, but somebody always is in part, and nobody comes out of a crossing the way that they went in for sure.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.world.beings import being
from tools.world.camera import Camera
from tools.world.crossing import different_looks
from tools.world.make_samples import write_clip
from tools.world.scene import Scene, Sky, Street, backdrop, in_paint_order, make_sky
from tools.world.shapes import Entity
from tools.world.video import STRIDES_PER_METRE

SIZE = (640, 360)
FRAMES_PER_SECOND = 15
SECONDS = 20
PEOPLE = 6
_NEAREST_Z, _LANE = 8.2, 0.7
_HALF_WIDTH = 4.0
_STEPS_A_SECOND = 30
_LOOKS = 60


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


@dataclass(frozen=True)
class Crowd:
    """A clip of strollers; as `tools.world.video.Clip`, it gives the scene of a time.

    Attributes:
        camera: Stands still.
        sky: Weather and light.
        behind: What lies behind everything, in the order of painting.
        standing: Houses and trees.
        strollers: Who walks; the first has track id 1.
        seed: Decides the texture.
    """

    camera: Camera
    sky: Sky
    behind: tuple[Entity, ...]
    standing: tuple[Entity, ...]
    strollers: tuple[Stroller, ...]
    seed: int

    def scene(self, seconds: float) -> Scene:
        """The scene at a time after the beginning; everybody keeps their track id."""
        acting = [stroller.entity(seconds, number) for number, stroller in enumerate(self.strollers, 1)]
        things = in_paint_order(self.camera, [*self.standing, *acting])
        return Scene(self.camera, self.sky, (*self.behind, *things), self.seed)


def make_crowd(seed: int, alike: bool, size: tuple[int, int] = SIZE) -> Crowd:
    """The clip that `seed` stands for, with people who look `alike`, or as different as can be."""
    rng = np.random.default_rng([seed, 20261127])
    width, height = size
    camera = Camera(width, height, width * 0.95, height * 0.4, 0.0, 2.4, 0.0)
    sky = make_sky(rng, "clear")
    things = backdrop(rng, sky, camera, Street((6.0, 14.0), (14.0, 20.0), (20.0, 23.0), None, 26.0))
    is_far = [entity.name not in ("house", "tree") for entity in things]
    looks = [int(rng.integers(_LOOKS))] * PEOPLE if alike else different_looks(PEOPLE)
    return Crowd(
        camera,
        sky,
        tuple(entity for entity, far in zip(things, is_far, strict=True) if far),
        tuple(entity for entity, far in zip(things, is_far, strict=True) if not far),
        tuple(_stroller(rng, number, look) for number, look in enumerate(looks)),
        seed,
    )


def _stroller(rng: np.random.Generator, number: int, look: int) -> Stroller:
    shares = rng.dirichlet(np.ones(3))
    return Stroller(
        look,
        _NEAREST_Z + _LANE * number,
        tuple((_HALF_WIDTH * shares).tolist()),
        tuple(rng.uniform(5, 16, 3).tolist()),
        tuple(rng.uniform(0, 2 * np.pi, 3).tolist()),
    )


def main() -> None:
    """Renders both clips; the same version of the code gives the same pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=3_300_000)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, alike in (("alike", True), ("colours", False)):
        clip = make_crowd(args.seed, alike)
        paths = args.folder / f"{name}.mp4", args.folder / f"{name}.json"
        write_clip(clip, *paths, SIZE, FRAMES_PER_SECOND, SECONDS)


if __name__ == "__main__":
    main()
