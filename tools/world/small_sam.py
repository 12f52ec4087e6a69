"""The demo's SAM: segment_anything's own model, small, and its checkpoint file."""

import re
from pathlib import Path

import torch
from segment_anything.modeling import Sam
from torch import Tensor
from torch.nn import functional as F

from sav.sam.architecture import SamArchitecture, assemble
from sav.sam.load import read_state

SHARPNESS = 32.0
LENIENCY = 0.2
LAST_MIXER_LAYER = re.compile(r"mask_decoder\.output_hypernetworks_mlps\.\d+\.layers\.2\.(weight|bias)")
LAST_IOU_LAYER = "mask_decoder.iou_prediction_head.layers.2"

SMALL_SAM = SamArchitecture(
    image_size=384,
    patch_size=8,
    embed_dim=192,
    depth=6,
    heads=6,
    mlp_ratio=4,
    qkv_bias=True,
    window_size=8,
    global_blocks=(2, 5),
    prompt_dim=128,
    mask_channels=16,
    decoder_depth=2,
    decoder_mlp_dim=512,
    decoder_downsampling=2,
    mask_outputs=3,
    iou_head_depth=3,
    iou_head_dim=128,
)
"""A picture is small and its patches are too: all that a patch shows fits into its token."""


def build(architecture: SamArchitecture = SMALL_SAM) -> Sam:
    """A SAM with random weights, but for the frequencies of its places."""
    sam = assemble(architecture)
    frequencies = place_frequencies(architecture.prompt_dim // 2)
    sam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix.copy_(frequencies)
    return sam


def place_frequencies(count: int) -> Tensor:
    """Frequencies `(2, count)` by which prompts and picture encode places, for x and y.

    Upstream draws them from a normal distribution, so every feature mixes x and y at about one cycle. Here
    half belong to x and half to y, from a quarter to sixteen cycles across: "left of the box's right side" is
    then one product of two encodings, which a short training finds much sooner.
    """
    cycles = torch.logspace(-3, 3, count // 2, base=2.0)
    still = torch.zeros_like(cycles)
    return torch.cat([torch.stack([cycles, still]), torch.stack([still, cycles])], dim=1)


def load_weights(model: Sam, path: Path) -> None:
    """Fills a model with the weights of a checkpoint that `save` wrote, perhaps for another input size."""
    wanted = model.state_dict()
    weights = {name: value.float() for name, value in read_state(path).items()}
    for name, value in weights.items():
        if value.shape != wanted[name].shape:
            weights[name] = _resized(value, wanted[name].shape)
    _calibrate(weights, 1 / SHARPNESS, 1 / LENIENCY)
    model.load_state_dict(weights)


def _resized(table: Tensor, shape: torch.Size) -> Tensor:
    """A table of positions `(1, rows, columns, C)`, or of distances `(places, C)`, for another grid."""
    if table.ndim == 2:
        return F.interpolate(table.T[None], shape[0], mode="linear", align_corners=True)[0].T
    grid = F.interpolate(table.permute(0, 3, 1, 2), shape[1:3], mode="bicubic", align_corners=False)
    return grid.permute(0, 2, 3, 1)


def save(model: Sam, path: Path, sharpness: float = SHARPNESS, leniency: float = LENIENCY) -> None:
    """Writes a checkpoint in half precision with upstream's key names, whole or not at all.

    SAM's default filters for "everything" are set for the official models. So that they suit this one, its
    numbers are brought to their scale; no mask changes, nor the order of the predicted IoUs.

    Args:
        model: The model.
        path: Where to write.
        sharpness: Factor on the mask logits: the stability filter moves the threshold by 1 up and down.
        leniency: Factor on what the predicted IoU falls short of 1: with 0.2, an honest 0.4 passes 0.88.
    """
    weights = {k: v.detach().float() for k, v in model.state_dict().items() if not k.startswith("pixel_")}
    _calibrate(weights, sharpness, leniency)
    temporary = path.with_name(path.name + ".tmp")
    torch.save({name: value.half().cpu() for name, value in weights.items()}, temporary)
    temporary.replace(path)


def _calibrate(weights: dict[str, Tensor], sharpness: float, leniency: float) -> None:
    """Multiplies mask logits by `sharpness`, and what the predicted IoU falls short of 1 by `leniency`."""
    for name in filter(LAST_MIXER_LAYER.fullmatch, weights):
        weights[name] = weights[name] * sharpness
    weight, bias = f"{LAST_IOU_LAYER}.weight", f"{LAST_IOU_LAYER}.bias"
    weights[weight] = weights[weight] * leniency
    weights[bias] = 1 - leniency * (1 - weights[bias])
