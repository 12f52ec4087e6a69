"""How a city bus or coach is drawn."""

from itertools import pairwise

import numpy as np

from tools.world.shapes import Material, Outline, Sketch, lit, paint
from tools.world.vehicles.common import FRONT_LIGHT, REAR_LIGHT, add_wheels, glass, on_both_sides, on_edge

WIDTH, LOW, FLOOR = 2.5, 0.32, 1.28
FRAME = Material((70, 66, 64), 1.1, 0.9)
SIGN = Material((40, 190, 245), 1.0, 0.95, glow=0.5)


def bus(rng: np.random.Generator, glow: float) -> Sketch:
    """A city bus or coach, now and then a double-decker."""
    sketch, double = Sketch(), rng.random() < 0.2
    h, high = rng.uniform(5.0, 6.0), 4.2 if double else rng.uniform(3.0, 3.3)
    body = Material(paint(rng, (0.45, 0.95), (120, 235)), 1.08, 0.88)
    two_tone = rng.random() < 0.5
    lower = Material(paint(rng, (0.0, 0.8), (110, 235)), 1.0, 0.85) if two_tone else lit(body, 0.82)
    outline = _outline(h, high)
    pane = glass(rng, glow)
    sketch.prism("body", outline, WIDTH, body, {2: pane}, {2: "window"}, inset=0.06)
    sketch.box("body", -h, h, LOW, FLOOR - 0.12, lower, same=True)
    doors = [h - 1.05, rng.uniform(-0.12, 0.1) * h] if rng.random() < 0.75 else [h - 1.05]
    decks = [(FLOOR, 2.2), (2.62, 3.85)] if double else [(FLOOR, high - 0.55)]
    stops = np.linspace(-h + 0.25, h - 0.25, int(rng.integers(4, 7)) + 1)
    for deck, rows in enumerate(decks):
        _windows(sketch, stops, doors if deck == 0 else [], rows, pane)
    _doors(sketch, doors, pane)
    if rng.random() < 0.7:
        sketch.box("sign", -1.2, 0.9, high - 0.42, high - 0.12, SIGN)
    on_both_sides(sketch, outline, 1, WIDTH, FRONT_LIGHT, (0.25, 0.5), (0.06, 0.24))
    on_both_sides(sketch, outline, 6, WIDTH, REAR_LIGHT, (0.6, 0.8), (0.05, 0.2))
    on_edge(sketch, outline, 6, WIDTH, "window", pane, (0.12, 0.45), (0.12, 0.88))
    add_wheels(sketch, [h * 0.58, -h * 0.6], 0.5, WIDTH)
    return sketch


def _outline(h: float, high: float) -> Outline:
    """The side view; edge 1 is the front, 2 the windscreen, 6 the rear."""
    front = [(-h, LOW), (h, LOW), (h, high * 0.5), (h - 0.18, high - 0.12), (h - 0.4, high)]
    return [*front, (-h + 0.12, high), (-h, high - 0.12)]


def _windows(
    sketch: Sketch, stops: np.ndarray, doors: list[float], rows: tuple[float, float], pane: Material
) -> None:
    """A row of windows between the stops, which make room for doors."""
    for start, end in pairwise(stops):
        left, right = start + 0.07, end - 0.07
        for door in doors:
            if left < door + 0.7 and right > door - 0.7:
                before = (left + right) / 2 < door
                left, right = (left, min(right, door - 0.75)) if before else (max(left, door + 0.75), right)
        if right - left > 0.45:
            sketch.rounded("window", left, right, *rows, pane, 0.08)


def _doors(sketch: Sketch, doors: list[float], pane: Material) -> None:
    for door in doors:
        sketch.box("door", door - 0.64, door + 0.64, LOW + 0.08, 2.45, FRAME)
        for leaf in (door - 0.58, door + 0.04):
            sketch.box("door", leaf, leaf + 0.54, LOW + 0.2, 2.35, lit(pane, 1.12), same=True)
