"""What all stages share: settings, models, pictures, and a clock."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tools.bench.options import Options

if TYPE_CHECKING:
    import torch

    from sav.sam.model import SamModel
    from tools.bench.inputs import Picture


@dataclass(frozen=True)
class Settings:
    """What a run measures.

    Attributes:
        options: Those of the benchmarks: device, pictures, numbers of things.
        log: For what is said of failures.
        is_tiny: Small models and few frames, to see that all stages run; the figures then say nothing.
    """

    options: Options
    log: Path
    is_tiny: bool = False

    def lab(self) -> Lab:
        """What the stages work with."""
        return Lab(self.options, self.log, self.is_tiny)


class Lab:
    """What the stages work with, in the process that they run in."""

    def __init__(self, options: Options, log: Path, is_tiny: bool) -> None:
        self.options, self.log, self.is_tiny = options, log, is_tiny
        self.large, self.medium = ("tiny", "tiny") if is_tiny else ("h", "b")
        # Seconds that repeats of one measurement may take, and how many there are at most.
        self._patience, self._repeats = (0.0, 1) if is_tiny else (2.0, 15)

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        import torch

        return torch.device(self.options.device)

    def sam(self, name: str = "", precision: str = "") -> SamModel:
        """Our SAM, the large one if nothing is said; kept until another is asked for."""
        from tools.bench.models import our_sam

        return our_sam(self.options, name or self.large, precision or self.options.precision)

    def their_sam(self, name: str = "") -> Any:
        """Upstream's float32 SAM with the same weights."""
        from tools.bench.models import their_sam

        return their_sam(self.options, name or self.large)

    def name_of(self, sam: str) -> str:
        """What a table calls a SAM."""
        return {"h": "ViT-H", "b": "ViT-B"}.get(sam, sam)

    @cached_property
    def picture(self) -> Picture:
        """A picture of 1080p, `(H, W, 3)` uint8 BGR."""
        from tools.bench.inputs import resized_picture

        return resized_picture(self.options, self.options.size_hw)

    def pictures(self, count: int) -> list[Picture]:
        """Several of them, all different."""
        import numpy as np

        return [np.roll(self.picture, 37 * shift, axis=1) for shift in range(count)]

    def seconds(self, run: Callable[[], Any]) -> float:
        """The median time of some runs after a warm-up, each until the device is done."""
        from tools.bench.measure import measured

        first = measured(run)[0].seconds
        if first < self._patience:
            first = measured(run)[0].seconds
        wanted = min(self._repeats, max(1, int(self._patience / max(first, 1e-6))))
        return median(measured(run)[0].seconds for _ in range(wanted))

    def once(self, run: Callable[[], Any]) -> float:
        """The time of one run without a warm-up: for work of seconds."""
        from tools.bench.measure import measured

        return measured(run)[0].seconds

    def forget_models(self) -> None:
        """Let go of all models that are kept."""
        from tools.bench import models

        for kept in (models.our_sam, models.their_sam):
            kept.cache_clear()
        self.free()

    def reset_memory(self) -> None:
        """Have the peak of GPU memory start anew."""
        import torch

        if torch.cuda.is_initialized():
            torch.cuda.reset_peak_memory_stats(self.device)

    def free(self) -> None:
        """Let go of memory that no model needs."""
        import torch

        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
