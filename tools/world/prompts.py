"""Training prompts: boxes and points drawn from a scene's maps, with the masks that they should give."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from tools.world.dataset import MIN_PIXELS, boxes_of

BOX_NOISE, BOX_NOISE_MAX = 0.1, 20.0
MIN_PART_PIXELS = 120


@dataclass(frozen=True)
class Maps:
    """A training scene; arrays as in `dataset.Truth`, picture RGB, which may be smaller than the maps.

    Attributes:
        thing_boxes: `(things, 4)` float32, boxes around the things in the maps' pixels.
        part_boxes: `(parts, 4)` float32, the same of the parts.
    """

    picture: np.ndarray
    thing_map: np.ndarray
    part_map: np.ndarray
    thing_names: tuple[str, ...]
    labelled: np.ndarray
    part_names: tuple[str, ...]
    part_things: np.ndarray
    thing_boxes: np.ndarray
    part_boxes: np.ndarray

    @classmethod
    def load(cls, path: Path) -> "Maps":
        """Reads a scene written by `tools.world.dataset`."""
        with np.load(path) as f:
            thing_map, part_map = f["thing_map"], f["part_map"]
            return cls(
                f["picture"],
                thing_map,
                part_map,
                tuple(map(str, f["thing_names"])),
                f["labelled"],
                tuple(map(str, f["part_names"])),
                f["part_things"],
                boxes_of(thing_map, len(f["thing_names"])).astype(np.float32),
                boxes_of(part_map, len(f["part_names"])).astype(np.float32),
            )

    def shrunk(self, long_side: int) -> "Maps":
        """The same scene with a smaller picture."""
        height, width = self.picture.shape[:2]
        scale = long_side / max(height, width)
        size = round(width * scale), round(height * scale)
        return replace(self, picture=cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA))

    def part(self, left: int, top: int, size_hw: tuple[int, int]) -> "Maps":
        """What a rectangle of the picture's pixels shows, as if the picture ended at its sides.

        Where the rectangle reaches beyond the picture there is nothing: black, and label 0.
        """
        times = self.thing_map.shape[1] // self.picture.shape[1]
        thing_map, part_map = (_cut(m, left, top, size_hw, times) for m in (self.thing_map, self.part_map))
        return replace(
            self,
            picture=_cut(self.picture, left, top, size_hw),
            thing_map=thing_map,
            part_map=part_map,
            thing_boxes=boxes_of(thing_map, len(self.thing_names)).astype(np.float32),
            part_boxes=boxes_of(part_map, len(self.part_names)).astype(np.float32),
        )

    def flipped(self) -> "Maps":
        """The scene in a mirror."""
        width = self.thing_map.shape[1]
        mirror = np.array([-1, 1, -1, 1], np.float32), np.array([width, 0, width, 0], np.float32)
        return replace(
            self,
            picture=self.picture[:, ::-1],
            thing_map=self.thing_map[:, ::-1],
            part_map=self.part_map[:, ::-1],
            thing_boxes=(self.thing_boxes * mirror[0] + mirror[1])[:, [2, 1, 0, 3]],
            part_boxes=(self.part_boxes * mirror[0] + mirror[1])[:, [2, 1, 0, 3]],
        )


def _cut(array: np.ndarray, left: int, top: int, size_hw: tuple[int, int], times: int = 1) -> np.ndarray:
    height, width = size_hw
    found = array[top * times : (top + height) * times, left * times : (left + width) * times]
    missing = [(0, height * times - found.shape[0]), (0, width * times - found.shape[1])]
    return np.pad(found, [*missing, *[(0, 0)] * (array.ndim - 2)])


@dataclass(frozen=True)
class Prompts:
    """Prompts of one picture: boxes first, points after.

    Attributes:
        boxes: `(boxes, 4)` float32, x0, y0, x1, y1 in pixels, jittered.
        points: `(points, 2)` float32, x, y in pixels.
        masks: `(boxes + points, H, W)` bool: for a box its target, for a point the part it lies on.
        wholes: `(points, H, W)` bool: the whole thing that the point lies on.
    """

    boxes: np.ndarray
    points: np.ndarray
    masks: np.ndarray
    wholes: np.ndarray


def jitter_colours(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Changes brightness, contrast and white balance a little; returns float32."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.94, 1.06, 3)
    middle = picture.mean()
    changed = (picture - middle) * rng.uniform(0.85, 1.15) + middle
    return np.clip(changed * gain, 0, 255).astype(np.float32)


def jitter_boxes(rng: np.random.Generator, boxes: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Shifts the sides of boxes `(n, 4)` by up to a tenth of their length, at most 20 pixels.

    As in SAM's appendix A, but some boxes are shifted less than others: a detector's boxes fit better.
    """
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    spread = rng.uniform(0, BOX_NOISE, (len(boxes), 1))
    noise = np.clip(rng.standard_normal(boxes.shape) * spread * sides, -BOX_NOISE_MAX, BOX_NOISE_MAX)
    limit = np.array([size_hw[1], size_hw[0]] * 2)
    return np.clip(boxes + noise, 0, limit).astype(np.float32)


