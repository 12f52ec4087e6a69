"""How a car, hatchback, estate or van is drawn."""

from dataclasses import dataclass

import numpy as np

from tools.world.shapes import Material, Outline, Sketch, lit, paint
from tools.world.vehicles.common import FRONT_LIGHT, REAR_LIGHT, add_wheels, glass, on_both_sides

WIDTH, LOW = 1.75, 0.3
VAN = 3


@dataclass(frozen=True)
class Body:
    """The side view of a car in metres; half its length, its height, and where along it things are.

    Attributes:
        half: Half the length.
        high: Height of the roof.
        belt: Height at which the windows begin.
        scuttle: Foot of the windscreen.
        roof: Rear and front end of the roof.
        tail: Foot of the rear window.
    """

    half: float
    high: float
    belt: float
    scuttle: float
    roof: tuple[float, float]
    tail: float

    @property
    def outline(self) -> Outline:
        """The outline; edge 1 is the front, 4 the windscreen, 6 the rear window, 8 the rear."""
        h, belt = self.half, self.belt
        front = [(-h, LOW), (h, LOW), (h, belt * 0.72), (h * 0.97, belt * 0.86), (self.scuttle, belt)]
        top = [(self.roof[1], self.high), (self.roof[0], self.high)]
        return [*front, *top, (self.tail, belt), (-h * 0.99, belt * 0.92)]


def car(rng: np.random.Generator, glow: float) -> Sketch:
    """A car, hatchback, estate or van."""
    sketch, kind = Sketch(), int(rng.integers(4))
    length = (4.4, 3.7, 4.6, 4.8)[kind] * rng.uniform(0.95, 1.06)
    high = (1.43, 1.5, 1.5, 1.95)[kind] * rng.uniform(0.97, 1.05)
    colour = Material(paint(rng, (0.0, 0.9), (70, 240)), 1.12, 0.8)
    body = _shape(rng, kind, length / 2, high)
    pane = glass(rng)
    sketch.prism(
        "body", body.outline, WIDTH, colour, {4: pane, 6: pane}, {4: "window", 6: "window"}, inset=0.1
    )
    pillar = rng.uniform(-0.12, 0.05) * body.half
    _side_windows(sketch, body, pillar, pane)
    _seams(sketch, body, pillar, colour)
    _lights(sketch, body)
    add_wheels(sketch, [body.half * 0.62, -body.half * 0.62], 0.34 * (1.05 if kind == VAN else 1), WIDTH)
    return sketch


def _shape(rng: np.random.Generator, kind: int, h: float, high: float) -> Body:
    scuttle = h * rng.uniform(0.42, 0.5)
    roof = (-h * 0.42, h * 0.1) if kind == 0 else (-h * 0.78, h * 0.12)
    if kind == VAN:
        scuttle, roof = h * 0.7, (-h * 0.9, h * 0.42)
    return Body(h, high, 0.86 * high / 1.45 + 0.06, scuttle, roof, -h * (0.72 if kind == 0 else 0.97))


def _side_windows(sketch: Sketch, body: Body, pillar: float, pane: Material) -> None:
    """A window before and one behind the pillar, cut by the slopes of windscreen and rear window."""
    low, top, post = body.belt + 0.04, body.high - 0.1, 0.045

    def slope(y: float, foot: float, head: float) -> float:
        return foot + (head - foot) * (y - body.belt) / (body.high - body.belt)

    front = [slope(y, body.scuttle, body.roof[1]) - 0.12 for y in (low, top)]
    back = [slope(y, body.tail, body.roof[0]) + 0.12 for y in (low, top)]
    before, behind = pillar + post, pillar - post
    sketch.polygon("window", [(before, low), (front[0], low), (front[1], top), (before, top)], pane)
    sketch.polygon("window", [(back[0], low), (behind, low), (behind, top), (back[1], top)], pane)


def _seams(sketch: Sketch, body: Body, pillar: float, colour: Material) -> None:
    """Gaps of the doors, a handle, and the sill."""
    h, belt, seam = body.half, body.belt, lit(colour, 0.55)
    for s in (pillar, pillar - h * 0.42, body.scuttle - 0.1):
        sketch.box("body", s - 0.012, s + 0.012, LOW + 0.1, belt - 0.02, seam, same=True)
    sketch.box("body", pillar - 0.3, pillar - 0.12, belt - 0.17, belt - 0.12, seam, same=True)
    sketch.box("body", -h, h, LOW, LOW + 0.1, lit(colour, 0.5), same=True)


def _lights(sketch: Sketch, body: Body) -> None:
    h, belt = body.half, body.belt
    sketch.box("light", h - 0.22, h, belt * 0.66, belt * 0.8, FRONT_LIGHT)
    sketch.box("light", -h, -h + 0.18, belt * 0.66, belt * 0.84, REAR_LIGHT)
    on_both_sides(sketch, body.outline, 1, WIDTH, FRONT_LIGHT, (0.62, 0.95), (0.05, 0.28))
    on_both_sides(sketch, body.outline, 8, WIDTH, REAR_LIGHT, (0.1, 0.5), (0.05, 0.25))
