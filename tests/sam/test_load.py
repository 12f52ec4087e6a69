import pickle
from dataclasses import replace

import pytest
import torch
from segment_anything import sam_model_registry

from sav.checkpoints import CheckpointError
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


def test_half_precision_loads_as_float32(tiny_sam_file):
    sam = load_sam(tiny_sam_file, CPU).sam
    assert all(tensor.dtype == torch.float32 for tensor in sam.parameters())
    wanted = random_sam().half().float().state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in sam.state_dict().items())


def test_a_file_with_code_is_refused_and_the_code_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    path = tmp_path / "sam_vit_b.pth"
    torch.save({"weight": Trap()}, path)
    with pytest.raises(CheckpointError, match="code"):
        load_sam(path, CPU)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError):
        load_sam(path, CPU)
    assert not (tmp_path / "sprung").exists()


def test_a_truncated_file_is_named_as_damaged(tiny_sam_file):
    tiny_sam_file.write_bytes(tiny_sam_file.read_bytes()[:-5000])
    with pytest.raises(CheckpointError, match="damaged"):
        load_sam(tiny_sam_file, CPU)


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
