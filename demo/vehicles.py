"""How cars, buses, trucks, trains and bicycles are drawn, each from its own random numbers."""

import numpy as np

from demo.shapes import Entity, Face, Material, Sketch, lit, on_quad, paint

TYRE = Material((34, 32, 32), 1.1, 0.9)
HUB = Material((176, 172, 168), 1.15, 0.85)
UNDERSIDE = Material((26, 24, 24), 1.0, 0.8)
FRONT_LIGHT = Material((205, 240, 250), 1.0, 0.95, glow=1.0)
REAR_LIGHT = Material((40, 40, 205), 1.0, 0.9, glow=0.7)


def glass(rng: np.random.Generator, glow: float = 0.0) -> Material:
    """Window glass: sky above, dark below; `glow` when the light inside is on."""
    shade = rng.uniform(0.8, 1.15)
    dark = (118 * shade, 96 * shade, 74 * shade)
    warm = (130.0, 200.0, 235.0)
    colour = tuple(d * (1 - glow * 0.75) + w * glow * 0.75 for d, w in zip(dark, warm, strict=True))
    return Material(colour, 1.35, 0.7, 0.01, 0.01, glow * 0.8)  # type: ignore[arg-type]


def wheel(sketch: Sketch, s: float, radius: float, far: float) -> None:
    """A wheel on the near side; `far` is the depth at which its dark twin stands."""
    sketch.disc("underside", s, radius, radius, radius, UNDERSIDE, far - 0.2, same=True)
    sketch.disc("wheel", s, radius, radius, radius, TYRE)
    sketch.disc("wheel", s, radius, radius * 0.6, radius * 0.6, HUB, same=True)
    sketch.disc("wheel", s, radius, radius * 0.2, radius * 0.2, TYRE, same=True)


def _wheels(sketch: Sketch, places: list[float], radius: float, far: float) -> None:
    """All wheels of a vehicle, the far ones behind everything drawn so far."""
    wheels = Sketch(counts=sketch.counts)
    for s in places:
        wheel(wheels, s, radius, far)
    sketch.faces[:0] = [f for f in wheels.faces if f.part == "underside"]
    sketch.faces.extend(f for f in wheels.faces if f.part != "underside")


def _on_edge(
    sketch: Sketch,
    edge: tuple[object, object],
    width: float,
    part: str,
    material: Material,
    u: tuple[float, float],
    v: tuple[float, float],
    same: bool = False,
) -> None:
    """A detail on an edge of a body drawn out to `width`; u runs along the edge, v away from the viewer."""
    a, b = np.asarray(edge[0], float), np.asarray(edge[1], float)
    quad = np.array([(*a, 0), (*b, 0), (*b, width), (*a, width)])
    normal = np.array([b[1] - a[1], -(b[0] - a[0]), 0.0])
    face = Face(
        part, sketch.number(part, same), on_quad(quad, *u, *v), material, normal / np.linalg.norm(normal)
    )
    near = next(
        (i for i, f in enumerate(sketch.faces) if f.normal is None and f.part != "underside"),
        len(sketch.faces),
    )
    sketch.faces.insert(near, face)


