"""Batches for training SAM: scenes from a folder, prompts drawn for them, and the masks that are wanted."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from sav.sam.architecture import SamArchitecture
from sav.sam.conventions import PIXEL_MEAN_RGB, PIXEL_STD_RGB
from tools.world.forward import View
from tools.world.prompts import Maps, Prompts, draw_prompts, jitter_colours


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
        hints: Weight of the dense hints, see `tools.world.objective.DenseHints`.
        view: Patches a side of the part of the input that a step looks at.
        wide: Share of the steps, the last ones, whose views are as wide as the input.
        seed: Decides everything that is drawn.
    """

    steps: int = 5000
    scenes: int = 4
    boxes: int = 10
    points: int = 4
    rate: float = 1e-3
    warmup: int = 150
    decay: float = 0.05
    hints: float = 0.5
    view: int = 32
    wide: float = 0.25
    seed: int = 1


@dataclass(frozen=True)
class Batch:
    """One step's input: a view of B scenes, `h` by `w` low-resolution pixels, four a patch.

    Attributes:
        pictures: `(B, 3, H, W)` float32, normalised and padded.
        prompts: For each picture its prompts, in pixels of the whole input.
        targets: For each picture `(boxes + points, h, w)` float32 in 0..1, and the same of the points'
            wholes, `(points, h, w)`.
        names: `(B, h, w)` int64 part names, -1 where there is none.
        sides: `(B, 8, h, w)` float32: how far the sides of the boxes of thing and part lie from every pixel,
            in shares of the input.
        joints: `(B, 4, h, w)` float32, 1 where a pixel and its right neighbour show the same thing, and the
            same part; then the neighbour below.
        view: Where in the input all that is.
    """

    pictures: Tensor
    prompts: list[Prompts]
    targets: list[tuple[Tensor, Tensor]]
    names: Tensor
    sides: Tensor
    joints: Tensor
    view: View

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

    def split(self, count: int) -> list["Batch"]:
        """The batch as up to `count` batches of nearly as many scenes each."""
        parts = np.array_split(np.arange(len(self.prompts)), min(count, len(self.prompts)))
        return [self._of(slice(int(part[0]), int(part[-1]) + 1)) for part in parts]

    def _of(self, scenes: slice) -> "Batch":
        return Batch(
            self.pictures[scenes],
            self.prompts[scenes],
            self.targets[scenes],
            self.names[scenes],
            self.sides[scenes],
            self.joints[scenes],
            self.view,
        )


