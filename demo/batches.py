"""Batches for training SAM: scenes from a folder, prompts drawn for them, and the masks that are wanted."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from demo.dataset import boxes_of
from demo.prompts import Maps, Prompts, draw_prompts, flipped, jitter_colours
from demo.small_sam import PIXEL_MEAN, PIXEL_STD


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        steps: Length of the cosine schedule.
        scenes: Scenes a step.
        boxes: Box prompts a scene.
        points: Point prompts a scene.
        rate: Highest learning rate.
        warmup: Steps until it is reached.
        decay: Weight decay.
        hints: Weight of the dense hints, see `demo.objective.DenseHints`.
        seed: Decides everything that is drawn.
    """

    steps: int = 15000
    scenes: int = 3
    boxes: int = 3
    points: int = 5
    rate: float = 1e-3
    warmup: int = 300
    decay: float = 0.05
    hints: float = 0.5
    seed: int = 1


@dataclass(frozen=True)
class Batch:
    """One step's input; `low` is the side of the low-resolution masks.

    Attributes:
        pictures: `(B, 3, S, S)` float32, normalised and padded.
        prompts: For each picture its prompts.
        targets: For each picture `(boxes + points, low, low)` float32 in 0..1, and the same of the points'
            wholes, `(points, low, low)`.
        names: `(B, low, low)` int64 part names, -1 where there is none.
        sides: `(B, 8, low, low)` float32: how far the sides of the boxes of thing and part lie from every
            pixel, in shares of the input.
        rows: Rows of the low-resolution masks that lie in the picture.
    """

    pictures: Tensor
    prompts: list[Prompts]
    targets: list[tuple[Tensor, Tensor]]
    names: Tensor
    sides: Tensor
    rows: int

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device; prompts follow when they are used."""
        targets = [(masks.to(device), wholes.to(device)) for masks, wholes in self.targets]
        return replace(
            self,
            pictures=self.pictures.to(device),
            targets=targets,
            names=self.names.to(device),
            sides=self.sides.to(device),
        )


class Scenes:
    """Rendered scenes in a folder, and the names of the parts in them."""

    def __init__(self, folder: Path, size: int) -> None:
        self.paths = sorted(folder.glob("*[0-9].npz"))
        if not self.paths:
            raise FileNotFoundError(f"no scenes in {folder}: render them first with python -m demo.dataset")
        self.size = size
        pairs = {pair for path in self.paths[:200] for pair in _name_pairs(Maps.load(path))}
        self.names = {pair: i for i, pair in enumerate(sorted(pairs))}

    def batch(self, recipe: Recipe, step: int) -> Batch:
        """The batch of a step; it depends on the recipe's seed and the step alone."""
        rng = np.random.default_rng([recipe.seed, step])
        epoch_rng = np.random.default_rng([recipe.seed, step * recipe.scenes // len(self.paths), 1])
        order = epoch_rng.permutation(len(self.paths))
        picked = [order[(step * recipe.scenes + i) % len(order)] for i in range(recipe.scenes)]
        return self.collate([self._augmented(rng, self.paths[i]) for i in picked], rng, recipe)

    def _augmented(self, rng: np.random.Generator, path: Path) -> Maps:
        maps = Maps.load(path)
        maps = flipped(maps) if rng.random() < 0.5 else maps
        return replace(maps, picture=jitter_colours(rng, maps.picture))

    def collate(self, scenes: list[Maps], rng: np.random.Generator, recipe: Recipe) -> Batch:
        """Draws prompts for scenes and puts all of it into tensors."""
        prompts = [draw_prompts(rng, m, recipe.boxes, recipe.points) for m in scenes]
        targets = [(self.shrink(p.masks), self.shrink(p.wholes)) for p in prompts]
        hints = [self._hints(m) for m in scenes]
        rows = math.ceil(scenes[0].thing_map.shape[0] * self.size // 4 / self.size)
        return Batch(
            torch.stack([self.normalise(m.picture) for m in scenes]),
            prompts,
            targets,
            torch.stack([h[0] for h in hints]),
            torch.stack([h[1] for h in hints]),
            rows,
        )

    def normalise(self, picture: np.ndarray) -> Tensor:
        """A picture `(H, W, 3)` RGB as SAM's input `(3, S, S)`."""
        height, width = picture.shape[:2]
        mean, std = np.array(PIXEL_MEAN, np.float32), np.array(PIXEL_STD, np.float32)
        scaled = (picture.astype(np.float32) - mean) / std
        return F.pad(torch.from_numpy(scaled).permute(2, 0, 1), (0, self.size - width, 0, self.size - height))

    def shrink(self, masks: np.ndarray) -> Tensor:
        """Masks `(n, H, W)` as shares of covered area `(n, S / 4, S / 4)`."""
        height, width = masks.shape[1:]
        padded = np.zeros((len(masks), self.size, self.size), np.uint8)
        padded[:, :height, :width] = masks
        low = self.size // 4
        return (
            torch.from_numpy(padded.reshape(len(masks), low, 4, low, 4).sum((2, 4), dtype=np.uint8)).float()
            / 16
        )

    def _hints(self, maps: Maps) -> tuple[Tensor, Tensor]:
        """Part names `(low, low)` and box sides `(8, low, low)` at every fourth pixel."""
        low = self.size // 4
        parts, things = (np.zeros((low, low), int) for _ in range(2))
        sampled = maps.part_map[2::4, 2::4]
        inside = slice(0, sampled.shape[0]), slice(0, sampled.shape[1])
        parts[inside], things[inside] = sampled, maps.thing_map[2::4, 2::4]
        name = np.array([-1] + [self.names.get(pair, -1) for pair in _name_pairs(maps)])[parts]
        size_hw = maps.thing_map.shape
        limit = np.array([size_hw[1], size_hw[0]] * 2) / self.size
        boxes = [
            np.concatenate([np.zeros((1, 4)), boxes_at(m, n) / self.size]).clip(0, np.maximum(limit, 0))[
                label
            ]
            for m, n, label in (
                (maps.thing_map, len(maps.thing_names), things),
                (maps.part_map, len(maps.part_names), parts),
            )
        ]
        spot = (np.arange(low) + 0.5) / low
        here = np.stack(
            [np.broadcast_to(spot, (low, low)), np.broadcast_to(spot[:, None], (low, low))] * 2, axis=-1
        )
        sides = np.concatenate([b - here for b in boxes], axis=-1).transpose(2, 0, 1)
        return torch.from_numpy(name), torch.from_numpy(sides.astype(np.float32))


def boxes_at(label_map: np.ndarray, count: int) -> np.ndarray:
    """Boxes `(count, 4)` of labels 1 to `count`, found at half resolution, in pixels."""
    return boxes_of(label_map[::2, ::2], count) * 2


def _name_pairs(maps: Maps) -> list[tuple[str, str]]:
    return [
        (str(maps.thing_names[t]), str(p)) for t, p in zip(maps.part_things, maps.part_names, strict=True)
    ]
