"""Paints the faces of a scene into one map of which of them is seen where, the farthest first."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.world.camera import Camera
from tools.world.scene import Scene
from tools.world.shapes import Entity, Face, Material

# Pixels of the map along each side of a pixel of the picture.
SUPERSAMPLING = 2
# Bits of a coordinate behind the point, as OpenCV takes them.
SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Painted:
    """The faces that were painted, as parallel arrays over face indices (0 is the sky).

    Attributes:
        face_map: `(H, W)` uint16, the face that is seen in each pixel of the picture, supersampled.
        entity: `(faces,)` uint16, index into the scene's entities plus 1.
        part: `(faces,)` uint16, index into `parts`.
        parts: For every part its (entity index plus 1, name, number); entry 0 is the sky.
        materials: What each face is made of.
        depth: `(faces,)`, metres from the camera.
        rows: `(faces, 2)`, the map's rows where each face begins and ends.
    """

    face_map: np.ndarray
    entity: np.ndarray
    part: np.ndarray
    parts: tuple[tuple[int, str, int], ...]
    materials: tuple[Material, ...]
    depth: np.ndarray
    rows: np.ndarray


def paint(scene: Scene) -> Painted:
    """Fills every face into a map of face indices, the farthest first."""
    camera, k = scene.camera, SUPERSAMPLING
    face_map = np.zeros((camera.height * k, camera.width * k), np.uint16)
    parts: dict[tuple[int, str, int], int] = {(0, "sky", 0): 0}
    entity_of, part_of, depth = [0], [0], [1e9]
    materials, rows = [Material((0, 0, 0))], [(0.0, 1.0)]
    for index, entity in enumerate(scene.entities, 1):
        for face in entity.faces:
            points = _world_points(entity, face, camera)
            if not _faces_camera(entity, face, points, camera):
                continue
            outline = camera.outline(points) * k
            if not _on_picture(outline, face_map.shape):
                continue
            # OpenCV's pixel centres lie on whole numbers, ours half a pixel further.
            fixed = np.round((outline - 0.5) * 2**SUBPIXEL_BITS).astype(np.int32)
            cv2.fillPoly(face_map, [fixed], len(materials), cv2.LINE_8, SUBPIXEL_BITS)
            entity_of.append(index)
            part_of.append(parts.setdefault((index, face.part, face.number), len(parts)))
            materials.append(face.material)
            depth.append(float(camera.depth(points).mean()))
            rows.append((outline[:, 1].min(), outline[:, 1].max()))
    return Painted(
        face_map,
        np.array(entity_of, np.uint16),
        np.array(part_of, np.uint16),
        tuple(parts),
        tuple(materials),
        np.array(depth),
        np.array(rows),
    )


def _world_points(entity: Entity, face: Face, camera: Camera) -> np.ndarray:
    """The corners `(n, 3)` of an entity's face in the world."""
    along, up, away = face.points.T
    along = along * entity.heading
    if entity.flat:
        right, ahead = camera.right, np.array([np.sin(camera.yaw), 0.0, np.cos(camera.yaw)])
        points = along[:, None] * right + away[:, None] * ahead + up[:, None] * np.array([0.0, 1.0, 0.0])
    else:
        points = np.column_stack([along, up, away])
    return points + np.array([entity.x, 0.0, entity.z])


def _faces_camera(entity: Entity, face: Face, points: np.ndarray, camera: Camera) -> bool:
    if face.normal is None:
        return True
    normal = face.normal * np.array([entity.heading, 1, 1])
    return bool(normal @ (camera.position - points[0]) > 0)


def _on_picture(outline: np.ndarray, size_hw: tuple[int, ...]) -> bool:
    if len(outline) < 3:
        return False
    (x0, y0), (x1, y1) = outline.min(0), outline.max(0)
    return bool(x1 > 0 and y1 > 0 and x0 < size_hw[1] and y0 < size_hw[0])
