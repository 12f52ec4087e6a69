"""A desk, a site and a browser with models that see what a test says."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from sav.data.masks import Masks
from sav.segmenter import Segmenter
from sav.web.config import WebConfig
from sav.web.desk import Desk
from sav.web.models import Checkpoints, LoadedModels
from tests.conftest import ROOT
from tests.stubs import StubDetector, StubSam

THERE = Checkpoints({"yolo.pt": {0: "person", 1: "dog"}}, ("sam.pth",), Path())
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class PointSam(StubSam):
    """Also finds a square of 8 pixels around each point, and may be held up."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def embed(self, images_bgr):
        time.sleep(self.seconds)
        return super().embed(images_bgr)

    def decode_points(self, size_hw, points_xy, least_iou=None):
        rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
        near = [np.maximum(abs(rows - y), abs(columns - x)) <= 4 for x, y in points_xy]
        logits = torch.from_numpy(np.stack(near).astype(np.float32) - 0.5).repeat_interleave(3, 0)
        return logits, torch.tensor([0.2, 0.9, 0.5]).repeat(len(points_xy))

    def enlarged(self, logits, embedding, channels):
        return Masks.from_dense((logits > 0).numpy()), np.ones(len(logits), np.bool_)


class StubModels(LoadedModels):
    """Loads in no time."""

    def __init__(self, checkpoints: Checkpoints = THERE, config: WebConfig | None = None) -> None:
        super().__init__(checkpoints, config or WebConfig())
        self.detector, self.sam = StubDetector(), PointSam()

    def _load(self, detector, sam, words):
        return Segmenter(self.detector, self.sam)


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """A desk with stub models and settings."""
    desks = []

    def make(models: LoadedModels | None = None, **settings) -> Desk:
        root = tmp_path / f"desk{len(desks)}"
        root.mkdir()
        desks.append(Desk(WebConfig(**settings), THERE, models or StubModels(), root))
        return desks[-1]

    yield make
    for desk in desks:
        desk.close()


@pytest.fixture(scope="session")
def models() -> StubModels:
    """The models of the site."""
    from sav.web.models import list_checkpoints

    return StubModels(list_checkpoints(ROOT / "model"))


@pytest.fixture(scope="session")
def site(models: StubModels):
    """A site that runs in this process, for all tests."""
    pytest.importorskip("gradio")
    from sav.web.server import serving

    config = WebConfig(model_dir=ROOT / "model", port=0, max_megapixels=1, max_seconds=3, max_megabytes=2)
    with serving(config, models) as running:
        thread = threading.Thread(target=running.run, name="site")
        thread.start()
        yield running
        running.stop()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; it may run as root, as tests do in containers.

    While it is there an event loop runs in this thread, and `asyncio.run` cannot be called.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    flags = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()
