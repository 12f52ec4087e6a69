"""Renders a scene: one map of which face is seen where, and the picture shaded from that same map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.world.faces import SUPERSAMPLING, paint
from tools.world.scene import Scene
from tools.world.shading import shade


@dataclass(frozen=True)
class Rendered:
    """A picture and what is seen in each of its pixels.

    Attributes:
        picture: `(H, W, 3)` uint8, blue-green-red.
        entity_map: `(H, W)` uint16, index into the scene's entities plus 1; 0 is the sky.
        part_map: `(H, W)` uint16, index into `parts`; entry 0 is the sky.
        parts: For every part its (entity index plus 1, name, number).
    """

    picture: np.ndarray
    entity_map: np.ndarray
    part_map: np.ndarray
    parts: tuple[tuple[int, str, int], ...]


def render(scene: Scene) -> Rendered:
    """Renders a scene; the same scene gives the same bytes."""
    painted = paint(scene)
    picture = shade(scene, painted)
    # Every pixel belongs to the thing that covers one fixed sample of it, so masks are exact and disjoint.
    sample = painted.face_map[::SUPERSAMPLING, ::SUPERSAMPLING]
    return Rendered(picture, painted.entity[sample], painted.part[sample], painted.parts)
