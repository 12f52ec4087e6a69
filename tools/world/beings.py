"""How people and dogs are drawn, standing or in mid-stride."""

import numpy as np

from tools.world.shapes import Colour, Entity, Material, Sketch, lit, paint

SKIN: tuple[Colour, ...] = ((170, 195, 232), (140, 172, 220), (96, 134, 190), (64, 92, 140), (48, 66, 100))
HAIR: tuple[Colour, ...] = ((30, 28, 32), (40, 58, 84), (86, 150, 196), (150, 150, 150), (36, 70, 140))
COATS: tuple[Colour, ...] = (
    (60, 96, 150),
    (40, 58, 92),
    (38, 36, 40),
    (150, 176, 200),
    (205, 210, 215),
    (110, 130, 142),
)


def person(rng: np.random.Generator, phase: float | None) -> Sketch:
    """A person; `phase` in radians is where in the stride, `None` stands still."""
    sketch, size = Sketch(), rng.uniform(0.92, 1.08)
    skin = Material(SKIN[rng.integers(len(SKIN))], 1.05, 0.92)
    hair = Material(HAIR[rng.integers(len(HAIR))], 1.1, 0.9, 0.03)
    shirt = Material(paint(rng, (0.35, 0.95), (100, 240)), 1.08, 0.88)
    trousers = Material(paint(rng, (0.05, 0.7), (50, 150)), 1.05, 0.88)
    shoes = Material(paint(rng, (0.0, 0.4), (30, 90)))
    bag, stout = rng.random() < 0.35, rng.uniform(0.95, 1.25)
    swing = 0.0 if phase is None else 0.52 * np.sin(phase)
    legs, arms = (swing, -swing) if phase is not None else (0.09, -0.09), (-swing * 0.8, swing * 0.8)
    skirt = rng.random() < 0.25

    def spot(s: float, y: float) -> tuple[float, float]:
        return s * size, y * size

    hip, neck = 0.88, 1.46
    far_arm = lit(shirt, 0.75)
    hand = spot(0.62 * np.sin(arms[1]), neck - 0.1 - 0.6 * np.cos(arms[1]))
    sketch.limb("arm", spot(0, neck - 0.1), hand, 0.085 * size, 0.06 * size, far_arm)
    for k, (angle, light) in enumerate(zip(legs[::-1], (0.78, 1.0), strict=True)):
        bend = 0.12 * max(0.0, np.cos(phase + np.pi * k)) if phase is not None else 0.0
        knee = spot(0.44 * np.sin(angle) + bend, hip - 0.43 * np.cos(angle))
        foot = spot(0.8 * np.sin(angle) - bend * 0.8, hip - 0.8 * np.cos(angle) + bend * 0.3)
        sketch.limb(
            "legs", spot(0, hip), knee, 0.125 * stout * size, 0.09 * size, lit(trousers, light), same=True
        )
        sketch.limb("legs", knee, foot, 0.09 * size, 0.07 * size, lit(trousers, light), same=True)
        toe = foot[0] + 0.17 * size, foot[1] - 0.02
        sketch.limb("shoe", foot, toe, 0.07 * size, 0.05 * size, lit(shoes, light))
    if skirt:
        sketch.polygon(
            "skirt",
            [spot(-0.3, 0.5), spot(0.3, 0.5), spot(0.16, 0.98), spot(-0.16, 0.98)],
            lit(trousers, 1.3),
        )
    w = 0.2 * stout
    torso = [
        spot(-w * 0.88, hip - 0.06),
        spot(w * 0.88, hip - 0.06),
        spot(w * 1.02, 1.25),
        spot(w * 0.9, 1.42),
        spot(0.07, 1.5),
        spot(-0.07, 1.5),
        spot(-w * 0.9, 1.42),
        spot(-w * 1.02, 1.25),
    ]
    sketch.polygon("torso", torso, shirt)
    if bag:
        sketch.rounded(
            "bag",
            -0.42 * size,
            -0.12 * size,
            1.0 * size,
            1.42 * size,
            Material(paint(rng, (0.3, 0.9)), 1.1, 0.85),
            0.07,
        )
    sketch.limb("head", spot(0, 1.46), spot(0.01, 1.58), 0.06 * size, 0.07 * size, lit(skin, 0.9))
    sketch.disc("head", 0.02 * size, 1.64 * size, 0.115 * size, 0.145 * size, skin, same=True)
    cap = [
        spot(0.02 + 0.125 * np.cos(a), 1.655 + 0.15 * np.sin(a)) for a in np.linspace(0.35, np.pi + 0.75, 14)
    ]
    sketch.polygon("hair", [*cap, spot(-0.04, 1.63), spot(-0.01, 1.71)], hair)
    hand = spot(0.62 * np.sin(arms[0]), neck - 0.1 - 0.6 * np.cos(arms[0]))
    sketch.limb("arm", spot(0, neck - 0.1), hand, 0.09 * size, 0.062 * size, lit(shirt, 0.9))
    sketch.disc("hand", hand[0], hand[1] - 0.03, 0.06 * size, 0.07 * size, skin)
    return sketch