def car(rng: np.random.Generator, glow: float) -> Sketch:
    """A car, hatchback, estate or van."""
    sketch, width = Sketch(), 1.75
    kind = rng.integers(4)
    length = (4.4, 3.7, 4.6, 4.8)[kind] * rng.uniform(0.95, 1.06)
    high = (1.43, 1.5, 1.5, 1.95)[kind] * rng.uniform(0.97, 1.05)
    body = Material(paint(rng, (0.0, 0.9), (70, 240)), 1.12, 0.8)
    belt, low, h = 0.86 * high / 1.45 + 0.06, 0.3, length / 2
    nose, scuttle = h * 0.97, h * rng.uniform(0.42, 0.5)
    roof0, roof1 = (-h * 0.42, h * 0.1) if kind == 0 else (-h * 0.78, h * 0.12)
    if kind == 3:
        scuttle, roof1, roof0 = h * 0.7, h * 0.42, -h * 0.9
    tail = -h * (0.72 if kind == 0 else 0.97)
    outline = [
        (-h, low),
        (h, low),
        (h, belt * 0.72),
        (nose, belt * 0.86),
        (scuttle, belt),
        (roof1, high),
        (roof0, high),
        (tail, belt),
        (-h * 0.99, belt * 0.92),
    ]
    pane = glass(rng, 0)
    sketch.prism("body", outline, width, body, {4: pane, 6: pane}, {4: "window", 6: "window"}, 0.1)
    gap, pillar = 0.09, rng.uniform(-0.12, 0.05) * h
    top = high - 0.1

    def slope(y: float, a: tuple[float, float], b: tuple[float, float]) -> float:
        return a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1])

    front = [slope(y, (scuttle, belt), (roof1, high)) - 0.12 for y in (belt + 0.04, top)]
    back = [slope(y, (tail, belt), (roof0, high)) + 0.12 for y in (belt + 0.04, top)]
    sketch.polygon(
        "window",
        [(pillar + gap / 2, belt + 0.04), (front[0], belt + 0.04), (front[1], top), (pillar + gap / 2, top)],
        pane,
    )
    sketch.polygon(
        "window",
        [(back[0], belt + 0.04), (pillar - gap / 2, belt + 0.04), (pillar - gap / 2, top), (back[1], top)],
        pane,
    )
    seam = lit(body, 0.55)
    for s in (pillar, pillar - h * 0.42, scuttle - 0.1):
        sketch.box("body", s - 0.012, s + 0.012, low + 0.1, belt - 0.02, seam, same=True)
    sketch.box("body", pillar - 0.3, pillar - 0.12, belt - 0.17, belt - 0.12, seam, same=True)
    sketch.box("body", -h, h, low, low + 0.1, lit(body, 0.5), same=True)
    sketch.box("light", h - 0.22, h, belt * 0.66, belt * 0.8, FRONT_LIGHT)
    sketch.box("light", -h, -h + 0.18, belt * 0.66, belt * 0.84, REAR_LIGHT)
    _on_edge(sketch, (outline[1], outline[2]), width, "light", FRONT_LIGHT, (0.62, 0.95), (0.05, 0.28))
    _on_edge(sketch, (outline[1], outline[2]), width, "light", FRONT_LIGHT, (0.62, 0.95), (0.72, 0.95))
    _on_edge(sketch, (outline[8], outline[0]), width, "light", REAR_LIGHT, (0.1, 0.5), (0.05, 0.25))
    _on_edge(sketch, (outline[8], outline[0]), width, "light", REAR_LIGHT, (0.1, 0.5), (0.75, 0.95))
    _wheels(sketch, [h * 0.62, -h * 0.62], 0.34 * (1.05 if kind == 3 else 1), width)
    return sketch


