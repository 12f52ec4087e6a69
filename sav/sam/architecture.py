"""Read a SAM's architecture from the shapes of its tensors, and build the model that fits them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

from sav.sam.encoders import vit
from sav.sam.shapes import StateDict, count_layers

PIXEL_MEAN_RGB = (123.675, 116.28, 103.53)
PIXEL_STD_RGB = (58.395, 57.12, 57.375)
# Attention heads of the mask decoder leave no trace in any shape; every published SAM has eight.
DECODER_HEADS = 8
# A whole, a part and a part of the part: what the rest of the program takes them for.
MASKS_A_PROMPT = 3


@dataclass(frozen=True)
class DecoderArchitecture:
    """What the constructors of segment_anything's prompt encoder and mask decoder ask for."""

    prompt_dim: int
    mask_channels: int
    decoder_depth: int
    decoder_mlp_dim: int
    decoder_downsampling: int
    mask_outputs: int
    iou_head_depth: int
    iou_head_dim: int


@dataclass(frozen=True)
class SamArchitecture(DecoderArchitecture, vit.VitArchitecture):
    """All of a SAM whose image encoder is a ViT."""

    def check_plausible(self) -> None:
        """Refuse what no computer could run, however small its file is.

        Raises:
            ValueError: If a number is beyond those of any SAM.
        """
        super().check_plausible()
        if self.mask_outputs != MASKS_A_PROMPT:
            raise ValueError(f"it gives {self.mask_outputs} masks a prompt and not {MASKS_A_PROMPT}")


def read_architecture(state: StateDict) -> SamArchitecture:
    """Infer the architecture of an image-encoder-ViT SAM.

    Raises:
        ValueError: If the tensors are not those of such a SAM.
    """
    try:
        return SamArchitecture(**vars(vit.read(state)), **vars(_read_decoder(state)))
    except (KeyError, IndexError, ValueError, ZeroDivisionError, AttributeError, OverflowError) as error:
        raise ValueError(f"these are not the tensors of a segment_anything ViT SAM ({error})") from error


def _read_decoder(state: StateDict) -> DecoderArchitecture:
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    prompt_dim = shape["prompt_encoder.no_mask_embed.weight"][1]
    query_dim = shape["mask_decoder.transformer.final_attn_token_to_image.q_proj.weight"][0]
    return DecoderArchitecture(
        prompt_dim=prompt_dim,
        mask_channels=shape["prompt_encoder.mask_downscaling.3.weight"][0],
        decoder_depth=count_layers(state, r"mask_decoder\.transformer\.layers\.(\d+)\.norm1\.weight"),
        decoder_mlp_dim=shape["mask_decoder.transformer.layers.0.mlp.lin1.weight"][0],
        decoder_downsampling=prompt_dim // query_dim,
        mask_outputs=shape["mask_decoder.mask_tokens.weight"][0] - 1,
        iou_head_depth=count_layers(state, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\.weight"),
        iou_head_dim=shape["mask_decoder.iou_prediction_head.layers.0.weight"][0],
    )


def build_sam(state: StateDict) -> Sam:
    """Assemble segment_anything's own modules to fit `state` and fill them with it, as float32, in eval mode.

    The modules take tensors that are float32 as they are, so that weights are in memory once.

    Raises:
        ValueError: If the tensors are not those of a ViT SAM.
    """
    architecture = read_architecture(state)
    architecture.check_plausible()
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
    encoder = vit.build(a, a.prompt_dim)
    prompts = PromptEncoder(
        embed_dim=a.prompt_dim,
        image_embedding_size=(a.grid, a.grid),
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
