"""What must be the same on all machines of a run, so that its results are."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

import sav

# Distributions that find, or make, what is in the results, under any of their names.
_PACKAGES = {
    "torch": ("torch",),
    "ultralytics": ("ultralytics",),
    "numpy": ("numpy",),
    "opencv": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "pillow": ("pillow",),
}


def versions() -> dict[str, str]:
    """What is installed here, by name; of PyTorch not for which device it was built."""
    found = {"segment-any-video": sav.__version__, "Python": platform.python_version().rpartition(".")[0]}
    for name, distributions in _PACKAGES.items():
        for distribution in distributions:
            try:
                found[name] = metadata.version(distribution).partition("+")[0]
            except metadata.PackageNotFoundError:
                continue
            break
    return found


def difference(wanted: Mapping[str, str], there: Mapping[str, str]) -> str:
    """The first thing that is not as it is wanted, in words; empty if all is."""
    for name, version in wanted.items():
        if there.get(name) != version:
            return f"{name} {there[name]}, not {version}," if name in there else f"no {name} {version}"
    return ""
