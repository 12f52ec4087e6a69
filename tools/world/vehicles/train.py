"""How a train is drawn."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tools.world.shapes import Material, Outline, Sketch, lit, paint
from tools.world.vehicles.common import HUB, TYRE, glass

WIDTH, LOW = 2.9, 0.75
GAP = 0.5
BOGIE = Material((44, 42, 42), 1.0, 0.75)


@dataclass(frozen=True)
class Livery:
    """What all carriages of a train share: their paint, their glass, and their height in metres."""

    body: Material
    band: Material
    pane: Material
    high: float


def train(rng: np.random.Generator, glow: float) -> Sketch:
    """A train of two or three carriages with one livery; the last leads."""
    sketch, cars = Sketch(), int(rng.integers(2, 4))
    length, high = rng.uniform(13, 16), rng.uniform(3.9, 4.2)
    body = Material(paint(rng, (0.2, 0.95), (110, 235)), 1.08, 0.88)
    band = Material(paint(rng, (0.0, 0.9), (90, 235)), 1.0, 0.92)
    livery = Livery(body, band, glass(rng, glow), high)
    whole = cars * length + (cars - 1) * GAP
    for k in range(cars):
        start = -whole / 2 + k * (length + GAP)
        _carriage(sketch, start, start + length, k == cars - 1, livery)
    return sketch


def _carriage(sketch: Sketch, start: float, end: float, lead: bool, livery: Livery) -> None:
    """A carriage from `start` to `end`; the leading one has a slanting windscreen."""
    sketch.box("bogie", start + 1.2, end - 1.2, 0.45, 0.8, BOGIE, same=True)
    outline = _outline(start, end, lead, livery.high)
    panes, parts = ({2: livery.pane}, {2: "window"}) if lead else ({}, {})
    sketch.prism("carriage", outline, WIDTH, livery.body, panes, parts, inset=0.15)
    sketch.box("carriage", start, end, 1.0, 1.55, livery.band, same=True)
    length = end - start
    doors = (start + length * 0.2, end - length * 0.27)
    _doors(sketch, doors, livery)
    _windows(sketch, start + 0.35, doors, end - (1.7 if lead else 0.35), livery.pane)
    for s in (start + 1.7, start + 3.1, end - 3.1, end - 1.7):
        sketch.disc("wheel", s, 0.46, 0.46, 0.46, TYRE)
        sketch.disc("wheel", s, 0.46, 0.2, 0.2, HUB, same=True)


def _outline(start: float, end: float, lead: bool, high: float) -> Outline:
    front, slant = (0.45, 1.5) if lead else (0.9, 0.2)
    return [(start, LOW), (end, LOW), (end, high * front), (end - slant, high), (start + 0.2, high),
            (start, high - 0.25)]  # fmt: skip


def _doors(sketch: Sketch, doors: tuple[float, float], livery: Livery) -> None:
    for s in doors:
        sketch.box("door", s - 0.75, s + 0.75, 0.85, 3.2, lit(livery.band, 0.8))
        for side in (-0.62, 0.1):
            sketch.box("door", s + side, s + side + 0.52, 1.9, 3.0, livery.pane, same=True)


def _windows(sketch: Sketch, start: float, doors: tuple[float, float], end: float, pane: Material) -> None:
    """Windows of about equal width before, between and behind the doors."""
    edges = (start, doors[0] - 0.95, doors[0] + 0.95, doors[1] - 0.95, doors[1] + 0.95, end)
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        stops = np.linspace(left, right, max(1, int((right - left) / 2.2)) + 1)
        for a, b in pairwise(stops):
            if b - a > 0.5:
                sketch.rounded("window", a + 0.1, b - 0.1, 1.85, 3.15, pane, 0.12)
