"""ultralytics' trainer, made safe to stop at any moment and to run without a network.

The processes of DDP load it by its name, so it stands in a module of its own, importing what they need.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from sav.detectors.door import import_ultralytics
from sav.files import put_in_place, staging_folder
from tools.training.quiet import lay_out

import_ultralytics()

from ultralytics.engine import trainer as engine  # noqa: E402
from ultralytics.models.yolo.detect import DetectionTrainer  # noqa: E402

# By how much half precision may differ from single precision, as a share of the largest value.
_MOST_DIFFERENCE = 0.1


class SafeTrainer(DetectionTrainer):
    """Trains a detector; its checkpoints are whole or not there, and nothing is fetched."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin; a process of DDP may have a folder of settings of its own, still empty."""
        lay_out(import_ultralytics())
        super().__init__(*args, **kwargs)

    def save_model(self) -> Any:
        """Write `last.pt`, and `best.pt` if it is, as ultralytics does; but whole or not at all."""
        last, best = self.last, self.best
        with staging_folder(last) as staging:
            self.last, self.best = staging / last.name, staging / best.name
            try:
                saved = super().save_model()
            finally:
                self.last, self.best = last, best
            for made in (staging / best.name, staging / last.name):
                if made.exists():
                    put_in_place(made, last.with_name(made.name))
        return saved

    def final_eval(self) -> None:
        """Leave the checkpoints as they are: evaluation and export are commands of their own."""

    def _setup_train(self, *args: Any, **kwargs: Any) -> Any:
        with _own_check():
            return super()._setup_train(*args, **kwargs)


@contextlib.contextmanager
def _own_check() -> Iterator[None]:
    """Have the model itself tell whether half precision will do; ultralytics fetches another to try."""
    plain = vars(engine)["check_amp"]
    vars(engine)["check_amp"] = computes_in_half
    try:
        yield
    finally:
        vars(engine)["check_amp"] = plain


def computes_in_half(model: nn.Module, dtype: torch.dtype = torch.float16, device: str = "cuda") -> bool:
    """Whether a model gives the same in mixed precision, but for rounding; some GPUs give NaN or zeros.

    Args:
        model: A detection model.
        dtype: The half precision.
        device: The kind of device that can do it; on others it is False.
    """
    at = next(model.parameters()).device
    if at.type != device:
        return False
    judge = copy.deepcopy(model).eval().float()
    picture = torch.rand((1, 3, 256, 256), generator=torch.Generator().manual_seed(0)).to(at)
    with torch.no_grad():
        exact = _first(judge(picture))
        with torch.autocast(device, dtype):
            half = _first(judge(picture)).float()
    return bool(half.isfinite().all()) and bool(
        (half - exact).abs().max() <= _MOST_DIFFERENCE * exact.abs().max()
    )


def _first(output: Any) -> torch.Tensor:
    while isinstance(output, (list, tuple)):
        output = output[0]
    return output
