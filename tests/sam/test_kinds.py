"""Every kind of SAM as people save it, and what the program does with each."""

import logging

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sav.config import EverythingConfig, MaskConfig
from sav.device import Precision
from sav.errors import CheckpointError
from sav.sam.everything import segment_everything
from sav.sam.load import load_sam
from sav.segmenter import Segmenter
from tests.conftest import cases, random_sam
from tests.sam.models import BOXES, know_tiny_ones, mobile_sam, sam_2
from tests.stubs import StubDetector

CPU = torch.device("cpu")
KINDS = {"sam": random_sam, "mobile_sam": mobile_sam, "sam_2": sam_2}
RENAMED = {"sam_prompt_encoder.": "prompt_encoder.", "sam_mask_decoder.": "mask_decoder."}

kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def models() -> dict[str, nn.Module]:
    return {kind: make() for kind, make in KINDS.items()}


@pytest.fixture(autouse=True)
def tiny_ones(monkeypatch):
    know_tiny_ones(monkeypatch)


@pytest.fixture(autouse=True)
def one_thread():
    """Models as small as these are faster so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def under(prefix, state):
    return {prefix + name: value for name, value in state.items()}


def half(state):
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}


def assert_is(sam: nn.Module, saved: nn.Module) -> None:
    """All that is loaded is what was saved, under whichever name."""
    state, places = saved.state_dict(), {}
    for name in state:
        prefix = next((prefix for prefix in RENAMED if name.startswith(prefix)), "")
        places[RENAMED.get(prefix, prefix) + name.removeprefix(prefix)] = name
    places["image_encoder.no_mem_embed"] = "no_mem_embed"
    loaded = {name: tensor for name, tensor in sam.state_dict().items() if "num_batches" not in name}
    assert len(loaded) > 100
    assert all(torch.allclose(tensor, state[places[name]], 1e-3, 1e-4) for name, tensor in loaded.items())
    assert not any(tensor.is_meta for tensor in [*sam.parameters(), *sam.buffers()])


@kinds
@cases(
    "wrap",
    [
        lambda state: {"model": state, "epoch": 3, "optimizer": {"lr": torch.tensor(0.1)}},
        lambda state: state,
        lambda state: {"state_dict": under("module.", state)},
        lambda state: {"model_state_dict": half(under("sam.", state))},
    ],
    quick=1,
)
def test_every_kind_is_told_by_its_tensors_in_every_wrapping(tmp_path, caplog, models, kind, wrap):
    torch.save(wrap(models[kind].state_dict()), tmp_path / "sam_vit_h_4b8939.pth")
    assert_is(load_sam(tmp_path / "sam_vit_h_4b8939.pth", CPU).sam, models[kind])
    assert caplog.records == []


@kinds
def test_safetensors_in_half_precision_are_every_kind(tmp_path, models, kind):
    state = {name: tensor.contiguous() for name, tensor in half(models[kind].state_dict()).items()}
    save_file(under("model.", state), tmp_path / "fine_tuned.safetensors")
    assert_is(load_sam(tmp_path / "fine_tuned.safetensors", CPU).sam, models[kind])


@kinds
def test_a_module_that_was_saved_whole_is_every_kind(tmp_path, models, kind):
    torch.save({"model": models[kind]}, tmp_path / "whole.pt")
    assert_is(load_sam(tmp_path / "whole.pt", CPU).sam, models[kind])


@kinds
def test_one_line_names_what_is_ignored(tmp_path, caplog, models, kind):
    state = {**under("sam.", models[kind].state_dict()), "head.weight": torch.zeros(2, 2)}
    torch.save(state, tmp_path / "sam.pth")
    with caplog.at_level(logging.WARNING):
        load_sam(tmp_path / "sam.pth", CPU)
    (record,) = caplog.records
    assert "head.weight: ignored" in record.message


@kinds
def test_layers_inside_that_the_kind_has_not_are_refused(tmp_path, models, kind):
    state = {**models[kind].state_dict(), "image_encoder.adapter.weight": torch.zeros(4, 4)}
    torch.save(state, tmp_path / "sam.pth")
    with pytest.raises(CheckpointError, match=r"layers that a .* has not, such as image_encoder\.adapter"):
        load_sam(tmp_path / "sam.pth", CPU)


@kinds
def test_a_missing_tensor_is_named(tmp_path, models, kind):
    state = dict(models[kind].state_dict())
    name = next(name for name in state if "output_upscaling.0.weight" in name)
    del state[name]
    torch.save(state, tmp_path / "sam.pth")
    with pytest.raises(CheckpointError, match=r"do not fit a .*output_upscaling\.0\.weight"):
        load_sam(tmp_path / "sam.pth", CPU)


@kinds
def test_sam_hq_is_refused_by_name_in_one_line(tmp_path, models, kind):
    state = dict(models[kind].state_dict())
    prefix = next(name.partition("mask_decoder.")[0] for name in state if "mask_decoder." in name)
    torch.save(
        {**state, f"{prefix}mask_decoder.hf_token.weight": torch.zeros(1, 32)}, tmp_path / "sam_hq.pth"
    )
    with pytest.raises(
        CheckpointError, match="the tensors of SAM-HQ, whose mask decoder is not known"
    ) as told:
        load_sam(tmp_path / "sam_hq.pth", CPU)
    assert "\n" not in str(told.value)


def test_the_release_of_sam_2_makes_no_difference(tmp_path, caplog, models):
    more = {"no_obj_embed_spatial": torch.zeros(1, 64), "obj_ptr_tpos_proj.weight": torch.zeros(64, 256)}
    torch.save({"model": models["sam_2"].state_dict() | more}, tmp_path / "sam2.1.pt")
    assert_is(load_sam(tmp_path / "sam2.1.pt", CPU).sam, models["sam_2"])
    assert caplog.records == []


@kinds
@cases("precision", [Precision(torch.float32), Precision(torch.bfloat16)], quick=1)
def test_everything_works_with_every_kind_and_precision(tmp_path, picture, models, kind, precision):
    torch.save(models[kind].state_dict(), tmp_path / "sam.pth")
    model = load_sam(tmp_path / "sam.pth", CPU, precision)
    segmenter = Segmenter(StubDetector([[10, 10, 60, 60]]), model, masks=MaskConfig(duplicate_iou=1))
    scene = segmenter(picture, boxes_xyxy=BOXES, regions=False)
    assert len(scene.masks) == len(BOXES)
    assert scene.masks.size_hw == picture.shape[:2]
    found = segment_everything(model, model.embed([picture])[0], EverythingConfig(3, 4, 0, 0))
    assert len(found) > 0


@kinds
def test_everything_leaves_out_what_upstream_leaves_out(tmp_path, picture, models, kind):
    torch.save(models[kind].state_dict(), tmp_path / "sam.pth")
    model = load_sam(tmp_path / "sam.pth", CPU)
    embedding = model.embed([picture])[0]
    least = 0.8 if kind == "sam_2" else 0.88
    default = segment_everything(model, embedding, EverythingConfig(3, stability_threshold=0))
    wanted = segment_everything(model, embedding, EverythingConfig(3, 64, least, 0))
    assert np.array_equal(default.masks.dense(), wanted.masks.dense())
