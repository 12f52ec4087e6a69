"""How a parked bicycle is drawn."""

import numpy as np

from tools.world.shapes import Material, Sketch, lit, paint
from tools.world.vehicles.common import TYRE

RADIUS = 0.36
REAR, FRONT, CRANK, SADDLE, SEAT, HEAD = (
    (-0.56, RADIUS), (0.56, RADIUS), (-0.1, 0.32), (-0.25, 0.9), (-0.23, 0.8), (0.4, 0.88),
)  # fmt: skip
TUBES = ((REAR, CRANK), (REAR, SEAT), (CRANK, SADDLE), (CRANK, HEAD), (SEAT, HEAD), (HEAD, FRONT))
SPOKES = Material((172, 170, 168), 1.06, 0.92, 0.05)
WICKER = Material((70, 120, 165), 1.0, 0.85, 0.08)


def bicycle(rng: np.random.Generator, glow: float) -> Sketch:
    """A bicycle; its wheels and its frame count as filled, as annotators draw them."""
    sketch = Sketch()
    frame = Material(paint(rng, (0.6, 1.0), (120, 240)), 1.05, 0.9)
    for s, y in (REAR, FRONT):
        for share, material, same in ((1, TYRE, False), (0.84, SPOKES, True), (0.14, TYRE, True)):
            sketch.disc("wheel", s, y, RADIUS * share, RADIUS * share, material, same=same)
    sketch.polygon("frame", [CRANK, HEAD, SADDLE], lit(frame, 0.72))
    for a, b in TUBES:
        sketch.limb("frame", a, b, 0.035, 0.035, frame, same=True)
    sketch.limb("saddle", (-0.4, 0.96), (-0.14, 0.95), 0.05, 0.035, TYRE)
    sketch.limb("handlebar", HEAD, (0.36, 1.06), 0.03, 0.03, TYRE)
    sketch.limb("handlebar", (0.36, 1.06), (0.55, 1.05), 0.035, 0.035, TYRE, same=True)
    if rng.random() < 0.6:
        sketch.polygon("basket", [(0.5, 0.75), (0.82, 0.75), (0.88, 1.02), (0.46, 1.02)], WICKER)
    if rng.random() < 0.5:
        leather = Material(paint(rng, (0.2, 0.9)), 1.05, 0.85)
        sketch.rounded("bag", -0.82, -0.42, 0.48, 0.82, leather, 0.05)
    return sketch
