import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from pycocotools.coco import COCO

from sav.commands import seg
from sav.media.pictures import read_picture, write_picture
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT

MODELS = ["--sam_checkpoint", str(DEMO_SAM), "--yolo_checkpoint", str(DEMO_YOLO), "--device", "cpu"]


@pytest.fixture
def run(tiny_sam_file) -> Callable[..., int]:
    """seg.py with a small SAM of random weights: it does not matter here what its masks are."""
    models = ["--sam_checkpoint", tiny_sam_file, "--yolo_checkpoint", DEMO_YOLO, "--device", "cpu"]
    return lambda *arguments: seg.main([str(argument) for argument in (*arguments, *models)])


def visible(folder):
    """The files that a user sees in a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and ".sav" not in path.parts)


@pytest.fixture
def street(tmp_path):
    """A folder with one small street picture."""
    sample = read_picture(sorted((ROOT / "TestImages").glob("*.*g"))[0])
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_picture(folder / "street.png", np.ascontiguousarray(sample[::2, ::2]))
    return folder


@pytest.mark.long
def test_a_rerun_overwrites_its_files_with_the_same_bytes(run, street, tmp_path):
    out, contents = tmp_path / "out", []
    for _ in range(2):
        assert run("--img_path", street / "street.png", "--save_dir", out, "--labelled_only") == 0
        files = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".sqlite"]
        contents.append({path: path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert not (out / "sam").exists()


def test_a_bad_picture_does_not_stop_the_run(run, street, tmp_path, capsys):
    (street / "broken.jpg").write_bytes(b"not a picture")
    assert run("--img_path", street, "--save_dir", tmp_path / "out", "--labelled_only") == 1
    assert "error: " in (said := capsys.readouterr()).err and "broken.jpg" in said.err
    assert "1 of 2 pictures" in said.out
    assert (tmp_path / "out" / "our" / "street_our.jpg").exists()


@pytest.mark.long
def test_of_a_mixed_folder_the_good_ones_are_done_and_each_bad_one_is_named(run, street, tmp_path, capsys):
    whole = (street / "street.png").read_bytes()
    (street / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (street / "text.jpg").write_text("not a picture")
    (street / "empty.jpg").touch()
    write_picture(street / "tiny.png", np.full((1, 1, 3), 128, np.uint8))
    out = tmp_path / "out"
    assert run("--img_path", street, "--save_dir", out) == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.replace("\r", "\n").splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert all(any(name in line for line in errors) for name in ("truncated.png", "text.jpg", "empty.jpg"))
    assert "2 of 5 pictures" in said.out
    written = {path.name for path in visible(out)}
    pictures = {
        f"{stem}_{kind}" for stem in ("street", "tiny") for kind in ("our.jpg", "sam.jpg", "mask.png")
    }
    assert written == {"coco.json", *pictures}


def test_only_bad_pictures_are_a_failure_that_leaves_nothing(run, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    assert run("--img_path", tmp_path, "--save_dir", tmp_path / "out", "--labelled_only") == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_a_picture_without_detections_works(run, tmp_path):
    write_picture(tmp_path / "blank.png", np.zeros((50, 70, 3), np.uint8))
    assert run("--img_path", tmp_path, "--save_dir", tmp_path / "out", "--conf", "1") == 0
    table = json.loads((tmp_path / "out" / "annotations" / "coco.json").read_text())
    assert len(table["images"]) == 1


def test_ctrl_c_keeps_what_is_done(run, street, tmp_path, capsys, monkeypatch):
    from sav.segmenter import Segmenter

    write_picture(street / "z.png", read_picture(street / "street.png"))
    together, seen = Segmenter.together, []

    def interrupted(self, frames, **settings):
        if seen:
            raise KeyboardInterrupt
        seen.append(frames)
        return together(self, frames, **settings)

    monkeypatch.setattr(Segmenter, "together", interrupted)
    assert run("--img_path", street, "--save_dir", tmp_path / "out", "--labelled_only") == 1
    assert "interrupted after 1 of 2" in capsys.readouterr().err
    assert len(COCO(str(tmp_path / "out" / "annotations" / "coco.json")).getImgIds()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--img_path", "nowhere"], "there is no picture or folder nowhere"),
        (["--classes", "persn"], "the nearest is 'person'"),
        (["--device", "cuda:7"], "there is no device 'cuda:7'"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--save_dir", str(DEMO_SAM)], "is a file; name a folder"),
        (["--sam_checkpoint", "nowhere.pth"], "no checkpoint at nowhere.pth"),
        (["--sam_checkpoint", "x/sam_vit_b_01ec64.pth", "--offline"], "put it at x/sam_vit_b_01ec64.pth"),
        (["--sam_checkpoint", str(DEMO_YOLO)], "SAM checkpoint"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_status_2(street, tmp_path, capsys, arguments, message):
    flags = ["--img_path", str(street), "--save_dir", str(tmp_path / "out"), *MODELS]
    assert seg.main([*flags, *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("error: ")
    assert message in said[0]
    assert not (tmp_path / "out").exists()


def test_help_does_not_wait_for_torch():
    script = (
        "import sys\nfrom sav.commands import seg\n"
        "try: seg.main(['--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
    assert "--sam_checkpoint" in done.stdout


def test_boxes_of_a_file_are_cut_out_in_place_of_a_detectors(run, street, tmp_path, capsys):
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "street.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    (labels / "classes.txt").write_text("bus\nred car\n")
    flags = ["--img_path", street, "--labelled_only", "--boxes", labels]
    assert run(*flags, "--save_dir", tmp_path / "out") == 0
    (annotation,) = COCO(str(tmp_path / "out" / "annotations" / "coco.json")).anns.values()
    assert annotation["category_id"] == 2
    assert run(*flags, "--save_dir", tmp_path / "out", "--classes", "dog") == 2
    (labels / "street.txt").rename(labels / "other.txt")
    assert run(*flags, "--save_dir", tmp_path / "out") == 2
    assert "no boxes for street.png: it tells of other" in capsys.readouterr().err
