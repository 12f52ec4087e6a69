"""What stands around and has no name for the detector: ground, hills, clouds, sun, houses, trees."""

import numpy as np

from tools.world.shapes import Colour, Entity, Face, Material, Sketch, arc, lit, paint
from tools.world.vehicles.common import glass

FAR_M = 420.0
GRASS: tuple[Colour, ...] = ((62, 132, 104), (58, 120, 116), (70, 146, 112), (74, 128, 138))
WALLS: tuple[Colour, ...] = (
    (150, 186, 214),
    (176, 206, 222),
    (196, 208, 214),
    (120, 150, 206),
    (96, 112, 168),
    (178, 186, 176),
    (200, 190, 172),
    (130, 190, 222),
    (150, 160, 166),
    (210, 216, 220),
)


def ground(
    name: str, z0: float, z1: float, material: Material, marks: list[tuple[float, float]] | None = None
) -> Entity:
    """A strip of ground from `z0` to `z1` metres away, with dashed lines at the distances in `marks`."""
    half = (z1 - z0) / 2
    strip = np.array([(-600.0, 0, -half), (600, 0, -half), (600, 0, half), (-600, 0, half)])
    faces = [Face("surface", 0, strip, material)]
    white = Material((196, 204, 206), 1, 1, 0.04, 0.0, 0.0, True)
    for mark, dash in marks or []:
        z = mark - z0 - half
        starts = np.arange(-66.0, 66.0, dash * 2) if dash > 0 else [-600.0]
        ends = [s + dash if dash > 0 else 600.0 for s in starts]
        for s0, s1 in zip(starts, ends, strict=True):
            quad = np.array([(s0, 0, z - 0.08), (s1, 0, z - 0.08), (s1, 0, z + 0.08), (s0, 0, z + 0.08)])
            faces.append(Face("surface", 0, quad, white))
    return Entity(name, tuple(faces), z=(z0 + z1) / 2)


def rails(z: float) -> Entity:
    """A railway: its bed and two rails, the nearer at `z`."""
    bed = Material((96, 104, 112), 1, 1, 0.12, 0.06, 0.0, True)
    faces = [
        Face("surface", 0, np.array([(-600.0, 0, -1), (600, 0, -1), (600, 0, 3.6), (-600, 0, 3.6)]), bed)
    ]
    rail = Material((128, 130, 132), 1, 1, 0.02, 0.0, 0.0, True)
    for rail_z in (0.4, 2.2):
        quad = np.array(
            [(-600.0, 0.1, rail_z), (600, 0.1, rail_z), (600, 0.1, rail_z + 0.14), (-600, 0.1, rail_z + 0.14)]
        )
        faces.append(Face("surface", 0, quad, rail))
    return Entity("railway", tuple(faces), z=z)


def hills(rng: np.random.Generator, distance: float, height: float, colour: Colour) -> Entity:
    """A range of hills or far woods."""
    along = np.linspace(-900, 900, 160)
    waves = sum(
        rng.uniform(0.3, 1) / k * np.sin(along * k / 130 + rng.uniform(0, 7)) for k in (1, 2, 3, 5, 9)
    )
    top = height * (0.75 + 0.3 * waves)
    outline = np.concatenate([np.column_stack([along, np.maximum(top, 1)]), [(900, 0), (-900, 0)]])
    sketch = Sketch()
    sketch.polygon("surface", outline, Material(colour, 1.05, 0.95, 0.03, 0.06))
    return Entity("hill", tuple(sketch.faces), 0.0, distance)


def cloud(rng: np.random.Generator, x: float, y: float, colour: Colour) -> Entity:
    """A cloud of round puffs with a level foot."""
    sketch, w = Sketch(), rng.uniform(22, 55)
    puffs = int(rng.integers(4, 8))
    for k, s in enumerate(np.linspace(-w, w, puffs)):
        r = rng.uniform(0.34, 0.62) * w * (1.15 - abs(s) / w * 0.7)
        puff = arc(s, y, r * 1.25, r, 0, 2 * np.pi, 26)
        puff[:, 1] = np.maximum(puff[:, 1], y - w * 0.1)
        sketch.polygon("puff", puff, Material(colour, 1.06, 0.9, 0.0, 0.03), same=k > 0)
    return Entity("cloud", tuple(sketch.faces), x, FAR_M - 1, flat=True)


def sun(x: float, y: float, colour: Colour, radius: float = 14.0) -> Entity:
    """The sun or the moon."""
    sketch = Sketch()
    sketch.disc("disc", 0, y, radius, radius, Material(colour, 1.0, 1.0, 0.0, 0.0, 1.0))
    return Entity("sun", tuple(sketch.faces), x, FAR_M, flat=True)


