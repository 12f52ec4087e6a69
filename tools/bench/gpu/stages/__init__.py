"""The stages, a module each with `figures(lab)`, which yields the rows; the most important come first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Seconds:
    """How long a stage takes where all goes well, and at most."""

    usual: float
    most: float


STAGES = {
    "models": Seconds(24, 60),
    "encoder": Seconds(20, 45),
    "everything": Seconds(8, 30),
    "boxes": Seconds(6, 30),
    "track": Seconds(40, 100),
    "demo": Seconds(30, 60),
    "seg": Seconds(40, 100),
    "busy": Seconds(40, 80),
    "tests": Seconds(90, 180),
    "start": Seconds(75, 120),
    "detector": Seconds(35, 60),
    "embed": Seconds(10, 25),
    "agreement": Seconds(45, 80),
    "presets": Seconds(50, 90),
    "upstream": Seconds(25, 60),
}
