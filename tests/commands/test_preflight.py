import subprocess
import sys
from pathlib import Path

import pytest

from sav.commands import preflight
from sav.commands.preflight import check_classes, check_device
from sav.detectors.names import resolve_classes
from sav.files import check_folder
from tests.conftest import DEMO_YOLO, ROOT


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_what_is_everywhere_passes(name):
    check_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:15"])
def test_a_gpu_passes_where_there_is_anything_of_one(name, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(preflight, "_GPU_FILES", (str(tmp_path),))
    check_device(name)
    monkeypatch.setattr(preflight, "_GPU_FILES", (str(tmp_path / "none"),))
    with pytest.raises(ValueError, match=f"there is no device '{name}'"):
        check_device(name)


@pytest.mark.parametrize(("platform", "name"), [("linux", "mps"), ("win32", "mps"), ("darwin", "cuda")])
def test_a_device_of_another_system_is_not_here(platform, name, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(ValueError, match=f"there is no device '{name}'"):
        check_device(name)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("0", "did you mean cuda:0"),
        ("gpu", "did you mean cuda"),
        ("0,1", "take auto, cuda"),
        ("cuda:", "take auto, cuda"),
        ("cuda:x", "take auto, cuda"),
        ("cuda0", "take auto, cuda"),
        ("cuda:99999999999999999999999", "take auto, cuda"),
        ("tpu", "take auto, cuda"),
        ("", "take auto, cuda"),
    ],
)
def test_what_is_no_device_is_answered_with_one(name, answer):
    with pytest.raises(ValueError, match=f"unknown device '{name}'; {answer}"):
        check_device(name)


def test_a_folder_that_is_there_or_can_be_made_passes_and_stays_as_it_was(tmp_path):
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "newer")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "new"):
        with pytest.raises(NotADirectoryError, match="file is a file; name a folder"):
            check_folder(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that even root cannot write")
def test_a_folder_that_cannot_be_written_is_named():
    with pytest.raises(PermissionError, match="cannot write in the folder /proc"):
        check_folder(Path("/proc/new"))


def test_a_class_like_none_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match=r"no class 'xyzzy'; it knows person, car, dog$"):
        resolve_classes(["xyzzy"], {0: "person", 1: "car", 2: "dog"})
    with pytest.raises(ValueError, match=r"it knows class 0, class 1, .* \.\.\.$") as told:
        resolve_classes(["xyzzy"], {number: f"class {number}" for number in range(1000)})
    assert len(str(told.value)) < 400


def test_classes_are_looked_up_before_torch_is_imported():
    models = ["--yolo_checkpoint", str(DEMO_YOLO), "--sam_checkpoint", str(DEMO_YOLO)]
    script = (
        "import sys; from sav.commands import seg;"
        f" print(seg.main(['--classes', 'persn', *{models}]), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n"
    assert "the nearest is 'person'" in done.stderr


def test_a_list_of_classes_may_have_commas():
    check_classes(["dog, person", "0"], DEMO_YOLO)
    with pytest.raises(ValueError, match="knows no class 'persn'; the nearest is 'person'"):
        check_classes(["dog,persn"], DEMO_YOLO)


def test_a_name_with_a_comma_in_it_is_one_class():
    names = {0: "cup, mug", 1: "cup", 2: "mug"}
    assert resolve_classes(["cup, mug"], names) == [0]
    assert resolve_classes(["cup,mug"], names) == [1, 2]
