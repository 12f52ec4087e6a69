"""Factories that the tests share: small models, pictures, and where the real things are."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Frame
from sav.sam.architecture import SamArchitecture, assemble

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
DEMO_SAM = ROOT / "model" / "demo_sam.pth"
DEMO_YOLO = ROOT / "model" / "demo_yolo.pt"

TINY = SamArchitecture(
    image_size=128,
    patch_size=16,
    embed_dim=64,
    depth=3,
    heads=2,
    mlp_ratio=4.0,
    qkv_bias=True,
    window_size=3,
    global_blocks=(1,),
    prompt_dim=32,
    mask_channels=16,
    decoder_depth=2,
    decoder_mlp_dim=64,
    decoder_downsampling=2,
    mask_outputs=3,
    iou_head_depth=3,
    iou_head_dim=32,
)


def random_sam(architecture: SamArchitecture = TINY, spread: float = 0.5) -> torch.nn.Module:
    """A SAM whose random weights are large enough for masks of many shapes."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        sam = assemble(architecture)
        for tensor in sam.parameters():
            if tensor.ndim > 1:
                tensor.normal_(0, spread)
    return sam


def cases(names: str | tuple[str, ...], values: Iterable[Any], quick: int) -> pytest.MarkDecorator:
    """`pytest.mark.parametrize`, of whose cases the quick tests take the first `quick`.

    The others prove the same of more numbers. What may differ between versions of other people's packages
    stands first, or all are quick.
    """
    rows = [value if isinstance(names, tuple) else (value,) for value in values]
    marks = [() if place < quick else pytest.mark.long for place in range(len(rows))]
    return pytest.mark.parametrize(
        names, [pytest.param(*row, marks=mark) for row, mark in zip(rows, marks, strict=True)]
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes run the tests: two for all of them, none beside this one for a few files."""
    return 2 if config.args == config.getini("testpaths") else 0


def pytest_configure(config: pytest.Config) -> None:
    """Share the cores out among the processes that run the tests, and with the scripts that those start."""
    if hasattr(config, "workerinput"):
        cores = max(1, (os.cpu_count() or 1) // config.workerinput["workercount"])
        os.environ["OMP_NUM_THREADS"] = str(cores)
        torch.set_num_threads(cores)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole runs of README's commands first: beside them at the end the second process would be idle."""
    items.sort(key=lambda item: item.path != ROOT / "tests" / "test_quality.py")


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> Iterator[None]:
    """A shell's background switches Ctrl-C off and nohup a closed window, for every script started, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    of_windows = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before)
    signal.signal(signal.SIGHUP, of_windows)


@pytest.fixture
def trackeval() -> ModuleType:
    """TrackEval, which prints on import and asks for newer packages than our lowest: without it, a skip."""
    with contextlib.redirect_stdout(io.StringIO()):
        return pytest.importorskip("trackeval")


@pytest.fixture(scope="session")
def tiny_sam_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small random SAM, in half precision; to be read alone."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny_sam.pth"
    torch.save({name: tensor.half() for name, tensor in random_sam().state_dict().items()}, path)
    return path


@pytest.fixture
def picture() -> np.ndarray:
    """A `(120, 160, 3)` uint8 BGR picture with structure and three different channels."""
    rows, columns = np.mgrid[:120, :160]
    blue = rows * 2
    green = columns
    red = ((rows // 15 + columns // 20) % 2) * 200
    return np.stack([blue, green, red], axis=-1).astype(np.uint8)


@pytest.fixture
def make_scene() -> Callable[..., Scene]:
    """A scene out of dense masks: the objects, and optionally the regions."""

    def make(
        objects: np.ndarray,
        regions: np.ndarray | None = None,
        class_ids: list[int] | None = None,
        categories: dict[int, str] | None = None,
        track_ids: list[int] | None = None,
        name: str = "a.jpg",
        index: int = 0,
        image: np.ndarray | None = None,
        is_tracked: bool = False,
        boxes_xyxy: Sequence[Sequence[float]] | None = None,
    ) -> Scene:
        masks = Masks.from_dense(objects)
        count = len(masks)
        found = Masks.empty(masks.size_hw) if regions is None else Masks.from_dense(regions)
        everything = Instances.unlabelled(
            found, np.linspace(0.99, 0.9, len(found), dtype=np.float32), np.arange(len(found), dtype=np.int64)
        )
        if image is None:
            image = np.zeros((*masks.size_hw, 3), np.uint8)
        return Scene(
            frame=Frame(image, index, name, Fraction(index, 25)),
            objects=Instances(
                np.array(masks.boxes_xyxy if boxes_xyxy is None else boxes_xyxy, np.float32),
                np.linspace(0.9, 0.5, count, dtype=np.float32),
                np.array(class_ids or [0] * count, np.int64),
                np.array(track_ids or range(1, count + 1), np.int64),
                masks,
            ),
            regions=everything,
            categories=categories or {0: "person", 1: "dog"},
            everything=everything,
            is_tracked=is_tracked,
        )

    return make
