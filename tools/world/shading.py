"""Shades a map of faces: material, gradient, texture, shadow, light, fog, and what the weather adds."""

from __future__ import annotations

import cv2
import numpy as np

from tools.world.camera import Camera
from tools.world.faces import SUBPIXEL_BITS, SUPERSAMPLING, Painted
from tools.world.scene import Scene, Sky


def shade(scene: Scene, painted: Painted) -> np.ndarray:
    """The picture of a scene, `(H, W, 3)` uint8, blue-green-red, out of its map of faces.

    Args:
        scene: Whose light, weather and camera it is seen with.
        painted: Which face is seen where.
    """
    camera, sky, faces = scene.camera, scene.sky, painted.face_map
    rng = np.random.default_rng([scene.seed, 7])
    rows = np.arange(faces.shape[0], dtype=np.float32)[:, None]
    on_ground = _of_materials(painted, "ground")[faces]

    bright = _gradient(painted, rows)
    bright *= 1 + _texture(rng, painted)
    bright *= 1 - _shadows(scene) * on_ground
    clear = _clearness(scene, painted, rows, on_ground)

    picture = cv2.multiply(_lit_colours(sky, painted)[faces], cv2.merge([bright * clear] * 3))
    picture += np.array(sky.low, np.float32) * (1 - clear)[..., None]
    _paint_sky(picture, faces == 0, sky, camera)
    picture = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    return _finish(rng, picture, scene, painted)


def _of_materials(painted: Painted, name: str) -> np.ndarray:
    """A property of each face's material, float32."""
    return np.array([getattr(material, name) for material in painted.materials], np.float32)


def _gradient(painted: Painted, rows: np.ndarray) -> np.ndarray:
    """How bright each pixel is, from the top of its face to its bottom."""
    top, bottom, faces = _of_materials(painted, "top"), _of_materials(painted, "bottom"), painted.face_map
    span = np.maximum(painted.rows[:, 1] - painted.rows[:, 0], 1).astype(np.float32)
    slope = (bottom - top) / span
    start = top - slope * painted.rows[:, 0].astype(np.float32)
    bright: np.ndarray = start[faces] + slope[faces] * rows
    return bright


def _clearness(scene: Scene, painted: Painted, rows: np.ndarray, on_ground: np.ndarray) -> np.ndarray:
    """How much of each pixel's colour comes through the fog, 0 to 1: less from afar, more of what glows."""
    camera, fog, faces = scene.camera, scene.sky.fog, painted.face_map
    of_faces = np.exp(-painted.depth / fog).astype(np.float32)
    ground_depth = camera.focal * camera.eye / np.maximum(rows / SUPERSAMPLING - camera.horizon, 0.05)
    of_ground = np.exp(-ground_depth / fog).astype(np.float32)
    glow = _of_materials(painted, "glow") * 0.7
    return np.maximum(np.where(on_ground > 0, of_ground, of_faces[faces]), glow[faces])


def _lit_colours(sky: Sky, painted: Painted) -> np.ndarray:
    """The colour `(faces, 3)` of every face under the sky's light."""
    base, glow = _of_materials(painted, "colour"), _of_materials(painted, "glow")[:, None]
    if sky.weather in ("overcast", "rain", "fog"):
        base = base * 0.85 + base.mean(1, keepdims=True) * 0.15
    return base * (np.array(sky.light, np.float32) * (1 - glow) + glow)


def _texture(rng: np.random.Generator, painted: Painted) -> np.ndarray:
    """Grain and blotches for every pixel, as strong as each face's material says."""
    faces = painted.face_map
    height, width = faces.shape
    grain = cv2.resize(rng.standard_normal((height // 2, width // 2), np.float32), (width, height))
    low = rng.standard_normal((height // 24 + 2, width // 24 + 2), np.float32)
    mid = rng.standard_normal((height // 9 + 2, width // 9 + 2), np.float32)
    blotch = (
        cv2.resize(low, (width, height), interpolation=cv2.INTER_CUBIC)
        + cv2.resize(mid, (width, height)) * 0.7
    )
    fine, coarse = _of_materials(painted, "fine"), _of_materials(painted, "coarse")
    return fine[faces] * grain + coarse[faces] * blotch


def _shadows(scene: Scene) -> np.ndarray:
    """How dark the ground is under and beside what stands on it, `(H, W)` float32 at full supersampling."""
    camera, sky = scene.camera, scene.sky
    cast = np.zeros((camera.height, camera.width), np.uint8)
    contact = np.zeros_like(cast)
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
        both = np.concatenate([foot, thrown])[:, [0, 2]].astype(np.float32)
        _fill(cast, cv2.convexHull(both)[:, 0], camera)
        _fill(contact, foot[:, [0, 2]], camera)
    soft = cv2.GaussianBlur(cast, (0, 0), 1.2).astype(np.float32) * (sky.shadow / 255)
    under = cv2.GaussianBlur(contact, (0, 0), 3.0).astype(np.float32) * (0.38 / 255)
    full = (camera.width * SUPERSAMPLING, camera.height * SUPERSAMPLING)
    return cv2.resize(np.maximum(soft, under), full, interpolation=cv2.INTER_LINEAR)


def _fill(canvas: np.ndarray, ground_xz: np.ndarray, camera: Camera) -> None:
    """Whiten where `(n, 2)` corners of a piece of ground are seen, in `canvas`, `(H, W)` uint8."""
    points = np.column_stack([ground_xz[:, 0], np.zeros(len(ground_xz)), ground_xz[:, 1]])
    outline = camera.outline(points)
    if len(outline) >= 3:
        fixed = np.round(outline * 2**SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, SUBPIXEL_BITS)


def _paint_sky(picture: np.ndarray, where: np.ndarray, sky: Sky, camera: Camera) -> None:
    """Colour the pixels of the sky, `where`, from its top to the horizon."""
    height = len(picture)
    share = np.linspace(0, height / SUPERSAMPLING / max(camera.horizon, 1), height)
    share = share[:, None].clip(0, 1) ** 1.3
    column = np.array(sky.top) * (1 - share) + np.array(sky.low) * share
    picture[where] = column[np.nonzero(where)[0]]


def _finish(rng: np.random.Generator, picture: np.ndarray, scene: Scene, painted: Painted) -> np.ndarray:
    """Halos of lamps, rain or snow in the air, the camera's own noise."""
    sky, (height, width) = scene.sky, picture.shape[:2]
    if sky.night > 0.2:
        glow = _of_materials(painted, "glow")
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
