"""What things are made of: materials, faces, entities, and a sketch that collects them."""

from dataclasses import dataclass, field, replace

import numpy as np

Colour = tuple[float, float, float]
Point = tuple[float, float]
Outline = list[Point]


@dataclass(frozen=True)
class Material:
    """How a face looks.

    Attributes:
        colour: Blue, green, red in 0..255.
        top: Brightness at the face's upper edge, a factor.
        bottom: Brightness at its lower edge.
        fine: Strength of pixel-sized texture, as a share of the brightness.
        coarse: Strength of blotchy texture.
        glow: Light of its own in 0..1, which stays when night falls.
        ground: Whether it lies on the ground, so that shadows fall on it and fog follows the row.
    """

    colour: Colour
    top: float = 1.06
    bottom: float = 0.9
    fine: float = 0.02
    coarse: float = 0.02
    glow: float = 0.0
    ground: bool = False


@dataclass(frozen=True)
class Face:
    """One flat polygon of an entity.

    Attributes:
        part: Name of the part it belongs to, such as "window".
        number: Which of the parts of that name.
        points: Corners `(n, 3)` in metres: along the heading, up, away from the viewer.
        material: How it looks.
        normal: Outward direction `(3,)`; a face that looks away from the camera is not drawn. `None`: always.
    """

    part: str
    number: int
    points: np.ndarray
    material: Material
    normal: np.ndarray | None = None


@dataclass(frozen=True)
class Entity:
    """A thing in the world: an object with a class, or a piece of the surroundings.

    Attributes:
        name: COCO class name, or a name of ours for surroundings.
        faces: Drawn in this order.
        x: Place along the street in metres.
        z: Distance from the viewer's line in metres.
        heading: 1 looks right, -1 looks left.
        flat: Whether it turns to face the camera, as people and trees do.
        labelled: Whether the detector has a name for it.
        footprint: Half length, depth and height in metres of what throws its shadow; zeros throw none.
        track_id: Identity in a video, from 1; 0 for surroundings.
    """

    name: str
    faces: tuple[Face, ...]
    x: float = 0.0
    z: float = 0.0
    heading: int = 1
    flat: bool = False
    labelled: bool = False
    footprint: tuple[float, float, float] = (0.0, 0.0, 0.0)
    track_id: int = 0


