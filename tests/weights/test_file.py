"""What checkpoint files give, whole, wrapped, damaged and hostile."""

import pickle
import struct
import subprocess
import sys
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from sav.errors import CheckpointError
from sav.weights.file import open_checkpoint
from tests.conftest import DEMO_YOLO, ROOT
from tests.weights.checkpoints import Call, Storage, tensor, write_archive

STATE = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "half": torch.tensor([0.5, -1.0], dtype=torch.float16),
    "brain": torch.tensor([0.5, -1.0], dtype=torch.bfloat16),
    "whole": torch.tensor(7),
    "none": torch.zeros(0, 3),
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "bool": torch.tensor([True, False]),
}


def tensors(path):
    with open_checkpoint(path) as checkpoint:
        return {name: checkpoint.tensor(value) for name, value in checkpoint.tree.items()}


def refusal(path):
    """What is said of a file, or of a tensor in it, that cannot be read."""
    with pytest.raises(ValueError) as caught:
        tensors(path)
    message = str(caught.value)
    assert message.startswith(str(path)) or type(caught.value) is not CheckpointError
    assert "\n" not in message and len(message.replace(str(path), "")) < 400
    return message


@pytest.mark.parametrize("is_archive", [True, False])
def test_tensors_are_those_that_pytorch_reads(tmp_path, is_archive):
    path = tmp_path / "state.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=is_archive)
    got = tensors(path)
    assert list(got) == list(STATE)
    assert all(torch.equal(got[name], STATE[name]) and got[name].dtype == STATE[name].dtype for name in STATE)


def test_safetensors_are_read_too_whatever_they_are_called(tmp_path):
    plain = {name: value.contiguous() for name, value in STATE.items()}
    save_file(plain, tmp_path / "state.pth")
    got = tensors(tmp_path / "state.pth")
    assert got.keys() == STATE.keys()
    assert all(torch.equal(got[name], STATE[name]) for name in STATE)


def test_parameters_and_tied_weights_are_read(tmp_path):
    weight = torch.nn.Parameter(torch.arange(4.0))
    plain = torch.nn.Parameter(torch.ones(2))
    plain.note = "an attribute, which takes another way through pickle"
    torch.save({"a": weight, "b": weight.data[:2], "c": plain}, tmp_path / "state.pth")
    got = tensors(tmp_path / "state.pth")
    assert torch.equal(got["a"], weight) and torch.equal(got["c"], plain)
    assert got["a"].data_ptr() == got["b"].data_ptr()


def test_an_archive_that_was_packed_again_is_read(tmp_path):
    torch.save(STATE, tmp_path / "state.pth")
    with (
        zipfile.ZipFile(tmp_path / "state.pth") as whole,
        zipfile.ZipFile(tmp_path / "again.pth", "w", zipfile.ZIP_DEFLATED) as again,
    ):
        for name in whole.namelist():
            again.writestr(name, whole.read(name))
    assert torch.equal(tensors(tmp_path / "again.pth")["a"], STATE["a"])


def test_torch_is_not_imported_for_the_structure():
    script = (
        "import sys; from pathlib import Path; from sav.weights.file import open_checkpoint\n"
        f"with open_checkpoint(Path({str(DEMO_YOLO)!r})) as c: print(c.tree['model'].state['names'][0])\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "person"


@pytest.mark.parametrize("patch", ["weights_only=False", "weights_only=True"])
def test_no_variable_and_no_patch_makes_code_run(tmp_path, monkeypatch, patch):
    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    for name in ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "ULTRALYTICS_SAFE_LOAD"):
        monkeypatch.setenv(name, "1" if name.startswith("TORCH") else "0")
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **_: load(*args, weights_only=False))
    torch.save({"a": Trap()}, tmp_path / "new.pth")
    torch.save({"a": Trap()}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Trap()))
    for name in ("new.pth", "old.pth", "bare.pth"):
        refusal(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a PyTorch checkpoint"),
        (b"hello\n", "not a PyTorch checkpoint"),
        (b"\x89PNG\r\n\x1a\n" * 10, "not a PyTorch checkpoint"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not a PyTorch checkpoint"),
        (b"PK\x03\x04 cut short", "damaged or incomplete"),
        (b"PK\x05\x06" + bytes(18), "not of a PyTorch checkpoint"),
        (b"\x80\x02}q\x00.", "not a PyTorch checkpoint"),
        (b"\x80\x02K", "damaged"),
        (struct.pack("<Q", 40) + b'{"a": 1}' + b" " * 40, "damaged .safetensors"),
        (struct.pack("<Q", 2**40) + b'{"a"', "not a PyTorch checkpoint"),
    ],
)
def test_a_foreign_or_damaged_file_is_named_in_one_line(tmp_path, content, words):
    path = tmp_path / "file.pth"
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_file_cut_anywhere_is_named_in_one_line(tmp_path):
    for is_archive in (True, False):
        path = tmp_path / "state.pth"
        torch.save(STATE, path, _use_new_zipfile_serialization=is_archive)
        whole = path.read_bytes()
        for end in range(0, len(whole), 97):
            path.write_bytes(whole[:end])
            refusal(path)


