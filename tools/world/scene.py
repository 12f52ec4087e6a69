"""What is where: a street scene laid out from a seed."""

from dataclasses import dataclass, replace

import numpy as np

from tools.world.beings import being
from tools.world.camera import Camera
from tools.world.shapes import Colour, Entity, Material
from tools.world.surroundings import FAR_M, GRASS, cloud, ground, hills, house, rails, sun, tree
from tools.world.vehicles import vehicle

CLASSES: dict[int, str] = {0: "person", 1: "bicycle", 2: "car", 5: "bus", 6: "train", 7: "truck", 16: "dog"}
"""COCO's own class numbers (as ultralytics counts them, from 0) and names of all labelled objects."""

WEATHER = ("clear", "overcast", "rain", "fog", "snow", "dusk", "night")
LENGTHS: dict[str, float] = {"car": 4.8, "bus": 12.0, "truck": 9.2, "bicycle": 2.0, "train": 48.0}


@dataclass(frozen=True)
class Sky:
    """Weather and light.

    Attributes:
        weather: One of `WEATHER`.
        top: Colour of the zenith.
        low: Colour at the horizon, which fog takes too.
        light: Factor `(3,)` on blue, green, red of all that does not glow.
        fog: Distance in metres in which a third of the view is left.
        sun: Shadow that a metre of height throws, along x and z in metres.
        shadow: Darkness of shadows, 0 to 1.
        night: 0 by day, 1 when lamps are lit.
    """

    weather: str
    top: Colour
    low: Colour
    light: Colour
    fog: float
    sun: tuple[float, float]
    shadow: float
    night: float


@dataclass(frozen=True)
class Scene:
    """A camera, the sky, and entities in the order in which they are painted, the farthest first."""

    camera: Camera
    sky: Sky
    entities: tuple[Entity, ...]
    seed: int


@dataclass(frozen=True)
class Street:
    """Distances in metres of the strips of a street; vehicles keep to the lanes, people to the pavements."""

    near_pavement: tuple[float, float]
    road: tuple[float, float]
    far_pavement: tuple[float, float]
    rail: float | None
    houses: float


def make_sky(rng: np.random.Generator, weather: str | None = None) -> Sky:
    """Draws the weather, or fills in the weather asked for."""
    kind = weather or str(rng.choice(WEATHER, p=(0.34, 0.2, 0.1, 0.08, 0.1, 0.1, 0.08)))
    slant = (float(rng.uniform(-1.2, 1.2)), float(rng.uniform(-0.1, 0.7)))
    warm = rng.uniform(0.94, 1.06)
    table: dict[str, tuple[Colour, Colour, Colour, float, float, float]] = {
        "clear": ((214, 150, 82), (236, 214, 186), (1.0, 1.03, 1.07), 900.0, 0.42, 0.0),
        "overcast": ((186, 178, 168), (212, 206, 200), (0.95, 0.93, 0.91), 420.0, 0.16, 0.0),
        "rain": ((140, 130, 120), (172, 164, 156), (0.82, 0.78, 0.74), 150.0, 0.1, 0.3),
        "fog": ((206, 204, 202), (214, 212, 210), (0.95, 0.94, 0.93), 62.0, 0.08, 0.15),
        "snow": ((206, 200, 194), (226, 222, 218), (1.02, 0.99, 0.96), 200.0, 0.14, 0.1),
        "dusk": ((128, 76, 66), (110, 150, 236), (0.72, 0.72, 0.86), 500.0, 0.3, 0.8),
        "night": ((58, 36, 26), (88, 62, 50), (0.52, 0.43, 0.39), 400.0, 0.2, 1.0),
    }
    top, low, light, fog, shadow, night = table[kind]
    light = (light[0] / warm, light[1], light[2] * warm)
    return Sky(kind, top, low, light, fog * float(rng.uniform(0.8, 1.3)), slant, shadow, night)


