"""What is said of flags for workers that cannot be, before any model is loaded."""

from __future__ import annotations

import sys

import pytest

from sav.commands import cli, seg, track
from sav.commands.arguments import Parser
from sav.commands.flags import add_worker_flags
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT

MODELS = ["--sam_checkpoint", str(DEMO_SAM), "--yolo_checkpoint", str(DEMO_YOLO), "--device", "cpu"]


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    def load(*args, **settings):
        raise AssertionError("models are loaded")

    monkeypatch.setattr(cli, "load_models", load)
    monkeypatch.setattr(cli, "models_of_workers", load)


def parsed(*words):
    parser = Parser(main_flag="--x")
    add_worker_flags(parser, "all")
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "wanted"), [((), 1), (("--workers", "Auto"), None), (("--workers", "3"), 3)]
)
def test_workers_are_a_number_or_as_many_as_there_is_room_for(words, wanted):
    assert parsed(*words).workers == wanted


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", ""])
def test_what_is_no_number_of_workers_is_one_line(number, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed("--workers", number)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and "--workers" in said


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--workers", "4000"], "too many"),
        (["--workers", "2", "--device", "mps"], "there is no device|one device"),
        (["--cluster", "127.0.0.1:9"], "no Ray cluster answers at 127.0.0.1:9"),
        (["--cluster", "ray://there:10001"], "HOST:PORT"),
    ],
)
def test_workers_that_cannot_be_are_one_line(flags, says, tmp_path, capsys):
    pytest.importorskip("ray")
    pictures = ["--img_path", str(ROOT / "TestImages" / "clear.jpg"), "--save_dir", str(tmp_path / "out")]
    assert seg.main([*pictures, *MODELS, *flags]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and any(word in said for word in says.split("|"))


def test_without_ray_it_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    pictures = ["--img_path", str(ROOT / "TestImages" / "clear.jpg"), "--save_dir", str(tmp_path / "out")]
    assert seg.main([*pictures, *MODELS, "--cluster", "there:6379"]) == 2
    assert "pip install '.[cluster]'" in capsys.readouterr().err


def test_a_source_that_comes_once_is_not_shared_out(tmp_path, capsys):
    pytest.importorskip("ray")
    video = ["--video_path", "http://127.0.0.1:9/a.mp4", "--save_path", str(tmp_path / "v.mp4")]
    assert track.main([*video, *MODELS, "--workers", "2"]) == 2
    assert "leave out --workers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--save_path", "v.mp4"], "give --save_path a folder"),
        (["--save_path", "out", "--boxes", "b.txt"], "boxes"),
    ],
)
def test_a_folder_of_videos_has_a_folder_of_results(more, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").touch()
    (tmp_path / "b.txt").write_text("1,-1,1,1,5,5,0.9,-1,-1,-1\n")
    assert track.main(["--video_path", "in", *more, *MODELS]) == 2
    assert says in capsys.readouterr().err


def test_one_worker_needs_no_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert cli.workers_of(parsed()) is None
