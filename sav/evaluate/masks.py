"""Masks beside ground truth: mIoU, precision and recall, for each class and for all.

In each picture the found and the true objects of a class are paired, each at most once, so that the sum of
the pairs' IoU is greatest. mIoU is the mean over all true objects, where one without a partner counts 0;
precision and recall count the pairs whose IoU is at least 0.5. Classes meet by name, pictures by the name of
the file without folder and suffix.

Crowds (`iscrowd`) and what is marked `ignore` in the truth are no objects that have to be found. A found mask
without a pair of that IoU is neither right nor wrong if half of it lies in one of its class, as in COCO's own
evaluation (https://cocodataset.org/#detection-eval). Objects marked so in what was found are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sav.data.rle import rle_iou
from sav.data.types import UNLABELLED
from sav.errors import EvaluationError
from sav.evaluate.coco import CocoFile, Objects
from sav.evaluate.matching import match

LEAST_IOU = 0.5
# Names that a message repeats.
_SHOWN = 3


@dataclass(frozen=True)
class MaskScore:
    """How well the masks of a class, or of all, agree with the truth.

    Attributes:
        true: True objects.
        found: Found objects that are right or wrong.
        matched: Pairs that overlap by `LEAST_IOU` or more.
        iou_sum: Sum of the IoU of all pairs.
        matched_iou_sum: Sum of the IoU of the matched pairs.
    """

    true: int = 0
    found: int = 0
    matched: int = 0
    iou_sum: float = 0.0
    matched_iou_sum: float = 0.0

    def __add__(self, other: MaskScore) -> MaskScore:
        return MaskScore(
            self.true + other.true,
            self.found + other.found,
            self.matched + other.matched,
            self.iou_sum + other.iou_sum,
            self.matched_iou_sum + other.matched_iou_sum,
        )

    @property
    def mean_iou(self) -> float | None:
        """Mean IoU of the true objects, 0 to 1, one that was not found with 0; None if there are none."""
        return _ratio(self.iou_sum, self.true)

    @property
    def matched_iou(self) -> float | None:
        """Mean IoU of the matched pairs, `LEAST_IOU` to 1; None if there are none."""
        return _ratio(self.matched_iou_sum, self.matched)

    @property
    def precision(self) -> float | None:
        """Share of the found objects that are matched; None if there are none."""
        return _ratio(self.matched, self.found)

    @property
    def recall(self) -> float | None:
        """Share of the true objects that are matched; None if there are none."""
        return _ratio(self.matched, self.true)


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class MaskScores:
    """The scores of a whole run, and what could not be compared.

    Attributes:
        classes: By name, of the classes that were compared, those without objects too.
        pictures: Number of pictures that were compared.
        pictures_without_truth: Number of pictures of the run that the truth does not have.
        pictures_not_found: Number of pictures of the truth that the run does not have.
        classes_without_truth: Names of found objects that the truth has no class for; they are not judged.
        classes_not_known: Names of true objects that the run has no class for; they count as not found.
    """

    classes: Mapping[str, MaskScore]
    pictures: int
    pictures_without_truth: int
    pictures_not_found: int
    classes_without_truth: tuple[str, ...]
    classes_not_known: tuple[str, ...]

    @property
    def all(self) -> MaskScore:
        """The score of all objects."""
        return sum(self.classes.values(), MaskScore())


def score_masks(found: CocoFile, truth: CocoFile) -> MaskScores:
    """Score the pictures that both files have.

    Raises:
        EvaluationError: If they have no picture or no class in common, or a picture in different sizes.
    """
    common = [name for name in truth.pictures if name in found.pictures]
    if not common:
        raise EvaluationError(
            f"no picture of {found.path} ({_some(found.pictures)}) is in {truth.path}"
            f" ({_some(truth.pictures)})"
        )
    if not found.class_names & truth.class_names:
        raise EvaluationError(
            f"no class of {found.path} ({_some(found.class_names)}) is in {truth.path}"
            f" ({_some(truth.class_names)})"
        )

    classes = dict.fromkeys(sorted(truth.class_names), MaskScore())
    for name in common:
        ours, theirs = found.pictures[name], truth.pictures[name]
        if ours.size_hw != theirs.size_hw:
            sizes = " and ".join(f"{width}x{height}" for height, width in (ours.size_hw, theirs.size_hw))
            raise EvaluationError(f"{name} has {sizes} pixels in {found.path} and {truth.path}")
        for class_name in {*theirs.class_names.tolist(), *ours.class_names.tolist()} & classes.keys():
            classes[class_name] += _score_class(ours.of_class(class_name), theirs.of_class(class_name))

    return MaskScores(
        classes=classes,
        pictures=len(common),
        pictures_without_truth=len(found.pictures) - len(common),
        pictures_not_found=len(truth.pictures) - len(common),
        classes_without_truth=_unmet(found, truth, common),
        classes_not_known=_unmet(truth, found, common),
    )


def _score_class(found: Objects, truth: Objects) -> MaskScore:
    """Score the objects of one class in one picture."""
    ignored, truth = truth.chosen(truth.ignored), truth.chosen(~truth.ignored)
    found = found.chosen(~found.ignored)

    overlaps = rle_iou(found.rles, truth.rles)  # (found, true)
    rows, columns = match(overlaps)
    iou = overlaps[rows, columns]
    is_match = iou >= LEAST_IOU

    # Of a crowd's pixels nobody knows which object they are of: what lies in one is not judged.
    shares = rle_iou(found.rles, ignored.rles, [True] * len(ignored.rles))
    is_judged = np.all(shares < LEAST_IOU, axis=1)
    is_judged[rows[is_match]] = True
    return MaskScore(
        true=len(truth.rles),
        found=int(is_judged.sum()),
        matched=int(is_match.sum()),
        iou_sum=float(iou.sum()),
        matched_iou_sum=float(iou[is_match].sum()),
    )


def _unmet(file: CocoFile, other: CocoFile, pictures: Sequence[str]) -> tuple[str, ...]:
    """Names of objects in `pictures` that the other file has no class for."""
    used = {name for picture in pictures for name in file.pictures[picture].class_names.tolist()}
    return tuple(sorted(used - other.class_names - {UNLABELLED}))


def _some(names: Collection[str]) -> str:
    shown = sorted(names)[:_SHOWN]
    return ", ".join(shown) + (", ..." if len(names) > _SHOWN else "") or "none"
