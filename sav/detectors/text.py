"""Words as vectors: the text half of CLIP or MobileCLIP, whichever a detector was trained with.

The one door to open_clip, which gives the modules and the tokens. The weights come out of a file of their
publishers, of which nothing is run. Both are one architecture: a causal transformer, whose output at the end
of the text is projected (Radford et al., Learning Transferable Visual Models From Natural Language
Supervision, 2021; Vasu et al., MobileCLIP, 2024).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sav.errors import CheckpointError, PackageMissingError, SettingError
from sav.weights.file import open_checkpoint
from sav.weights.made import Made, is_tensor
from sav.weights.modules import attribute_tensors

# How many words go through the model at once, as in ultralytics.
_CHUNK = 80
# CLIP's heads are so wide.
_HEAD_WIDTH = 64
# The table of tokens as OpenAI and open_clip call it, and as Apple does; all else lies beside it.
_FIRST, _FIRST_OF_APPLE = "token_embedding.weight", "embedding_layer.weight"
# Apple's names of layers, and open_clip's.
_OF_APPLE = (
    (r"^embedding_layer\.", "token_embedding."),
    (r"^positional_embedding\.pos_embed\.pos_embed$", "positional_embedding"),
    (r"^projection_layer$", "text_projection"),
    (r"^final_layer_norm\.", "ln_final."),
    (r"^transformer\.(\d+)\.", r"transformer.resblocks.\1."),
    (r"\.pre_norm_mha\.0\.", ".ln_1."),
    (r"\.pre_norm_mha\.1\.qkv_proj\.", ".attn.in_proj_"),
    (r"\.pre_norm_mha\.1\.out_proj\.", ".attn.out_proj."),
    (r"\.pre_norm_ffn\.0\.", ".ln_2."),
    (r"\.pre_norm_ffn\.1\.", ".mlp.c_fc."),
    (r"\.pre_norm_ffn\.4\.", ".mlp.c_proj."),
)
_PARTS = re.compile(
    r"positional_embedding$|text_projection$|token_embedding\.|ln_final\.|transformer\.resblocks\."
)


def encode(words: Sequence[str], checkpoint: Path, is_quick: bool) -> np.ndarray:
    """Each word or phrase as a vector, without anything before or after it.

    Args:
        words: What is to be found.
        checkpoint: A text model's file, or that of the whole of which it is a part: tensors, or TorchScript.
        is_quick: Whether its layers have the approximate GELU of OpenAI's CLIP.

    Returns:
        `(words, D)` float32, of length 1.

    Raises:
        CheckpointError: The file is not such a model.
        PackageMissingError: open_clip is not installed.
        SettingError: A word has more tokens than the model takes.
    """
    tokenizer = _open_clip().SimpleTokenizer()
    tokens = _tokens(words, tokenizer)
    longest = int(tokens.argmax(1).max()) + 1  # the end has the highest number
    try:
        state = read_text_model(checkpoint)
        if state[_FIRST].shape[0] != tokenizer.vocab_size:
            raise ValueError(f"it knows {state[_FIRST].shape[0]} tokens, which are not CLIP's")
        encoder = _build(state, longest, is_quick)
        with torch.inference_mode():
            chunks = [encoder(chunk) for chunk in tokens[:, :longest].split(_CHUNK)]
            vectors = nn.functional.normalize(torch.cat(chunks), dim=-1)
    except CheckpointError:
        raise
    except (ValueError, RuntimeError, TypeError, IndexError, ArithmeticError, AssertionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{checkpoint} cannot be used as a text model: {reason}") from error
    if not vectors.isfinite().all():
        raise CheckpointError(f"{checkpoint} cannot be used as a text model: it has infinite numbers or none")
    return np.ascontiguousarray(vectors.numpy())


def _open_clip() -> Any:
    """The package; importing it takes seconds, so that it is imported where words are new."""
    environment = dict(os.environ)
    try:
        import open_clip
    except ImportError as error:
        raise PackageMissingError(
            f"words need open-clip-torch ({error}): pip install open-clip-torch"
        ) from error
    finally:  # it sets a variable for tokenizers that are not used here
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
    return open_clip


def _tokens(words: Sequence[str], tokenizer: Any) -> Tensor:
    """`(words, 77)` int64, zeros after each one's end.

    Raises:
        SettingError: One is too long.
    """
    tokens: Tensor = tokenizer(list(words))
    for word, numbers in zip(words, tokens, strict=True):
        if numbers[-1]:
            raise SettingError(f"'{word[:40]}...' is more than the text model takes; write fewer words")
    return tokens


def read_text_model(checkpoint: Path) -> dict[str, Tensor]:
    """The tensors of the text model in a file, under open_clip's names, as float32.

    Raises:
        CheckpointError: The file cannot be read.
        ValueError: There is no text model in it.
    """
    with open_checkpoint(checkpoint, takes_scripts=True) as opened:
        for table in _tables(opened.tree):
            found = _text_model_in(table)
            if found:
                return {name: _shaped(name, opened.tensor(value)) for name, value in found.items()}
        if isinstance(opened.tree, Made):
            raise ValueError("its tensors have no names, as in an export that was frozen; take the .pt")
    raise ValueError("no tensor in it is called token_embedding.weight, as in CLIP")


def _tables(tree: Any) -> Iterator[Mapping[Any, Any]]:
    """Where tensors may lie by their names."""
    yield attribute_tensors(tree)
    if isinstance(tree, dict):
        yield tree
        yield from (value for value in tree.values() if isinstance(value, dict))


def _text_model_in(table: Mapping[Any, Any]) -> dict[str, Made]:
    """Those of a table's tensors that are a text model's, under open_clip's names."""
    tensors = {name: value for name, value in table.items() if isinstance(name, str) and is_tensor(value)}
    for first, rename in ((_FIRST, str), (_FIRST_OF_APPLE, _renamed)):
        for place in tensors:
            if place.endswith(first) and place.removesuffix(first)[-1:] in ("", "."):
                prefix = place.removesuffix(first)
                if prefix.endswith("text_model.embeddings."):
                    raise ValueError(
                        "these are the names of Hugging Face's transformers, not of OpenAI's CLIP"
                    )
                inside = {
                    name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)
                }
                named = {rename(name): value for name, value in inside.items()}
                return {name: value for name, value in named.items() if _PARTS.match(name)}
    return {}


