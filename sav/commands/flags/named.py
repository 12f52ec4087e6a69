"""Settings that a flag takes by their names: words such as `smoothing=0.3`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sav.commands.arguments import shorten
from sav.config import EverythingConfig
from sav.errors import SettingError

if TYPE_CHECKING:
    from sav.stages.refine.config import RefineConfig

Config = TypeVar("Config", bound=Any)


def everything_config(words: Sequence[str]) -> EverythingConfig:
    """How SAM looks for all that there is.

    Raises:
        SettingError: If there is no such setting, or it cannot have that value.
    """
    return _named(EverythingConfig, words, "everything")


def refine_config(words: Sequence[str]) -> RefineConfig:
    """How tracks are refined.

    Raises:
        SettingError: If there is no such setting, or it cannot have that value.
    """
    from sav.stages.refine.config import RefineConfig

    return _named(RefineConfig, words, "refining")


def _named(kind: type[Config], words: Sequence[str], what: str) -> Config:
    types = {field.name: field.type for field in fields(kind)}
    values: dict[str, float] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in types:
            raise SettingError(f"there is no setting '{shorten(name)}' of {what}; take {', '.join(types)}")
        try:
            value = float(text)
        except ValueError:
            raise SettingError(f"write {name}=NUMBER, not '{shorten(word)}'") from None
        values[name] = int(value) if types[name] == "int" and value.is_integer() else value
    return kind(**values)
