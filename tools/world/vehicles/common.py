"""What vehicles have in common: glass, wheels, lights, and details on their front and rear."""

import numpy as np

from tools.world.shapes import Face, Material, Outline, Sketch, on_quad

TYRE = Material((34, 32, 32), 1.1, 0.9)
HUB = Material((176, 172, 168), 1.15, 0.85)
UNDERSIDE = Material((26, 24, 24), 1.0, 0.8)
FRONT_LIGHT = Material((205, 240, 250), 1.0, 0.95, glow=1.0)
REAR_LIGHT = Material((40, 40, 205), 1.0, 0.9, glow=0.7)

Span = tuple[float, float]


def glass(rng: np.random.Generator, glow: float = 0.0) -> Material:
    """Window glass: sky above, dark below; `glow` when the light inside is on."""
    shade = rng.uniform(0.8, 1.15)
    dark, warm = np.array((118, 96, 74)) * shade, np.array((130.0, 200.0, 235.0))
    blue, green, red = dark * (1 - glow * 0.75) + warm * (glow * 0.75)
    return Material((blue, green, red), 1.35, 0.7, 0.01, 0.01, glow * 0.8)


def add_wheels(sketch: Sketch, places: list[float], radius: float, far: float) -> None:
    """Adds wheels on the near side, and behind everything drawn so far their dark twins at depth `far`."""
    wheels = Sketch(counts=sketch.counts)
    for s in places:
        wheels.disc("underside", s, radius, radius, radius, UNDERSIDE, far - 0.2, same=True)
        wheels.disc("wheel", s, radius, radius, radius, TYRE)
        wheels.disc("wheel", s, radius, radius * 0.6, radius * 0.6, HUB, same=True)
        wheels.disc("wheel", s, radius, radius * 0.2, radius * 0.2, TYRE, same=True)
    sketch.faces[:0] = [f for f in wheels.faces if f.part == "underside"]
    sketch.faces.extend(f for f in wheels.faces if f.part != "underside")


def on_edge(
    sketch: Sketch, outline: Outline, edge: int, width: float, part: str, material: Material, u: Span, v: Span
) -> None:
    """Adds a detail to an edge of a body drawn out to `width`; u runs along it, v away from the viewer."""
    a, b = np.asarray(outline[edge], float), np.asarray(outline[(edge + 1) % len(outline)], float)
    quad = np.array([(*a, 0), (*b, 0), (*b, width), (*a, width)])
    normal = np.array([b[1] - a[1], -(b[0] - a[0]), 0.0])
    normal /= np.linalg.norm(normal)
    face = Face(part, sketch.number(part), on_quad(quad, *u, *v), material, normal)
    sketch.faces.insert(_near_side(sketch), face)


def _near_side(sketch: Sketch) -> int:
    """Where the near side begins, which hides what is on the edges."""
    near = (i for i, f in enumerate(sketch.faces) if f.normal is None and f.part != "underside")
    return next(near, len(sketch.faces))


def on_both_sides(
    sketch: Sketch, outline: Outline, edge: int, width: float, material: Material, u: Span, v: Span
) -> None:
    """Adds a pair of lights to an edge: one at `v`, the other as far from the far side."""
    on_edge(sketch, outline, edge, width, "light", material, u, v)
    on_edge(sketch, outline, edge, width, "light", material, u, (1 - v[1], 1 - v[0]))