def bus(rng: np.random.Generator, glow: float) -> Sketch:
    """A city bus or coach, now and then a double-decker."""
    sketch, width, double = Sketch(), 2.5, rng.random() < 0.2
    h, high, low = rng.uniform(5.0, 6.0), 4.2 if double else rng.uniform(3.0, 3.3), 0.32
    body = Material(paint(rng, (0.45, 0.95), (120, 235)), 1.08, 0.88)
    lower = Material(paint(rng, (0.0, 0.8), (110, 235)), 1.0, 0.85) if rng.random() < 0.5 else lit(body, 0.82)
    outline = [
        (-h, low),
        (h, low),
        (h, high * 0.5),
        (h - 0.18, high - 0.12),
        (h - 0.4, high),
        (-h + 0.12, high),
        (-h, high - 0.12),
    ]
    pane = glass(rng, glow)
    sketch.prism("body", outline, width, body, {2: pane}, {2: "window"}, 0.06)
    floor = 1.28
    sketch.box("body", -h, h, low, floor - 0.12, lower, same=True)
    doors = [h - 1.05, rng.uniform(-0.12, 0.1) * h] if rng.random() < 0.75 else [h - 1.05]
    tops = [(floor, 2.2), (2.62, 3.85)] if double else [(floor, high - 0.55)]
    count = int(rng.integers(4, 7))
    stops = np.linspace(-h + 0.25, h - 0.25, count + 1)
    for deck, (y0, y1) in enumerate(tops):
        for s0, s1 in zip(stops[:-1], stops[1:], strict=True):
            left, right = s0 + 0.07, s1 - 0.07
            for door in doors if deck == 0 else []:
                if left < door + 0.7 and right > door - 0.7:
                    left, right = (
                        (left, min(right, door - 0.75))
                        if (left + right) / 2 < door
                        else (max(left, door + 0.75), right)
                    )
            if right - left > 0.45:
                sketch.rounded("window", left, right, y0, y1, pane, 0.08)
    frame = Material((70, 66, 64), 1.1, 0.9)
    for door in doors:
        sketch.box("door", door - 0.64, door + 0.64, low + 0.08, 2.45, frame)
        for side in (-0.58, 0.04):
            sketch.box("door", door + side, door + side + 0.54, low + 0.2, 2.35, lit(pane, 1.12), same=True)
    if rng.random() < 0.7:
        sketch.box("sign", -1.2, 0.9, high - 0.42, high - 0.12, Material((40, 190, 245), 1.0, 0.95, glow=0.5))
    _on_edge(sketch, (outline[1], outline[2]), width, "light", FRONT_LIGHT, (0.25, 0.5), (0.06, 0.24))
    _on_edge(sketch, (outline[1], outline[2]), width, "light", FRONT_LIGHT, (0.25, 0.5), (0.76, 0.94))
    _on_edge(sketch, (outline[6], outline[0]), width, "light", REAR_LIGHT, (0.6, 0.8), (0.05, 0.2))
    _on_edge(sketch, (outline[6], outline[0]), width, "light", REAR_LIGHT, (0.6, 0.8), (0.8, 0.95))
    _on_edge(sketch, (outline[6], outline[0]), width, "window", pane, (0.12, 0.45), (0.12, 0.88))
    _wheels(sketch, [h * 0.58, -h * 0.6], 0.5, width)
    return sketch


