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
    "track": Seconds(25, 60),
    "demo": Seconds(20, 45),
    "seg": Seconds(15, 45),
    "tests": Seconds(60, 120),
    "start": Seconds(45, 100),
    "detector": Seconds(15, 45),
    "embed": Seconds(5, 20),
    "agreement": Seconds(20, 60),
    "presets": Seconds(35, 80),
    "compiled": Seconds(70, 150),
    "upstream": Seconds(25, 60),
}
