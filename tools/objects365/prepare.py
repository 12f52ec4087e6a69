"""The publisher's folders into ultralytics' form: no picture copied, none written to, each defect named.

It can be stopped at any time and goes on where it was; run again it looks only at what is new or changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from sav.errors import SettingError
from tools.objects365.annotations import read_categories, spread
from tools.objects365.bucket import Bringer, Part
from tools.objects365.layout import Index, find_json
from tools.objects365.names import class_names, told_names
from tools.training.boxes import Boxes
from tools.training.links import links_between
from tools.training.listing import DESCRIPTION, TRAIN, VAL, Truth, write_description, write_list, write_report
from tools.training.placing import Place, folder_names
from tools.training.resources import check_disk

Tell = Callable[[str], None]
Defect = tuple[str, str, str, int]
# Where the work in hand is, below the folder of what is prepared.
_STATE = ".state"
# Bytes of disk for each of JSON: what is spread, a third, and a block of 4 KiB for each picture's labels.
_DISK_PER_JSON = 1.6


def prepare(data: Path, work: Path, jobs: int, tell: Tell = lambda line: None) -> dict[str, Counter[str]]:
    """Prepare the data set that lies in `data`, in `work`.

    Args:
        data: The publisher's folder.
        work: Where lists, labels, links and the report go.
        jobs: Processes that look at pictures.
        tell: Told what is being done.

    Returns:
        For each split how many pictures and boxes there are, and how many defects of each kind.

    Raises:
        SettingError: The folder is not as Objects365 v2 is, or nothing of it can be used.
        WriteError: Something cannot be written.
    """
    sources = {split: find_json(data, split) for split in (TRAIN, VAL)}
    if not (work / DESCRIPTION).exists():
        tell(check_disk(work, _DISK_PER_JSON * sum(path.stat().st_size for path in sources.values())))
    names = _names(sources, tell)
    place = Place(work, links_between(data, work))
    tell("looking for pictures")
    index = Index.scan(data, work)
    if not index.folders:
        raise SettingError(f"there are no pictures in {data}; unpack the publisher's patches there")
    called = folder_names(index.folders, data)
    for folder, name in called.items():
        place.ready(folder, name)

    counts: dict[str, Counter[str]] = {}
    defects: list[Defect] = []
    for split, source in sources.items():
        tell(f"{split}: reading {source.name}")
        spreading = spread(source, work / _STATE / split)
        bringer = Bringer(spreading, index, called, place, keeps_boxes=split == VAL)
        parts = _parts(bringer, spreading.count, jobs, partial(_tell_of, split, tell))
        counts[split] = _merge(work, split, parts, defects)
        if not counts[split]["pictures"]:
            raise SettingError(f"not one picture of {source} can be used; see what lies in {data}")
    write_report(work, counts, defects)
    write_description(work, names)
    return counts


def _names(sources: dict[str, Path], tell: Tell) -> list[str]:
    told = {split: told_names(read_categories(source), source) for split, source in sources.items()}
    if told[TRAIN] != told[VAL]:
        raise SettingError(f"{sources[TRAIN]} and {sources[VAL]} differ in their classes; get them again")
    names, lines = class_names(told[TRAIN], sources[TRAIN])
    for line in lines:
        tell(line)
    return names


def _parts(bringer: Bringer, count: int, jobs: int, tell: Tell) -> Iterator[Part]:
    """All parts, in order, by as many processes as may be."""
    if jobs == 1 or count == 1:
        yield from _counted(map(bringer, range(count)), count, tell)
        return
    # A forked process would hang in what OpenCV and torch left behind.
    with ProcessPoolExecutor(min(jobs, count), mp_context=get_context("spawn")) as pool:
        yield from _counted(pool.map(bringer, range(count)), count, tell)


def _tell_of(split: str, tell: Tell, line: str) -> None:
    tell(f"{split}: {line}")


def _counted(parts: Iterator[Part], count: int, tell: Tell) -> Iterator[Part]:
    pictures = 0
    for done, part in enumerate(parts, 1):
        pictures += len(part.placed)
        tell(f"{pictures} pictures looked at, {100 * done // count} %")
        yield part


def _merge(work: Path, split: str, parts: Iterator[Part], defects: list[Defect]) -> Counter[str]:
    """Put the parts of a split together: its list, its sums, its defects, of validation its true boxes."""
    counts: Counter[str] = Counter()
    names: list[str] = []
    truths: list[tuple[str, tuple[int, int], Boxes]] = []
    for part in parts:
        counts.update(part.counts)
        for told, placed in part.placed.items():
            counts.update(placed.defects)
            defects += [(split, told, what, number) for what, number in placed.defects.items()]
            if placed.name:
                names.append(placed.name)
                if split == VAL:
                    truths.append((placed.name, placed.size_wh, placed.boxes))
    write_list(work, split, sorted(names))
    if split == VAL:
        Truth.of(truths).save(work)
    return Counter({"pictures": len(names), **+counts})