def make_camera(rng: np.random.Generator, size: tuple[int, int]) -> Camera:
    """A camera for a picture of `size` (width, height)."""
    width, height = size
    focal = width * rng.uniform(0.78, 1.1)
    return Camera(
        width,
        height,
        focal,
        height * rng.uniform(0.36, 0.5),
        0.0,
        rng.uniform(1.9, 4.2),
        rng.uniform(-0.55, 0.55),
    )


def make_street(rng: np.random.Generator, railway: bool) -> Street:
    """Draws the strips of a street."""
    near = rng.uniform(5.5, 8.5)
    road = near + rng.uniform(2.5, 4.0)
    end = road + rng.uniform(8.0, 9.5)
    far = end + rng.uniform(2.2, 4.0)
    rail = far + rng.uniform(2.5, 5.0) if railway else None
    return Street(
        (near, road), (road, end), (end, far), rail, (rail + 7.0 if rail else far) + rng.uniform(1.0, 6.0)
    )


def backdrop(rng: np.random.Generator, sky: Sky, camera: Camera, street: Street) -> list[Entity]:
    """Everything that is not labelled: sky, hills, ground, houses and trees."""
    snow = sky.weather == "snow"
    white: Colour = (228, 224, 220)
    lawn = white if snow else GRASS[rng.integers(len(GRASS))]
    grass = Material(lawn, 1, 1, 0.07, 0.07, 0.0, True)
    tar = rng.uniform(78, 116)
    asphalt = Material((tar * 1.03, tar, tar * 0.98), 1, 1, 0.07, 0.04, 0.0, True)
    slabs = rng.uniform(138, 186)
    pavement = Material((slabs * 0.94, slabs * 0.98, slabs), 1, 1, 0.05, 0.04, 0.0, True)
    things: list[Entity] = []
    left, right = camera.visible_x(FAR_M)
    if sky.weather in ("clear", "dusk", "night") and rng.random() < 0.6:
        disc: Colour = (225, 245, 255) if sky.weather != "dusk" else (90, 170, 255)
        things.append(sun(rng.uniform(left, right), rng.uniform(70, 150), disc))
    if sky.weather in ("clear", "dusk", "overcast"):
        tint: Colour = {"clear": (246, 244, 242), "dusk": (150, 150, 214), "overcast": (222, 218, 214)}[
            sky.weather
        ]  # type: ignore[assignment]
        for x in np.linspace(left, right, 12)[rng.random(12) < 0.28]:
            things.append(cloud(rng, float(x), rng.uniform(75, 170), tint))
    if rng.random() < 0.8:
        far: Colour = (150, 132, 110) if not snow else (206, 196, 186)
        things.append(hills(rng, 380, rng.uniform(18, 46), far))
    if rng.random() < 0.6:
        things.append(hills(rng, 210, rng.uniform(5, 14), (88, 120, 92) if not snow else (176, 178, 172)))
    things.append(ground("grass", 0.3, FAR_M, grass))
    if street.rail:
        things.append(rails(street.rail))
    things.append(ground("pavement", *street.far_pavement, pavement))
    middle, (r0, r1) = (street.road[0] + street.road[1]) / 2, street.road
    lines = [(middle, 3.0), (r0 + 0.3, 0.0), (r1 - 0.3, 0.0)] if rng.random() < 0.75 else [(middle, 3.0)]
    things.append(ground("road", r0, r1, asphalt, lines))
    things.append(ground("pavement", *street.near_pavement, pavement))
    return things + _behind(rng, sky, camera, street)


def _behind(rng: np.random.Generator, sky: Sky, camera: Camera, street: Street) -> list[Entity]:
    """The row of houses and trees behind the street, and trees on its far pavement."""
    snow = sky.weather == "snow"
    things: list[Entity] = []
    town = rng.choice((0.85, 0.5, 0.12))
    left, right = camera.visible_x(street.houses)
    x = left - rng.uniform(0, 14)
    while x < right + 4:
        if rng.random() < town:
            home, half = house(rng, 0, street.houses, sky.night, (216, 214, 212) if snow else None)
            things.append(replace(home, x=x + half))
            x += 2 * half + rng.choice((0.0, 1.5, 4.0))
        else:
            things.append(tree(rng, x, street.houses - rng.uniform(0.5, 2.5), snow))
            x += rng.uniform(2.5, 8.0)
    left, right = camera.visible_x(street.far_pavement[1])
    for x in np.arange(left, right, 9.0) + rng.uniform(0, 9):
        if rng.random() < 0.3:
            things.append(tree(rng, float(x), street.far_pavement[1] + 0.6, snow))
    return things


