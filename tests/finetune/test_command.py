import json
import shutil
from pathlib import Path

import pytest

from sav.detectors.names import read_class_names
from sav.errors import DONE, FAILED
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT
from tests.finetune.test_sources import coco, picture, yolo
from tools.finetune.__main__ import main
from tools.finetune.prepare import prepare
from tools.finetune.sources import read


def test_data_are_linked_rare_classes_shown_more_often_and_defects_named(tmp_path):
    names = [f"{number}.jpg" for number in range(40)]
    file = coco(tmp_path / "mine.json", names, categories=((7, "dog"), (3, "cat")))
    content = json.loads(file.read_text())
    for annotation in content["annotations"][:2]:
        annotation["category_id"] = 3
    file.write_text(json.dumps(content))
    for name in names[:-1]:
        picture(tmp_path / name)
    (tmp_path / names[-2]).write_bytes(b"")

    work, told = tmp_path / "out", []
    prepared = prepare(read(file), work, told.append)
    assert prepared.by_class["cat"] == (1, 1) and "held back" in told[0]
    listed = (work / "train.txt").read_text().splitlines()
    assert len(listed) == prepared.shown > len(set(listed)) == prepared.counts["train"]["pictures"]
    assert "39.jpg,missing" in (work / "defects.csv").read_text()
    assert "38.jpg,empty file" in (work / "defects.csv").read_text()
    assert any("too few" in line for line in prepared.lines())
    assert all((work / line).is_file() for line in listed)


def test_two_pictures_that_would_share_a_label_file_are_not_confused(tmp_path):
    yolo(tmp_path)
    picture(tmp_path / "images" / "train" / "train0.png")
    prepared = prepare(read(tmp_path), tmp_path / "out")
    assert sum(prepared.counts["train"][what] for what in prepared.counts["train"] if "ending" in what) == 1


@pytest.mark.parametrize("what", ["data", "checkpoint", "sam", "pictures", "boxes"])
def test_what_cannot_be_trained_on_is_one_line(tmp_path, capsys, what):
    data, checkpoint = (
        yolo(tmp_path / "data", lines="" if what == "boxes" else "0 0.5 0.5 0.5 0.5\n"),
        DEMO_YOLO,
    )
    if what == "data":
        data = tmp_path / "nowhere"
    elif what == "checkpoint":
        checkpoint = tmp_path / "no.pt"
    elif what == "sam":
        checkpoint = DEMO_SAM
    elif what == "pictures":
        for path in data.rglob("*.jpg"):
            path.write_bytes(b"")
    out = tmp_path / "out"
    status = main(
        ["--data", str(data), "--yolo_checkpoint", str(checkpoint), "--out", str(out), "--device", "cpu"]
    )
    said = capsys.readouterr().err
    assert status == FAILED and said.startswith("error: ") and said.count("\n") == 1
    assert not (out / "run").exists()


@pytest.mark.slow
def test_own_pictures_to_a_checkpoint_that_knows_them(tmp_path, capsys):
    data = tmp_path / "data"
    for split in ("train", "val"):
        yolo(data, splits=(split,))
        for number in range(4):
            shutil.copy(ROOT / "TestImages" / "clear.jpg", data / "images" / split / f"{split}{number}.jpg")
            (data / "labels" / split / f"{split}{number}.txt").write_text(
                "0 0.5 0.5 0.3 0.3\n1 0.2 0.2 0.1 0.1\n"
            )
    (data / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [Person, my own bus]\n")
    out = tmp_path / "out"
    command = ["--data", str(data), "--yolo_checkpoint", str(DEMO_YOLO), "--out", str(out), "--device", "cpu"]
    command += ["--epochs", "2", "--batch", "2", "--imgsz", "96", "--freeze", "22"]
    assert main(command) == DONE
    said = capsys.readouterr().out
    assert "before: AP" in said and "Person" in said and "after:" in said and "SHA-256" in said
    made = out / "demo_yolo-finetuned.pt"
    assert list(read_class_names(made).values()) == ["Person", "my own bus"]
    assert "4 validation pictures" in made.with_suffix(".md").read_text()

    before = Path(out / "run" / "weights" / "best.pt").read_bytes()
    assert main(command) == DONE  # it is finished, and only measured and exported again
    assert Path(out / "run" / "weights" / "best.pt").read_bytes() == before
    assert "epoch 1" not in capsys.readouterr().out