class Scenes:
    """Rendered scenes, read into memory, and the names of the parts in them."""

    def __init__(self, folder: Path, architecture: SamArchitecture, count: int | None = None) -> None:
        paths = sorted(folder.glob("*[0-9].npz"))[:count]
        if not paths:
            raise FileNotFoundError(
                f"no scenes in {folder}: render them first with python -m tools.world.dataset"
            )
        self.size, self.patch = architecture.image_size, architecture.patch_size
        self.grid, self.window = self.size // self.patch, architecture.window_size
        self.maps = [Maps.load(path).shrunk(self.size) for path in paths]
        pairs = {pair for maps in self.maps for pair in _name_pairs(maps)}
        self.names = {pair: i for i, pair in enumerate(sorted(pairs))}

    @property
    def all(self) -> View:
        """The view of the whole input."""
        return View(0, 0, self.grid, self.grid)

    def batch(self, recipe: Recipe, step: int) -> Batch:
        """The batch of a step; it depends on the recipe's seed and the step alone."""
        rng = np.random.default_rng([recipe.seed, step])
        epoch_rng = np.random.default_rng([recipe.seed, step * recipe.scenes // len(self.maps), 1])
        order = epoch_rng.permutation(len(self.maps))
        picked = [order[(step * recipe.scenes + i) % len(order)] for i in range(recipe.scenes)]
        scenes = [self._augmented(rng, self.maps[i]) for i in picked]
        return self.collate(scenes, self._view(rng, recipe, step), rng, recipe)

    def _augmented(self, rng: np.random.Generator, maps: Maps) -> Maps:
        """Now and then mirrored, always a little discoloured, and sometimes as flat as a video's frame."""
        maps = maps.flipped() if rng.random() < 0.5 else maps
        if rng.random() < 0.3:
            height, width = maps.picture.shape[:2]
            kept = int(height * rng.uniform(0.6, 1))
            maps = maps.part(0, int(rng.integers(height - kept + 1)), (kept, width))
        return replace(maps, picture=jitter_colours(rng, maps.picture))

    def _view(self, rng: np.random.Generator, recipe: Recipe, step: int) -> View:
        """A view at a window's border; mostly the upper part of the input, where the pictures are."""
        if step >= recipe.steps * (1 - recipe.wide):
            return View(0, 0, recipe.view, self.grid)
        starts = np.arange(0, self.grid - recipe.view + 1, self.window)
        top = starts[1] if len(starts) > 1 and rng.random() < 0.2 else 0
        return View(int(top), int(rng.choice(starts)), recipe.view, recipe.view)

    def collate(self, scenes: list[Maps], view: View, rng: np.random.Generator, recipe: Recipe) -> Batch:
        """Draws prompts for what a view shows of scenes, and puts all of it into tensors."""
        left, top = view.left * self.patch, view.top * self.patch
        shown = [m.part(left, top, (view.height * self.patch, view.width * self.patch)) for m in scenes]
        inside = [(max(0, m.picture.shape[0] - top), max(0, m.picture.shape[1] - left)) for m in scenes]
        prompts = [draw_prompts(rng, m, recipe.boxes, recipe.points) for m in shown]
        targets = [(self.shrink(p.masks), self.shrink(p.wholes)) for p in prompts]
        hints = [self._hints(m) for m in shown]
        return Batch(
            torch.stack([self.normalise(m.picture, hw) for m, hw in zip(shown, inside, strict=True)]),
            [self._in_input(p, shown[0], (left, top)) for p in prompts],
            targets,
            torch.stack([names for names, _, _ in hints]),
            torch.stack([sides for _, sides, _ in hints]),
            torch.stack([joints for _, _, joints in hints]),
            view,
        )

    def _in_input(self, prompts: Prompts, shown: Maps, corner_xy: tuple[int, int]) -> Prompts:
        """Prompts in pixels of a view's maps, brought to pixels of the input."""
        scale = shown.picture.shape[1] / shown.thing_map.shape[1]
        corner = np.array(corner_xy, np.float32)
        return replace(
            prompts,
            boxes=(prompts.boxes * scale + np.tile(corner, 2)).astype(np.float32),
            points=(prompts.points * scale + corner).astype(np.float32),
        )

    def normalise(self, picture: np.ndarray, inside_hw: tuple[int, int]) -> Tensor:
        """Pixels `(H, W, 3)` RGB as SAM's input `(3, H, W)`, zero beside the picture."""
        mean, std = np.array(PIXEL_MEAN_RGB, np.float32), np.array(PIXEL_STD_RGB, np.float32)
        scaled = (picture.astype(np.float32) - mean) / std
        scaled[inside_hw[0] :], scaled[:, inside_hw[1] :] = 0, 0
        return torch.from_numpy(scaled).permute(2, 0, 1)

    def shrink(self, masks: np.ndarray) -> Tensor:
        """Masks `(n, H, W)` of maps as shares of covered area `(n, h, w)`."""
        step = self.patch * self._times() // 4
        height, width = masks.shape[1] // step, masks.shape[2] // step
        shares = np.zeros((len(masks), height, width), np.float32)
        for share, mask in zip(shares, masks, strict=True):
            share[:] = cv2.resize(mask.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(shares / 255)

    def _times(self) -> int:
        """How many pixels of the maps a pixel of the input is wide."""
        return self.maps[0].thing_map.shape[1] // self.maps[0].picture.shape[1]

    def _hints(self, maps: Maps) -> tuple[Tensor, Tensor, Tensor]:
        """Part names `(h, w)`, box sides `(8, h, w)` and joints `(4, h, w)`."""
        parts, things = self._sampled(maps.part_map), self._sampled(maps.thing_map)
        name = np.array([-1] + [self.names.get(pair, -1) for pair in _name_pairs(maps)])[parts]
        nowhere = np.zeros((1, 4), np.float32)
        across = self.size * self._times()
        boxes = [
            np.concatenate([nowhere, table / across])[label]
            for table, label in ((maps.thing_boxes, things), (maps.part_boxes, parts))
        ]
        low = 4 * self.grid
        x, y = (((np.arange(n) + 0.5) / low).astype(np.float32) for n in things.shape[::-1])
        grid = [np.broadcast_to(x, things.shape), np.broadcast_to(y[:, None], things.shape)]
        here = np.stack(grid * 2, axis=-1)
        sides = np.concatenate([b - here for b in boxes], axis=-1).transpose(2, 0, 1)
        joints = np.ones((4, *things.shape), np.float32)
        for i, label in enumerate((things, parts)):
            joints[i, :, :-1] = label[:, 1:] == label[:, :-1]
            joints[2 + i, :-1] = label[1:] == label[:-1]
        return torch.from_numpy(name), torch.from_numpy(sides), torch.from_numpy(joints)

    def _sampled(self, label_map: np.ndarray) -> np.ndarray:
        """A map `(H, W)` at the centres of the low-resolution pixels, `(h, w)`."""
        step = self.patch * self._times() // 4
        return label_map[step // 2 :: step, step // 2 :: step].astype(int)


def _name_pairs(maps: Maps) -> list[tuple[str, str]]:
    return [
        (str(maps.thing_names[t]), str(p)) for t, p in zip(maps.part_things, maps.part_names, strict=True)
    ]
