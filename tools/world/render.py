"""Paints a scene: one map of which face is seen where, and the picture shaded from that same map."""

from dataclasses import dataclass

import cv2
import numpy as np

from tools.world.camera import Camera
from tools.world.scene import Scene, Sky
from tools.world.shapes import Entity, Face, Material

SUPERSAMPLING = 2
SUBPIXEL_BITS = 4


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


@dataclass(frozen=True)
class _Painted:
    """The faces that were painted, as parallel arrays over face indices (0 is the sky)."""

    face_map: np.ndarray
    entity: np.ndarray
    part: np.ndarray
    parts: tuple[tuple[int, str, int], ...]
    materials: tuple[Material, ...]
    depth: np.ndarray
    rows: np.ndarray


def render(scene: Scene) -> Rendered:
    """Renders a scene; the same scene gives the same bytes."""
    painted = _paint(scene)
    picture = _shade(scene, painted)
    # Every pixel belongs to the thing that covers one fixed sample of it, so masks are exact and disjoint.
    sample = painted.face_map[::SUPERSAMPLING, ::SUPERSAMPLING]
    return Rendered(picture, painted.entity[sample], painted.part[sample], painted.parts)


def world_points(entity: Entity, face: Face, camera: Camera) -> np.ndarray:
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


def _paint(scene: Scene) -> _Painted:
    """Fills every face into a map of face indices, the farthest first."""
    camera, k = scene.camera, SUPERSAMPLING
    face_map = np.zeros((camera.height * k, camera.width * k), np.uint16)
    parts: dict[tuple[int, str, int], int] = {(0, "sky", 0): 0}
    entity_of, part_of, depth = [0], [0], [1e9]
    materials, rows = [Material((0, 0, 0))], [(0.0, 1.0)]
    for index, entity in enumerate(scene.entities, 1):
        for face in entity.faces:
            points = world_points(entity, face, camera)
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
    return _Painted(
        face_map,
        np.array(entity_of, np.uint16),
        np.array(part_of, np.uint16),
        tuple(parts),
        tuple(materials),
        np.array(depth),
        np.array(rows),
    )


def _on_picture(outline: np.ndarray, size_hw: tuple[int, ...]) -> bool:
    if len(outline) < 3:
        return False
    (x0, y0), (x1, y1) = outline.min(0), outline.max(0)
    return bool(x1 > 0 and y1 > 0 and x0 < size_hw[1] and y0 < size_hw[0])


def _shade(scene: Scene, painted: _Painted) -> np.ndarray:
    """Colours the face map: material, gradient, texture, shadow, light, fog, and what the weather adds."""
    camera, sky, k = scene.camera, scene.sky, SUPERSAMPLING
    rng = np.random.default_rng([scene.seed, 7])
    faces, height = painted.face_map, painted.face_map.shape[0]
    table = painted.materials
    top, bottom, fine, coarse, on_ground = (
        np.array([getattr(m, name) for m in table], np.float32)
        for name in ("top", "bottom", "fine", "coarse", "ground")
    )
    span = np.maximum(painted.rows[:, 1] - painted.rows[:, 0], 1).astype(np.float32)
    slope = (bottom - top) / span
    start = top - slope * painted.rows[:, 0].astype(np.float32)
    row = np.arange(height, dtype=np.float32)[:, None]
    bright = start[faces] + slope[faces] * row
    bright *= 1 + _texture(rng, faces.shape, fine, coarse, faces)
    shadow = _shadows(scene)
    bright *= 1 - shadow * on_ground[faces]
    colour, fogged = _lit_colours(sky, table), np.array(sky.low, np.float32)
    clear = np.exp(-painted.depth / sky.fog).astype(np.float32)
    ground_depth = camera.focal * camera.eye / np.maximum(row / k - camera.horizon, 0.05)
    clear_map = np.where(
        on_ground[faces] > 0, np.exp(-ground_depth / sky.fog).astype(np.float32), clear[faces]
    )
    glow = np.array([m.glow for m in table], np.float32) * 0.7
    clear_map = np.maximum(clear_map, glow[faces])
    picture = cv2.multiply(colour[faces], cv2.merge([bright * clear_map] * 3))
    picture += fogged * (1 - clear_map)[..., None]
    _paint_sky(picture, faces == 0, sky, camera)
    picture = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    return _finish(rng, picture, scene, painted)


def _lit_colours(sky: Sky, table: tuple[Material, ...]) -> np.ndarray:
    """The colour `(faces, 3)` of every face under the sky's light."""
    base = np.array([m.colour for m in table], np.float32)
    glow = np.array([m.glow for m in table], np.float32)[:, None]
    if sky.weather in ("overcast", "rain", "fog"):
        base = base * 0.85 + base.mean(1, keepdims=True) * 0.15
    return base * (np.array(sky.light, np.float32) * (1 - glow) + glow)


