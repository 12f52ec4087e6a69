"""Generated tracking sequences with known truth: crossings, misses, false alarms, and cameras that move."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections
from sav.evaluate.tracks import TrackTable

WIDTH, HEIGHT = 640, 360


@dataclass(frozen=True)
class TrackingScene:
    """A sequence as a tracker sees it, and what is true of it; each tuple has one entry a frame.

    Attributes:
        detections: What the detector sees.
        true_ids: `(N,)` int64, the objects in view.
        true_boxes_xyxy: `(N, 4)` float64, their boxes.
        warps: `(2, 3)` float64, the camera's motion from the frame before.
        images: `(HEIGHT, WIDTH, 3)` uint8, BGR; empty where the camera stands still.
    """

    detections: tuple[Detections, ...]
    true_ids: tuple[NDArray[np.int64], ...]
    true_boxes_xyxy: tuple[NDArray[np.float64], ...]
    warps: tuple[NDArray[np.float64], ...]
    images: tuple[NDArray[np.uint8], ...] = ()

    @property
    def truth(self) -> TrackTable:
        """The true ids and boxes as scores take them."""
        return TrackTable.of_frames(self.true_ids, self.true_boxes_xyxy)


def make_scene(
    *, objects: int, frames: int = 120, seed: int = 0, camera_speed: float = 0.0, false_alarms: float = 0.3
) -> TrackingScene:
    """Let `objects` walk about in front of a camera that wanders by some `camera_speed` pixels a frame."""
    rng = np.random.default_rng(seed)
    views = _camera_path(rng, frames, camera_speed)
    walks = _walks(rng, objects, frames)
    ids, boxes, detections = [], [], []
    for view, walk in zip(views, walks, strict=True):
        in_view = _through(view, walk)
        centre = (in_view[:, :2] + in_view[:, 2:]) / 2
        inside = ((centre > 0) & (centre < (WIDTH, HEIGHT))).all(1)
        boxes.append(in_view[inside])
        ids.append(inside.nonzero()[0] + 1)
        detections.append(_detect(rng, in_view[inside], false_alarms))
    warps = [np.eye(3)] + [after @ np.linalg.inv(before) for before, after in itertools.pairwise(views)]
    images = _film(rng, views, walks) if camera_speed else ()
    return TrackingScene(tuple(detections), tuple(ids), tuple(boxes), tuple(w[:2] for w in warps), images)


def _camera_path(rng: np.random.Generator, frames: int, speed: float) -> list[NDArray[np.float64]]:
    """Return each frame's map from the world to the picture, `(3, 3)`: a slow sweep with a shake on top."""
    time = np.arange(frames)[:, None]
    sweep = 12 * speed * np.sin(time / 12 + rng.uniform(0, 6, 2)) + rng.normal(0, 0.3 * speed, (frames, 2))
    zoom = 1 + 0.01 * speed * np.sin(time[:, 0] / 15)
    views = np.tile(np.eye(3), (frames, 1, 1))
    views[:, 0, 0] = views[:, 1, 1] = zoom
    views[:, :2, 2] = sweep
    return list(views)


def _walks(rng: np.random.Generator, objects: int, frames: int) -> NDArray[np.float64]:
    """Return world boxes, `(frames, objects, 4)`, of upright figures that walk with slowly changing speed."""
    height = rng.uniform(50, 130, objects)
    size = np.column_stack([height * rng.uniform(0.35, 0.5, objects), height])
    start = rng.uniform((0, 0.3 * HEIGHT), (WIDTH, 0.8 * HEIGHT), (objects, 2))
    velocity = rng.normal(0, (2.5, 0.3), (objects, 2))
    steps = velocity + np.cumsum(rng.normal(0, 0.05, (frames, objects, 2)), 0)
    centre = start + np.cumsum(steps, 0)
    return np.concatenate([centre - size / 2, centre + size / 2], 2)


def _through(view: NDArray[np.float64], boxes_xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    return boxes_xyxy * np.tile([view[0, 0], view[1, 1]], 2) + np.tile(view[:2, 2], 2)


def _detect(rng: np.random.Generator, boxes_xyxy: NDArray[np.float64], false_alarms: float) -> Detections:
    """See each box with a score and an accuracy that fall as it is hidden, and some boxes that are not."""
    size = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    visible = _visible_share(boxes_xyxy)
    scores = np.clip(0.9 * visible + rng.normal(0, 0.1, len(boxes_xyxy)), 0, 0.98)
    jitter = rng.normal(0, 0.03, (len(boxes_xyxy), 4)) * np.tile(size, 2) * (2 - visible[:, None])
    seen = (scores > 0.1) & (rng.random(len(scores)) > 0.05)
    count = rng.poisson(false_alarms)
    corner = rng.uniform((0, 0), (WIDTH - 60, HEIGHT - 120), (count, 2))
    alarms = np.concatenate([corner, corner + rng.uniform((20, 50), (60, 120), (count, 2))], 1)
    return Detections(
        np.concatenate([(boxes_xyxy + jitter)[seen], alarms]).astype(np.float32),
        np.concatenate([scores[seen], rng.uniform(0.1, 0.7, count)]).astype(np.float32),
        np.zeros(int(seen.sum()) + count, np.int64),
    )


def _visible_share(boxes_xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each box that the nearest one in front, whose feet are lower, leaves uncovered."""
    a, b = boxes_xyxy[:, None], boxes_xyxy[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    covered = sides.prod(-1) / np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 1)[:, None]
    in_front = boxes_xyxy[None, :, 3] > boxes_xyxy[:, None, 3]
    return 1 - (covered * in_front).max(1, initial=0)


def stretched(image: NDArray[Any]) -> NDArray[np.uint8]:
    """The picture with its values spread from 0 to 255."""
    return np.asarray(cv2.normalize(image, np.empty_like(image), 0, 255, cv2.NORM_MINMAX), np.uint8)


def _film(
    rng: np.random.Generator, views: list[NDArray[np.float64]], walks: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], ...]:
    """Render the pictures: a textured wall, and a plain figure for each walker."""
    margin = 300
    wall = rng.integers(0, 255, (HEIGHT + 2 * margin, WIDTH + 2 * margin, 3), dtype=np.uint8)
    wall = stretched(cv2.GaussianBlur(wall, (0, 0), 2.5))
    to_wall = np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1.0]])
    shades = rng.integers(0, 255, (walks.shape[1], 3)).tolist()
    images = []
    for view, walk in zip(views, walks, strict=True):
        image = np.asarray(cv2.warpAffine(wall, (view @ to_wall)[:2], (WIDTH, HEIGHT)), np.uint8)
        for (left, top, right, bottom), shade in zip(_through(view, walk).astype(int), shades, strict=True):
            cv2.rectangle(image, (left, top), (right, bottom), shade, -1)
        images.append(image)
    return tuple(images)
