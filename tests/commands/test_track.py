import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from unittest.mock import Mock

import av
import numpy as np
import pytest
from pycocotools.coco import COCO

from sav.commands import track
from sav.detectors.box_files import read_boxes
from sav.runs.stored import opened
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT, SHARED, cases
from tests.media import rtsp
from tests.media.videos import make_video, pictures_of

GROUND_TRUTH = ROOT / "TestImages" / "ground_truth" / "pictures.json"
STREET = ROOT / "TestImages" / "street.mp4"
MODELS = ["--sam_checkpoint", str(DEMO_SAM), "--yolo_checkpoint", str(DEMO_YOLO), "--device", "cpu"]
SMALL = ["--imgsz", "320"]


@pytest.fixture
def run(tiny_sam_file) -> Callable[..., int]:
    """track.py with a small SAM of random weights: it does not matter here what its masks are."""
    models = [*MODELS, *SMALL, "--sam_checkpoint", tiny_sam_file]

    def main(source, save_path, *arguments):
        flags = ["--video_path", source, "--save_path", save_path, *models, *arguments]
        return track.main([str(flag) for flag in flags])

    return main


def write_video(path, pictures, first=0) -> None:
    size_hw, ticks = pictures[0].shape[:2], range(first, first + len(pictures))
    rate, image = Fraction(10), lambda number, _: pictures[number]
    make_video(path.parent, path.name, len(pictures), size_hw, rate, image=image, ticks=ticks)


