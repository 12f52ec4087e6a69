"""Trains the demo's SAM on rendered scenes; saves as it goes and goes on where it was stopped."""

import argparse
import math
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn

from sav.sam.architecture import SamArchitecture
from tools.world.batches import Batch, Recipe, Scenes
from tools.world.muon import Muon
from tools.world.objective import DenseHints, step_losses
from tools.world.small_sam import SMALL_SAM, build, load_weights, save

VALIDATED = ("mask", "iou_head", "box_iou", "point_iou")


class Training:
    """A training run in a folder: model, its running mean, optimiser and step."""

    def __init__(
        self,
        scenes: Scenes,
        recipe: Recipe,
        architecture: SamArchitecture,
        device: str = "cpu",
        start: Path | None = None,
        threads: int = 1,
    ) -> None:
        """A run from random weights, or from those of our own checkpoint `start`."""
        torch.manual_seed(recipe.seed)
        self.scenes, self.recipe, self.step, self.threads = scenes, recipe, 0, threads
        self.model, self.mean = build(architecture).to(device), build(architecture).to(device)
        if start:
            load_weights(self.model, start)
        self._threads = ThreadPoolExecutor(threads + 1)
        self._coming: Future[Batch] | None = None
        self.hints = DenseHints(architecture.prompt_dim, len(scenes.names)).to(device)
        self.mean.load_state_dict(self.model.state_dict())
        self.weights = [*self.model.parameters(), *self.hints.parameters()]
        self.optimisers = _optimisers(self.model, self.hints, recipe)

    def rate(self) -> float:
        """The learning rate of this step: a warm-up, then a cosine down to a fiftieth."""
        done = min(1.0, self.step / self.recipe.steps)
        warm = min(1.0, (self.step + 1) / self.recipe.warmup)
        return self.recipe.rate * warm * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))

    def advance(self) -> dict[str, float]:
        """Takes one step and returns its losses."""
        coming = self._coming or self._threads.submit(self.scenes.batch, self.recipe, self.step)
        self._coming = self._threads.submit(self.scenes.batch, self.recipe, self.step + 1)
        losses = self._backward(coming.result().to(self.model.device))
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.rate()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self._update_mean()
        return losses

    def _backward(self, batch: Batch) -> dict[str, float]:
        """Sets the gradients and returns the losses; each thread takes a share of the scenes.

        On a CPU two threads that each work on half a batch waste less time than two on every tensor.
        """
        shares = batch.split(self.threads)
        done = list(self._threads.map(self._gradients, shares))
        for weight, *parts in zip(self.weights, *(gradients for gradients, _ in done), strict=True):
            weight.grad = torch.stack(parts).mean(0)
        return {name: float(np.mean([losses[name] for _, losses in done])) for name in done[0][1]}

    def _gradients(self, batch: Batch) -> tuple[tuple[Tensor, ...], dict[str, float]]:
        losses = step_losses(self.model, self.hints, batch)
        dense = self.recipe.hints * (losses["names"] + 10 * losses["sides"] + 2 * losses["joints"])
        total = losses["mask"] + losses["iou_head"] + dense
        gradients = torch.autograd.grad(total, self.weights, materialize_grads=True)
        return gradients, {name: value.item() for name, value in losses.items()}

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
            "optimisers": [o.state_dict() for o in self.optimisers],
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
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self._coming = state["step"], None


def _optimisers(model: Sam, hints: DenseHints, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the transformers, AdamW for all the rest; both take the same rate.

    Muon makes each update of a matrix orthogonal, which teaches small transformers in fewer steps.
    """
    inner = [model.image_encoder.blocks, model.mask_decoder.transformer]
    matrices = [w for m in inner for n, w in m.named_parameters() if w.ndim == 2 and n.endswith(".weight")]
    taken = set(map(id, matrices))
    others = [w for w in [*model.parameters(), *hints.parameters()] if id(w) not in taken]
    groups = [
        {"params": [w for w in others if w.ndim >= 2], "weight_decay": recipe.decay},
        {"params": [w for w in others if w.ndim < 2], "weight_decay": 0.0},
    ]
    return [
        Muon(matrices, decay=recipe.decay),
        torch.optim.AdamW(groups, betas=(0.9, 0.98)),
    ]


@torch.no_grad()
def validate(training: Training, scenes: Scenes, count: int = 16) -> dict[str, float]:
    """Losses and IoUs of the running mean on the first `count` scenes of a folder, with fixed prompts."""
    rows = []
    for i, maps in enumerate(scenes.maps[:count]):
        batch = scenes.collate([maps], scenes.all, np.random.default_rng([99, i]), training.recipe)
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
    parser.add_argument("scenes", type=Path, help="folder written by python -m tools.world.dataset")
    parser.add_argument(
        "folder", type=Path, help="where state and checkpoint go; an unfinished run there goes on"
    )
    parser.add_argument("--steps", type=int, default=default.steps)
    parser.add_argument("--rate", type=float, default=default.rate)
    parser.add_argument("--boxes", type=int, default=default.boxes, help="box prompts a scene")
    parser.add_argument("--points", type=int, default=default.points, help="point prompts a scene")
    parser.add_argument("--hints", type=float, default=default.hints, help="weight of the dense hints")
    parser.add_argument(
        "--start", type=Path, help="our own earlier checkpoint to go on from with a new schedule"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--every", type=int, default=400, help="steps between validations")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    args.folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    scenes = Scenes(args.scenes / "train" / "sam", SMALL_SAM)
    recipe = Recipe(steps=args.steps, rate=args.rate, boxes=args.boxes, points=args.points, hints=args.hints)
    training = Training(scenes, recipe, SMALL_SAM, device, args.start, args.threads)
    if (args.folder / "state.pth").exists():
        training.load(args.folder / "state.pth")
    run(training, Scenes(args.scenes / "val" / "sam", SMALL_SAM, 30), args.folder, args.every)


if __name__ == "__main__":
    main()
