"""Hostile checkpoints: mutated files, wrong tensors, and code that waits to be run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sav.detectors.door import import_ultralytics
from sav.detectors.yolo import YoloDetector
from sav.device import compute_alone_after_fork
from sav.sam.load import load_sam
from tests.conftest import random_sam
from tests.torture.mutations import mutated

CPU = torch.device("cpu")
# What code out of a checkpoint would make, if it were run.
_MARK = "SAV_TORTURE_MARK"

Random = np.random.Generator


class _Code:
    """Something that does harm when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.reduced = call, arguments

    def __reduce__(self):
        return self.reduced


def trial(seed: int, number: int, folder: Path) -> str:
    """Load a hostile checkpoint: it loads, or is refused in one line, and nothing in it is run."""
    name, content = mutant(seed, number)
    path, mark = folder / name, folder / "mark"
    path.write_bytes(content.replace(_MARK.encode(), str(mark).encode()))
    outcome = "loaded"
    try:
        if name.startswith("sam"):
            load_sam(path, CPU).embed([np.zeros((8, 8, 3), np.uint8)])
        else:
            YoloDetector(path, CPU)([np.zeros((32, 32, 3), np.uint8)])
    except ValueError as error:
        lines = len(str(error).splitlines())
        outcome = "refused" if lines == 1 else f"FAULT: {lines} lines: {error}"
    return "FAULT: code was run" if mark.exists() else outcome


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """A name and the content of a hostile checkpoint."""
    random = np.random.default_rng([seed, number])
    kind, suffix = (("sam", ".pth"), ("yolo", ".pt"))[int(random.integers(2))]
    whole, other = checkpoints()[kind], checkpoints()["yolo" if kind == "sam" else "sam"]
    hostile = _HOSTILE[int(random.integers(len(_HOSTILE)))]
    return f"{kind}{suffix}", hostile(whole, other, random)


def prepare() -> None:
    """Make what all trials start from, once, before they are run in processes of their own."""
    compute_alone_after_fork()
    for whole in checkpoints().values():
        for in_place in (False, True):
            _bomb(whole, in_place)


@lru_cache(maxsize=1)
def checkpoints() -> dict[str, bytes]:
    """A whole checkpoint of each kind."""
    return {"sam": _saved(random_sam().state_dict()), "yolo": _tiny_detector()}


def _tiny_detector() -> bytes:
    layers = {
        "nc": 3,
        "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]],
        "head": [[[0, 1, 2], 1, "Detect", ["nc"]]],
    }
    model = import_ultralytics().nn.tasks.DetectionModel(layers, ch=3, nc=3, verbose=False)
    model.names = {0: "person", 1: "dog", 2: "bus"}
    return _saved({"model": model.half(), "ema": None, "epoch": -1, "train_args": {"task": "detect"}})


def _saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _loaded(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), weights_only=False)


def _mutated_file(whole: bytes, other: bytes, random: Random) -> bytes:
    return mutated(whole, other, random)