def make_changing_video(folder):
    """A video of 20 small frames and then 4 large ones."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 64, 96, 3), np.uint8)
    write_video(folder / "whole.ts", list(noise))
    write_video(folder / "larger.ts", list(np.repeat(np.repeat(noise[:4], 2, 1), 2, 2)), first=24)
    changing = folder / "changing.ts"
    changing.write_bytes((folder / "whole.ts").read_bytes() + (folder / "larger.ts").read_bytes())
    return changing


@cases("tracker", ["botsort", "bytetrack"], quick=1)
def test_a_run_writes_the_video_and_its_annotations(run, tmp_path, capsys, tracker):
    assert run(STREET, tmp_path / "out.mp4", "--end", "6", "--tracker", tracker) == 0
    shown, source = pictures_of(tmp_path / "out.mp4"), pictures_of(STREET)
    assert [when for when, _ in shown] == [when for when, _ in source[:6]]
    assert shown[0][1].shape == source[0][1].shape
    coco = COCO(str(tmp_path / "out_annotations" / "coco.json"))
    assert len(coco.getImgIds()) == 6
    assert {annotation["track_id"] for annotation in coco.anns.values()} >= {1, 2}
    rows = np.loadtxt(tmp_path / "out_annotations" / "mot.txt", delimiter=",", ndmin=2)
    assert set(rows[:, 0]) <= {1, 2, 3, 4, 5, 6}
    assert len(rows) == len(coco.anns)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "out_annotations"]
    assert "6 frames" in capsys.readouterr().out


def test_frames_without_detections_go_through(run, tmp_path):
    write_video(tmp_path / "black.mp4", [np.zeros((64, 96, 3), np.uint8)] * 3)
    assert run(tmp_path / "black.mp4", tmp_path / "out.mp4", "--conf", "1") == 0
    assert len(pictures_of(tmp_path / "out.mp4")) == 3
    assert (tmp_path / "out_annotations" / "mot.txt").read_text() == ""


@pytest.mark.long
def test_batches_of_frames_give_the_same_tracks(run, tmp_path):
    rows = []
    for batch in (1, 3):
        assert run(STREET, tmp_path / f"{batch}.mp4", "--end", "5", "--batch", batch) == 0
        rows.append(np.loadtxt(tmp_path / f"{batch}_annotations" / "mot.txt", delimiter=","))
    assert np.allclose(*rows, atol=0.1)


def test_start_end_and_stride_choose_the_frames(run, tmp_path):
    assert run(STREET, tmp_path / "out.mp4", "--start", "4", "--end", "10", "--stride", "3") == 0
    coco = COCO(str(tmp_path / "out_annotations" / "coco.json"))
    names = [image["file_name"] for image in coco.dataset["images"]]
    assert names == ["street_000004.jpg", "street_000007.jpg"]


@pytest.mark.long
def test_a_truncated_video_gives_all_frames_that_it_has(run, tmp_path, capsys):
    write_video(
        tmp_path / "whole.mkv", list(np.random.default_rng(0).integers(0, 255, (20, 64, 96, 3), np.uint8))
    )
    cut = tmp_path / "cut.mkv"
    content = (tmp_path / "whole.mkv").read_bytes()
    cut.write_bytes(content[: len(content) * 3 // 4])
    assert run(cut, tmp_path / "out.mp4") == 1
    assert "cut.mkv" in capsys.readouterr().err
    assert 5 < len(pictures_of(tmp_path / "out.interrupted.mp4")) < 20
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.long
def test_a_video_that_changes_its_size_gives_the_frames_before_that(run, tmp_path, capsys):
    changing = make_changing_video(tmp_path)
    (tmp_path / "out.mp4").write_text("the user's own")
    assert run(changing, tmp_path / "out.mp4", "--overwrite") == 1
    assert "changes its size" in (said := capsys.readouterr()).err
    assert "out.interrupted.mp4" in said.out
    assert len(pictures_of(tmp_path / "out.interrupted.mp4")) == 20
    assert (tmp_path / "out.interrupted_annotations" / "coco.json").exists()
    assert (tmp_path / "out.mp4").read_text() == "the user's own"


@pytest.mark.long
def test_what_a_network_camera_gave_is_a_whole_video_and_why_it_ended_is_said(run, tmp_path, capsys):
    with rtsp.serve(rtsp.rtp_packets(make_changing_video(tmp_path))) as url:
        assert run(url, tmp_path / "out.mp4") == 0
    assert "changes its size" in (said := capsys.readouterr()).err
    assert "error" not in said.err
    assert "20 frames" in said.out
    assert len(pictures_of(tmp_path / "out.mp4")) == 20


def start_on_a_terminal(save_path):
    """track.py at work on the street, and what it says on its terminal."""
    terminal, theirs = pty.openpty()
    command = [sys.executable, "track.py", "--video_path", STREET, "--save_path", save_path, *MODELS, *SMALL]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    return process, terminal


def read_until(terminal: int, awaited: str | None) -> str:
    """What is said on a terminal until `awaited` is, or until nobody is there any more."""
    said = b""
    with contextlib.suppress(OSError):  # how Linux says that
        while awaited is None or awaited.encode() not in said:
            said += os.read(terminal, 1000)
    return said.decode(errors="replace")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_kill_and_a_closed_window_leave_a_playable_video(tmp_path, number):
    process, terminal = start_on_a_terminal(tmp_path / "out.mp4")
    read_until(terminal, " 3/150")
    for _ in range(3):
        process.send_signal(number)
    out, _ = process.communicate()
    err = read_until(terminal, None)
    os.close(terminal)
    assert process.returncode == 1
    assert "error: interrupted" in err
    assert "Traceback" not in err
    frames = len(pictures_of(tmp_path / "out.interrupted.mp4"))
    assert 0 < frames < 150
    assert f"{frames} frames" in out
    coco = COCO(str(tmp_path / "out.interrupted_annotations" / "coco.json"))
    assert len(coco.getImgIds()) == frames
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.interrupted.mp4", "out.interrupted_annotations"
    ]  # fmt: skip


def audio_only(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        sound.rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "audio", "truncated"])
def test_a_bad_source_is_one_line_and_status_2(run, tmp_path, capsys, kind):
    source = tmp_path / "bad.mp4"
    if kind == "text":
        source.write_text("not a video\n" * 100)
    elif kind == "empty":
        source.touch()
    elif kind == "audio":
        audio_only(source)
    elif kind == "truncated":
        source.write_bytes(STREET.read_bytes()[:100])
    assert run(source, tmp_path / "out.mp4") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("error: ")
    assert "bad.mp4" in said[0]
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("save_path", "flags", "message"),
    [
        ("nowhere/out.mp4", [], "no folder"),
        ("out.avi", [], ".mp4"),
        ("out.mp4", ["--tracker", "deepsort"], "deepsort"),
        ("out.mp4", ["--start", "soon"], "soon"),
        ("out.mp4", ["--start", "99999"], "start"),
        ("out.mp4", ["--end", "0"], "no frame comes before the end (0)"),
        ("out.mp4", ["--start", "5", "--end", "0.1s"], "the end (0.1s) must come after the start (5)"),
        ("out.mp4", ["--yolo_checkpoint", "nowhere.pt"], "nowhere.pt"),
        ("out.mp4", ["--boxes", "nowhere.txt"], "nowhere.txt"),
        ("out.mp4", ["--boxes", str(GROUND_TRUTH)], "no boxes for street.mp4"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_status_2(run, tmp_path, capsys, save_path, flags, message):
    assert run(STREET, tmp_path / save_path, *flags) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert message in said[0]
    assert list(tmp_path.iterdir()) == []


def test_boxes_of_a_file_are_followed_in_place_of_a_detectors(run, tmp_path, capsys, monkeypatch):
    counted = Mock(side_effect=read_boxes)
    monkeypatch.setattr("sav.detectors.boxes.read_boxes", counted)
    boxes = tmp_path / "det.txt"
    lines = [f"{number},-1,{20 + number},30,60,40,0.9,-1,-1,-1\n" for number in range(1, 8)]
    boxes.write_text("".join(lines))
    flags = ["--boxes", boxes, "--start", "2", "--end", "5", "--yolo_checkpoint", "nowhere.pt"]
    assert run(STREET, tmp_path / "out.mp4", *flags) == 0
    rows = np.loadtxt(tmp_path / "out_annotations" / "mot.txt", delimiter=",")
    assert rows[:, :4].tolist() == [[1, 1, 23, 30], [2, 1, 24, 30], [3, 1, 25, 30]]
    with opened(tmp_path / "out.mp4") as store:
        assert set(store.about.checkpoints) == {"boxes", "sam"}
        assert store.about.categories == {0: "object"}
    assert counted.call_count == 1

    boxes.write_text("".join(lines[:-1]))
    assert run(STREET, tmp_path / "out.mp4", *flags, "--resume") == 2
    assert "boxes_checkpoint" in capsys.readouterr().err


def test_the_source_is_never_overwritten(run, tmp_path, capsys):
    source = tmp_path / "video.mp4"
    source.write_bytes(STREET.read_bytes())
    assert run(source, source) == 2
    assert "give another save path" in capsys.readouterr().err
    assert source.read_bytes() == STREET.read_bytes()


def test_help_does_not_wait_for_torch():
    script = (
        "import sys\nfrom sav.commands import track\n"
        "try: track.main(['--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.long
@pytest.mark.skipif(not (SHARED / "media" / "dog.mp4").exists(), reason="needs the real videos")
def test_a_real_video_keeps_its_time_stamps_and_its_sound_byte_for_byte(run, tmp_path):
    source = SHARED / "media" / "dog.mp4"
    yolo = SHARED / "weights" / "yolov8n.pt"
    assert run(source, tmp_path / "out.mp4", "--end", "4", "--yolo_checkpoint", yolo) == 0
    wanted, shown = pictures_of(source)[:4], pictures_of(tmp_path / "out.mp4")
    assert [when for when, _ in shown] == [when for when, _ in wanted]
    sound = [audio_packets(path) for path in (source, tmp_path / "out.mp4")]
    assert sound[1]
    assert sound[1] == sound[0][: len(sound[1])]


def audio_packets(path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]
