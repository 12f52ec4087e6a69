"""The 365 classes in the publisher's order.

The publisher's JSON says which class has which number. Some of its names are misspelt (Moniter/TV, Bakset);
ultralytics' own list has the same classes in the same order with these put right, so that is how they are
called here, and each difference is reported.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sav.detectors.door import import_ultralytics
from sav.errors import SettingError

COUNT = 365
# How alike two spellings of one name are at least, 0 to 1.
_LEAST_ALIKE = 0.7


def package_names() -> list[str]:
    """The names in ultralytics' description of the data set, by number."""
    package = import_ultralytics().__file__
    assert package is not None
    path = Path(package).parent / "cfg" / "datasets" / "Objects365.yaml"
    with path.open(encoding="utf-8") as file:
        table: Mapping[int, str] = yaml.safe_load(file)["names"]
    return [table[number] for number in range(len(table))]


def told_names(categories: Iterable[Mapping[str, Any]], source: Path) -> list[str]:
    """The publisher's names in the order of their ids, which are 1 to 365.

    Raises:
        SettingError: These are other categories.
    """
    try:
        by_id = {int(category["id"]): str(category["name"]) for category in categories}
    except (KeyError, TypeError, ValueError):
        raise SettingError(f"{source} has a category without an id or a name; get the file again") from None
    if sorted(by_id) != list(range(1, COUNT + 1)):
        raise SettingError(
            f"{source} has {len(by_id)} categories, Objects365 has {COUNT} with ids from 1;"
            " for other data there is python -m tools.finetune"
        )
    return [by_id[number] for number in sorted(by_id)]


def class_names(told: list[str], source: Path) -> tuple[list[str], list[str]]:
    """What the classes are called, and a line for each whose publisher's name is spelt otherwise.

    Raises:
        SettingError: The classes are in another order, as in Objects365 of 2019.
    """
    listed = package_names()
    elsewhere = {_plain(name) for name in listed}
    names, lines = [], []
    for number, (one, other) in enumerate(zip(told, listed, strict=True), 1):
        if _plain(one) == _plain(other):
            names.append(other)
        elif _plain(one) in elsewhere:
            raise SettingError(
                f"{source} has '{one}' as class {number}, Objects365 v2 has '{other}':"
                " its classes are in another order; take zhiyuan_objv2_train.json and zhiyuan_objv2_val.json"
            )
        else:
            names.append(other if _alike(one, other) >= _LEAST_ALIKE else _tidy(one))
            lines.append(f"class {number}: the publisher's '{one}' is called '{names[-1]}'")
    return names, lines


def _tidy(name: str) -> str:
    """A name without blanks at its ends, around slashes, or in a row."""
    return re.sub(r"\s*/\s*", "/", " ".join(name.split()))


def _plain(name: str) -> str:
    return _tidy(name).casefold()


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, _plain(one), _plain(other)).ratio()
