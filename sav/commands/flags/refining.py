"""Words that say how tracks are refined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from sav.commands.arguments import shorten
from sav.errors import SettingError

if TYPE_CHECKING:
    from sav.stages.refine.config import RefineConfig


def refine_config(words: Sequence[str]) -> RefineConfig:
    """How tracks are refined, out of words such as `smoothing=0.3`.

    Raises:
        SettingError: If there is no such setting, or it cannot have that value.
    """
    from sav.stages.refine.config import RefineConfig

    known = [field.name for field in fields(RefineConfig)]
    values: dict[str, float] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in known:
            raise SettingError(f"there is no setting '{shorten(name)}' of refining; take {', '.join(known)}")
        try:
            values[name] = float(text)
        except ValueError:
            raise SettingError(f"write {name}=NUMBER, not '{shorten(word)}'") from None
    return RefineConfig(**values)
