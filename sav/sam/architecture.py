"""Read a SAM's architecture from the shapes of its tensors, and build the model that fits them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import nn
from torch.overrides import TorchFunctionMode

from sav.detectors.door import import_sam_modules
from sav.device import EXACT
from sav.sam.conventions import PIXEL_MEAN_RGB, PIXEL_STD_RGB
from sav.sam.encoders import EncoderArchitecture, vit
from sav.sam.kinds import kind_of, make_encoder
from sav.sam.shapes import StateDict, count_layers

# Attention heads of the mask decoder leave no trace in any shape; every published SAM has eight.
DECODER_HEADS = 8
# A whole, a part and a part of the part: what the rest of the program takes them for.
MASKS_A_PROMPT = 3


@dataclass(frozen=True)
class DecoderArchitecture:
    """What the constructors of the prompt encoder and the mask decoder ask for.

    `is_second` decoders are SAM 2's.
    """

    prompt_dim: int
    mask_channels: int
    decoder_depth: int
    decoder_mlp_dim: int
    decoder_downsampling: int
    mask_outputs: int
    iou_head_depth: int
    iou_head_dim: int
    is_second: bool = False

    def check_plausible(self) -> None:
        """Refuse what the rest of the program makes no sense of.

        Raises:
            ValueError: If it gives more masks a prompt than a whole and its parts, or fewer.
        """
        if self.mask_outputs != MASKS_A_PROMPT:
            raise ValueError(f"it gives {self.mask_outputs} masks a prompt and not {MASKS_A_PROMPT}")


@dataclass(frozen=True)
class SamArchitecture(DecoderArchitecture, vit.VitArchitecture):
    """All of a SAM whose image encoder is a ViT."""

    def check_plausible(self) -> None:
        """See both halves."""
        vit.VitArchitecture.check_plausible(self)
        super().check_plausible()


def read_architecture(state: StateDict) -> SamArchitecture:
    """Infer the architecture of an image-encoder-ViT SAM.

    Raises:
        ValueError: If the tensors are not those of such a SAM.
    """
    sizes, decoder = _read(state, vit.NAME, vit.read)
    return SamArchitecture(**vars(sizes), **vars(decoder))


def _read(
    state: StateDict, name: str, read: Callable[[StateDict], Any]
) -> tuple[EncoderArchitecture, DecoderArchitecture]:
    """The sizes of a SAM's two halves."""
    try:
        return read(state), _read_decoder(state)
    except (KeyError, IndexError, ValueError, ZeroDivisionError, AttributeError, OverflowError) as error:
        raise ValueError(f"these are not the tensors of a {name} ({error})") from error


def _read_decoder(state: StateDict) -> DecoderArchitecture:
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    is_second = "mask_decoder.obj_score_token.weight" in shape
    mlp = f"mask_decoder.transformer.layers.0.mlp.{'layers.0' if is_second else 'lin1'}.weight"
    prompt_dim = shape["prompt_encoder.no_mask_embed.weight"][1]
    query_dim = shape["mask_decoder.transformer.final_attn_token_to_image.q_proj.weight"][0]
    return DecoderArchitecture(
        prompt_dim=prompt_dim,
        mask_channels=shape["prompt_encoder.mask_downscaling.3.weight"][0],
        decoder_depth=count_layers(state, r"mask_decoder\.transformer\.layers\.(\d+)\.norm1\.weight"),
        decoder_mlp_dim=shape[mlp][0],
        decoder_downsampling=prompt_dim // query_dim,
        mask_outputs=shape["mask_decoder.mask_tokens.weight"][0] - 1,
        iou_head_depth=count_layers(state, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\.weight"),
        iou_head_dim=shape["mask_decoder.iou_prediction_head.layers.0.weight"][0],
        is_second=is_second,
    )


def build_sam(state: StateDict) -> Sam:
    """Assemble the libraries' own modules to fit `state` and fill them with it, as float32, in eval mode.

    The modules take tensors that are float32 as they are, so that weights are in memory once.

    Raises:
        ValueError: If the tensors are not those of a SAM of a kind that is known.
    """
    kind = kind_of(state)
    sizes, decoder = _read(state, kind.NAME, kind.read)
    sizes.check_plausible()
    decoder.check_plausible()
    try:
        with _without_memory():
            sam = _join(kind.build(sizes, decoder.prompt_dim), sizes, decoder)
            _try_out(sam)
        names = sam.state_dict().keys()
        extra = [name for name, tensor in state.items() if name not in names and tensor.numel() > 1]
        if extra:
            raise ValueError(f"it has layers that a {kind.NAME} has not, such as {extra[0][:120]}")
        fitting = {name: tensor.float().contiguous() for name, tensor in state.items() if name in names}
        sam.load_state_dict(fitting, assign=True)
    except (RuntimeError, AssertionError, TypeError) as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"the tensors do not fit a {kind.NAME}: {problem[:300]}") from error
    for name, values in (("pixel_mean", PIXEL_MEAN_RGB), ("pixel_std", PIXEL_STD_RGB)):
        sam.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)
    return sam.eval()


