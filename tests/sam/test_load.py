from dataclasses import replace

import pytest
import torch
from segment_anything import sam_model_registry

from sav.errors import CheckpointError
from sav.sam.architecture import assemble, build_sam, read_architecture
from sav.sam.load import load_sam
from tests.conftest import TINY, random_sam

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_the_official_architectures_are_read_from_their_shapes(name):
    with torch.device("meta"):
        official = sam_model_registry[name]()
        ours = assemble(read_architecture(official.state_dict()))
    assert repr(ours) == repr(official)
    blocks = zip(ours.image_encoder.blocks, official.image_encoder.blocks, strict=True)
    assert all((a.window_size, a.attn.num_heads) == (b.window_size, b.attn.num_heads) for a, b in blocks)
    assert {n: t.shape for n, t in ours.state_dict().items()} == {
        n: t.shape for n, t in official.state_dict().items()
    }


@pytest.mark.parametrize(
    "architecture",
    [
        TINY,
        replace(TINY, image_size=256, window_size=7, global_blocks=(0, 2)),
        replace(TINY, global_blocks=(), depth=2),
        replace(TINY, window_size=0, global_blocks=(0, 1, 2)),
        replace(TINY, qkv_bias=False, mask_outputs=2, iou_head_depth=2, prompt_dim=64),
    ],
)
def test_a_custom_architecture_is_read_from_its_shapes(architecture):
    assert read_architecture(assemble(architecture).state_dict()) == architecture


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_load_as_float32(tmp_path, dtype):
    saved = {name: tensor.to(dtype) for name, tensor in random_sam().state_dict().items()}
    torch.save({"model": saved}, tmp_path / "sam.pth")
    loaded = load_sam(tmp_path / "sam.pth", CPU).sam.state_dict()
    assert all(torch.equal(loaded[name], saved[name].float()) for name in saved)


def test_code_in_a_file_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    path = tmp_path / "sam_vit_b.pth"
    for content in ({"weight": Trap()}, {"image_encoder.patch_embed.proj.weight": Trap()}):
        torch.save(content, path)
        with pytest.raises(CheckpointError, match="is not a SAM checkpoint"):
            load_sam(path, CPU)
    torch.save({"model": random_sam().state_dict(), "callback": Trap()}, path)
    load_sam(path, CPU)
    assert not (tmp_path / "sprung").exists()


def test_a_truncated_file_is_named_as_damaged(tiny_sam_file, tmp_path):
    (tmp_path / "tiny_sam.pth").write_bytes(tiny_sam_file.read_bytes()[:-5000])
    with pytest.raises(CheckpointError, match="damaged"):
        load_sam(tmp_path / "tiny_sam.pth", CPU)


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x89PNG\r\n\x1a\n" * 10])
def test_a_foreign_file_is_named_as_such(tmp_path, content):
    path = tmp_path / "sam.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"sam\.pth"):
        load_sam(path, CPU)


@pytest.mark.parametrize("state", [{}, {"weight": torch.zeros(3)}, {"epoch": 3}, [1, 2]])
def test_another_models_tensors_are_refused(tmp_path, state):
    path = tmp_path / "other.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match="not a SAM checkpoint"):
        load_sam(path, CPU)


def test_a_sam_with_a_tensor_missing_is_refused():
    state = dict(random_sam().state_dict())
    del state["image_encoder.neck.0.weight"]
    with pytest.raises(ValueError, match=r"neck\.0\.weight"):
        build_sam(state)


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("image_encoder.blocks.99999999.norm1.weight", (64,), "missing"),
        ("mask_decoder.transformer.layers.99999999.norm1.weight", (32,), "missing"),
        ("mask_decoder.iou_prediction_head.layers.99999999.weight", (32, 32), "missing"),
        ("mask_decoder.iou_prediction_head.layers.0.weight", (10**6, 32), "do not fit"),
        ("mask_decoder.mask_tokens.weight", (10**6, 32), "999999 masks a prompt"),
        ("mask_decoder.mask_tokens.weight", (3, 32), "2 masks a prompt"),
        ("prompt_encoder.mask_downscaling.3.weight", (10**6, 4, 2, 2), "do not fit"),
        ("prompt_encoder.mask_downscaling.3.weight", (7, 4, 2, 2), "do not fit"),
        ("prompt_encoder.no_mask_embed.weight", (1, 33), "do not fit"),
        ("image_encoder.pos_embed", (1, 10**5, 10**5, 64), "windows"),
        ("image_encoder.patch_embed.proj.weight", (64, 3, 10**4, 10**4), "too large"),
        ("image_encoder.patch_embed.proj.weight", (64,) + (1,) * 99, "too many values"),
        ("image_encoder.patch_embed.proj.weight", (64, 4, 16, 16), "do not fit"),
        ("image_encoder.blocks.0.attn.rel_pos_h", (10**6 + 1, 32), "windows"),
        ("image_encoder.blocks.0.mlp.lin1.weight", (10**7, 64), "do not fit"),
        ("image_encoder.adapter.weight", (4, 4), "has layers that a ViT SAM has not"),
    ],
)
def test_a_sam_that_claims_the_impossible_is_refused_without_memory(name, shape, words):
    state = dict(random_sam().state_dict())
    state[name] = torch.empty(shape, device="meta")
    with pytest.raises(ValueError, match=words) as caught:
        build_sam(state)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    state = dict(random_sam().state_dict())
    state["mask_decoder.iou_token.weight"][0, 3] = value
    torch.save(state, tmp_path / "sam.pth")
    with pytest.raises(
        CheckpointError, match=r"mask_decoder\.iou_token\.weight has numbers that are infinite"
    ):
        load_sam(tmp_path / "sam.pth", CPU)


def test_weights_that_are_whole_numbers_are_refused(tmp_path):
    torch.save({name: value.int() for name, value in random_sam().state_dict().items()}, tmp_path / "sam.pth")
    with pytest.raises(CheckpointError, match="is of int32 numbers"):
        load_sam(tmp_path / "sam.pth", CPU)


def test_counters_that_a_profiler_left_are_no_layers():
    state = dict(random_sam().state_dict())
    state["image_encoder.total_ops"] = torch.zeros(1, dtype=torch.float64)
    build_sam(state)


def test_a_built_sam_is_the_one_that_was_saved(picture):
    saved = random_sam()
    built = build_sam(saved.state_dict())
    assert torch.equal(built.pixel_mean, saved.pixel_mean) and torch.equal(built.pixel_std, saved.pixel_std)
    square = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        assert torch.equal(built.image_encoder(square), saved.image_encoder(square))
