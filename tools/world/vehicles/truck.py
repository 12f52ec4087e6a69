"""How a lorry is drawn."""

import numpy as np

from tools.world.shapes import Material, Sketch, lit, paint
from tools.world.vehicles.common import FRONT_LIGHT, add_wheels, glass, on_both_sides

WIDTH, LOW = 2.4, 0.5
CHASSIS = Material((52, 50, 50), 1.0, 0.8)


def truck(rng: np.random.Generator, glow: float) -> Sketch:
    """A lorry: a cab in front, behind it a box, a tank or a tipper."""
    sketch, h = Sketch(), rng.uniform(3.4, 4.6)
    cab_high, back = rng.uniform(2.5, 3.0), h - rng.uniform(1.7, 2.1)
    cab = Material(paint(rng, (0.4, 0.95), (110, 235)), 1.1, 0.85)
    cargo = Material(paint(rng, (0.0, 0.7), (130, 240)), 1.05, 0.9, 0.03)
    sketch.prism("chassis", [(-h, 0.62), (h - 0.3, 0.62), (h - 0.3, 1.0), (-h, 1.0)], WIDTH, CHASSIS)
    kind, top = int(rng.integers(3)), rng.uniform(3.0, 3.6)
    if kind == 0:
        _box(rng, sketch, h, back, top, cargo)
    elif kind == 1:
        _tank(sketch, h, back, cargo)
    else:
        _tipper(sketch, h, back, cargo)
    sketch.faces.extend(_cab(rng, sketch.counts, h, back, cab_high, cab).faces)
    rear = [-h + 0.75, -h + 1.8] if h > 3.9 else [-h + 1.0]
    add_wheels(sketch, [(back + h) / 2 + 0.1, *rear], 0.5, WIDTH)
    return sketch


def _box(
    rng: np.random.Generator, sketch: Sketch, h: float, back: float, top: float, cargo: Material
) -> None:
    end = back - 0.12
    sketch.prism("cargo", [(-h, 1.0), (end, 1.0), (end, top), (-h, top)], WIDTH, cargo)
    stripe = Material(paint(rng), 1.0, 0.95)
    low, high = 1.0 + (top - 1) * 0.3, 1.0 + (top - 1) * 0.55
    sketch.box("cargo", -h + 0.3, back - 0.45, low, high, stripe, same=True)


def _tank(sketch: Sketch, h: float, back: float, cargo: Material) -> None:
    start, end, cut = -h, back - 0.12, 0.35
    lower = [(start, 1.45), (start + cut, 1.05), (back - 0.45, 1.05), (end, 1.45)]
    upper = [(end, 2.3), (back - 0.45, 2.7), (start + cut, 2.7), (start, 2.3)]
    sketch.prism("cargo", [*lower, *upper], WIDTH, cargo)
    for s in np.linspace(-h + 0.9, back - 0.9, 3):
        sketch.box("cargo", s - 0.05, s + 0.05, 1.05, 2.7, lit(cargo, 0.72), same=True)


def _tipper(sketch: Sketch, h: float, back: float, cargo: Material) -> None:
    outline = [(-h, 1.05), (back - 0.12, 1.05), (back + 0.05, 2.35), (-h - 0.15, 2.2)]
    sketch.prism("cargo", outline, WIDTH, cargo)
    for s in np.linspace(-h + 0.4, back - 0.5, 6):
        sketch.box("cargo", s - 0.05, s + 0.05, 1.1, 2.15, lit(cargo, 0.75), same=True)


def _cab(
    rng: np.random.Generator, counts: dict[str, int], h: float, back: float, high: float, cab: Material
) -> Sketch:
    """The cab, whose parts are numbered on from `counts`."""
    sketch, pane = Sketch(counts=counts), glass(rng)
    outline = [(back, LOW), (h, LOW), (h, high * 0.58), (h - 0.3, high), (back, high)]
    sketch.prism("cab", outline, WIDTH, cab, {2: pane}, {2: "window"}, inset=0.1)
    y0, y1, door = high * 0.58, high - 0.22, back + 0.45
    sketch.polygon("window", [(door, y0), (h - 0.14, y0), (h - 0.33, y1), (door, y1)], pane)
    sketch.box("cab", back + 0.3, back + 0.33, LOW + 0.15, high - 0.15, lit(cab, 0.55), same=True)
    sketch.box("cab", back, h, LOW, LOW + 0.25, lit(cab, 0.5), same=True)
    sketch.box("light", h - 0.2, h, LOW + 0.3, LOW + 0.55, FRONT_LIGHT)
    on_both_sides(sketch, outline, 1, WIDTH, FRONT_LIGHT, (0.2, 0.48), (0.06, 0.26))
    return sketch
