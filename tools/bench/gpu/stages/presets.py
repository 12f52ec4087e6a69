"""Seconds a picture of the presets' models, as `python -m tools.bench.presets` measures them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from tools.bench import presets
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure


def figures(lab: Lab) -> Iterator[Figure]:
    args = Namespace(device=lab.options.device, runs=1 if lab.is_tiny else 3, busy=False)
    for name in ("light",) if lab.is_tiny else ("best", "balanced", "light"):
        lab.forget_models()
        named, everything, masks, memory = presets.row(presets.pairs()[name], args)
        models = " and ".join(presets.pairs()[name])
        note = f"with everything {1000 * everything:.0f} ms ({masks:.0f} masks); {memory:.1f} GB"
        yield Figure(f"preset {name}: {models}, named objects", 1000 * named, "ms a picture", note=note)
