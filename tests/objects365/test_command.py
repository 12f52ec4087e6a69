"""The commands as users give them; the whole way, with a training, takes minutes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from sav.detectors.names import read_class_names
from sav.errors import DONE, FAILED
from tests.conftest import DEMO_SAM, ROOT
from tools.objects365.__main__ import main
from tools.objects365.names import package_names
from tools.objects365.stand_in import make

# Stands before all else in a process: whoever asks for the network is written down, and refused.
WATCH = """
import os, socket
def refused(what, plain):
    def call(*given, **more):
        if what == "connect" and given[0].family == socket.AF_UNIX:
            return plain(*given, **more)
        open(os.environ["ASKED"], "a").write(f"{what} {given[1:] or given}\\n")
        raise OSError("there is no network")
    return call
socket.socket.connect = refused("connect", socket.socket.connect)
socket.getaddrinfo = refused("getaddrinfo", socket.getaddrinfo)
open(os.environ["ASKED"], "a").close()
"""


def test_a_training_of_what_is_not_prepared_is_one_line(tmp_path, capsys):
    for command in ("train", "evaluate", "export"):
        assert main([command, "--data", str(tmp_path), "--model", "n", "--device", "cpu"]) == FAILED
        said = capsys.readouterr().err
        assert "run prepare first" in said or "run train first" in said
        assert said.count("\n") == 1


@pytest.mark.parametrize(
    "flags", [["train"], ["train", "--model", "z"], ["train", "--model", "n", "--batch", "0"]]
)
def test_a_flag_that_is_none_ends_with_status_2(tmp_path, flags):
    with pytest.raises(SystemExit) as ended:
        main([*flags, "--data", str(tmp_path)])
    assert ended.value.code == FAILED


def test_prepare_says_what_it_found(tmp_path, capsys):
    make(tmp_path, 10)
    assert main(["prepare", "--data", str(tmp_path), "--jobs", "1"]) == DONE
    said = capsys.readouterr().out
    assert "1 missing" in said and "'Moniter/TV' is called 'Monitor/TV'" in said and "defects.csv" in said


def run(folder, *command, end_at=""):
    """Run Python with an eye on the network; killed on the spot once it says `end_at`."""
    (folder / "watch").mkdir(exist_ok=True)
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    path = os.pathsep.join([str(folder / "watch"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "ASKED": str(folder / "asked")}
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines = []
    for line in process.stdout:
        lines.append(line)
        if end_at and end_at in line:
            process.send_signal(signal.SIGKILL)
    said = "".join(lines)
    assert process.wait() == (-signal.SIGKILL if end_at else DONE), said
    return said


@pytest.mark.slow
def test_the_whole_way_from_the_publisher_s_folders_to_masks_and_tracks(tmp_path):
    data, work = tmp_path / "data", tmp_path / "data" / "yolo"
    make(data, 48)
    tool = ["-m", "tools.objects365"]
    of_data = ["--data", data, "--model", "n", "--device", "cpu"]
    training = ["train", *of_data, "--epochs", "3", "--batch", "8", "--imgsz", "96"]
    run(tmp_path, *tool, "prepare", "--data", data, "--jobs", "2")

    run(tmp_path, *tool, *training, end_at="epoch 1 of 3")
    said = run(tmp_path, *tool, *training)
    assert "going on after epoch 1 of 3" in said and "epoch 3 of 3" in said and "\nepoch 1 of 3" not in said
    assert "epoch" not in run(tmp_path, *tool, *training).replace("3 epochs", "")  # it is finished
    assert len((work / "runs" / "yolov8n" / "results.csv").read_text().splitlines()) == 1 + 3

    run(tmp_path, *tool, "evaluate", *of_data)
    run(tmp_path, *tool, "export", *of_data)
    checkpoint = work / "export" / "yolov8n-objects365.pt"
    assert list(read_class_names(checkpoint).values()) == package_names()
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert (work / "export" / "yolov8n-objects365.pt.sha256").read_text() == f"{digest}  {checkpoint.name}\n"
    card = (work / "export" / "yolov8n-objects365.md").read_text()
    assert digest in card and "24 validation pictures" in card and "3 of 3 epochs" in card
    assert str(tmp_path).encode() not in checkpoint.read_bytes()

    models = ["--sam_checkpoint", DEMO_SAM, "--yolo_checkpoint", checkpoint, "--device", "cpu"]
    wanted = ["--conf", "0", "--max_det", "5", "--classes", *package_names()]
    out, video = tmp_path / "SegOut", tmp_path / "out.mp4"
    pictures = ["--img_path", data / "val" / "patch0", "--save_dir", out, "--labelled_only"]
    run(tmp_path, "seg.py", *pictures, *models, *wanted)
    coco = json.loads((out / "annotations" / "coco.json").read_text())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert {names[annotation["category_id"]] for annotation in coco["annotations"]} <= set(package_names())
    assert coco["annotations"]
    clip = ["--video_path", ROOT / "TestImages" / "street.mp4", "--end", "4", "--imgsz", "320"]
    run(tmp_path, "track.py", *clip, "--save_path", video, *models, *wanted)
    assert video.stat().st_size
    assert (tmp_path / "asked").read_text() == ""


@pytest.mark.slow
def test_another_setting_for_a_run_that_was_begun_is_an_error(tmp_path, capsys):
    make(tmp_path, 10)
    assert main(["prepare", "--data", str(tmp_path), "--jobs", "1"]) == DONE
    training = ["train", "--data", str(tmp_path), "--model", "n", "--device", "cpu", "--imgsz", "64"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tools.training.runs.epoch_line", stop)
        assert main([*training, "--epochs", "2", "--batch", "4"]) == FAILED
    capsys.readouterr()
    assert main([*training, "--epochs", "2", "--batch", "2"]) == FAILED
    assert "begun with batch 4, not 2" in capsys.readouterr().err


def stop(trainer):
    raise KeyError("stopped here")


def test_the_recipes_in_the_documentation_are_those_that_are_used():
    from tools.objects365.recipes import table

    text = (ROOT / "docs" / "objects365.md").read_text(encoding="utf-8")
    assert "\n".join(table()) in text


def test_a_larger_batch_has_a_larger_learning_rate():
    from tools.objects365.recipes import settings

    assert settings("m", "0,1", batch=256)["lr0"] == pytest.approx(0.04)
    assert settings("m", "0", batch=16)["lr0"] == settings("m", "0")["lr0"] == 0.01


@pytest.mark.slow
def test_a_process_of_ddp_trains_as_quietly_as_one_alone(tmp_path):
    """The file that ultralytics starts on each GPU is started here, once and without a GPU."""
    from tools.training.quiet import quiet_ultralytics
    from tools.training.runs import OnFirst

    make(tmp_path, 10)
    assert main(["prepare", "--data", str(tmp_path), "--jobs", "1"]) == DONE
    with quiet_ultralytics() as ultralytics:
        from ultralytics.utils import dist

        from tools.training.trainer import SafeTrainer

        settings = {"epochs": 1, "batch": 4, "imgsz": 64, "device": "cpu", "plots": False, "workers": 0}
        where = {"data": str(tmp_path / "yolo" / "data.yaml"), "project": str(tmp_path), "name": "run"}
        trainer = SafeTrainer(overrides={"model": "yolov8n.yaml", **settings, **where, "exist_ok": True})
        trainer.add_callback(
            "on_fit_epoch_end", OnFirst(lambda trainer: print("an epoch is over", flush=True))
        )
        file = dist.generate_ddp_file(trainer)
        assert str(ultralytics.utils.USER_CONFIG_DIR) in file
        said = run(tmp_path, file)
    # Older versions do not send what is to be called.
    assert "an epoch is over" in said or not hasattr(dist, "torch_save")
    assert (tmp_path / "run" / "weights" / "last.pt").exists()
    assert "WARNING" not in said and (tmp_path / "asked").read_text() == ""
