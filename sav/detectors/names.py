"""The classes that a detector knows: checked, found by name or id, and read from a file without torch."""

from __future__ import annotations

import difflib
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sav.errors import CheckpointError, SettingError
from sav.weights.file import open_checkpoint
from sav.weights.made import Made, is_tensor

# Bytes in UTF-8: the longest name of a public data set has a third of it.
LONGEST_NAME = 200
# More classes than any data set has.
MOST_CLASSES = 100_000
# Controls, surrogates, and the separators of lines and paragraphs.
_NOT_PRINTED = ("Cc", "Cs", "Zl", "Zp")
# Characters of class names that a message lists.
_MOST_SHOWN = 300


def checked_names(names: Any) -> dict[int, str]:
    """The names of a detector's classes by their ids, from 0 up, without blanks around them.

    Args:
        names: What a checkpoint holds: a list, or a table by ids. YAML makes numbers and booleans of some
            names; they become words again.

    Raises:
        ValueError: If they are not numbered from 0 without a gap, or one is no name.
    """
    table = dict(enumerate(names)) if isinstance(names, list | tuple) else names
    if not isinstance(table, dict) or not table or len(table) > MOST_CLASSES:
        raise ValueError("has no table of class names")
    by_id = {_number(number): _checked_name(name) for number, name in table.items()}
    if sorted(by_id) != list(range(len(table))):
        raise ValueError(f"has {len(table)} class names that are not numbered from 0 to {len(table) - 1}")
    return {number: by_id[number] for number in range(len(table))}


def _number(key: Any) -> int:
    if isinstance(key, str) and key.isdecimal() and len(key) < 10:
        return int(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    raise ValueError("has classes whose ids are no numbers")


def _checked_name(name: Any) -> str:
    is_short = isinstance(name, int) and abs(name) < 10**18
    if not (is_short or isinstance(name, str | float)):
        raise ValueError("has a class name that is no word")
    text = str(name).strip()
    if not text:
        raise ValueError("has a class without a name")
    if any(unicodedata.category(letter) in _NOT_PRINTED for letter in text):
        raise ValueError(f"has a class name with a line break or control character ({text[:40]!r})")
    if len(text.encode()) > LONGEST_NAME:
        raise ValueError(f"has a class name of {len(text)} letters ({text[:20]!r}...)")
    return text


def read_class_names(checkpoint: Path) -> dict[int, str] | None:
    """The class names in a detector's file, before torch is imported, in milliseconds.

    Returns:
        None if only loading the file can tell.

    Raises:
        CheckpointError: If the file cannot be read, or the names are none.
    """
    with open_checkpoint(checkpoint) as opened:
        try:
            model = model_in(opened.tree)
        except ValueError:
            return None
        names = model.state.get("names") if isinstance(model.state, dict) else None
        try:
            return None if names is None else checked_names(names)
        except ValueError as error:
            raise CheckpointError(f"{checkpoint} cannot be used as a detector: it {error}") from error


def model_in(tree: Any) -> Made:
    """The model in a detector checkpoint's tree: the average over training (EMA) if there is one.

    Raises:
        ValueError: If there is none.
    """
    held = tree
    if isinstance(tree, dict):
        held = tree.get("ema") or tree.get("model")
    elif isinstance(tree, Made) and isinstance(tree.state, dict) and "overrides" in tree.state:
        held = (tree.state.get("_modules") or {}).get("model")  # an ultralytics.YOLO that was saved whole
    if isinstance(held, Made) and not is_tensor(held):
        return held
    tables = [table for table in (tree, held) if isinstance(table, dict)]
    if any(is_tensor(value) for table in tables for value in table.values()):
        raise ValueError("holds tensors and no model; a detector's file is what ultralytics' training writes")
    raise ValueError("holds no ultralytics model")


def resolve_classes(wanted: Sequence[str | int], categories: Mapping[int, str]) -> list[int] | None:
    """Class ids for names or ids; None, which ultralytics takes for all, if none is wanted.

    A name stands for every class that is called so; only if none is, capitals do not matter.

    Raises:
        SettingError: If a name or id is unknown, and the message names the nearest; or if a name could be of
            several classes that differ in capitals.
    """
    found: set[int] = set()
    for item in wanted:
        found.update(_ids(item, categories))
    return sorted(found) or None


def _ids(item: str | int, categories: Mapping[int, str]) -> list[int]:
    if isinstance(item, str):
        exact = [number for number, name in categories.items() if name == item]
        folded = [number for number, name in categories.items() if name.casefold() == item.casefold()]
        if exact:
            return exact
        if len({categories[number] for number in folded}) > 1:
            known = " or ".join(f"'{categories[number]}' ({number})" for number in folded)
            raise SettingError(f"class '{item}' could be {known}; write it so, or give its number")
        if folded:
            return folded
    if str(item).isdecimal() and len(str(item)) < 10 and int(item) in categories:
        return [int(item)]
    parts = [part.strip() for part in str(item).split(",") if part.strip()]
    if len(parts) > 1:  # a list with commas, since there is no class with such a name
        return [number for part in parts for number in _ids(part, categories)]
    raise SettingError(
        f"the detector knows no class '{str(item)[:80]}'; {_nearest(str(item)[:80], categories)}"
    )


def _nearest(item: str, categories: Mapping[int, str]) -> str:
    if item.lstrip("-").isdecimal():
        return f"its ids go from {min(categories)} to {max(categories)}"
    by_folded_name = {name.casefold(): name for name in categories.values()}
    close = difflib.get_close_matches(item.casefold(), by_folded_name, n=1)
    if close:
        return f"the nearest is '{by_folded_name[close[0]]}'"
    return f"it knows {textwrap.shorten(', '.join(categories.values()), _MOST_SHOWN, placeholder=' ...')}"
