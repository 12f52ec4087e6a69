import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from sav.device import Precision
from sav.media.pictures import write_picture
from sav.sam.load import compile_encoder, load_sam
from sav.sam.model import SamModel
from tests.conftest import DEMO_YOLO, ROOT, TINY, random_sam

pytestmark = pytest.mark.long

CPU = torch.device("cpu")
BOXES = np.array([[10, 20, 80, 90], [0, 0, 160, 120], [50, 60, 110, 100]], np.float32)


@pytest.fixture
def shallow_sam_file(tmp_path):
    """A SAM of a single block, which compiles as fast as any."""
    path = tmp_path / "shallow_sam.pth"
    torch.save(random_sam(replace(TINY, depth=1, global_blocks=())).state_dict(), path)
    return path


def test_an_encoder_with_kernels_for_the_device_is_left_as_it_is(monkeypatch, caplog):
    caplog.set_level("INFO")
    model = SamModel(random_sam(), CPU, Precision(torch.bfloat16))
    monkeypatch.setattr(model.sam.image_encoder, "has_kernels_on", lambda device: True)
    monkeypatch.setattr(model.sam.image_encoder, "compile", pytest.fail)
    compile_encoder(model)
    (line,) = caplog.messages
    assert "faster kernels" in line


@pytest.mark.skipif(not shutil.which(os.environ.get("CXX", "g++")), reason="there is no C++ compiler")
def test_a_compiled_encoder_gives_the_same_masks(shallow_sam_file, picture, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("torch._inductor.config.compile_threads", 1)  # no processes that import PyTorch, too
    stacks = []
    for compiled in (False, True):
        model = load_sam(shallow_sam_file, CPU, compiled=compiled)
        stacks.append(model.masks_from_boxes(model.embed([picture])[0], BOXES).dense())
    shared, joined = (stacks[0] & stacks[1]).sum((1, 2)), (stacks[0] | stacks[1]).sum((1, 2))
    assert joined.min() > 0
    assert (shared / joined).mean() >= 0.99


def test_where_nothing_can_be_compiled_one_line_says_so(shallow_sam_file, picture, tmp_path):
    write_picture(tmp_path / "a.png", picture)
    models = ["--sam_checkpoint", str(shallow_sam_file), "--yolo_checkpoint", str(DEMO_YOLO)]
    flags = ["--img_path", str(tmp_path / "a.png"), "--save_dir", str(tmp_path / "out"), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "seg.py", *flags, *models, "--compile"],
        cwd=ROOT,
        env={**os.environ, "CXX": "/nonexistent", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert "leave out --compile" in line
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