def test_a_flipped_bit_in_the_numbers_is_found(tmp_path):
    path = tmp_path / "state.pth"
    torch.save({"a": torch.arange(1000.0)}, path)
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(1000.0).numpy().tobytes()) + 100] ^= 1
    path.write_bytes(content)
    assert "damaged" in refusal(path)


def test_a_torchscript_archive_is_named_as_such(tmp_path):
    path = write_archive(tmp_path / "script.pt", {})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/constants.pkl", b"\x80\x02).")
    assert "TorchScript" in refusal(path)


def test_what_unpacks_to_gigabytes_is_refused_unread(tmp_path):
    bomb = {"0": bytes(200 * 2**20)}
    number = tensor(Storage("0", 50 * 2**20, torch.FloatStorage), (50 * 2**20,), (1,))
    path = write_archive(tmp_path / "bomb.pth", {"a": number}, bomb, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    assert "would unpack to 200 MiB" in refusal(path)


def test_an_archive_of_a_million_members_is_refused_unread(tmp_path):
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, *[0] * 7, 1, *[0] * 6) + b"a"
    count = 17 * 2**20 // len(entry) + 1
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, count * len(entry), 4, 0)
    path = tmp_path / "many.pth"
    path.write_bytes(b"PK\x03\x04" + entry * count + end)
    assert "list of parts" in refusal(path)


def test_a_compression_that_takes_memory_by_itself_is_refused(tmp_path):
    path = write_archive(tmp_path / "lzma.pth", {}, {"0": b"abc"}, zipfile.ZIP_LZMA)
    assert "compressed" in refusal(path)


@pytest.mark.parametrize(
    ("storage", "size", "stride", "words"),
    [
        ((4, 16), (10**6, 10**6), (0, 0), "claims"),
        ((4, 16), (10**12, 0), (1, 1), None),
        ((4, 16), (5,), (1,), "claims"),
        ((4, 16), (2, 2), (3, 1), "claims"),
        ((4, 16), (2,) * 2 + (1,) * 100, (2, 1) + (1,) * 100, "102 dimensions"),
        ((4, 16), (-1,), (1,), "whole numbers"),
        ((4, 16), (2.0,), (1,), "whole numbers"),
        ((4, 16), (True,), (1,), "whole numbers"),
        ((4, 16), (2,), (1, 1), "no shape"),
        ((4, 16), None, None, "no shape"),
        ((10**15, 16), (10**15,), (1,), "longer than what the file holds"),
        ((4, 12), (4,), (1,), "longer than what the file holds"),
    ],
)
def test_a_tensor_is_held_against_the_numbers_there_are(tmp_path, storage, size, stride, words):
    count, held = storage
    value = tensor(Storage("0", count, torch.FloatStorage), size, stride)
    path = write_archive(tmp_path / "state.pth", {"a": value}, {"0": bytes(held)})
    if words is None:
        assert tensors(path)["a"].shape == size
    else:
        assert words in refusal(path)


def test_a_thousand_tensors_on_the_same_numbers_are_refused(tmp_path):
    storage = Storage("0", 2**20, torch.FloatStorage)
    tree = {f"a{number}": tensor(storage, (2**20,), (1,)) for number in range(1000)}
    assert "same memory" in refusal(write_archive(tmp_path / "state.pth", tree, {"0": bytes(2**22)}))


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2, 2).to_sparse(),
        Call(torch._utils._rebuild_qtensor, None, 0, (2,), (1,), (), False, {}),
        torch.zeros(2, device="meta"),
        torch.zeros(2).to(torch.float8_e4m3fn),
    ],
)
def test_tensors_of_rare_kinds_are_named(tmp_path, value):
    torch.save({"a": value}, tmp_path / "state.pth")
    assert "kind that is not taken" in refusal(tmp_path / "state.pth")


def test_another_file_in_its_place_meanwhile_changes_nothing(tmp_path):
    path = tmp_path / "state.pth"
    torch.save({"a": torch.zeros(3)}, path)
    torch.save({"a": torch.ones(3)}, tmp_path / "other.pth")
    with open_checkpoint(path) as checkpoint:
        (tmp_path / "other.pth").replace(path)
        assert checkpoint.tensor(checkpoint.tree["a"]).tolist() == [0, 0, 0]


def test_a_missing_file_and_a_folder_are_one_line(tmp_path):
    assert "No such file" in refusal(tmp_path / "nowhere.pth")
    assert "directory" in refusal(tmp_path)
