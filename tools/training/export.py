"""What a training ends with: a checkpoint for seg.py and track.py, its SHA-256, and a card about it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sav.checkpoints import sha256_of
from sav.detectors.names import read_class_names
from sav.detectors.network import load_network
from sav.errors import CheckpointError
from sav.files import whole_file
from tools.training.evaluation import Evaluation
from tools.training.listing import REPORT, read_names
from tools.training.runs import settings_path, trained
from tools.training.stripping import strip


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        checkpoint: The weights.
        card: What is known of them.
        sha256: Of the checkpoint; `NAME.pt.sha256` has it as `sha256sum -c` wants it.
        is_measured: Whether the card has figures of this very checkpoint.
    """

    checkpoint: Path
    card: Path
    sha256: str
    is_measured: bool


def export(folder: Path, work: Path, target: Path, about: str) -> Exported:
    """Write the best checkpoint of a run, its SHA-256 and its card.

    Args:
        folder: That of the training.
        work: The data set that it was trained on.
        target: Where the checkpoint goes.
        about: A sentence that says what it is.

    Raises:
        CheckpointError: What was trained cannot be used.
        SettingError: Nothing is trained yet.
        WriteError: Something cannot be written.
    """
    best = trained(folder)
    names = read_names(work)
    evaluation = Evaluation.load(folder, best)
    target.parent.mkdir(parents=True, exist_ok=True)
    strip(best, target)
    _check(target, names)
    digest = sha256_of(target)
    with whole_file(target.with_name(f"{target.name}.sha256")) as partial:
        partial.write_text(f"{digest}  {target.name}\n", encoding="utf-8")
    card = target.with_suffix(".md")
    with whole_file(card) as partial:
        lines = _card(folder, work, target.name, digest, about, evaluation)
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Exported(target, card, digest, evaluation is not None)


def _check(checkpoint: Path, names: list[str]) -> None:
    """See that the program's own reader, which runs nothing, takes a checkpoint with all its classes."""
    load_network(checkpoint)
    if list((read_class_names(checkpoint) or {}).values()) != names:
        raise CheckpointError(f"{checkpoint} has other classes than the data set that it was trained on")


def _card(
    folder: Path, work: Path, name: str, digest: str, about: str, evaluation: Evaluation | None
) -> Iterator[str]:
    """The card, in Markdown: what was done and measured, and nothing else."""
    settings = _json(settings_path(folder))
    report: Mapping[str, Mapping[str, int]] = _json(work / REPORT)
    yield f"# {name}\n\n{about}\n"
    yield f"SHA-256: `{digest}`\n"
    yield f"{len(read_names(work))} classes; architecture {settings.get('architecture', 'unknown')}.\n"
    yield "## Trained on\n"
    for split, sums in report.items():
        yield f"* {split}: {sums.get('pictures', 0)} pictures, {sums.get('boxes', 0)} boxes"
    yield f"\n{_epochs(folder)} of {settings.get('epochs')} epochs, with ultralytics {version('ultralytics')}"
    yield f"and PyTorch {version('torch')}; the checkpoint is that of the epoch with the highest mAP."
    yield "\nSettings: " + ", ".join(f"{key} {value}" for key, value in settings.items()) + ".\n"
    yield "## Measured\n"
    if evaluation is None:
        yield "Nothing: this checkpoint was not evaluated."
        return
    yield f"By pycocotools on {evaluation.pictures} validation pictures with {evaluation.boxes} objects, seen"
    yield f"{evaluation.imgsz} pixels wide or high, on {evaluation.device}; -: there is no such object.\n"
    yield "| measure | value |\n|---|---|"
    for measure, value in evaluation.measures.items():
        yield f"| {measure} | {value:.3f} |" if value >= 0 else f"| {measure} | - |"
    yield "\n| class | AP |\n|---|---|"
    for one, value in sorted(evaluation.classes.items(), key=lambda item: (-item[1], item[0])):
        yield f"| {one} | {value:.3f} |"


def _epochs(folder: Path) -> int:
    """How many epochs ultralytics' table of results lists."""
    path = folder / "results.csv"
    if not path.exists():
        return 0
    with path.open(encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
