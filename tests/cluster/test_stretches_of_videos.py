"""Real videos, real models, several workers: every byte that a user sees is one worker's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from sav.cluster.placing import Share
from sav.cluster.pool import Pool
from sav.cluster.stretch_work import StretchWork
from sav.cluster.stretches import StretchVideoModels
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT, SHARED
from tests.runs import stored_runs

pytestmark = pytest.mark.slow

DEMO_VIDEO = ROOT / "TestImages" / "street.mp4"
YOLO = SHARED / "weights" / "yolov8n.pt"
DOG = SHARED / "media" / "dog.mp4"
# For how many ticks of 1/90000 s frames are shown, again and again.
VARYING = (3003, 3003, 9009, 1500, 4506, 3003, 6006)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As many as a worker with one core has: with more PyTorch adds and rounds in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def files_of(models: Any, video: Path, out: Path, **more: Any) -> dict[str, bytes]:
    """All that a user sees of a run."""
    out.mkdir()
    report = run_video(VideoJob(str(video), out / "v.mp4", formats=("coco", "mot"), **more), models)
    assert report.status == 0
    return stored_runs.seen(out)


def files_of_workers(cluster: Any, count: int, load: Any, *job: Any, **more: Any) -> dict[str, bytes]:
    with Pool(cluster, Share(count, 1, 0), partial(StretchWork, load), concurrency=2) as pool:
        return files_of(StretchVideoModels(pool), *job, **more)


@pytest.fixture(scope="module")
def demo() -> Any:
    return partial(Segmenter.load, DEMO_YOLO, DEMO_SAM, device="cpu")


@pytest.fixture(scope="module")
def alone(demo: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The demo video, by one worker."""
    return files_of(demo(), DEMO_VIDEO, tmp_path_factory.mktemp("one") / "out")


@pytest.mark.parametrize("workers", [2, 4])
def test_the_demo_video_is_one_workers(cluster, demo, alone, tmp_path, workers):
    many = files_of_workers(cluster, workers, demo, DEMO_VIDEO, tmp_path / "many")
    assert {"v.mp4", "v_annotations/coco.json", "v_annotations/mot.txt"} <= set(alone)
    assert_same(many, alone)


@pytest.fixture
def varying(tmp_path: Path) -> Path:
    """A real video of 100 frames with sound, whose frames are shown for times that differ."""
    if not DOG.exists() or not YOLO.exists():
        pytest.skip("needs ../shared")
    path = tmp_path / "varying.mp4"
    with av.open(str(DOG)) as source, av.open(str(path), "w") as target:
        pictures = target.add_stream("libx264", rate=30, options={"crf": "20", "g": "250"})
        pictures.width, pictures.height = source.streams.video[0].width, source.streams.video[0].height
        pictures.codec_context.time_base = pictures.time_base = Fraction(1, 90000)
        sound = target.add_stream_from_template(source.streams.audio[0])
        ticks = 0
        for number, frame in enumerate(source.decode(video=0)):
            if number == 100:
                break
            frame.pts, frame.time_base = ticks, Fraction(1, 90000)
            ticks += VARYING[number % len(VARYING)]
            target.mux(pictures.encode(frame.reformat(format="yuv420p")))
        target.mux(pictures.encode())
        source.seek(0)
        for packet in source.demux(audio=0):
            if packet.dts is not None and packet.pts * packet.time_base < 4:
                packet.stream = sound
                target.mux(packet)
    return path


def test_a_real_video_of_varying_rate_with_sound_is_one_workers(cluster, varying, tmp_path):
    load = partial(Segmenter.load, YOLO, DEMO_SAM, device="cpu")
    part = {"start": "7", "end": "80"}
    many = files_of_workers(cluster, 2, load, varying, tmp_path / "many", **part)
    one = files_of(load(), varying, tmp_path / "one", **part)
    assert_same(many, one)
    with av.open(str(tmp_path / "many" / "v.mp4")) as written:
        assert len(written.streams.audio) == 1
        times = [frame.time for frame in written.decode(video=0)]
    assert len({round(after - before, 4) for before, after in pairwise(times)}) > 3


def test_thousands_of_frames_are_one_workers_though_a_worker_and_a_node_die():
    """In a process of its own: its Ray has several nodes. Memory must not grow, either; see there."""
    command = [sys.executable, "-m", "tests.torture.long_video", "--frames", "4000"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def assert_same(many: dict[str, bytes], one: dict[str, bytes]) -> None:
    assert set(many) == set(one)
    assert [name for name in one if many[name] != one[name]] == []
