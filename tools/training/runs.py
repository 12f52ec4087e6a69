"""A training that begins, or goes on where it was stopped."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sav.errors import CheckpointError, PackageMissingError, SettingError
from sav.files import whole_file
from sav.weights.file import open_checkpoint
from tools.training.quiet import quiet_ultralytics

# Settings that may be others when a run goes on: where it runs, not what it learns.
_FREE = ("device", "workers")


@dataclass(frozen=True)
class Run:
    """A training.

    Attributes:
        data: The `data.yaml` of what is trained on.
        folder: Where ultralytics keeps the run; `weights/last.pt` and `weights/best.pt` are its checkpoints.
        architecture: ultralytics' name of it, such as `yolov8n.yaml`.
        settings: ultralytics' arguments of a training.
        start: The model whose weights it starts from; None for random ones.
    """

    data: Path
    folder: Path
    architecture: str
    settings: Mapping[str, Any]
    start: Any = None

    @property
    def last(self) -> Path:
        """The checkpoint that it goes on from."""
        return self.folder / "weights" / "last.pt"

    @property
    def best(self) -> Path:
        """The checkpoint with the highest mAP on the validation pictures so far."""
        return self.folder / "weights" / "best.pt"

    def epochs_done(self) -> int:
        """How many epochs lie behind it.

        Raises:
            CheckpointError: Its checkpoint cannot be read.
        """
        if not self.last.exists():
            return 0
        try:
            with open_checkpoint(self.last) as opened:
                epoch = opened.tree.get("epoch") if isinstance(opened.tree, dict) else None
        except CheckpointError:
            epoch = None
        if not isinstance(epoch, int) or epoch < 0:
            raise CheckpointError(
                f"{self.last} is damaged, or no checkpoint of a training that can go on;"
                " copy best.pt over it, or remove both to begin anew"
            )
        return epoch + 1


OnEpoch = Callable[[Any], None]


def train(run: Run, on_epoch: OnEpoch = lambda trainer: None, is_verbose: bool = False) -> None:
    """Train, or go on with what lies in the run's folder; what is finished stays as it is.

    Args:
        run: The training.
        on_epoch: Called with ultralytics' trainer after every epoch, by the first of several processes.
        is_verbose: Whether ultralytics shows its progress bars.

    Raises:
        CheckpointError: The checkpoint to go on from cannot be read.
        PackageMissingError: Several GPUs need a package that is not installed, or a newer one.
        SettingError: The run in the folder was begun with other settings.
    """
    check_packages(run)
    done = run.epochs_done()
    if done >= run.settings["epochs"]:
        return
    _check_same(run, done)
    with quiet_ultralytics(is_verbose) as ultralytics:
        if "," in str(run.settings["device"]) and run.start is not None and not done:
            _check_sending(ultralytics)
        from tools.training.trainer import SafeTrainer

        trainer = SafeTrainer(overrides=_arguments(run, done, is_verbose))
        if not done and run.start is not None:
            trainer.model = trainer.get_model(cfg=run.start.yaml, weights=run.start, verbose=False)
        trainer.add_callback("on_fit_epoch_end", OnFirst(on_epoch))
        trainer.train()


def is_done(run: Run, tell: Callable[[str], None]) -> bool:
    """Whether nothing is left of a training to do; says how far it is.

    Raises:
        CheckpointError: Its checkpoint cannot be read.
    """
    done, epochs = run.epochs_done(), run.settings["epochs"]
    if done >= epochs:
        tell(f"all {epochs} epochs are done")
    else:
        tell(f"going on after epoch {done} of {epochs}" if done else f"{epochs} epochs")
    return bool(done >= epochs)


def trained(folder: Path) -> Path:
    """The best checkpoint of the run in a folder.

    Raises:
        SettingError: There is none yet.
    """
    best = folder / "weights" / "best.pt"
    if not best.exists():
        raise SettingError(f"there is no {best} yet; run train first")
    return best


def settings_path(folder: Path) -> Path:
    """Where the settings of a run are: beside its folder, which ultralytics empties before it starts DDP."""
    return folder.with_name(f"{folder.name}.settings.json")


def trained_size(folder: Path) -> int:
    """The side of the pictures, in pixels, that the run in a folder was trained at."""
    return int(json.loads(settings_path(folder).read_text(encoding="utf-8"))["imgsz"])


def epoch_line(trainer: Any) -> str:
    """How an epoch went, by ultralytics' trainer."""
    found = {name: value for name, value in (trainer.metrics or {}).items() if "mAP" in name}
    figures = ", ".join(
        f"{name.partition('/')[2].removesuffix('(B)')} {value:.3f}" for name, value in found.items()
    )
    return f"epoch {trainer.epoch + 1} of {trainer.epochs}: {figures}"


@dataclass(frozen=True)
class OnFirst:
    """Calls something in the process that trains alone, or in the first of several.

    Attributes:
        call: What is called with ultralytics' trainer.
    """

    call: OnEpoch

    def __call__(self, trainer: Any) -> None:
        """Call it."""
        if os.environ.get("RANK", "0") == "0":
            self.call(trainer)


def check_packages(run: Run) -> None:
    """Check that what several GPUs need is installed.

    Raises:
        PackageMissingError: It is not.
    """
    if "," in str(run.settings["device"]) and importlib.util.find_spec("cloudpickle") is None:
        raise PackageMissingError("training on several GPUs needs one more package: pip install cloudpickle")


def _check_sending(ultralytics: Any) -> None:
    """Check that weights reach the processes of several GPUs; older versions send them the settings alone."""
    from ultralytics.utils import dist

    if not hasattr(dist, "torch_save"):
        raise PackageMissingError(
            f"weights to start from do not reach several GPUs with ultralytics {ultralytics.__version__}:"
            " pip install -U ultralytics, or take one GPU"
        )


def _arguments(run: Run, done: int, is_verbose: bool) -> dict[str, Any]:
    free = {name: run.settings[name] for name in _FREE if name in run.settings}
    if done:
        return {"model": str(run.last), "resume": str(run.last), "data": str(run.data), **free}
    return {
        **run.settings,
        "task": "detect",
        "model": run.architecture,
        "data": str(run.data),
        "project": str(run.folder.parent.resolve()),
        "name": run.folder.name,
        "exist_ok": True,
        "plots": False,
        "verbose": is_verbose,
    }


def _check_same(run: Run, done: int) -> None:
    """Remember the settings of a new run; hold those of one that goes on against them."""
    path = settings_path(run.folder)
    wanted = {name: value for name, value in run.settings.items() if name not in _FREE}
    wanted = {"architecture": run.architecture, **wanted}
    if not done:
        run.folder.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_text(json.dumps(wanted, indent=1), encoding="utf-8")
        return
    begun = json.loads(path.read_text(encoding="utf-8")) if path.exists() else wanted
    for name in sorted(set(begun) | set(wanted)):
        if begun.get(name) != wanted.get(name):
            raise SettingError(
                f"the run in {run.folder} was begun with {name} {begun.get(name)}, not {wanted.get(name)};"
                " go on with that, or begin another with --run NAME"
            )
