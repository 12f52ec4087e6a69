"""MobileSAMs and SAM 2s with random weights, by ultralytics' own builders, and their own predictors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from sav.detectors.door import import_sam_modules
from sav.sam.encoders import hiera, tinyvit

SIDE = 128
TINY_HIERA = (8, (1, 1, 2, 1))
BOXES = np.array([[10, 20, 80, 90], [0, 0, 128, 120], [50.5, 60.2, 70.1, 99.9], [5, 5, 30, 40]], np.float32)


def mobile_sam() -> nn.Module:
    """A MobileSAM as narrow as its architecture allows, for pictures of `SIDE` pixels."""
    import_sam_modules()
    from ultralytics.models.sam.build import _build_sam

    with _reproducible():
        return _sized(_build_sam([8, 8, 8, 320], [1, 1, 1, 1], [1, 1, 2, 4], None, mobile_sam=True))


def sam_2() -> nn.Module:
    """A SAM 2 with an encoder as narrow as its architecture allows, for pictures of `SIDE` pixels."""
    import_sam_modules()
    from ultralytics.models.sam.build import _build_sam2

    dim, stages = TINY_HIERA
    with _reproducible():
        return _sized(
            _build_sam2(
                encoder_embed_dim=dim,
                encoder_stages=stages,
                encoder_num_heads=1,
                encoder_global_att_blocks=(3,),
                encoder_window_spec=(8, 4, 14, 7),
                encoder_backbone_channel_list=[8 * dim, 4 * dim, 2 * dim, dim],
            )
        )


def know_tiny_ones(monkeypatch) -> None:
    """Let files with the tensors of these models be read: of their sizes no file tells."""
    monkeypatch.setattr(tinyvit, "IMAGE_SIZE", SIDE)
    monkeypatch.setattr(hiera, "IMAGE_SIZE", SIDE)
    monkeypatch.setitem(hiera.RELEASES, TINY_HIERA, hiera.Attention(1, (3,)))


@contextmanager
def _reproducible() -> Iterator[None]:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        yield


def _sized(model: nn.Module, side: int = SIDE) -> nn.Module:
    """Weights that are large enough for masks of many shapes, and statistics that are no new model's."""
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.ndim > 1 and tensor.is_floating_point():
            tensor.normal_(0, 2 / tensor[0].numel() ** 0.5)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
    model.set_imgsz((side, side))
    return model.eval()


def ultralytics_predictor(model: nn.Module, picture: np.ndarray):
    """ultralytics' own predictor, with a square picture of the model's size in it; it leaves no mask out."""
    from ultralytics.models.sam.predict import Predictor, SAM2Predictor

    kind = SAM2Predictor if hasattr(model, "sam_mask_decoder") else Predictor
    side = picture.shape[0]
    predictor = kind(overrides={"imgsz": side, "save": False, "verbose": False, "device": "cpu"})
    threads = torch.get_num_threads()
    predictor.setup_model(model, verbose=False)
    torch.set_num_threads(threads)  # it has changed them
    predictor.args.conf = -1e9
    predictor.set_image(picture)
    return predictor


def official(name: str) -> nn.Module:
    """A SAM of an official size, by the name of ultralytics' builder, with random weights."""
    import_sam_modules()
    from ultralytics.models.sam import build

    with _reproducible():
        return _sized(getattr(build, f"build_{name}")(), side=1024)


def masks_of(predictor, **prompts) -> np.ndarray:
    """The masks that an ultralytics predictor makes of prompts, `(N, H, W)` bool."""
    return predictor(**prompts)[0].masks.data.numpy().astype(bool)
