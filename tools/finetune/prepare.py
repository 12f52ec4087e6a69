"""One's own data into ultralytics' form: linked, not copied, each defect named."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sav.errors import SettingError
from sav.wording import count
from tools.finetune.sources import Sample, Source
from tools.finetune.splitting import hold_back, repeats
from tools.training.boxes import Boxes
from tools.training.links import links_between
from tools.training.listing import TRAIN, VAL, Truth, write_description, write_list, write_report
from tools.training.placing import Picture, Place, Placed, folder_names

# Why a picture is left out: ultralytics would take the labels of the other for it.
_SHARES_LABELS = "has the name of another picture, but for its ending"


# Pictures of a class below which there is a word of warning.
_FEW = 10


@dataclass(frozen=True)
class Prepared:
    """Data that can be trained on.

    Attributes:
        counts: For each split how many pictures and boxes there are, and how many defects of each kind.
        shown: How many pictures an epoch shows, rare ones more than once.
        by_class: For each class in how many pictures to learn from it is, and to measure on.
    """

    counts: dict[str, Counter[str]]
    shown: int
    by_class: dict[str, tuple[int, int]]

    def lines(self) -> Iterator[str]:
        """What to say of it, besides its sums."""
        if self.shown > self.counts[TRAIN]["pictures"]:
            yield f"an epoch shows {self.shown} pictures, for those of rare classes come more than once"
        for name, (train, val) in self.by_class.items():
            few = " (too few to learn much from)" if train < _FEW else ""
            yield f"  {name}: in {train} pictures{few}, and in {val or 'none'} to measure on"


def prepare(source: Source, work: Path, tell: Callable[[str], None] = lambda line: None) -> Prepared:
    """Prepare data in `work`.

    Raises:
        SettingError: Nothing can be learnt from it, or measured on it.
        WriteError: Something cannot be written.
    """
    train, val = (source.train, source.val) if source.val else hold_back(source.train)
    if not source.val:
        tell(f"{len(val)} of {len(source.train)} pictures are held back to measure on")
    if not (train and val):
        raise SettingError(
            f"{count(len(source.train), 'picture')} cannot be divided into some to learn from"
            " and some to measure on; label more, or give --val"
        )
    placed = _place({TRAIN: train, VAL: val}, work)
    defects: list[tuple[str, str, str, int]] = []
    counts, present = {}, {}
    for split, samples in ((TRAIN, train), (VAL, val)):
        good = [one for one in placed[split] if one.name]
        if not good:
            raise SettingError(f"there is not one good picture of {split}: {_why(placed[split])}")
        present[split] = [set(one.boxes.class_ids.tolist()) for one in good]
        boxes = sum(int((~one.boxes.are_crowds).sum()) for one in good)
        counts[split] = Counter({"pictures": len(good), "boxes": boxes})
        for sample, one in zip(samples, placed[split], strict=True):
            counts[split].update(one.defects)
            defects += [(split, sample.told, what, number) for what, number in one.defects.items()]
    if not counts[TRAIN]["boxes"]:
        raise SettingError(
            "there is not one box to learn from; see that the labels lie where the forms have them"
        )
    return _write(source.names, work, placed, counts, defects, present)


def _why(placed: Sequence[Placed]) -> str:
    reasons = Counter(what for one in placed for what in one.defects)
    return ", ".join(f"{number} {what}" for what, number in reasons.most_common()) or "there are none"


def _place(splits: dict[str, list[Sample]], work: Path) -> dict[str, list[Placed]]:
    paths = [sample.path for samples in splits.values() for sample in samples if sample.path]
    if not paths:
        raise SettingError(
            "not one of the pictures was found; name the folder that they are in with --images"
        )
    folders = sorted({path.parent for path in paths})
    place = Place(work, links_between(folders[0], work), takes_empty=True)
    called = folder_names(folders, Path(os.path.commonpath([folder.resolve() for folder in folders])))
    for folder, name in called.items():
        place.ready(folder, name)
    taken: set[tuple[str, str]] = set()
    return {split: [_put(place, one, called, taken) for one in samples] for split, samples in splits.items()}


def _put(place: Place, sample: Sample, called: dict[Path, str], taken: set[tuple[str, str]]) -> Placed:
    folder = called[sample.path.parent] if sample.path else ""
    if sample.path:
        key = (folder, sample.path.stem)
        if key in taken:
            return Placed(defects={_SHARES_LABELS: 1})
        taken.add(key)
    return place.put(Picture(sample.told, sample.path, folder, sample.size_wh, sample.boxes))


def _write(
    names: Sequence[str],
    work: Path,
    placed: dict[str, list[Placed]],
    counts: dict[str, Counter[str]],
    defects: list[tuple[str, str, str, int]],
    present: dict[str, list[set[int]]],
) -> Prepared:
    good = {split: [one for one in placed[split] if one.name] for split in placed}
    times = repeats(present[TRAIN])
    shown = [one.name for one, often in zip(good[TRAIN], times, strict=True) for _ in range(often)]
    write_list(work, TRAIN, sorted(shown))
    write_list(work, VAL, sorted(one.name for one in good[VAL]))
    rows: list[tuple[str, tuple[int, int], Boxes]] = [(one.name, one.size_wh, one.boxes) for one in good[VAL]]
    Truth.of(rows).save(work)
    write_report(work, counts, defects)
    write_description(work, names)
    by_class = {
        name: (sum(number in one for one in present[TRAIN]), sum(number in one for one in present[VAL]))
        for number, name in enumerate(names)
    }
    return Prepared(counts, len(shown), by_class)
