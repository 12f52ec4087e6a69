"""SAM's forward pass for training: over any part of the picture, and for many prompts at little more cost.

segment_anything's modules do the work with their own weights. Its own forward pass takes whole pictures only,
a third of which is padding, and makes the first layer's projections of the picture anew for each prompt.
"""

from dataclasses import dataclass
from typing import Any

import torch
from segment_anything.modeling import ImageEncoderViT, Sam
from segment_anything.modeling.image_encoder import Attention as WindowAttention
from segment_anything.modeling.image_encoder import Block
from segment_anything.modeling.transformer import Attention
from torch import Tensor


@dataclass(frozen=True)
class View:
    """A part of SAM's square input, counted in patches; it begins and ends where attention windows do."""

    top: int
    left: int
    height: int
    width: int

    def of(self, grid: Tensor) -> Tensor:
        """This part of `(..., rows, columns)`, one a patch."""
        return grid[..., self.top : self.top + self.height, self.left : self.left + self.width]


def encode(encoder: ImageEncoderViT, pixels: Tensor, view: View) -> Tensor:
    """The embedding `(B, C, height, width)` of a view's normalised pixels `(B, 3, H, W)`.

    For a view of the whole input this is upstream's embedding. In a smaller one the blocks that attend to the
    whole picture attend to the view.
    """
    places = view.of(encoder.pos_embed.permute(0, 3, 1, 2))
    x = (encoder.patch_embed.proj(pixels) + places).permute(0, 2, 3, 1)
    for block in encoder.blocks:
        x = x + _attend_near(block, block.norm1(x))
        x = x + block.mlp(block.norm2(x))
    return encoder.neck(x.permute(0, 3, 1, 2))


def _attend_near(block: Block, x: Tensor) -> Tensor:
    """A block's attention over `(B, H, W, C)`, within windows or all over."""
    batch, height, width, channels = x.shape
    if not block.window_size:
        return _attention(block.attn, x)
    side = block.window_size
    # (B, windows down, side, windows across, side, C)
    tiled = x.view(batch, height // side, side, width // side, side, channels).transpose(2, 3)
    out = _attention(block.attn, tiled.reshape(-1, side, side, channels))
    return out.view(tiled.shape).transpose(2, 3).reshape(x.shape)


def _attention(attention: WindowAttention, x: Tensor) -> Tensor:
    """Attention among all places of `(B, H, W, C)`, with relative positions."""
    batch, height, width, _ = x.shape
    heads = attention.num_heads
    qkv = attention.qkv(x).view(batch, height * width, 3, heads, -1).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)  # (B, heads, places, dim)
    grid = q.unflatten(2, (height, width))
    by_row = torch.einsum("bnhwc,hkc->bnhwk", grid, _distances(attention.rel_pos_h, height))
    by_column = torch.einsum("bnhwc,wkc->bnhwk", grid, _distances(attention.rel_pos_w, width))
    bias = (by_row[..., :, None] + by_column[..., None, :]).flatten(4).flatten(2, 3)
    scores = torch.baddbmm(
        bias.flatten(0, 1), q.flatten(0, 1), k.flatten(0, 1).transpose(1, 2), alpha=attention.scale
    )
    out = (scores.softmax(-1) @ v.flatten(0, 1)).unflatten(0, (batch, heads))
    return attention.proj(out.transpose(1, 2).flatten(2)).view(x.shape)


def _distances(table: Tensor, side: int) -> Tensor:
    """The vector `(side, side, dim)` for each pair of coordinates, from a table around its middle."""
    places = torch.arange(side, device=table.device)
    return table[places[:, None] - places + len(table) // 2]


def decode(model: Sam, embedding: Tensor, places: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """All four masks and predicted IoUs for the prompts of one picture.

    Args:
        model: The SAM.
        embedding: `(1, C, height, width)` of a view.
        places: `(1, C, height, width)`, the encoded places of the view's patches.
        tokens: `(n, P, C)`, the embedded prompts.

    Returns:
        Logits `(n, 4, 4 height, 4 width)` and predicted IoU `(n, 4)`.
    """
    decoder, encoder = model.mask_decoder, model.prompt_encoder
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    prompts = torch.cat([own.expand(len(tokens), -1, -1), tokens], 1)
    source = embedding + encoder.no_mask_embed.weight[:, :, None, None]
    image = source.flatten(2).transpose(1, 2)
    place = places.flatten(2).transpose(1, 2)
    answers, image = _transform(decoder.transformer, image, place, prompts)
    enlarged = decoder.output_upscaling(image.transpose(1, 2).unflatten(2, embedding.shape[2:]))
    mixers = torch.stack(
        [mlp(answers[:, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)], 1
    )
    # Channels last, as the convolution leaves them: gradients of another layout take a much slower way back.
    logits = enlarged.permute(0, 2, 3, 1) @ mixers.mT[:, None]
    return logits.permute(0, 3, 1, 2), decoder.iou_prediction_head(answers[:, 0])


def _transform(transformer: Any, image: Tensor, place: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
    """The two-way transformer; the picture's `(1, T, C)` serve all `(n, P, C)` prompts of the first layer."""
    queries = prompts
    for layer in transformer.layers:
        if layer.skip_first_layer_pe:
            queries = _attend(layer.self_attn, queries, queries, queries)
        else:
            asking = queries + prompts
            queries = queries + _attend(layer.self_attn, asking, asking, queries)
        queries = layer.norm1(queries)
        news = _attend(layer.cross_attn_token_to_image, queries + prompts, image + place, image)
        queries = layer.norm2(queries + news)
        queries = layer.norm3(queries + layer.mlp(queries))
        news = _attend(layer.cross_attn_image_to_token, image + place, queries + prompts, queries)
        image = layer.norm4(image + news)
    final = _attend(transformer.final_attn_token_to_image, queries + prompts, image + place, image)
    return transformer.norm_final_attn(queries + final), image


def _attend(attention: Attention, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention where queries or keys may be shared: batches of n and of 1 go together."""
    projected = attention.q_proj(queries), attention.k_proj(keys), attention.v_proj(values)
    q, k, v = (x.unflatten(2, (attention.num_heads, -1)).transpose(1, 2) for x in projected)
    q = q * q.shape[-1] ** -0.5
    # A softmax over the last dimension goes number by number, which costs most where there are few of them.
    few_keys = k.shape[2] < q.shape[2]
    weights = (k @ q.mT).softmax(2).mT if few_keys else (q @ k.mT).softmax(3)
    return attention.out_proj((weights @ v).transpose(1, 2).flatten(2))
