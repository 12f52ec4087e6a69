"""Trains the demo's SAM on rendered scenes; saves as it goes and goes on where it was stopped."""

import argparse
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn
from torch.nn import functional as F

from demo.dataset import boxes_of
from demo.prompts import Maps, Prompts, draw_prompts, flipped, jitter_colours
from demo.small_sam import PIXEL_MEAN, PIXEL_STD, SmallSam, build, save

FOCAL_TO_DICE = 20.0


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
        hints: Weight of the dense hints, see `DenseHints`.
        seed: Decides everything that is drawn.
    """

    steps: int = 3500
    scenes: int = 2
    boxes: int = 8
    points: int = 8
    rate: float = 8e-4
    warmup: int = 300
    decay: float = 0.05
    hints: float = 0.5
    seed: int = 1


class DenseHints(nn.Module):
    """A head for training only: from the image embedding, each pixel's part name and the boxes of its thing and part.

    It teaches the encoder from every pixel at once, where a mask teaches one thing at a time.
    """

    def __init__(self, channels: int, names: int) -> None:
        super().__init__()
        self.names = names
        self.head = nn.Conv2d(channels, 16 * (names + 8), 1)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Maps `(B, C, h, w)` to name logits `(B, names, 4h, 4w)` and box sides `(B, 8, 4h, 4w)` in shares of the picture."""
        dense = F.pixel_shuffle(self.head(embedding), 4)
        return dense[:, : self.names], dense[:, self.names :]


@dataclass(frozen=True)
class Batch:
    """One step's input; `low` is the side of the low-resolution masks.

    Attributes:
        pictures: `(B, 3, S, S)` float32, normalised and padded.
        prompts: For each picture its prompts.
        targets: For each picture `(boxes + points, low, low)` float32 in 0..1, and `(points, low, low)` of the wholes.
        names: `(B, low, low)` int64 part names, -1 where there is none.
        sides: `(B, 8, low, low)` float32 boxes of thing and part around every pixel, in shares of the picture.
        rows: Rows of the low-resolution masks that lie in the picture.
    """

    pictures: Tensor
    prompts: list[Prompts]
    targets: list[tuple[Tensor, Tensor]]
    names: Tensor
    sides: Tensor
    rows: int


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
        return Maps(
            jitter_colours(rng, maps.picture),
            *(getattr(maps, n) for n in list(Maps.__dataclass_fields__)[1:]),
        )

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
        scaled = (np.asarray(picture, np.float32) - np.float32(PIXEL_MEAN)) / np.float32(PIXEL_STD)
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


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Focal plus dice loss, 20 to 1, of logits and targets `(..., h, w)`; one number for each mask."""
    share = logits.sigmoid()
    miss = (share - target).abs()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    focal = 0.5 * (miss**2 * cross).mean((-2, -1))
    overlap = 2 * (share * target).sum((-2, -1)) + 1
    dice = 1 - overlap / (share.sum((-2, -1)) + target.sum((-2, -1)) + 1)
    return FOCAL_TO_DICE * focal + dice


def true_iou(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of thresholded logits with the targets, both `(..., h, w)`."""
    a, b = logits > 0, target > 0.5
    return (a & b).sum((-2, -1)) / (a | b).sum((-2, -1)).clamp(min=1)


