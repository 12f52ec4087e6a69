"""Read a SAM's architecture from the shapes of its tensors, and build the model that fits them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor

StateDict = Mapping[str, Tensor]

PIXEL_MEAN_RGB = (123.675, 116.28, 103.53)
PIXEL_STD_RGB = (58.395, 57.12, 57.375)
# Attention heads of the mask decoder leave no trace in any shape; every published SAM has eight.
DECODER_HEADS = 8
# A whole, a part and a part of the part: what the rest of the program takes them for.
MASKS_A_PROMPT = 3
# Published SAMs see 1024 pixels in a grid of 64 patches; a block that looks at all of a grid twice as fine
# needs 16 times the memory.
LARGEST_IMAGE, LARGEST_GRID = 4096, 128


@dataclass(frozen=True)
class SamArchitecture:
    """What the constructors of segment_anything's modules ask for.

    `window_size` is in patches; `global_blocks` are the indices of the encoder's blocks that attend to the
    whole picture instead of to a window.
    """

    image_size: int
    patch_size: int
    embed_dim: int
    depth: int
    heads: int
    mlp_ratio: float
    qkv_bias: bool
    window_size: int
    global_blocks: tuple[int, ...]
    prompt_dim: int
    mask_channels: int
    decoder_depth: int
    decoder_mlp_dim: int
    decoder_downsampling: int
    mask_outputs: int
    iou_head_depth: int
    iou_head_dim: int


def read_architecture(state: StateDict) -> SamArchitecture:
    """Infer the architecture of an image-encoder-ViT SAM.

    Raises:
        ValueError: If the tensors are not those of such a SAM.
    """
    try:
        return _infer(state)
    except (KeyError, IndexError, ValueError, ZeroDivisionError, AttributeError, OverflowError) as error:
        raise ValueError(f"these are not the tensors of a segment_anything ViT SAM ({error})") from error


def _infer(state: StateDict) -> SamArchitecture:
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    embed_dim, _, patch_size, _ = shape["image_encoder.patch_embed.proj.weight"]
    depth = _count(state, r"image_encoder\.blocks\.(\d+)\.norm1\.weight")
    grid = shape["image_encoder.pos_embed"][1]
    spans, head_dim = _attention_spans(shape, depth, grid)
    windows = {span for span in spans if span != grid} or {0}
    if len(windows) > 1:
        raise ValueError(f"windows of several sizes: {sorted(windows)}")
    window_size = windows.pop()
    prompt_dim = shape["prompt_encoder.no_mask_embed.weight"][1]
    return SamArchitecture(
        image_size=grid * patch_size,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depth=depth,
        heads=embed_dim // head_dim,
        mlp_ratio=shape["image_encoder.blocks.0.mlp.lin1.weight"][0] / embed_dim,
        qkv_bias="image_encoder.blocks.0.attn.qkv.bias" in state,
        window_size=window_size,
        global_blocks=tuple(i for i, span in enumerate(spans) if span == grid),
        prompt_dim=prompt_dim,
        mask_channels=shape["prompt_encoder.mask_downscaling.3.weight"][0],
        decoder_depth=_count(state, r"mask_decoder\.transformer\.layers\.(\d+)\.norm1\.weight"),
        decoder_mlp_dim=shape["mask_decoder.transformer.layers.0.mlp.lin1.weight"][0],
        decoder_downsampling=prompt_dim
        // shape["mask_decoder.transformer.final_attn_token_to_image.q_proj.weight"][0],
        mask_outputs=shape["mask_decoder.mask_tokens.weight"][0] - 1,
        iou_head_depth=_count(state, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\.weight"),
        iou_head_dim=shape["mask_decoder.iou_prediction_head.layers.0.weight"][0],
    )


def _attention_spans(shape: Mapping[str, tuple[int, ...]], depth: int, grid: int) -> tuple[list[int], int]:
    """How many patches each block attends across, and the width of a head, from the position tables."""
    tables = [shape[f"image_encoder.blocks.{i}.attn.rel_pos_h"] for i in range(depth)]
    head_dims = {width for _, width in tables}
    if len(head_dims) != 1:
        raise ValueError(f"attention heads of several widths: {sorted(head_dims)}")
    return [(length + 1) // 2 for length, _ in tables], head_dims.pop()


def _count(state: StateDict, pattern: str) -> int:
    """How many numbers `pattern` captures among the names; they must go from 0 up without a gap."""
    found = {int(match[1]) for name in state if (match := re.fullmatch(pattern, name))}
    if not found or max(found) != len(found) - 1:
        raise ValueError(f"tensors like {pattern} are missing")
    return len(found)


def _check_plausible(architecture: SamArchitecture) -> None:
    """Refuse what no computer could run, however small its file is.

    Raises:
        ValueError: If a number is beyond those of any SAM.
    """
    a = architecture
    if a.image_size > LARGEST_IMAGE or a.image_size // a.patch_size > LARGEST_GRID:
        raise ValueError(f"pictures of {a.image_size} pixels in patches of {a.patch_size} are too large")
    if a.window_size > a.image_size // a.patch_size:
        raise ValueError(f"windows of {a.window_size} patches are larger than the picture")
    if a.mask_outputs != MASKS_A_PROMPT:
        raise ValueError(f"it gives {a.mask_outputs} masks a prompt and not {MASKS_A_PROMPT}")


def build_sam(state: StateDict) -> Sam:
    """Assemble segment_anything's own modules to fit `state` and fill them with it, as float32, in eval mode.

    The modules take tensors that are float32 as they are, so that weights are in memory once.

    Raises:
        ValueError: If the tensors are not those of a ViT SAM.
    """
    architecture = read_architecture(state)
    _check_plausible(architecture)
    try:
        with torch.device("meta"):
            sam = assemble(architecture)
            _try_out(sam)
        names = sam.state_dict().keys()
        extra = [name for name, tensor in state.items() if name not in names and tensor.numel() > 1]
        if extra:
            raise ValueError(f"it has layers that segment_anything's SAM has not, such as {extra[0][:120]}")
        fitting = {name: tensor.float().contiguous() for name, tensor in state.items() if name in names}
        sam.load_state_dict(fitting, assign=True)
    except (RuntimeError, AssertionError, TypeError) as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"the tensors do not fit a segment_anything ViT SAM: {problem[:300]}") from error
    for name, values in (("pixel_mean", PIXEL_MEAN_RGB), ("pixel_std", PIXEL_STD_RGB)):
        sam.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)
    return sam


@torch.inference_mode()
def _try_out(sam: Sam) -> None:
    """One box in one picture, in shapes only: on the device that has no memory, numbers cost nothing.

    Raises:
        RuntimeError: If a layer's shape does not fit the next.
    """
    side = sam.image_encoder.img_size
    features = sam.image_encoder(torch.empty(1, 3, side, side))
    sparse, dense = sam.prompt_encoder(points=None, boxes=torch.empty(1, 4), masks=None)
    sam.mask_decoder(features, sam.prompt_encoder.get_dense_pe(), sparse, dense, multimask_output=True)


def assemble(architecture: SamArchitecture) -> Sam:
    """A SAM of this architecture with fresh random weights, on the CPU, in eval mode."""
    a = architecture
    grid = a.image_size // a.patch_size
    encoder = ImageEncoderViT(
        img_size=a.image_size,
        patch_size=a.patch_size,
        embed_dim=a.embed_dim,
        depth=a.depth,
        num_heads=a.heads,
        mlp_ratio=a.mlp_ratio,
        out_chans=a.prompt_dim,
        qkv_bias=a.qkv_bias,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=a.window_size,
        global_attn_indexes=a.global_blocks,
    )
    prompts = PromptEncoder(
        embed_dim=a.prompt_dim,
        image_embedding_size=(grid, grid),
        input_image_size=(a.image_size, a.image_size),
        mask_in_chans=a.mask_channels,
    )
    decoder = MaskDecoder(
        transformer_dim=a.prompt_dim,
        transformer=TwoWayTransformer(
            depth=a.decoder_depth,
            embedding_dim=a.prompt_dim,
            num_heads=DECODER_HEADS,
            mlp_dim=a.decoder_mlp_dim,
            attention_downsample_rate=a.decoder_downsampling,
        ),
        num_multimask_outputs=a.mask_outputs,
        iou_head_depth=a.iou_head_depth,
        iou_head_hidden_dim=a.iou_head_dim,
    )
    sam = Sam(encoder, prompts, decoder, pixel_mean=list(PIXEL_MEAN_RGB), pixel_std=list(PIXEL_STD_RGB))
    return sam.eval()