def truck(rng: np.random.Generator, glow: float) -> Sketch:
    """A lorry: a cab in front, behind it a box, a tank or a tipper."""
    sketch, width = Sketch(), 2.4
    h = rng.uniform(3.4, 4.6)
    cab_high, low, back = rng.uniform(2.5, 3.0), 0.5, h - rng.uniform(1.7, 2.1)
    cab = Material(paint(rng, (0.4, 0.95), (110, 235)), 1.1, 0.85)
    cargo = Material(paint(rng, (0.0, 0.7), (130, 240)), 1.05, 0.9, 0.03)
    chassis = Material((52, 50, 50), 1.0, 0.8)
    sketch.prism("chassis", [(-h, 0.62), (h - 0.3, 0.62), (h - 0.3, 1.0), (-h, 1.0)], width, chassis)
    kind, top = rng.integers(3), rng.uniform(3.0, 3.6)
    if kind == 0:
        sketch.prism("cargo", [(-h, 1.0), (back - 0.12, 1.0), (back - 0.12, top), (-h, top)], width, cargo)
        stripe = Material(paint(rng), 1.0, 0.95)
        sketch.box(
            "cargo", -h + 0.3, back - 0.45, 1.0 + (top - 1) * 0.3, 1.0 + (top - 1) * 0.55, stripe, same=True
        )
    elif kind == 1:
        sketch.prism(
            "cargo",
            [
                (-h, 1.45),
                (-h + 0.35, 1.05),
                (back - 0.45, 1.05),
                (back - 0.12, 1.45),
                (back - 0.12, 2.3),
                (back - 0.45, 2.7),
                (-h + 0.35, 2.7),
                (-h, 2.3),
            ],
            width,
            cargo,
        )
        for s in np.linspace(-h + 0.9, back - 0.9, 3):
            sketch.box("cargo", s - 0.05, s + 0.05, 1.05, 2.7, lit(cargo, 0.72), same=True)
    else:
        sketch.prism(
            "cargo", [(-h, 1.05), (back - 0.12, 1.05), (back + 0.05, 2.35), (-h - 0.15, 2.2)], width, cargo
        )
        for s in np.linspace(-h + 0.4, back - 0.5, 6):
            sketch.box("cargo", s - 0.05, s + 0.05, 1.1, 2.15, lit(cargo, 0.75), same=True)
    pane = glass(rng, 0)
    outline = [(back, low), (h, low), (h, cab_high * 0.58), (h - 0.3, cab_high), (back, cab_high)]
    body = Sketch(counts=sketch.counts)
    body.prism("cab", outline, width, cab, {2: pane}, {2: "window"}, 0.1)
    y0, y1 = cab_high * 0.58, cab_high - 0.22
    body.polygon("window", [(back + 0.45, y0), (h - 0.14, y0), (h - 0.33, y1), (back + 0.45, y1)], pane)
    body.box("cab", back + 0.3, back + 0.33, low + 0.15, cab_high - 0.15, lit(cab, 0.55), same=True)
    body.box("cab", back, h, low, low + 0.25, lit(cab, 0.5), same=True)
    body.box("light", h - 0.2, h, low + 0.3, low + 0.55, FRONT_LIGHT)
    _on_edge(body, (outline[1], outline[2]), width, "light", FRONT_LIGHT, (0.2, 0.48), (0.06, 0.26))
    _on_edge(body, (outline[1], outline[2]), width, "light", FRONT_LIGHT, (0.2, 0.48), (0.74, 0.94))
    sketch.faces.extend(body.faces)
    rear = [-h + 0.75, -h + 1.8] if h > 3.9 else [-h + 1.0]
    _wheels(sketch, [(back + h) / 2 + 0.1, *rear], 0.5, width)
    return sketch


def train(rng: np.random.Generator, glow: float) -> Sketch:
    """A train of two or three cars with one livery."""
    sketch, width = Sketch(), 2.9
    cars, length, high, low = int(rng.integers(2, 4)), rng.uniform(13, 16), rng.uniform(3.9, 4.2), 0.75
    body = Material(paint(rng, (0.2, 0.95), (110, 235)), 1.08, 0.88)
    band = Material(paint(rng, (0.0, 0.9), (90, 235)), 1.0, 0.92)
    pane, bogie = glass(rng, glow), Material((44, 42, 42), 1.0, 0.75)
    whole = cars * length + (cars - 1) * 0.5
    for k in range(cars):
        c0 = -whole / 2 + k * (length + 0.5)
        c1 = c0 + length
        lead = k == cars - 1
        outline = [
            (c0, low),
            (c1, low),
            (c1, high * (0.45 if lead else 0.9)),
            (c1 - (1.5 if lead else 0.2), high),
            (c0 + 0.2, high),
            (c0, high - 0.25),
        ]
        sketch.box("bogie", c0 + 1.2, c1 - 1.2, 0.45, 0.8, bogie, same=True)
        sketch.prism(
            "carriage",
            outline,
            width,
            body,
            {2: pane} if lead else None,
            {2: "window"} if lead else None,
            0.15,
        )
        sketch.box("carriage", c0, c1, 1.0, 1.55, band, same=True)
        doors = [c0 + length * 0.2, c1 - length * 0.27]
        for s in doors:
            sketch.box("door", s - 0.75, s + 0.75, 0.85, 3.2, lit(band, 0.8))
            for side in (-0.62, 0.1):
                sketch.box("door", s + side, s + side + 0.52, 1.9, 3.0, pane, same=True)
        spans = [
            (c0 + 0.35, doors[0] - 0.95),
            (doors[0] + 0.95, doors[1] - 0.95),
            (doors[1] + 0.95, c1 - (1.7 if lead else 0.35)),
        ]
        for s0, s1 in spans:
            count = max(1, int((s1 - s0) / 2.2))
            stops = np.linspace(s0, s1, count + 1)
            for a, b in zip(stops[:-1], stops[1:], strict=True):
                if b - a > 0.5:
                    sketch.rounded("window", a + 0.1, b - 0.1, 1.85, 3.15, pane, 0.12)
        for s in (c0 + 1.7, c0 + 3.1, c1 - 3.1, c1 - 1.7):
            sketch.disc("wheel", s, 0.46, 0.46, 0.46, TYRE)
            sketch.disc("wheel", s, 0.46, 0.2, 0.2, HUB, same=True)
    return sketch


