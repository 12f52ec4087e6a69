"""How an overlay looks: settings that a user can change, each with its default."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sav.checks import check_number
from sav.errors import SettingError

# What can be drawn, each on or off by a field of that name.
PARTS = ("boxes", "masks", "contours", "labels", "regions", "legend")
# How objects are made unrecognisable.
HIDINGS = ("blur", "black")
# What a label can say beside the class, each on or off by a field of that name.
LABELLED_WITH = ("ids", "scores")
# Pixels below which text cannot be read.
LEAST_TEXT = 11


@dataclass(frozen=True, kw_only=True)
class DrawConfig:
    """What an overlay shows, and how strongly.

    Attributes:
        masks: Tint the objects.
        contours: Outline them.
        boxes: Draw the detector's boxes; None means in videos, and dashed where a mask is doubtful.
        labels: Write on a plate beside each object what it is.
        ids: Begin it with the object's id; None means in videos.
        scores: End it with the detector's score, where there is room.
        regions: Tint and outline unlabelled regions, much more faintly.
        legend: Write in a corner which classes there are, how many of each, and in which colours.
        opacity: Share of its colour in an object's pixels, 0 to 1.
        region_opacity: The same for regions.
        text_share: Height of the text as a share of the picture's shorter side, but 11 pixels at least.
        hide: `blur` or `black` to make the objects unrecognisable before anything is drawn on them; empty
            to show them.
        background: The colour, BGR, 0 to 255, of all that is no object; None for the picture itself.

    Raises:
        SettingError: If a share is not between 0 and 1, or there is no such way to hide or such colour.
    """

    masks: bool = True
    contours: bool = True
    boxes: bool | None = None
    labels: bool = True
    ids: bool | None = None
    scores: bool = True
    regions: bool = True
    legend: bool = False
    opacity: float = 0.45
    region_opacity: float = 0.15
    text_share: float = 0.022
    hide: str = ""
    background: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("opacity", "region_opacity", "text_share"):
            check_number(name, getattr(self, name))
        if self.hide and self.hide not in HIDINGS:
            raise SettingError(f"hide is one of {', '.join(HIDINGS)}, or empty, not {self.hide!r}")
        colour = self.background
        if colour is not None and not (len(colour) == 3 and all(0 <= part <= 255 for part in colour)):
            raise SettingError(f"background is three numbers from 0 to 255, not {colour}")

    @property
    def changes(self) -> str:
        """What differs from the defaults, in words; empty if nothing does."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        usual = {field.name: field.default for field in fields(self)}
        return ", ".join(f"{name} {value}" for name, value in values.items() if value != usual[name])

    def text_size(self, size_hw: tuple[int, int]) -> int:
        """Height of the text in a picture of this size, in pixels."""
        return max(LEAST_TEXT, round(min(size_hw) * self.text_share))
