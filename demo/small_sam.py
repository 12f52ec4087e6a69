"""The demo's SAM: segment_anything's own model, small, and its checkpoint file."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import nn

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
SHARPNESS = 4.0
LAST_MIXER_LAYER = re.compile(r"mask_decoder\.output_hypernetworks_mlps\.\d+\.layers\.2\.(weight|bias)")


@dataclass(frozen=True)
class SmallSam:
    """Sizes of the demo's SAM; the checkpoint's shapes say the same to whoever loads it."""

    image_size: int = 512
    patch: int = 16
    width: int = 160
    depth: int = 6
    heads: int = 5
    window: int = 8
    global_blocks: tuple[int, ...] = (2, 5)
    channels: int = 128
    decoder_mlp: int = 512
    decoder_heads: int = 8


def build(sizes: SmallSam | None = None) -> Sam:
    """A SAM of the given sizes with random weights."""
    s = sizes or SmallSam()
    grid = s.image_size // s.patch
    encoder = ImageEncoderViT(
        depth=s.depth,
        embed_dim=s.width,
        img_size=s.image_size,
        mlp_ratio=4,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        num_heads=s.heads,
        patch_size=s.patch,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=s.global_blocks,
        window_size=s.window,
        out_chans=s.channels,
    )
    prompts = PromptEncoder(
        embed_dim=s.channels,
        image_embedding_size=(grid, grid),
        input_image_size=(s.image_size, s.image_size),
        mask_in_chans=16,
    )
    transformer = TwoWayTransformer(
        depth=2, embedding_dim=s.channels, mlp_dim=s.decoder_mlp, num_heads=s.decoder_heads
    )
    decoder = MaskDecoder(
        num_multimask_outputs=3,
        transformer=transformer,
        transformer_dim=s.channels,
        iou_head_depth=3,
        iou_head_hidden_dim=s.channels,
    )
    return Sam(encoder, prompts, decoder, list(PIXEL_MEAN), list(PIXEL_STD))


def save(model: Sam, path: Path, sharpness: float = SHARPNESS) -> None:
    """Writes a checkpoint in half precision with upstream's key names, whole or not at all.

    Args:
        model: The model.
        path: Where to write.
        sharpness: Factor on the mask logits. No mask changes; but SAM's default stability filter moves the
            threshold by 1 up and down, which suits logits as large as those of the official models.
    """
    weights = {k: v.detach().float() for k, v in model.state_dict().items() if not k.startswith("pixel_")}
    for name in weights:
        if LAST_MIXER_LAYER.fullmatch(name):
            weights[name] = weights[name] * sharpness
    temporary = path.with_name(path.name + ".tmp")
    torch.save({name: weight.half().cpu() for name, weight in weights.items()}, temporary)
    temporary.replace(path)