def draw_prompts(rng: np.random.Generator, maps: Maps, boxes: int, points: int) -> Prompts:
    """Draws box prompts (mostly for labelled objects) and point prompts (mostly on parts) for one scene."""
    size_hw = maps.thing_map.shape
    box_targets, box_masks = _box_targets(rng, maps, boxes)
    spots = _points(rng, maps, points)
    part, thing = maps.part_map[spots[:, 1], spots[:, 0]], maps.thing_map[spots[:, 1], spots[:, 0]]
    part_masks = maps.part_map[None] == part[:, None, None]
    wholes = maps.thing_map[None] == thing[:, None, None]
    return Prompts(
        jitter_boxes(rng, box_targets, (size_hw[0], size_hw[1])),
        spots.astype(np.float32) + 0.5,
        np.concatenate([box_masks, part_masks]),
        wholes,
    )


def _box_targets(rng: np.random.Generator, maps: Maps, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws what boxes ask for: exact boxes `(count, 4)` and masks `(count, H, W)`."""
    seen = np.bincount(maps.thing_map.ravel(), minlength=len(maps.thing_names) + 1)[1:] >= MIN_PIXELS
    objects, others = np.flatnonzero(maps.labelled & seen), np.flatnonzero(~maps.labelled & seen)
    sizes = np.bincount(maps.part_map.ravel(), minlength=len(maps.part_names) + 1)[1:]
    parts = np.flatnonzero(sizes >= MIN_PART_PIXELS)
    boxes = np.zeros((count, 4), np.float32)
    masks = np.zeros((count, *maps.thing_map.shape), bool)
    turns = itertools.cycle(rng.permutation(objects))
    for i in range(count):
        kind = rng.random()
        if kind < 0.85:
            thing = next(turns) if kind < 0.75 and len(objects) else rng.choice(others)
            boxes[i], masks[i] = maps.thing_boxes[thing], maps.thing_map == thing + 1
        else:
            part = rng.choice(parts)
            boxes[i], masks[i] = maps.part_boxes[part], maps.part_map == part + 1
    return boxes, masks


def _points(rng: np.random.Generator, maps: Maps, count: int) -> np.ndarray:
    """Draws points `(count, 2)` int: two of three on a part, larger ones more often, the rest anywhere."""
    sizes = np.bincount(maps.part_map.ravel(), minlength=len(maps.part_names) + 1)
    labels = np.flatnonzero(sizes[1:] >= MIN_PART_PIXELS) + 1
    order = np.argsort(maps.part_map.ravel(), kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    weights = np.sqrt(sizes[labels])
    chosen = rng.choice(labels, count, p=weights / weights.sum())
    on_part = order[starts[chosen] + (rng.random(count) * sizes[chosen]).astype(int)]
    anywhere = order[starts[1] + (rng.random(count) * (len(order) - starts[1])).astype(int)]
    flat = np.where(rng.random(count) < 0.67, on_part, anywhere)
    return np.column_stack([flat % maps.part_map.shape[1], flat // maps.part_map.shape[1]])
