"""A checkpoint's figures on the validation pictures, kept beside the run with what they belong to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from sav.checkpoints import sha256_of
from sav.detectors.names import read_class_names
from sav.errors import CheckpointError, ResultsError
from sav.files import whole_file
from tools.training.listing import Truth
from tools.training.scoring import detect, score

FILE = "evaluation.json"
_MOST_CLASSES_SHOWN = 3


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        sha256: Of the checkpoint that it was measured of.
        measures: COCO's, by name; -1 where there is nothing to measure.
        classes: AP by class name.
        pictures: How many were looked at.
        boxes: How many objects there are in them.
        imgsz: Long side at which they were seen.
        device: Where.
    """

    sha256: str
    measures: dict[str, float]
    classes: dict[str, float]
    pictures: int
    boxes: int
    imgsz: int
    device: str

    def save(self, folder: Path) -> None:
        """Write it into the run's folder."""
        with whole_file(folder / FILE) as partial:
            partial.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, checkpoint: Path) -> Evaluation | None:
        """What was measured of this very checkpoint; None if nothing was.

        Raises:
            ResultsError: The file cannot be read.
        """
        try:
            held = cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ResultsError(f"{folder / FILE} cannot be read ({error}); run evaluate again") from None
        return held if held.sha256 == sha256_of(checkpoint) else None

    def lines(self) -> Iterator[str]:
        """What to say of it."""
        shown = ", ".join(f"{name} {value:.3f}" for name, value in self.measures.items() if value >= 0)
        yield f"{self.pictures} pictures, {self.boxes} objects: {shown}"
        order = sorted(self.classes, key=lambda name: (-self.classes[name], name))
        if len(order) > 2 * _MOST_CLASSES_SHOWN:
            for what, names in (
                ("best", order[:_MOST_CLASSES_SHOWN]),
                ("worst", order[-_MOST_CLASSES_SHOWN:]),
            ):
                yield f"{what}: " + ", ".join(f"{name} {self.classes[name]:.3f}" for name in names)
        elif order:
            yield "AP: " + ", ".join(f"{name} {self.classes[name]:.3f}" for name in order)


def evaluate(
    checkpoint: Path,
    work: Path,
    names: list[str],
    device: torch.device,
    imgsz: int,
    tell: Callable[[int, int], None] = lambda done, count: None,
) -> Evaluation:
    """Measure a checkpoint on the validation pictures of a prepared data set.

    Raises:
        CheckpointError: It is no detector, or one of other classes.
        PictureError: A picture cannot be read.
        SettingError: The data set is not prepared.
    """
    truth = Truth.load(work)
    known = read_class_names(checkpoint)
    if known is not None and list(known.values()) != names:
        raise CheckpointError(f"{checkpoint} knows other classes than the data set in {work}")
    found = detect(checkpoint, truth, work, device, imgsz, tell)
    measures, by_class = score(found, truth, len(names))
    return Evaluation(
        sha256_of(checkpoint),
        measures,
        {names[number]: value for number, value in by_class.items()},
        len(truth.names),
        int((~truth.boxes.are_crowds).sum()),
        imgsz,
        str(device),
    )
