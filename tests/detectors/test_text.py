"""Text models out of the files of their publishers, held against open_clip's own modules."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sav.detectors.text import encode
from sav.errors import CheckpointError, PackageMissingError, SettingError
from tests.conftest import ROOT
from tests.detectors.tiny_text import (
    Normalized,
    apple_state,
    save_clip,
    text_model,
    tokens_of,
    traced,
)

WORDS = ["dog", "Red Bus ", "a dog on a leash, running"]


@pytest.fixture(autouse=True)
def needs_open_clip():
    pytest.importorskip("open_clip", reason="words need open-clip-torch")


def wanted(text):
    with torch.inference_mode():
        return Normalized(text)(tokens_of(WORDS)).numpy()


def test_tokens_are_those_of_clip():
    assert tokens_of(["a photo of a CAT"])[0, :8].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407, 0]


def test_words_out_of_openais_export_are_what_the_module_makes_of_them(tmp_path):
    text = text_model()
    found = encode(WORDS, save_clip(text, tmp_path / "x"), is_quick=True)
    assert found.shape == (3, 512) and found.dtype == "float32"
    assert abs(found - wanted(text.half().float())).max() < 1e-6
    assert abs((found**2).sum(1) - 1).max() < 1e-6 and abs(found[0] - found[1]).max() > 0.01


@pytest.mark.parametrize("wrapping", ["state_dict", "module", "safetensors", "traced"])
def test_words_out_of_apples_and_open_clips_files_are_what_the_module_makes_of_them(tmp_path, wrapping):
    text, path = text_model(is_quick=False, layers=3), tmp_path / "x"
    if wrapping == "safetensors":
        save_file({f"text.{name}": tensor for name, tensor in text.state_dict().items()}, path)
    elif wrapping == "traced":
        traced(Normalized(text, "text_encoder")).save(str(path))
    else:
        state = apple_state(text)
        torch.save(state if wrapping == "module" else {"state_dict": state}, path)
    assert abs(encode(WORDS, path, is_quick=False) - wanted(text)).max() < 1e-6
    assert abs(encode(WORDS, path, is_quick=True) - wanted(text)).max() > 1e-4  # the other activation


def test_words_alone_are_what_they_are_among_many(tmp_path):
    path = save_clip(text_model(), tmp_path / "x")
    many = [f"word {number}" for number in range(100)]
    assert abs(encode(many, path, True)[[3]] - encode([many[3]], path, True)).max() < 1e-5


def test_no_code_in_an_export_is_run(tmp_path, monkeypatch):
    path = save_clip(text_model(), tmp_path / "x")
    monkeypatch.setattr(torch.jit, "load", None)
    assert len(encode(WORDS, path, is_quick=True)) == 3


def changed(**tensors):
    return lambda: {
        **text_model().state_dict(),
        **{name.replace("__", "."): one for name, one in tensors.items()},
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            lambda: {"text_model.embeddings.token_embedding.weight": torch.zeros(3, 2)},
            "names of Hugging Face",
        ),
        (lambda: {"token_embedding.weight": torch.zeros(49408, 2)}, "lacks positional_embedding"),
        (lambda: {**text_model().state_dict(), "token_embedding.weight": torch.zeros(49408, 0)}, "zero"),
        (
            lambda: {**text_model().state_dict(), "token_embedding.weight": torch.zeros(49408, 129)},
            "divisible",
        ),
        (lambda: {"a": torch.zeros(2)}, "no tensor in it is called token_embedding.weight"),
        (lambda: torch.jit.freeze(traced(text_model())), "was frozen; take the .pt"),
        (lambda: text_model(vocab_size=100).state_dict(), "it knows 100 tokens"),
        (changed(ln_final__bias=torch.full((64,), torch.nan)), "infinite numbers"),
        (changed(ln_final__bias=torch.zeros(63)), "size mismatch"),
        (changed(text_projection=torch.zeros(64)), "cannot be used as a text model"),
        (changed(positional_embedding=torch.zeros(3, 64)), "size mismatch"),
    ],
)
def test_what_is_no_text_model_is_refused_in_one_line(tmp_path, content, said):
    path, made = tmp_path / "x", content()
    made.save(str(path)) if hasattr(made, "save") else torch.save(made, path)
    with pytest.raises(CheckpointError, match=said) as caught:
        encode(WORDS, path, is_quick=True)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < len(str(path)) + 400


def test_a_text_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(SettingError, match="more than the text model takes"):
        encode(["dog", "x y " * 50], tmp_path / "x", is_quick=True)


def test_without_the_package_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(PackageMissingError, match="pip install open-clip-torch"):
        encode(WORDS, tmp_path / "x", is_quick=True)


def test_a_layer_of_two_heads_is_told_by_its_width(tmp_path):
    text = text_model(width=128, heads=2)
    torch.save(text.state_dict(), tmp_path / "x")
    assert isinstance(text.transformer.resblocks[0].attn, nn.MultiheadAttention)
    assert abs(encode(WORDS, tmp_path / "x", is_quick=True) - wanted(text)).max() < 1e-6


@pytest.mark.long
def test_the_callers_environment_stays_as_it_was():
    script = (
        "import os; from pathlib import Path; from sav.detectors.text import encode\n"
        "before = dict(os.environ)\n"
        "try: encode(['dog'], Path('nowhere.pt'), True)\n"
        "except ValueError: print(dict(os.environ) == before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n" and done.stderr == ""
