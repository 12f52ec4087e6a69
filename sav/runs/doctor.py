"""What is installed, what will run on what, which checkpoints are here, and how fast this machine is."""

from __future__ import annotations

import platform
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import numpy as np

from sav.checkpoints import OFFICIAL, sha256_of
from sav.data.types import Frame
from sav.detectors.text_models import TEXT_MODELS
from sav.media.video import VideoInfo
from sav.media.writer import VideoWriter
from sav.presets import DEFAULT_PRESET, PRESETS, preset
from sav.wording import count

# Distributions that every run needs, and those that one part of the program does.
REQUIRED = (
    "ultralytics", "segment-anything", "torch", "torchvision", "opencv-python", "numpy", "scipy", "av",
    "pycocotools", "pillow", "matplotlib", "fonttools", "manimgx-fonts", "manimgx-fonts-cjk", "pyyaml",
    "safetensors", "tqdm",
)  # fmt: skip
OPTIONAL = {
    "trackeval": "python -m sav evaluate of tracks",
    "open-clip-torch": "--words that are new",
    "ray": "--workers and --cluster",
    "pillow-heif": "HEIC pictures",
    "pandas": "Scene.to_pandas",
    "supervision": "Scene.to_supervision",
}
# The same package under another name.
_ALSO = {"opencv-python": ("opencv-python-headless", "opencv-contrib-python")}
_FRAME_SIZE_HW, _FRAMES = (1080, 1920), 24


@dataclass(frozen=True)
class Finding:
    """One line of a report.

    Attributes:
        what: What was looked at.
        state: How it is.
        is_missing: Whether the defaults need it, and it is not there or not whole.
        advice: How to get it; empty where nothing is missing.
    """

    what: str
    state: str
    is_missing: bool = False
    advice: str = ""


def packages() -> Iterator[Finding]:
    """Python, and the packages that the program needs or makes use of."""
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}")
    for name in REQUIRED:
        version = _version(name)
        if version is None:
            yield Finding(name, "not installed", True, "pip install -r requirements.txt")
        else:
            yield Finding(name, version)
    for name, purpose in OPTIONAL.items():
        version = _version(name)
        yield Finding(
            name,
            version or f"not installed; needed for {purpose}",
            advice="" if version else f"pip install {name}",
        )


def _version(name: str) -> str | None:
    for candidate in (name, *_ALSO.get(name, ())):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def devices(name: str = "auto") -> Iterator[Finding]:
    """What models run on, and which preset suits that.

    Raises:
        SettingError: There is no device called `name`.
    """
    import torch

    from sav.device import choose_device, choose_precision

    device = choose_device(name)
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    yield Finding("device", f"{device} ({kind}{threads})")
    precision = choose_precision("auto", device)
    yield Finding("precision", f"auto is {str(precision.dtype).removeprefix('torch.')} here")
    suiting = preset("auto", name)
    yield Finding(
        "preset", f"auto is {next(known for known, pair in PRESETS.items() if pair == suiting)} here"
    )


def checkpoints(folder: Path = Path("model")) -> Iterator[Finding]:
    """The official checkpoints in a folder, whether they are whole, and the defaults that are not there."""
    best = PRESETS[DEFAULT_PRESET]
    wanted = [Path(path).name for path in (best.sam_checkpoint, best.yolo_checkpoint)]
    for name, release in OFFICIAL.items():
        path, is_wanted = folder / name, name in wanted
        if path.is_file():
            problem = _damage(path, release.sha256)
            size = f"{path.stat().st_size / 1e6:.0f} MB"
            advice = f"remove it, and get it again from {release.url}" if problem else ""
            yield Finding(str(path), f"{size}, {problem or 'whole'}", bool(problem) and is_wanted, advice)
        elif is_wanted:
            lighter = f"--preset light needs {PRESETS['light'].megabytes} MB instead"
            advice = f"get it from {release.url}; the first run without --offline does. {lighter}"
            yield Finding(str(path), "not here", True, advice)


def text_models(folder: Path = Path("model")) -> Iterator[Finding]:
    """The text models for `--words` in a folder, which only detectors that are told what to find ask for."""
    for model in TEXT_MODELS.values():
        path = model.beside(folder / "detector.pt")
        state = "here" if path.is_file() else f"not here; needed for words that are new to {model.detectors}"
        kept = len([*folder.glob(f"{Path(model.files[0]).stem}.words-*.safetensors")])
        known = f", {count(kept, 'list')} of words kept" if kept else ""
        advice = f"get it from {OFFICIAL[model.files[0]].url}; the first run with --words does"
        yield Finding(str(path), state + known, advice="" if path.is_file() else advice)


def _damage(path: Path, sha256: str) -> str:
    """What is wrong with a file; empty if nothing is."""
    if sha256:
        return "" if sha256_of(path) == sha256 else "damaged: its SHA-256 is another"
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError) as error:
        return f"damaged: {error}"
    return f"damaged at {damaged}" if damaged else ""


def speeds(name: str = "auto") -> Iterator[Finding]:
    """How fast SAM's huge encoder and the video encoder are here; some ten seconds of work.

    Raises:
        SettingError: There is no device called `name`.
    """
    from sav.device import choose_device, choose_precision
    from sav.sam.speed import measured_seconds

    device = choose_device(name)
    seconds = measured_seconds(device, choose_precision("auto", device))
    yield Finding("SAM's encoder (ViT-H)", f"{seconds:.3g} s a picture")
    try:
        yield Finding("video encoder", f"{frames_a_second():.3g} frames of 1920x1080 a second")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        yield Finding("video encoder", f"fails: {reason}", True, "pip install --force-reinstall av")


def frames_a_second() -> float:
    """How many frames of full HD are encoded in a second, of those that a moving picture has.

    Raises:
        OSError: Nothing can be encoded.
    """
    height, width = _FRAME_SIZE_HW
    ramp = np.add.outer(np.arange(height), np.arange(width + 8 * _FRAMES))
    image = np.repeat((ramp % 256).astype(np.uint8)[..., None], 3, axis=2)
    info = VideoInfo(_FRAME_SIZE_HW, Fraction(25), Fraction(1, 25))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with VideoWriter(Path(folder) / "speed.mp4", info) as writer:
            for index in range(_FRAMES):
                moved = np.ascontiguousarray(image[:, 8 * index : 8 * index + width])
                writer.write(Frame(moved, index, time=Fraction(index, 25)))
        return _FRAMES / (time.perf_counter() - begun)
