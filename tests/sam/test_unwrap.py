"""SAMs as people save them: wrapped, renamed, whole, with things beside them."""

import logging

import pytest
import torch
from safetensors.torch import save_file

from sav.errors import CheckpointError
from sav.sam.load import read_state
from tests.conftest import random_sam

STATE = random_sam().state_dict()


def under(prefix: str, state=STATE):
    return {prefix + name: value for name, value in state.items()}


def assert_is_the_sam(path):
    got = read_state(path)
    assert got.keys() == STATE.keys()
    assert all(torch.equal(got[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    "wrapped",
    [
        STATE,
        {"model": STATE, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "lr": 1.0}, "epoch": 3},
        {"state_dict": STATE},
        {"model_state_dict": STATE, "loss": torch.tensor(0.5)},
        {"epoch": 1, "checkpoint": {"network": {"weights": STATE}}},
        under("module."),
        under("sam."),
        under("_orig_mod."),
        under("module._orig_mod.sam_model."),
        {"state_dict": under("model."), "pytorch-lightning_version": "2.0", "callbacks": {}},
    ],
)
def test_every_usual_wrapping_is_taken_off(tmp_path, caplog, wrapped):
    torch.save(wrapped, tmp_path / "sam.pth")
    assert_is_the_sam(tmp_path / "sam.pth")
    assert caplog.records == []


def test_a_module_that_was_saved_whole_gives_its_tensors(tmp_path):
    torch.save(random_sam(), tmp_path / "sam.pth")
    assert_is_the_sam(tmp_path / "sam.pth")
    torch.save({"model": torch.nn.Sequential(random_sam())}, tmp_path / "sam.pth")
    assert_is_the_sam(tmp_path / "sam.pth")


def test_safetensors_are_a_sam_too(tmp_path):
    save_file(under("sam."), tmp_path / "sam.safetensors")
    assert_is_the_sam(tmp_path / "sam.safetensors")


def test_one_line_says_which_tensors_are_not_used(tmp_path, caplog):
    more = {f"head.{number}": torch.zeros(2) for number in range(9)}
    torch.save({**under("sam."), **more, "pixel_mean": torch.zeros(3, 1, 1)}, tmp_path / "sam.pth")
    with caplog.at_level(logging.WARNING):
        assert_is_the_sam(tmp_path / "sam.pth")
    (record,) = caplog.records
    assert "head.0, head.1" in record.message and "and 5 more: ignored" in record.message


def test_of_two_sams_the_first_is_taken_and_a_line_says_so(tmp_path, caplog):
    other = {name: torch.zeros_like(value) for name, value in STATE.items()}
    torch.save({"model": STATE, "ema": other}, tmp_path / "sam.pth")
    with caplog.at_level(logging.WARNING):
        assert_is_the_sam(tmp_path / "sam.pth")
    (record,) = caplog.records
    assert "1 more SAM: ignored" in record.message


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "no tensor in it is called"),
        ({"weight": torch.zeros(3)}, "no tensor in it is called"),
        ([1, 2], "no tensor in it is called"),
        ({"vision_encoder.layers.0.attn.qkv.weight": torch.zeros(3)}, "Hugging Face"),
        ({"vision_encoder.backbone.blocks.0.attn.qkv.weight": torch.zeros(3)}, "Hugging Face"),
    ],
)
def test_another_models_tensors_are_named(tmp_path, state, words):
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=f"is not a SAM checkpoint: .*{words}"):
        read_state(tmp_path / "other.pth")


def test_tables_in_tables_without_end_are_left(tmp_path):
    table = {}
    table["model"] = table
    for number in range(40):
        table = {"a": table, "b": table, "number": number}
    torch.save(table, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="not a SAM checkpoint"):
        read_state(tmp_path / "other.pth")
