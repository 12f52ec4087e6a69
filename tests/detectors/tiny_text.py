"""Small text models with random weights, saved as their publishers save theirs."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.detectors.models import tasks

OF_APPLE = {
    "token_embedding.": "embedding_layer.", "text_projection": "projection_layer",
    "ln_final.": "final_layer_norm.", "transformer.resblocks.": "transformer.", ".ln_1.": ".pre_norm_mha.0.",
    ".ln_2.": ".pre_norm_ffn.0.", ".attn.in_proj_": ".pre_norm_mha.1.qkv_proj.",
    ".attn.out_proj.": ".pre_norm_mha.1.out_proj.", ".mlp.c_fc.": ".pre_norm_ffn.1.",
    ".mlp.c_proj.": ".pre_norm_ffn.4.",
}  # fmt: skip


def text_model(is_quick: bool = True, seed: int = 0, **sizes: Any) -> nn.Module:
    """open_clip's module, small, for texts of 77 tokens."""
    pytest.importorskip("open_clip", reason="words need open-clip-torch")
    from open_clip.transformer import QuickGELU, TextTransformer

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        activation = QuickGELU if is_quick else nn.GELU
        model = TextTransformer(**{"width": 64, "heads": 1, "layers": 2, **sizes}, act_layer=activation)
        for tensor in model.parameters():
            tensor.data.normal_(0, 0.3)
    return model.eval().requires_grad_(False)


class Normalized(nn.Module):
    """Gives vectors of length 1, as ultralytics' exports do."""

    def __init__(self, text: nn.Module, name: str = "text") -> None:
        super().__init__()
        setattr(self, name, text)
        self.name = name

    def forward(self, tokens: Tensor) -> Tensor:
        return nn.functional.normalize(getattr(self, self.name)(tokens), dim=-1)


def tokens_of(words: list[str]) -> Tensor:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()(words)


def traced(module: nn.Module) -> Any:
    """The module as TorchScript, which torch warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(module, tokens_of(["a", "b"]), check_trace=False)


def save_clip(text: nn.Module, path: Path) -> Path:
    """As OpenAI saves CLIP: TorchScript, in half precision, the text model's parts beside the visual ones."""
    script = traced(text)
    script.half().save(str(path))
    return path


def apple_state(text: nn.Module) -> dict[str, Tensor]:
    """As Apple saves MobileCLIP."""
    state = {
        "image_encoder.model.patch_emb.0.block.conv.weight": torch.zeros(2),
        "logit_scale": torch.tensor(4.6),
    }
    for name, tensor in text.state_dict().items():
        for ours, theirs in OF_APPLE.items():
            name = name.replace(ours, theirs)
        if name == "positional_embedding":
            name, tensor = "positional_embedding.pos_embed.pos_embed", tensor[None, None]
        state[f"text_encoder.{name}"] = tensor
    return state


def words_model(head: str, **more: Any) -> Any:
    """A YOLO-World or YOLOE of four layers, not told yet what to find."""
    layers = {
        "nc": 3,
        "backbone": [[-1, 1, "Conv", [8, 5, 4]], *[[-1, 1, "Conv", [8, 3, 2]]] * 3],
        "head": [[[1, 2, 3], 1, head, ["nc", 512, True]]],
        **more,
    }
    with torch.random.fork_rng():
        torch.manual_seed(2)
        kind = tasks.WorldModel if head == "WorldDetect" else tasks.YOLOEModel
        model = kind(layers, ch=3, nc=3, verbose=False)
        for tensor in model.parameters():
            tensor.data.normal_(0, 0.2)
    model.names = {0: "0", 1: "1", 2: "2"}
    return model.eval()


class Encoding(nn.Module):
    """A text model under the name that OpenAI's package gives it."""

    def __init__(self, text: nn.Module) -> None:
        super().__init__()
        self.encode_text = text


@pytest.fixture
def ultralytics_text_models(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have ultralytics' own way from words to vectors use a text model, instead of what it would download."""

    def install(text: nn.Module, script: Path) -> None:
        clip = ModuleType("clip")
        clip.load = lambda size, device, download_root: (Encoding(text), None)
        clip.tokenize = lambda texts, truncate: tokens_of(texts)
        clip.clip = clip
        monkeypatch.setitem(sys.modules, "clip", clip)
        monkeypatch.delitem(sys.modules, "ultralytics.nn.text_model", raising=False)
        monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", lambda name: str(script))

    yield install
    sys.modules.pop("ultralytics.nn.text_model", None)