class _LinspaceOnCpu(TorchFunctionMode):
    """For constructors that look at the numbers of a `linspace`, as those of TinyViT and Hiera do."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        return func(*args, **({**kwargs, "device": "cpu"} if func is torch.linspace else kwargs))


@contextmanager
def _without_memory() -> Iterator[None]:
    """Modules that are made here have shapes and no numbers."""
    with torch.device("meta"), _LinspaceOnCpu():
        yield


@torch.inference_mode()
def _try_out(sam: Sam) -> None:
    """One box in one picture, in shapes only: on the device that has no memory, numbers cost nothing.

    Raises:
        RuntimeError: If a layer's shape does not fit the next.
    """
    side = sam.image_encoder.img_size
    features = make_encoder(sam, EXACT)(torch.empty(1, 3, side, side))
    sparse, dense = sam.prompt_encoder(points=None, boxes=torch.empty(1, 4), masks=None)
    more = {"repeat_image": True, "high_res_features": list(features.fine)} if features.fine else {}
    sam.mask_decoder(features.coarse, sam.prompt_encoder.get_dense_pe(), sparse, dense, True, **more)


def assemble(architecture: SamArchitecture) -> Sam:
    """A SAM of this architecture with fresh random weights, on the CPU, in eval mode."""
    encoder = vit.build(architecture, architecture.prompt_dim)
    return _join(encoder, architecture, architecture).eval()


def _join(encoder: nn.Module, sizes: EncoderArchitecture, decoder: DecoderArchitecture) -> Sam:
    """An image encoder with a prompt encoder and a mask decoder."""
    prompts = PromptEncoder(
        embed_dim=decoder.prompt_dim,
        image_embedding_size=(sizes.grid, sizes.grid),
        input_image_size=(sizes.image_size, sizes.image_size),
        mask_in_chans=decoder.mask_channels,
    )
    masks = _mask_decoder(decoder)
    return Sam(encoder, prompts, masks, pixel_mean=list(PIXEL_MEAN_RGB), pixel_std=list(PIXEL_STD_RGB))


def _mask_decoder(a: DecoderArchitecture) -> nn.Module:
    """segment_anything's decoder, or ultralytics' of SAM 2, as Meta configures it for pictures."""
    transformer = {
        "depth": a.decoder_depth,
        "embedding_dim": a.prompt_dim,
        "num_heads": DECODER_HEADS,
        "mlp_dim": a.decoder_mlp_dim,
        "attention_downsample_rate": a.decoder_downsampling,
    }
    heads = {
        "transformer_dim": a.prompt_dim,
        "num_multimask_outputs": a.mask_outputs,
        "iou_head_depth": a.iou_head_depth,
        "iou_head_hidden_dim": a.iou_head_dim,
    }
    if not a.is_second:
        return MaskDecoder(transformer=TwoWayTransformer(**transformer), **heads)
    modules = import_sam_modules()
    return modules.SAM2MaskDecoder(
        transformer=modules.SAM2TwoWayTransformer(**transformer),
        use_high_res_features=True,
        iou_prediction_use_sigmoid=True,
        dynamic_multimask_via_stability=True,
        dynamic_multimask_stability_delta=0.05,
        dynamic_multimask_stability_thresh=0.98,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        use_multimask_token_for_obj_ptr=True,
        **heads,
    )