def _texture(
    rng: np.random.Generator,
    size_hw: tuple[int, ...],
    fine: np.ndarray,
    coarse: np.ndarray,
    faces: np.ndarray,
) -> np.ndarray:
    """Grain and blotches for every pixel, as strong as each face's material says."""
    height, width = size_hw
    grain = cv2.resize(rng.standard_normal((height // 2, width // 2), np.float32), (width, height))
    low = rng.standard_normal((height // 24 + 2, width // 24 + 2), np.float32)
    mid = rng.standard_normal((height // 9 + 2, width // 9 + 2), np.float32)
    blotch = (
        cv2.resize(low, (width, height), interpolation=cv2.INTER_CUBIC)
        + cv2.resize(mid, (width, height)) * 0.7
    )
    return fine[faces] * grain + coarse[faces] * blotch


def _shadows(scene: Scene) -> np.ndarray:
    """How dark the ground is under and beside what stands on it, `(H, W)` float32 at full supersampling."""
    camera, sky = scene.camera, scene.sky
    shade = np.zeros((camera.height, camera.width), np.uint8)
    contact = np.zeros_like(shade)
    for entity in scene.entities:
        half, deep, high = entity.footprint
        if not high:
            continue
        s0, s1 = entity.x - half, entity.x + half
        foot = np.array(
            [
                (s0, 0, entity.z - 0.1),
                (s1, 0, entity.z - 0.1),
                (s1, 0, entity.z + deep),
                (s0, 0, entity.z + deep),
            ]
        )
        thrown = foot + np.array([sky.sun[0] * high, 0, sky.sun[1] * high])
        _fill(
            shade, cv2.convexHull(np.concatenate([foot, thrown])[:, [0, 2]].astype(np.float32))[:, 0], camera
        )
        _fill(contact, foot[:, [0, 2]], camera)
    soft = cv2.GaussianBlur(shade, (0, 0), 1.2).astype(np.float32) * (sky.shadow / 255)
    under = cv2.GaussianBlur(contact, (0, 0), 3.0).astype(np.float32) * (0.38 / 255)
    full = (camera.width * SUPERSAMPLING, camera.height * SUPERSAMPLING)
    return cv2.resize(np.maximum(soft, under), full, interpolation=cv2.INTER_LINEAR)


def _fill(canvas: np.ndarray, ground_xz: np.ndarray, camera: Camera) -> None:
    points = np.column_stack([ground_xz[:, 0], np.zeros(len(ground_xz)), ground_xz[:, 1]])
    outline = camera.outline(points)
    if len(outline) >= 3:
        fixed = np.round(outline * 2**SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, SUBPIXEL_BITS)


def _paint_sky(picture: np.ndarray, where: np.ndarray, sky: Sky, camera: Camera) -> None:
    share = (
        np.linspace(0, picture.shape[0] / SUPERSAMPLING / max(camera.horizon, 1), picture.shape[0])[
            :, None
        ].clip(0, 1)
        ** 1.3
    )
    column = np.array(sky.top) * (1 - share) + np.array(sky.low) * share
    rows = np.nonzero(where)[0]
    picture[where] = column[rows]


def _finish(rng: np.random.Generator, picture: np.ndarray, scene: Scene, painted: _Painted) -> np.ndarray:
    """Halos of lamps, rain or snow in the air, the camera's own noise."""
    sky, (height, width) = scene.sky, picture.shape[:2]
    if sky.night > 0.2:
        glow = np.array([m.glow for m in painted.materials], np.float32)
        lamps = cv2.resize(glow[painted.face_map], (width, height), interpolation=cv2.INTER_AREA)
        halo = cv2.GaussianBlur(lamps, (0, 0), width / 90)
        picture += halo[..., None] * np.array((70, 120, 140), np.float32) * sky.night
    if sky.weather in ("rain", "snow"):
        picture = _fall(rng, picture, sky.weather)
    noise = rng.standard_normal(picture.shape, np.float32) * (3.5 if sky.night > 0.9 else 1.8)
    return (picture + noise).clip(0, 255).astype(np.uint8)


def _fall(rng: np.random.Generator, picture: np.ndarray, weather: str) -> np.ndarray:
    """Streaks of rain or flakes of snow in front of everything."""
    height, width = picture.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    count = int(width * height / (1400 if weather == "rain" else 1700))
    x, y, size = rng.uniform(0, width, count), rng.uniform(0, height, count), rng.uniform(0.4, 1.0, count)
    if weather == "rain":
        length, lean = height * 0.05 * size, rng.uniform(-0.15, 0.15)
        ends = np.stack([np.column_stack([x, y]), np.column_stack([x + lean * length, y + length])], axis=1)
        cv2.polylines(layer, list(np.round(ends * 16).astype(np.int32)), False, 90, 1, cv2.LINE_AA, 4)
    else:
        for cx, cy, r in zip(x, y, size * width / 420, strict=True):
            cv2.circle(layer, (int(cx * 16), int(cy * 16)), int(r * 16), 225, -1, cv2.LINE_AA, 4)
    share = (layer.astype(np.float32) / 255)[..., None]
    return picture * (1 - share) + np.array((238, 236, 234), np.float32) * share