def _mutated_member(whole: bytes, other: bytes, random: Random) -> bytes:
    """One member of the archive mutated, most often the pickle, with checksums that are right again."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(target, "w") as archive:
        names = source.namelist()
        pickles = [name for name in names if name.endswith("data.pkl")]
        chosen = pickles[0] if random.random() < 0.7 else names[int(random.integers(len(names)))]
        for name in names:
            content = source.read(name)
            archive.writestr(
                name, mutated(content, content, random) if name == chosen and content else content
            )
    return target.getvalue()


def _zip_bomb(whole: bytes, other: bytes, random: Random) -> bytes:
    """A member that unpacks to gigabytes, beside the others or in place of one."""
    return _bomb(whole, bool(random.random() < 0.5))


@lru_cache(maxsize=4)
def _bomb(whole: bytes, in_place: bool) -> bytes:
    target = io.BytesIO()
    quickly = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with zipfile.ZipFile(io.BytesIO(whole)) as source, quickly as archive:
        names = source.namelist()
        root = names[0].split("/")[0]
        bombed = next(name for name in names if "/data/" in name) if in_place else f"{root}/data/bomb"
        for name in names:
            if name != bombed:
                archive.writestr(name, source.read(name), zipfile.ZIP_STORED)
        with archive.open(bombed, "w", force_zip64=True) as member:
            for _ in range(2**6):
                member.write(bytes(2**24))
    return target.getvalue()


def _code(whole: bytes, other: bytes, random: Random) -> bytes:
    """Code in place of, or among, what should be there."""
    calls = (
        (os.system, f"touch {_MARK}"),
        (exec, f"open({_MARK!r}, 'w')"),
        (eval, f"open({_MARK!r}, 'w')"),
        (open, _MARK, "w"),
        (os.mkdir, _MARK),
    )
    call, *arguments = calls[int(random.integers(len(calls)))]
    code, content = _Code(call, *arguments), _loaded(whole)
    way = int(random.integers(4))
    if way == 0:
        return _saved(code)
    if way == 1:
        return pickle.dumps({"model": code})
    if way == 2 and "model" in content:
        content["model"].harm = code
        return _saved(content)
    return _saved({**content, "harm": code})


def _wrong_tensor(whole: bytes, other: bytes, random: Random) -> bytes:
    """One tensor of another shape, type or content."""
    content = _loaded(whole)
    state = content["model"].state_dict() if "model" in content else content
    name = list(state)[int(random.integers(len(state)))]
    tensor = state[name].float()
    wrong: tuple[Callable[[], Any], ...] = (
        lambda: torch.full_like(tensor, float("nan")),
        lambda: torch.full_like(tensor, float("inf")),
        lambda: tensor.new_zeros(()),
        lambda: tensor.new_zeros((0, *tensor.shape)),
        lambda: tensor.new_zeros((1,) * 60),
        lambda: torch.zeros(1).expand(2**20, 2**10, 2**10),
        lambda: tensor.new_zeros([2 * side for side in tensor.shape]),
        lambda: tensor.to(torch.complex64),
        lambda: tensor.to(torch.int8),
        lambda: tensor.to_sparse() if tensor.ndim else tensor,
        lambda: tensor.to("meta"),
        lambda: "no tensor",
        lambda: torch.nn.Parameter(tensor),
    )
    made = wrong[int(random.integers(len(wrong)))]()
    if "model" not in content:
        return _saved({**state, name: made})
    parent, _, leaf = name.rpartition(".")
    module = content["model"].get_submodule(parent)
    table = module._parameters if leaf in module._parameters else module._buffers
    table[leaf] = made
    return _saved(content)


def _wrong_names(whole: bytes, other: bytes, random: Random) -> bytes:
    """Tensors under other names, numbers that ask for giants, and class names of all kinds."""
    content = _loaded(whole)
    if "model" not in content:
        name = list(content)[int(random.integers(len(content)))]
        number = str(random.choice(["99999999", "7", "-1", "1e9", "01"]))
        return _saved({**content, name.replace("0", number): content[name]})
    names: tuple[Any, ...] = (
        {},
        {0: "one"},
        {0: "a", 1: "b", 7: "c"},
        {0: "a" * 300, 1: "b\nc", 2: "d\x00"},
        {0: "Dog", 1: "dog", 2: "dog"},
        {"x": "a", "y": "b", "z": "c"},
        {0: 1, 1: None, 2: b"c"},
        ["a", "b", "c"],
        "abc",
        None,
        {number: str(number) for number in range(100_000)},
        {0: "\ud800", 1: "=1+1", 2: "../../x"},
    )
    content["model"].names = names[int(random.integers(len(names)))]
    return _saved(content)


_HOSTILE = (_mutated_file, _mutated_member, _mutated_member, _zip_bomb, _code, _wrong_tensor, _wrong_names)
