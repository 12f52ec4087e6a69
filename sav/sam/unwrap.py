"""Find a SAM's tensors in whatever a checkpoint wraps them in."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from sav.sam.kinds import KINDS
from sav.weights.made import Made, is_tensor
from sav.weights.modules import module_tensors

logger = logging.getLogger(__name__)

# How deep tables and modules are looked into, and how many tensors a module may have.
_DEEPEST = 32
# SAM-HQ's own token. Its decoder mixes its masks of features from inside the ViT; no kept library has it.
_HQ = "mask_decoder.hf_token."
_OTHERS = {
    "vision_encoder.layers.": "these are the names of Hugging Face's transformers, not of segment_anything",
    "vision_encoder.backbone.": "these are the names of Hugging Face's transformers, not of Meta's SAM 2",
}


def find_sam(tree: Any) -> dict[str, Made]:
    """The tensors of the SAM in a checkpoint's tree, under the names that `build_sam` knows.

    It may lie in tables in tables, such as `model` or `state_dict`, in a module that was saved whole, and
    behind prefixes such as `module.`. One line says what is left out of its table.

    Raises:
        ValueError: If there is no SAM.
    """
    tables = list(_tables(tree))
    found = [
        (kind, name.removesuffix(kind.FIRST_TENSOR), table)
        for table in tables
        for name in table
        for kind in KINDS
        if isinstance(name, str) and name.endswith(kind.FIRST_TENSOR)
    ]
    if not found:
        raise ValueError(_what_it_is(tables))

    kind, prefix, table = found[0]
    tensors = {str(name): value for name, value in table.items() if is_tensor(value)}
    wanted, ignored = {}, []
    for name, value in tensors.items():
        inner = name.removeprefix(prefix)
        parts = [part for part in kind.PARTS if name.startswith(prefix + part)]
        if name.startswith(prefix) and kind.LEFT.match(inner):
            continue
        if parts:
            wanted[kind.PARTS[parts[0]] + inner.removeprefix(parts[0])] = value
        else:
            ignored.append(name)
    if any(name.startswith(_HQ) for name in wanted):
        raise ValueError("these are the tensors of SAM-HQ, whose mask decoder is not known here")
    _tell_ignored(ignored, len(found) - 1)
    return wanted


def _tell_ignored(names: list[str], other_sams: int) -> None:
    parts = (
        [", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")] if names else []
    )
    parts += [f"{other_sams} more SAM" + "s" * (other_sams > 1)] if other_sams else []
    if parts:
        logger.warning("the SAM checkpoint also holds %s: ignored", ", and ".join(parts))


def _tables(tree: Any) -> Iterator[Mapping[Any, Any]]:
    """Every table of names, from the outermost on; a module that was saved whole is one table."""
    level, seen = [tree], set()
    for _ in range(_DEEPEST):
        inner = []
        for value in level:
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, dict):
                yield value
                inner += [item for item in value.values() if isinstance(item, dict | Made)]
            elif isinstance(value, Made) and isinstance(value.state, dict) and "_modules" in value.state:
                yield module_tensors(value)
        level = inner


def _what_it_is(tables: list[Mapping[Any, Any]]) -> str:
    """Why there is no SAM here, in the words that help."""
    names = [name for table in tables for name in table if isinstance(name, str)]
    for part, words in _OTHERS.items():
        if any(part in name for name in names):
            return words
    made = [value.maker for table in tables for value in table.values() if isinstance(value, Made)]
    if any(maker.startswith("ultralytics.") for maker in made):
        return "it is an ultralytics model; --yolo_checkpoint takes detectors"
    return f"no tensor in it is called {KINDS[0].FIRST_TENSOR}"