def bicycle(rng: np.random.Generator, glow: float) -> Sketch:
    """A parked bicycle; its wheels count as filled, as annotators draw them."""
    sketch, r = Sketch(), 0.36
    frame = Material(paint(rng, (0.6, 1.0), (120, 240)), 1.05, 0.9)
    spokes = Material((172, 170, 168), 1.06, 0.92, 0.05)
    rear, front, crank, saddle, head = (-0.56, r), (0.56, r), (-0.1, 0.32), (-0.25, 0.9), (0.4, 0.88)
    for s, y in (rear, front):
        sketch.disc("wheel", s, y, r, r, TYRE)
        sketch.disc("wheel", s, y, r * 0.84, r * 0.84, spokes, same=True)
        sketch.disc("wheel", s, y, r * 0.14, r * 0.14, TYRE, same=True)
    sketch.polygon("frame", [crank, head, saddle], lit(frame, 0.72))
    for a, b in (
        (rear, crank),
        (rear, (-0.23, 0.8)),
        (crank, saddle),
        (crank, head),
        ((-0.23, 0.8), head),
        (head, front),
    ):
        sketch.limb("frame", a, b, 0.035, 0.035, frame, same=True)
    sketch.limb("saddle", (-0.4, 0.96), (-0.14, 0.95), 0.05, 0.035, TYRE)
    sketch.limb("handlebar", head, (0.36, 1.06), 0.03, 0.03, TYRE)
    sketch.limb("handlebar", (0.36, 1.06), (0.55, 1.05), 0.035, 0.035, TYRE, same=True)
    if rng.random() < 0.6:
        sketch.polygon(
            "basket",
            [(0.5, 0.75), (0.82, 0.75), (0.88, 1.02), (0.46, 1.02)],
            Material((70, 120, 165), 1.0, 0.85, 0.08),
        )
    if rng.random() < 0.5:
        sketch.rounded("bag", -0.82, -0.42, 0.48, 0.82, Material(paint(rng, (0.2, 0.9)), 1.05, 0.85), 0.05)
    return sketch


FOOTPRINTS: dict[str, tuple[float, float, float]] = {
    "car": (2.2, 1.75, 1.45),
    "bus": (5.5, 2.5, 3.1),
    "truck": (4.2, 2.4, 3.0),
    "train": (22.0, 2.9, 4.0),
    "bicycle": (0.9, 0.3, 0.9),
}


def vehicle(
    name: str, seed: int, x: float, z: float, heading: int, glow: float = 0.0, track_id: int = 0
) -> Entity:
    """The vehicle of class `name` that `seed` stands for, its middle at `x` and its near side at `z` (metres)."""
    draw = {"car": car, "bus": bus, "truck": truck, "train": train, "bicycle": bicycle}[name]
    faces = tuple(draw(np.random.default_rng(seed), glow).faces)
    return Entity(name, faces, x, z, heading, False, True, FOOTPRINTS[name], track_id)