@dataclass
class Sketch:
    """Collects the faces of one entity; parts of one name are numbered as they come."""

    faces: list[Face] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def number(self, part: str, same: bool = False) -> int:
        """The next free number of a part, or with `same` the number of the latest."""
        if not same or part not in self.counts:
            self.counts[part] = self.counts.get(part, -1) + 1
        return self.counts[part]

    def polygon(
        self, part: str, outline: object, material: Material, t: float = 0.0, same: bool = False
    ) -> None:
        """Adds an upright polygon `(n, 2)` (along, up) at depth `t`, always drawn."""
        flat = np.asarray(outline, float)
        points = np.column_stack([flat, np.full(len(flat), t)])
        self.faces.append(Face(part, self.number(part, same), points, material))

    def box(
        self, part: str, s0: float, s1: float, y0: float, y1: float, material: Material, same: bool = False
    ) -> None:
        """Adds an upright rectangle."""
        self.polygon(part, [(s0, y0), (s1, y0), (s1, y1), (s0, y1)], material, same=same)

    def rounded(
        self,
        part: str,
        s0: float,
        s1: float,
        y0: float,
        y1: float,
        material: Material,
        radius: float,
        same: bool = False,
    ) -> None:
        """Adds an upright rectangle with round corners."""
        corners = [
            (s1 - radius, y1 - radius, 0),
            (s0 + radius, y1 - radius, 1),
            (s0 + radius, y0 + radius, 2),
            (s1 - radius, y0 + radius, 3),
        ]
        outline = [arc(s, y, radius, radius, q * np.pi / 2, (q + 1) * np.pi / 2, 5) for s, y, q in corners]
        self.polygon(part, np.concatenate(outline), material, same=same)

    def disc(
        self,
        part: str,
        s: float,
        y: float,
        rs: float,
        ry: float,
        material: Material,
        t: float = 0.0,
        same: bool = False,
    ) -> None:
        """Adds an upright ellipse."""
        self.polygon(part, arc(s, y, rs, ry, 0, 2 * np.pi, 28), material, t, same)

    def limb(
        self, part: str, a: object, b: object, ra: float, rb: float, material: Material, same: bool = False
    ) -> None:
        """Adds a limb with round ends from `a` to `b` (along, up), of radius `ra` at `a` and `rb` at `b`."""
        p, q = np.asarray(a, float), np.asarray(b, float)
        angle = np.arctan2(*(q - p)[::-1])
        ends = [
            arc(q[0], q[1], rb, rb, angle - np.pi / 2, angle + np.pi / 2, 7),
            arc(p[0], p[1], ra, ra, angle + np.pi / 2, angle + 3 * np.pi / 2, 7),
        ]
        self.polygon(part, np.concatenate(ends), material, same=same)

    def prism(
        self,
        part: str,
        outline: object,
        width: float,
        material: Material,
        edges: dict[int, Material] | None = None,
        edge_parts: dict[int, str] | None = None,
        inset: float = 0.07,
    ) -> None:
        """Adds a body: the outline `(n, 2)`, anticlockwise, drawn out to `width` metres away from the viewer.

        Edges named in `edge_parts` (0 runs from corner 0 to corner 1) carry a pane of that part, of the
        material in `edges`, set in from the rim by the share `inset`.
        """
        flat = np.asarray(outline, float)
        number = self.number(part)
        for i in range(len(flat)):
            a, b = flat[i], flat[(i + 1) % len(flat)]
            along, up = b - a
            normal = np.array([up, -along, 0.0]) / max(np.hypot(along, up), 1e-9)
            quad = np.array([(*a, 0), (*b, 0), (*b, width), (*a, width)])
            light = 0.86 + 0.26 * normal[1] - 0.08 * abs(normal[0])
            self.faces.append(Face(part, number, quad, lit(material, light), normal))
            if edge_parts and i in edge_parts:
                pane = on_quad(quad, inset, 1 - inset, inset, 1 - inset)
                assert edges is not None
                self.faces.append(Face(edge_parts[i], self.number(edge_parts[i]), pane, edges[i], normal))
        self.faces.append(Face(part, number, np.column_stack([flat, np.zeros(len(flat))]), material))


def arc(s: float, y: float, rs: float, ry: float, start: float, end: float, count: int) -> np.ndarray:
    """`count` points `(count, 2)` on an ellipse around `(s, y)` from angle `start` to `end` in radians."""
    angle = np.linspace(start, end, count)
    return np.column_stack([s + rs * np.cos(angle), y + ry * np.sin(angle)])


def on_quad(quad: np.ndarray, u0: float, u1: float, v0: float, v1: float) -> np.ndarray:
    """A smaller quad `(4, 3)` on a quad `(4, 3)`; u runs along its first side, v along its last."""
    a, b, c, d = quad
    return np.array(
        [
            (a * (1 - u) + b * u) * (1 - v) + (d * (1 - u) + c * u) * v
            for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))
        ]
    )


def lit(material: Material, light: float) -> Material:
    """The material under `light` times the light."""
    blue, green, red = (float(np.clip(c * light, 0, 255)) for c in material.colour)
    return replace(material, colour=(blue, green, red))


def paint(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.35, 0.85),
    value: tuple[float, float] = (90, 230),
) -> Colour:
    """A random colour, blue-green-red in 0..255, with a saturation and a value from the ranges."""
    # Few things in a street are green to violet, so hues there are drawn half as often.
    hue = min(rng.uniform(0, 6), rng.uniform(0, 6)) if rng.random() < 0.5 else rng.uniform(0, 6)
    sat, val = rng.uniform(*saturation) * rng.uniform(0.6, 1), rng.uniform(*value)
    channel = [val * (1 - sat * float(np.clip(1.5 - abs((hue - k) % 6 - 3) + 0.5, 0, 1))) for k in (4, 2, 0)]
    return channel[0], channel[1], channel[2]
