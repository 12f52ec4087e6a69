"""Batches for training SAM: scenes from a folder, prompts drawn for them, and the masks that are wanted."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from demo.prompts import Maps, Prompts, draw_prompts, jitter_colours
from sav.sam.architecture import PIXEL_MEAN_RGB, PIXEL_STD_RGB, SamArchitecture


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

    steps: int = 6000
    scenes: int = 4
    boxes: int = 8
    points: int = 6
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
        joints: `(B, 4, low, low)` float32, 1 where a pixel and its right neighbour show the same thing, and
            the same part; then the neighbour below.
        rows: Rows of the low-resolution masks that lie in the picture.
    """

    pictures: Tensor
    prompts: list[Prompts]
    targets: list[tuple[Tensor, Tensor]]
    names: Tensor
    sides: Tensor
    joints: Tensor
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
            joints=self.joints.to(device),
        )


class Scenes:
    """Rendered scenes, read into memory, and the names of the parts in them."""

    def __init__(self, folder: Path, architecture: SamArchitecture, count: int | None = None) -> None:
        paths = sorted(folder.glob("*[0-9].npz"))[:count]
        if not paths:
            raise FileNotFoundError(f"no scenes in {folder}: render them first with python -m demo.dataset")
        self.size = architecture.image_size
        self.low = 4 * self.size // architecture.patch_size
        self.maps = [Maps.load(path).shrunk(self.size) for path in paths]
        pairs = {pair for maps in self.maps for pair in _name_pairs(maps)}
        self.names = {pair: i for i, pair in enumerate(sorted(pairs))}

    def batch(self, recipe: Recipe, step: int) -> Batch:
        """The batch of a step; it depends on the recipe's seed and the step alone."""
        rng = np.random.default_rng([recipe.seed, step])
        epoch_rng = np.random.default_rng([recipe.seed, step * recipe.scenes // len(self.maps), 1])
        order = epoch_rng.permutation(len(self.maps))
        picked = [order[(step * recipe.scenes + i) % len(order)] for i in range(recipe.scenes)]
        return self.collate([self._augmented(rng, self.maps[i]) for i in picked], rng, recipe)

    def _augmented(self, rng: np.random.Generator, maps: Maps) -> Maps:
        maps = maps.flipped() if rng.random() < 0.5 else maps
        return replace(maps, picture=jitter_colours(rng, maps.picture))

    def collate(self, scenes: list[Maps], rng: np.random.Generator, recipe: Recipe) -> Batch:
        """Draws prompts for scenes and puts all of it into tensors."""
        prompts = [draw_prompts(rng, m, recipe.boxes, recipe.points) for m in scenes]
        targets = [(self.shrink(p.masks), self.shrink(p.wholes)) for p in prompts]
        hints = [self._hints(m) for m in scenes]
        height, width = scenes[0].thing_map.shape
        scale = self.size / max(height, width)
        return Batch(
            torch.stack([self.normalise(m.picture) for m in scenes]),
            [replace(p, boxes=p.boxes * scale, points=p.points * scale) for p in prompts],
            targets,
            torch.stack([names for names, _, _ in hints]),
            torch.stack([sides for _, sides, _ in hints]),
            torch.stack([joints for _, _, joints in hints]),
            math.ceil(height * self.low / max(height, width)),
        )

    def normalise(self, picture: np.ndarray) -> Tensor:
        """A picture `(H, W, 3)` RGB as SAM's input `(3, S, S)`."""
        height, width = picture.shape[:2]
        mean, std = np.array(PIXEL_MEAN_RGB, np.float32), np.array(PIXEL_STD_RGB, np.float32)
        scaled = (picture.astype(np.float32) - mean) / std
        return F.pad(torch.from_numpy(scaled).permute(2, 0, 1), (0, self.size - width, 0, self.size - height))

    def shrink(self, masks: np.ndarray) -> Tensor:
        """Masks `(n, H, W)` as shares of covered area `(n, low, low)`."""
        height, width = masks.shape[1:]
        side = max(height, width)
        padded = F.pad(torch.from_numpy(masks).float(), (0, side - width, 0, side - height))
        return F.avg_pool2d(padded[None], side // self.low)[0]

    def _hints(self, maps: Maps) -> tuple[Tensor, Tensor, Tensor]:
        """Part names `(low, low)`, box sides `(8, low, low)` and joints `(4, low, low)`."""
        parts, things = self._sampled(maps.part_map), self._sampled(maps.thing_map)
        name = np.array([-1] + [self.names.get(pair, -1) for pair in _name_pairs(maps)])[parts]
        nowhere = np.zeros((1, 4), np.float32)
        boxes = [
            np.concatenate([nowhere, table / max(maps.thing_map.shape)])[label]
            for table, label in ((maps.thing_boxes, things), (maps.part_boxes, parts))
        ]
        spot = (np.arange(self.low, dtype=np.float32) + 0.5) / self.low
        grid = [np.broadcast_to(spot, things.shape), np.broadcast_to(spot[:, None], things.shape)]
        here = np.stack(grid * 2, axis=-1)
        sides = np.concatenate([b - here for b in boxes], axis=-1).transpose(2, 0, 1)
        joints = np.ones((4, *things.shape), np.float32)
        for i, label in enumerate((things, parts)):
            joints[i, :, :-1] = label[:, 1:] == label[:, :-1]
            joints[2 + i, :-1] = label[1:] == label[:-1]
        return torch.from_numpy(name), torch.from_numpy(sides), torch.from_numpy(joints)

    def _sampled(self, label_map: np.ndarray) -> np.ndarray:
        """A map `(H, W)` at the centres of the low-resolution pixels, `(low, low)`, 0 beside the picture."""
        step = max(label_map.shape) // self.low
        sampled = label_map[step // 2 :: step, step // 2 :: step]
        labels = np.zeros((self.low, self.low), int)
        labels[: sampled.shape[0], : sampled.shape[1]] = sampled
        return labels


def _name_pairs(maps: Maps) -> list[tuple[str, str]]:
    return [
        (str(maps.thing_names[t]), str(p)) for t, p in zip(maps.part_things, maps.part_names, strict=True)
    ]