def traffic(rng: np.random.Generator, camera: Camera, street: Street, sky: Sky) -> list[Entity]:
    """The vehicles on the rails and in the lanes."""
    things: list[Entity] = []
    glow = float(sky.night) * float(rng.random() < 0.8)
    if street.rail:
        left, right = camera.visible_x(street.rail)
        things.append(
            vehicle("train", _seed(rng), rng.uniform(left, right), street.rail + 0.2, _sign(rng), glow)
        )
    r0, r1 = street.road
    lane, side = (r1 - r0) / 2, _sign(rng)
    for z, heading in ((r0 + lane + 0.6, side), (r0 + 0.7, -side)):
        left, right = camera.visible_x(z + 1)
        x, busy = left - rng.uniform(2, 9), rng.choice((0.35, 0.7, 0.9))
        while x < right + 2:
            if rng.random() < busy:
                name = str(rng.choice(("car", "bus", "truck", "bicycle"), p=(0.46, 0.22, 0.2, 0.12)))
                half = LENGTHS[name] / 2
                offset = rng.uniform(0.4, 1.2) if name == "bicycle" else rng.uniform(0, 0.5)
                things.append(vehicle(name, _seed(rng), x + half, z + offset, heading, glow))
                x += 2 * half + rng.uniform(0.8, 6.0)
            else:
                x += rng.uniform(3, 10)
    return things


def passers_by(rng: np.random.Generator, camera: Camera, street: Street) -> list[Entity]:
    """People, dogs and parked bicycles on the pavements, a few people in the road."""
    things: list[Entity] = []
    strips = [
        (street.far_pavement, rng.integers(0, 5)),
        (street.near_pavement, rng.integers(1, 6)),
        (street.road, rng.integers(0, 2)),
    ]
    for (z0, z1), count in strips:
        for _ in range(int(count)):
            z = rng.uniform(z0 + 0.3, z1 - 0.5)
            left, right = camera.visible_x(z)
            x = rng.uniform(left, right)
            name = str(rng.choice(("person", "dog", "bicycle"), p=(0.58, 0.24, 0.18)))
            if name == "bicycle":
                things.append(vehicle(name, _seed(rng), x, z, _sign(rng)))
            else:
                phase = float(rng.uniform(0, 6.3)) if rng.random() < 0.7 else None
                things.append(being(name, _seed(rng), x, z, _sign(rng), phase))
    return things


def in_paint_order(camera: Camera, things: list[Entity]) -> tuple[Entity, ...]:
    """Standing things, the farthest first; within a lane the one farther to the side first."""
    return tuple(sorted(things, key=lambda e: (-round(e.z, 2), -abs(e.x - camera.x))))


def make_scene(seed: int, size: tuple[int, int] = (768, 512), weather: str | None = None) -> Scene:
    """Lays out the scene that `seed` stands for, for a picture of `size` (width, height) pixels."""
    rng = np.random.default_rng([seed, 20230405])
    sky, camera = make_sky(rng, weather), make_camera(rng, size)
    street = make_street(rng, rng.random() < 0.4)
    things = backdrop(rng, sky, camera, street)
    scenery = [e for e in things if e.name in ("house", "tree")]
    behind = [e for e in things if e.name not in ("house", "tree")]
    standing = scenery + traffic(rng, camera, street, sky) + passers_by(rng, camera, street)
    return Scene(camera, sky, (*behind, *in_paint_order(camera, standing)), seed)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1
