"""The models of both sides, from the same weights: official architectures with random ones, or checkpoints.

Untrained, SAM predicts an IoU near 0 for every mask, and its logits are near 0, so that "everything" would
have nothing to do after the first filter. Both are stretched here, by numbers that are measured on the
picture, so that about a fifth of all masks pass upstream's default filter by predicted IoU, and half of those
the one by stability: several hundred, as in a photograph.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sav.sam.architecture import SamArchitecture, assemble
from tools.bench.inputs import read_picture
from tools.bench.options import ROOT, SIZES, Options

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

    from sav.sam.model import SamModel

DEMO = ROOT / "model" / "demo_sam.pth"
# To see that everything runs: a ViT that takes milliseconds on a CPU.
TINY = SamArchitecture(
    image_size=128, patch_size=16, embed_dim=64, depth=2, heads=2, mlp_ratio=4.0, qkv_bias=True,
    window_size=3, global_blocks=(1,), prompt_dim=32, mask_channels=16, decoder_depth=2,
    decoder_mlp_dim=64, decoder_downsampling=2, mask_outputs=3, iou_head_depth=3, iou_head_dim=32,
)  # fmt: skip
PASS_PREDICTED_IOU = 0.2
# The spread of predicted IoU in a photograph is some tenths.
_IOU_SPREAD = 10.0
_POINTS_PER_SIDE = 8


def sam_checkpoint(options: Options, name: str) -> Path:
    """The file of a SAM; one with random weights is made when it is first asked for."""
    if name == "demo":
        return DEMO
    if name != "tiny" and name not in SIZES:
        return Path(name)
    path = options.folder / f"random_sam_{SIZES.get(name, name)}.pth"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.part")
        torch.save(random_sam(name, options).state_dict(), part)
        part.replace(path)
    return path


def random_sam(name: str, options: Options) -> Sam:
    """A SAM of an official size from segment_anything's registry, or a tiny one, stretched as said above."""
    from segment_anything import sam_model_registry

    # Where the models run: a GPU draws the numbers of a ViT-H at once, a core in half a minute.
    with torch.random.fork_rng(), torch.device(options.device):
        torch.manual_seed(0)
        sam = assemble(TINY) if name == "tiny" else sam_model_registry[SIZES[name]]().eval()
        for parameter_name, parameter in sam.named_parameters():
            if "rel_pos" in parameter_name or "pos_embed" in parameter_name:  # zero by default
                nn.init.normal_(parameter, std=0.02)
    stretch(sam, options)
    return sam


@torch.no_grad()
def stretch(sam: Sam, options: Options) -> None:
    """Have some masks pass the filters of "everything"; see the top of the file."""
    logits, predicted = _sampled_masks(sam, options)
    threshold = float(predicted.quantile(1 - PASS_PREDICTED_IOU))
    head = sam.mask_decoder.iou_prediction_head.layers[-1]
    head.weight *= _IOU_SPREAD
    head.bias.copy_((head.bias - threshold) * _IOU_SPREAD + 0.88)
    factor = _stabilising_factor(logits[predicted > threshold])
    for network in sam.mask_decoder.output_hypernetworks_mlps:
        network.layers[-1].weight *= factor
        network.layers[-1].bias *= factor


def _sampled_masks(sam: Sam, options: Options) -> tuple[Tensor, Tensor]:
    """Low-resolution logits `(N, h, w)` and predicted IoU `(N,)` of a coarse grid of points."""
    from sav.sam.everything import point_grid

    predictor = _embedded(sam, options)
    height, width = predictor.original_size
    points = predictor.transform.apply_coords(point_grid(_POINTS_PER_SIDE) * (width, height), (height, width))
    coordinates = torch.as_tensor(points, device=predictor.device)[:, None]
    labels = torch.ones(coordinates.shape[:2], dtype=torch.int, device=predictor.device)
    _, predicted, logits = predictor.predict_torch(coordinates, labels, return_logits=True)
    sam.cpu()
    return logits.flatten(0, 1).cpu(), predicted.flatten().cpu()


def _embedded(sam: Sam, options: Options) -> Any:
    from segment_anything import SamPredictor

    predictor = SamPredictor(sam.to(options.device))
    predictor.set_image(read_picture(options.picture)[..., ::-1])
    return predictor


def _stabilising_factor(logits: Tensor, threshold: float = 0.95) -> float:
    """By how much to multiply logits so that half of the masks keep their area when it moves by 1."""
    low, high = 1.0, 1e5
    for _ in range(40):
        factor = (low * high) ** 0.5
        stability = (logits * factor > 1).sum((1, 2)) / (logits * factor > -1).sum((1, 2)).clamp(min=1)
        low, high = (factor, high) if stability.median() < threshold else (low, factor)
    return high


@lru_cache(1)
def our_sam(options: Options, name: str, precision: str) -> SamModel:
    """Our SAM as the scripts load it."""
    from sav.device import choose_precision
    from sav.sam.load import load_sam

    device = torch.device(options.device)
    return load_sam(sam_checkpoint(options, name), device, choose_precision(precision, device))


@lru_cache(1)
def their_sam(options: Options, name: str) -> Sam:
    """Upstream's SAM as its documentation loads it, or, if it is not in its registry, out of its modules."""
    from tools.bench.upstream.loading import load_sam

    # Its registry draws weights before it loads them, which a GPU does at once.
    with torch.device(options.device):
        return load_sam(str(sam_checkpoint(options, name)), SIZES.get(name, ""), options.device)


def precisions(options: Options) -> tuple[str, ...]:
    """The precision that is timed, and float32, in which our masks should be upstream's."""
    return tuple(dict.fromkeys([options.precision, "float32"]))


def label(name: str) -> str:
    """What the table calls a SAM."""
    return Path(name).stem


def untrained_detector(options: Options, architecture: str) -> Path:
    """The file of an ultralytics detector with random weights."""
    path = options.folder / f"random_{architecture}.pt"
    if not path.exists():
        from ultralytics import YOLO  # type: ignore[attr-defined]

        torch.manual_seed(0)
        YOLO(f"{architecture}.yaml", task="detect", verbose=False).save(str(path))
    return path
