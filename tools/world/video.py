"""A street in motion: objects that pass, cross and hide one another, and a camera that slowly turns."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tools.world.beings import being
from tools.world.camera import Camera
from tools.world.scene import Scene, Sky, Street, backdrop, in_paint_order, make_sky
from tools.world.shapes import Entity
from tools.world.vehicles import vehicle

STRIDES_PER_METRE = 4.2


class Acting(Protocol):
    """What moves."""

    def entity(self, seconds: float, track_id: int) -> Entity:
        """What there is to draw at a time."""


@dataclass(frozen=True)
class Actor:
    """Something that moves along the street at a steady speed.

    Attributes:
        name: COCO class name.
        seed: Decides how it looks.
        x: Place along the street when the clip begins, in metres.
        z: Distance from the viewer's line in metres.
        speed: Metres a second along the street; its sign is the direction. A parked thing has 0.
        drift: Metres a second away from the viewer.
        heading: Where a parked thing looks.
    """

    name: str
    seed: int
    x: float
    z: float
    speed: float
    drift: float = 0.0
    heading: int = 1

    def entity(self, seconds: float, track_id: int) -> Entity:
        """What there is to draw at a time."""
        x, z = self.x + self.speed * seconds, self.z + self.drift * seconds
        heading = int(np.sign(self.speed)) or self.heading
        if self.name in ("person", "dog"):
            phase = abs(self.speed) * seconds * STRIDES_PER_METRE if self.speed else None
            return being(self.name, self.seed, x, z, heading, phase, track_id)
        return vehicle(self.name, self.seed, x, z, heading, track_id=track_id)


@dataclass(frozen=True)
class Clip:
    """A clip: where the camera stands and turns, what stays, and what moves.

    Attributes:
        camera: The camera when the clip begins.
        turn: How far it turns to either side, in radians, once there and back in `seconds`.
        seconds: Length of the clip.
        sky: Weather and light.
        behind: The ground and what lies behind it, in the order of painting.
        scenery: Standing surroundings.
        actors: What moves; the first has track id 1.
        seed: Decides the texture.
    """

    camera: Camera
    turn: float
    seconds: float
    sky: Sky
    behind: tuple[Entity, ...]
    scenery: tuple[Entity, ...]
    actors: tuple[Acting, ...]
    seed: int

    def scene(self, seconds: float) -> Scene:
        """The scene at a time after the beginning; every actor keeps its track id."""
        yaw = self.camera.yaw + self.turn * np.sin(2 * np.pi * seconds / self.seconds)
        camera = replace(self.camera, yaw=float(yaw))
        acting = [actor.entity(seconds, i) for i, actor in enumerate(self.actors, 1)]
        standing = in_paint_order(camera, [*self.scenery, *acting])
        return Scene(camera, self.sky, (*self.behind, *standing), self.seed)


def make_clip(seed: int, size: tuple[int, int] = (768, 432), seconds: float = 10.0) -> Clip:
    """The clip that `seed` stands for: people who cross and are hidden by a bus, cars, a dog, a bicycle."""
    rng = np.random.default_rng([seed, 20240229])
    width, height = size
    camera = Camera(width, height, width * 0.95, height * 0.42, 0.0, 2.6, float(rng.uniform(-0.12, 0.12)))
    sky = make_sky(rng, "clear")
    street = Street((6.0, 10.0), (10.0, 18.5), (18.5, 21.5), None, 24.0)
    wide = replace(camera, focal=camera.focal * 0.8)
    things = backdrop(rng, sky, wide, street)
    return Clip(
        camera,
        0.09,
        seconds,
        sky,
        tuple(e for e in things if e.name not in ("house", "tree")),
        tuple(e for e in things if e.name in ("house", "tree")),
        cast(rng, seconds),
        seed,
    )


def cast(rng: np.random.Generator, seconds: float) -> tuple[Actor, ...]:
    """Who acts: people who meet half-way on the pavements, and traffic that hides them for a while."""

    def look() -> int:
        return int(rng.integers(2**31))

    half = seconds / 2
    walk = rng.uniform(0.75, 1.0)
    return (
        Actor("person", look(), -walk * half - 0.4, 9.4, walk),
        Actor("person", look(), walk * half + 0.6, 8.2, -walk),
        Actor("person", look(), 2.0, 19.4, 0.45),
        Actor("person", look(), -3.0, 20.0, -0.3),
        Actor("dog", look(), -walk * half + 0.9, 9.3, walk),
        Actor("bicycle", look(), 4.4, 19.2, 0.0, heading=-1),
        Actor("bus", look(), -33.0, 14.9, 7.0),
        Actor("car", look(), 14.0, 11.2, -4.2),
        Actor("car", look(), 33.0, 11.0, -4.2),
        Actor("truck", look(), -63.0, 15.0, 7.0),
    )