def _renamed(name: str) -> str:
    for theirs, ours in _OF_APPLE:
        name = re.sub(theirs, ours, name)
    return name


def _shaped(name: str, tensor: Tensor) -> Tensor:
    """Apple's positions are `(1, 1, tokens, width)`."""
    return tensor.float().flatten(0, -2) if name == "positional_embedding" else tensor.float()


def _build(state: Mapping[str, Tensor], longest: int, is_quick: bool) -> Callable[[Tensor], Tensor]:
    """open_clip's module with these weights, for texts of up to `longest` tokens.

    What stands after the end of a text changes nothing before it, so that fewer positions give the same.

    Raises:
        ValueError: The tensors are not those of a text model.
    """
    from open_clip.transformer import QuickGELU, TextTransformer

    lacking = [name for name in (_FIRST, "positional_embedding", "text_projection") if name not in state]
    if lacking:
        raise ValueError(f"it lacks {lacking[0]}")
    vocabulary, width = state[_FIRST].shape
    blocks = {name.split(".")[2] for name in state if name.startswith("transformer.resblocks.")}
    hidden = next(
        (tensor.shape[0] for name, tensor in state.items() if name.endswith("mlp.c_fc.weight")), width
    )
    with torch.device("meta"):
        encoder = TextTransformer(
            context_length=longest,
            vocab_size=vocabulary,
            width=width,
            heads=max(1, width // _HEAD_WIDTH),
            layers=len(blocks),
            mlp_ratio=hidden / width,
            output_dim=state["text_projection"].shape[-1],
            act_layer=QuickGELU if is_quick else nn.GELU,
        )
    encoder.load_state_dict(
        {**state, "positional_embedding": state["positional_embedding"][:longest]}, assign=True
    )
    encoder.attn_mask = encoder.build_causal_mask()  # no weight, and so still without memory
    return encoder.eval()