def dog(rng: np.random.Generator, phase: float | None) -> Sketch:
    """A big dog; `phase` as for a person."""
    sketch, size = Sketch(), rng.uniform(1.05, 1.35)
    coat = Material(COATS[rng.integers(len(COATS))], 1.12, 0.82, 0.05, 0.04)
    ear = lit(coat, 0.65)
    swing = 0.0 if phase is None else 0.5 * np.sin(phase * 1.6)

    def spot(s: float, y: float) -> tuple[float, float]:
        return s * size, y * size

    for k, s in enumerate((0.3, -0.33)):
        angle = -swing if k else swing
        sketch.limb(
            "legs",
            spot(s, 0.38),
            spot(s + 0.32 * np.sin(angle), 0.05),
            0.08 * size,
            0.05 * size,
            lit(coat, 0.72),
            same=True,
        )
    sketch.limb(
        "tail", spot(-0.45, 0.52), spot(-0.7, 0.52 + rng.uniform(0.0, 0.22)), 0.055 * size, 0.03 * size, coat
    )
    body = lit(coat, 1.0)
    sketch.limb("body", spot(-0.36, 0.47), spot(0.33, 0.49), 0.155 * size, 0.185 * size, body)
    for k, s in enumerate((0.36, -0.4)):
        angle = swing if k else -swing
        sketch.limb(
            "legs",
            spot(s, 0.42),
            spot(s + 0.34 * np.sin(angle), 0.05),
            0.095 * size,
            0.055 * size,
            body,
            same=True,
        )
    sketch.limb("head", spot(0.38, 0.55), spot(0.55, 0.76), 0.125 * size, 0.1 * size, body)
    sketch.disc("head", 0.57 * size, 0.78 * size, 0.145 * size, 0.13 * size, body, same=True)
    sketch.limb(
        "head", spot(0.62, 0.74), spot(0.8, 0.7), 0.085 * size, 0.06 * size, lit(coat, 1.12), same=True
    )
    sketch.disc(
        "head", 0.86 * size, 0.73 * size, 0.035 * size, 0.03 * size, Material((26, 24, 26)), same=True
    )
    sketch.disc(
        "head", 0.64 * size, 0.82 * size, 0.02 * size, 0.022 * size, Material((20, 20, 20)), same=True
    )
    sketch.limb("ear", spot(0.5, 0.85), spot(0.42, 0.68), 0.055 * size, 0.07 * size, ear)
    if rng.random() < 0.6:
        sketch.limb(
            "collar",
            spot(0.36, 0.66),
            spot(0.53, 0.58),
            0.03,
            0.03,
            Material(paint(rng, (0.7, 1.0), (150, 240))),
        )
    return sketch


def being(
    name: str, seed: int, x: float, z: float, heading: int, phase: float | None = None, track_id: int = 0
) -> Entity:
    """The person or dog that `seed` stands for, at `x`, `z` (metres)."""
    draw, footprint = {"person": (person, (0.22, 0.3, 1.7)), "dog": (dog, (0.55, 0.3, 0.8))}[name]
    faces = tuple(draw(np.random.default_rng(seed), phase).faces)
    return Entity(name, faces, x, z, heading, True, True, footprint, track_id)