def decode(model: Sam, embedding: Tensor, prompts: Prompts, rows: int) -> tuple[Tensor, Tensor]:
    """All four masks `(n, 4, rows, low)` and predicted IoUs `(n, 4)` for the prompts of one picture `(1, C, h, w)`.

    What `MaskDecoder.predict_masks` does, but masks are enlarged only as far down as the picture reaches.
    """
    decoder, (tokens, dense) = model.mask_decoder, _embed_prompts(model, prompts)
    source = embedding + dense
    place = model.prompt_encoder.get_dense_pe().expand_as(source)
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    answers, image = decoder.transformer(
        source, place, torch.cat([own.expand(len(tokens), -1, -1), tokens], 1)
    )
    count, channels, height, width = source.shape
    image = image.transpose(1, 2).view(count, channels, height, width)[:, :, : -(-rows // 4)]
    enlarged = decoder.output_upscaling(image)[:, :, :rows]
    mixers = torch.stack(
        [mlp(answers[:, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)], 1
    )
    logits = (mixers @ enlarged.flatten(2)).unflatten(2, enlarged.shape[2:])
    return logits.float(), decoder.iou_prediction_head(answers[:, 0]).float()


def _embed_prompts(model: Sam, prompts: Prompts) -> tuple[Tensor, Tensor]:
    """Prompt tokens `(n, 2, C)` and dense prompts `(n, C, h, w)`: boxes first, points after."""
    device = model.device
    spots = torch.from_numpy(prompts.points)[:, None].to(device)
    labels = torch.ones(spots.shape[:2], dtype=torch.int, device=device)
    boxes = model.prompt_encoder(points=None, boxes=torch.from_numpy(prompts.boxes).to(device), masks=None)
    points = model.prompt_encoder(points=(spots, labels), boxes=None, masks=None)
    return torch.cat([boxes[0], points[0]]), torch.cat([boxes[1], points[1]])


def prompt_losses(
    logits: Tensor, iou: Tensor, prompts: Prompts, masks: Tensor, wholes: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mask loss, IoU-head loss and true IoU, each for every prompt.

    A box trains the single mask. A point is ambiguous, and a rendered scene knows both answers: the first of the
    three masks learns the part, the second the whole, and the third whichever of the two it is closer to.
    """
    count = len(prompts.boxes)
    single = logits[:count, 0]
    part, whole = masks[count:], wholes
    many = logits[count:, 1:]
    losses = mask_loss(many[:, [0, 1, 2, 2]], torch.stack([part, whole, part, whole], 1))
    best = torch.where((losses[:, 2] < losses[:, 3])[:, None, None], part, whole)
    point_loss = (losses[:, 0] + losses[:, 1] + losses[:, 2:].amin(1)) / 3
    box_iou = true_iou(single, masks[:count])
    point_iou = true_iou(many, torch.stack([part, whole, best], 1))
    head = torch.cat([(iou[:count, 0] - box_iou) ** 2, ((iou[count:, 1:] - point_iou) ** 2).mean(1)])
    return (
        torch.cat([mask_loss(single, masks[:count]), point_loss]),
        head,
        torch.cat([box_iou, point_iou[:, :2].mean(1)]),
    )


def step_losses(model: Sam, hints: DenseHints, batch: Batch) -> dict[str, Tensor]:
    """The losses of one batch, each a scalar, and the mean IoU of boxes and points."""
    count = len(batch.prompts[0].boxes)
    with torch.autocast(batch.pictures.device.type, torch.bfloat16):
        embeddings = model.image_encoder(batch.pictures)
        names, sides = hints(embeddings)
        decoded = [
            decode(model, e[None], p, batch.rows) for e, p in zip(embeddings, batch.prompts, strict=True)
        ]
    rows = slice(0, batch.rows)
    found = [
        prompt_losses(logits, iou, p, masks[:, rows], wholes[:, rows])
        for (logits, iou), p, (masks, wholes) in zip(decoded, batch.prompts, batch.targets, strict=True)
    ]
    known = (batch.names >= 0)[:, None, rows]
    near = F.smooth_l1_loss(sides.float()[:, :, rows], batch.sides[:, :, rows], reduction="none", beta=0.05)
    return {
        "mask": torch.cat([f[0] for f in found]).mean(),
        "iou_head": torch.cat([f[1] for f in found]).mean(),
        "names": F.cross_entropy(names.float()[:, :, rows], batch.names[:, rows], ignore_index=-1),
        "sides": (near * known).sum() / (8 * known.sum().clamp(min=1)),
        "box_iou": torch.cat([f[2][:count] for f in found]).mean().detach(),
        "point_iou": torch.cat([f[2][count:] for f in found]).mean().detach(),
    }


class Training:
    """A training run in a folder: model, its running mean, optimiser and step."""

    def __init__(self, scenes: Scenes, recipe: Recipe, sizes: SmallSam) -> None:
        torch.manual_seed(recipe.seed)
        self.scenes, self.recipe, self.step = scenes, recipe, 0
        self.model, self.mean = build(sizes), build(sizes)
        self.hints = DenseHints(sizes.channels, len(scenes.names))
        self.mean.load_state_dict(self.model.state_dict())
        weights = [*self.model.parameters(), *self.hints.parameters()]
        flat = [w for w in weights if w.ndim < 2]
        wide = [w for w in weights if w.ndim >= 2]
        self.optimiser = torch.optim.AdamW(
            [{"params": wide, "weight_decay": recipe.decay}, {"params": flat, "weight_decay": 0.0}],
            lr=recipe.rate,
            betas=(0.9, 0.98),
        )
        self.weights = weights

    def rate(self) -> float:
        """The learning rate of this step: a warm-up, then a cosine down to a fiftieth."""
        done = min(1.0, self.step / self.recipe.steps)
        return (
            self.recipe.rate
            * min(1.0, (self.step + 1) / self.recipe.warmup)
            * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        )

    def advance(self) -> dict[str, float]:
        """Takes one step and returns its losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        losses = step_losses(self.model, self.hints, self.scenes.batch(self.recipe, self.step))
        total = (
            losses["mask"] + losses["iou_head"] + self.recipe.hints * (losses["names"] + 10 * losses["sides"])
        )
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.mean.parameters(), self.model.parameters(), strict=True)
            torch._foreach_lerp_(*map(list, zip(*pairs, strict=True)), 1 - keep)
        return {k: v.item() for k, v in losses.items()}

    def save(self, path: Path) -> None:
        """Writes the state, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "mean": self.mean.state_dict(),
            "hints": self.hints.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }
        torch.save(state, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def load(self, path: Path) -> None:
        """Goes on from a saved state."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.hints.load_state_dict(state["hints"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]


@torch.no_grad()
def validate(model: Sam, scenes: Scenes, recipe: Recipe, count: int) -> dict[str, float]:
    """Losses and IoUs on the first `count` scenes of a folder with fixed prompts."""
    hints = DenseHints(model.mask_decoder.transformer_dim, max(1, len(scenes.names)))
    rows = []
    for i, path in enumerate(scenes.paths[:count]):
        batch = scenes.collate([Maps.load(path)], np.random.default_rng([99, i]), recipe)
        rows.append(
            {k: v.item() for k, v in step_losses(model, hints, batch).items() if k not in ("names", "sides")}
        )
    return {k: float(np.mean([r[k] for r in rows])) for k in rows[0]}


def run(training: Training, val: Scenes, folder: Path, every: int) -> None:
    """Trains to the end of the schedule; every `every` steps validates, saves, and keeps the best so far."""
    best_path, started, sums = folder / "best.txt", time.time(), []
    best = float(best_path.read_text()) if best_path.exists() else 0.0
    while training.step < training.recipe.steps:
        sums.append(training.advance())
        if training.step % 50 == 0:
            means = "  ".join(f"{k} {np.mean([s[k] for s in sums]):.4f}" for k in sums[0])
            print(f"step {training.step}  {(time.time() - started) / len(sums):.2f} s  {means}", flush=True)
            started, sums = time.time(), []
        if training.step % every == 0 or training.step == training.recipe.steps:
            score = validate(training.mean, val, training.recipe, 30)
            print(
                f"step {training.step}  validation  " + "  ".join(f"{k} {v:.4f}" for k, v in score.items()),
                flush=True,
            )
            if score["box_iou"] + score["point_iou"] > best:
                best = score["box_iou"] + score["point_iou"]
                save(training.mean, folder / "demo_sam.pth")
                best_path.write_text(str(best))
            training.save(folder / "state.pth")
            started = time.time()


def main() -> None:
    """Trains, or goes on where the run in the folder was stopped."""
    default = Recipe()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path, help="folder written by python -m demo.dataset")
    parser.add_argument(
        "folder", type=Path, help="where state and checkpoint go; an unfinished run there goes on"
    )
    parser.add_argument("--steps", type=int, default=default.steps)
    parser.add_argument("--rate", type=float, default=default.rate)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--every", type=int, default=250, help="steps between validations")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.folder.mkdir(parents=True, exist_ok=True)
    sizes = SmallSam()
    training = Training(
        Scenes(args.scenes / "train" / "sam", sizes.image_size),
        Recipe(steps=args.steps, rate=args.rate),
        sizes,
    )
    if (args.folder / "state.pth").exists():
        training.load(args.folder / "state.pth")
    run(training, Scenes(args.scenes / "val" / "sam", sizes.image_size), args.folder, args.every)


if __name__ == "__main__":
    main()
