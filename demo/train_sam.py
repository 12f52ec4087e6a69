"""Trains the demo's SAM on rendered scenes; saves as it goes and goes on where it was stopped."""

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from demo.batches import Recipe, Scenes
from demo.objective import DenseHints, step_losses
from demo.prompts import Maps
from demo.small_sam import SmallSam, build, save

VALIDATED = ("mask", "iou_head", "box_iou", "point_iou")


class Training:
    """A training run in a folder: model, its running mean, optimiser and step."""

    def __init__(self, scenes: Scenes, recipe: Recipe, sizes: SmallSam, device: str = "cpu") -> None:
        torch.manual_seed(recipe.seed)
        self.scenes, self.recipe, self.step = scenes, recipe, 0
        self.model, self.mean = build(sizes).to(device), build(sizes).to(device)
        self.hints = DenseHints(sizes.channels, len(scenes.names)).to(device)
        self.mean.load_state_dict(self.model.state_dict())
        self.weights = [*self.model.parameters(), *self.hints.parameters()]
        flat = [w for w in self.weights if w.ndim < 2]
        wide = [w for w in self.weights if w.ndim >= 2]
        groups = [{"params": wide, "weight_decay": recipe.decay}, {"params": flat, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))

    def rate(self) -> float:
        """The learning rate of this step: a warm-up, then a cosine down to a fiftieth."""
        done = min(1.0, self.step / self.recipe.steps)
        warm = min(1.0, (self.step + 1) / self.recipe.warmup)
        return self.recipe.rate * warm * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))

    def advance(self) -> dict[str, float]:
        """Takes one step and returns its losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        batch = self.scenes.batch(self.recipe, self.step).to(self.model.device)
        losses = step_losses(self.model, self.hints, batch)
        dense = self.recipe.hints * (losses["names"] + 10 * losses["sides"])
        self.optimiser.zero_grad(set_to_none=True)
        (losses["mask"] + losses["iou_head"] + dense).backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimiser.step()
        self.step += 1
        self._update_mean()
        return {k: v.item() for k, v in losses.items()}

    @torch.no_grad()
    def _update_mean(self) -> None:
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        for mean, weight in zip(self.mean.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(weight, 1 - keep)

    def save(self, path: Path) -> None:
        """Writes the state, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "mean": self.mean.state_dict(),
            "hints": self.hints.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }
        temporary = path.with_name(path.name + ".tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Goes on from a saved state."""
        state = torch.load(path, map_location=self.model.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.hints.load_state_dict(state["hints"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]


@torch.no_grad()
def validate(training: Training, scenes: Scenes, count: int = 30) -> dict[str, float]:
    """Losses and IoUs of the running mean on the first `count` scenes of a folder, with fixed prompts."""
    rows = []
    for i, path in enumerate(scenes.paths[:count]):
        batch = scenes.collate([Maps.load(path)], np.random.default_rng([99, i]), training.recipe)
        losses = step_losses(training.mean, training.hints, batch.to(training.model.device))
        rows.append([losses[k].item() for k in VALIDATED])
    return dict(zip(VALIDATED, np.mean(rows, 0).tolist(), strict=True))


def run(training: Training, val: Scenes, folder: Path, every: int) -> None:
    """Trains to the end of the schedule; every `every` steps validates, saves, and keeps the best so far."""
    started, sums = time.time(), []
    while training.step < training.recipe.steps:
        sums.append(training.advance())
        if training.step % 50 == 0:
            means = {k: float(np.mean([s[k] for s in sums])) for k in sums[0]}
            seconds = (time.time() - started) / len(sums)
            print(f"step {training.step}  {seconds:.2f} s  {_line(means)}", flush=True)
            started, sums = time.time(), []
        if training.step % every == 0 or training.step == training.recipe.steps:
            score = validate(training, val)
            print(f"step {training.step}  validation  {_line(score)}", flush=True)
            _keep_best(training, folder, score["box_iou"] + score["point_iou"])
            training.save(folder / "state.pth")
            started = time.time()


def _keep_best(training: Training, folder: Path, score: float) -> None:
    """Writes the checkpoint if it is better than the one that is there."""
    best = folder / "best.txt"
    if not best.exists() or score > float(best.read_text()):
        save(training.mean, folder / "demo_sam.pth")
        best.write_text(str(score))


def _line(figures: dict[str, float]) -> str:
    return "  ".join(f"{k} {v:.4f}" for k, v in figures.items())


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
    device = "cuda" if torch.cuda.is_available() else "cpu"
    scenes = Scenes(args.scenes / "train" / "sam", sizes.image_size)
    training = Training(scenes, Recipe(steps=args.steps, rate=args.rate), sizes, device)
    if (args.folder / "state.pth").exists():
        training.load(args.folder / "state.pth")
    run(training, Scenes(args.scenes / "val" / "sam", sizes.image_size), args.folder, args.every)


if __name__ == "__main__":
    main()