def house(
    rng: np.random.Generator, x: float, z: float, night: float, roof: Colour | None
) -> tuple[Entity, float]:
    """A house with its front to the street, and its half width in metres."""
    sketch = Sketch()
    h, depth = rng.uniform(3.6, 6.5), rng.uniform(7, 10)
    floors = int(rng.integers(1, 4))
    eaves = floors * 2.9 + 0.5
    tone = WALLS[rng.integers(len(WALLS))] if rng.random() < 0.75 else paint(rng, (0.05, 0.35), (150, 230))
    wall = lit(Material(tone, 1.03, 0.92, 0.03, 0.025), rng.uniform(0.85, 1.1))
    tiles = Material(
        roof or ((58, 74, 148), (70, 72, 80), (52, 66, 104), (86, 92, 96))[rng.integers(4)],
        1.1,
        0.92,
        0.05,
        0.04,
    )
    gable, flat = rng.random() < 0.45, rng.random() < 0.2
    peak = eaves + (0.0 if flat else rng.uniform(1.8, 3.2))
    outline = (
        [(-h, 0), (h, 0), (h, eaves), (0, peak), (-h, eaves)]
        if gable and not flat
        else [(-h, 0), (h, 0), (h, eaves), (-h, eaves)]
    )
    sketch.prism("wall", outline, depth, wall)
    if flat:
        sketch.box("roof", -h - 0.2, h + 0.2, eaves - 0.15, eaves + 0.45, tiles)
    elif gable:
        for side in (-1, 1):
            rim = [
                (side * (h + 0.3), eaves - 0.25),
                (0, peak + 0.05),
                (0, peak + 0.45),
                (side * (h + 0.3), eaves + 0.12),
            ]
            sketch.polygon("roof", rim, tiles, same=side == 1)
    else:
        slope = np.array(
            [
                (-h - 0.3, eaves - 0.05, -0.4),
                (h + 0.3, eaves - 0.05, -0.4),
                (h - 0.6, peak, depth / 2),
                (-h + 0.6, peak, depth / 2),
            ]
        )
        sketch.faces.append(Face("roof", sketch.number("roof"), slope, tiles))
        for side in (-1, 1):
            end = np.array(
                [
                    (side * (h + 0.3), eaves - 0.05, -0.4),
                    (side * (h + 0.3), eaves - 0.05, depth + 0.4),
                    (side * (h - 0.6), peak, depth / 2),
                ]
            )
            sketch.faces.append(
                Face("roof", sketch.number("roof", True), end, lit(tiles, 0.8), np.array([side, 0.2, 0.0]))
            )
        if rng.random() < 0.6:
            s = rng.uniform(-0.6, 0.6) * h
            sketch.box(
                "chimney",
                s - 0.35,
                s + 0.35,
                peak - 0.9,
                peak + 0.7,
                Material((72, 88, 140), 1.0, 0.85, 0.05),
            )
    columns = int(max(2, round(h * 2 / rng.uniform(2.3, 3.2))))
    width = rng.uniform(0.5, 0.68)
    places = np.linspace(-h, h, columns + 1)[:-1] + h / columns
    door_at = int(rng.integers(columns))
    trim = Material((222, 226, 228), 1.0, 0.95) if rng.random() < 0.7 else lit(wall, 0.6)
    for floor in range(floors):
        for k, s in enumerate(places):
            y0 = floor * 2.9 + 1.0
            if floor == 0 and k == door_at:
                door = Material(paint(rng, (0.3, 0.9), (60, 160)), 1.05, 0.9)
                sketch.box("door", s - 0.62, s + 0.62, 0.0, 2.35, trim)
                sketch.box("door", s - 0.5, s + 0.5, 0.0, 2.2, door, same=True)
                continue
            pane = glass(rng, night if rng.random() < 0.5 * night else 0.0)
            sketch.box("window", s - width - 0.1, s + width + 0.1, y0 - 0.1, y0 + 1.5, trim)
            for side in (-1, 1):
                a, b = sorted((s + side * 0.04, s + side * width))
                sketch.box("window", a, b, y0, y0 + 1.4, pane, same=True)
    return Entity("house", tuple(sketch.faces), x, z, footprint=(h, depth, eaves)), h


def tree(rng: np.random.Generator, x: float, z: float, snow: bool) -> Entity:
    """A broad-leaved tree, a fir or a bush."""
    sketch, kind = Sketch(), rng.choice(3, p=(0.5, 0.25, 0.25))
    green = ((48, 116, 76), (52, 128, 104), (40, 96, 66), (48, 120, 140), (60, 140, 96))[rng.integers(5)]
    leaf = Material((206, 212, 208) if snow and kind else green, 1.25, 0.72, 0.09, 0.16)
    bark = Material((58, 78, 104), 1.0, 0.85, 0.08, 0.04)
    high = rng.uniform(5, 9)
    if kind == 0:
        w = high * rng.uniform(0.045, 0.06)
        sketch.polygon("trunk", [(-w, 0), (w, 0), (w * 0.7, high * 0.55), (-w * 0.7, high * 0.55)], bark)
        middle, r = high * 0.66, high * rng.uniform(0.24, 0.3)
        for k in range(9):
            a = k * 0.698 + rng.uniform(-0.2, 0.2)
            sketch.disc(
                "crown",
                r * 0.62 * np.cos(a),
                middle + r * 0.62 * np.sin(a),
                r * 0.62,
                r * 0.58,
                leaf,
                same=k > 0,
            )
        sketch.disc("crown", 0, middle, r * 0.8, r * 0.8, leaf, same=True)
    elif kind == 1:
        sketch.box("trunk", -0.16, 0.16, 0, 1.2, bark)
        for k in range(3):
            y, half = 0.9 + k * high * 0.26, high * (0.26 - 0.06 * k)
            sketch.polygon("crown", [(-half, y), (half, y), (0.0, y + high * 0.42)], leaf, same=k > 0)
    else:
        w = rng.uniform(0.9, 1.7)
        for k, s in enumerate((-w * 0.6, w * 0.6, 0.0)):
            sketch.disc("crown", s, w * 0.5, w * 0.65, w * (0.55 if s else 0.8), leaf, same=k > 0)
        sketch.faces[:] = [
            Face(f.part, f.number, np.maximum(f.points, (-99, 0, -99)), f.material) for f in sketch.faces
        ]
    return Entity(
        "tree", tuple(sketch.faces), x, z, flat=True, footprint=(1.2 if kind == 2 else high * 0.25, 0.6, high)
    )
