"""What many workers cost and gain: `python -m tools.bench.cluster scaling`, `... driver --pictures 100000`.

`scaling` has stand-in models that sleep as long as a GPU is at a picture, so that sixteen workers fit on two
cores: what is lost is lost by sharing out, not by computing. `driver` has no workers: it puts results in
place that lie ready, and tells what a picture costs the one who does that, and how much memory.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, partialmethod
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import psutil

from sav.cluster import pictures as sharing
from sav.cluster.connection import Cluster
from sav.cluster.pictures import share_pictures
from sav.cluster.placing import Share, Workers
from sav.cluster.pool import Pool
from sav.data.types import Frame
from sav.runs.events import Event, Note, Problem, Reached
from sav.runs.pictures.files import Made
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.putting import Ready
from sav.runs.pictures.results import PictureResults
from sav.runs.pictures.store import about_pictures
from sav.runs.report import Found
from sav.stages.overlap import batched
from sav.store.rows import Packed
from tools.bench import processes
from tools.bench.standins import StandIn

_STEPS = 10


def main(argv: list[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    scaling = commands.add_parser("scaling")
    scaling.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    scaling.add_argument("--seconds", type=float, default=0.16, help="that a picture takes")
    scaling.add_argument("--each", type=int, default=60, help="pictures a worker")
    scaling.add_argument("--size", type=int, nargs=2, default=(320, 240), metavar=("W", "H"))
    driver = commands.add_parser("driver")
    driver.add_argument("--pictures", type=int, default=100_000)
    driver.add_argument("--together", type=int, default=64, help="pictures that are put in place at once")
    driver.add_argument("--kilobytes", type=float, default=1.0, help="that the files of a picture have")
    args = parser.parse_args(argv)

    with tempfile.TemporaryDirectory() as folder:
        if args.command == "scaling":
            _scaling(args, Path(folder))
        else:
            _driver(args.pictures, args.together, int(args.kilobytes * 1000), Path(folder))
    return 0


def _scaling(args: argparse.Namespace, folder: Path) -> None:
    """How many pictures a second some workers do, once all of them are there."""
    (folder / "in").mkdir()
    width, height = args.size
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    for number in range(max(args.workers) * args.each):
        cv2.imwrite(str(folder / "in" / f"{number:06}.jpg"), image)
    pictures = sorted((folder / "in").iterdir())

    print("workers  pictures/s  efficiency  CPU, ms a picture:", ", ".join(processes.KINDS))
    single = 0.0
    with Cluster(cpus=max(args.workers), gpus=0) as cluster:
        for workers in args.workers:
            rate, cost = _rate(cluster, workers, pictures, args, folder / str(workers))
            single = single or rate / workers
            costs = "".join(f"{1000 * cost[kind]:10.2f}" for kind in processes.KINDS)
            print(f"{workers:7}  {rate:10.2f}  {rate / workers / single:10.3f}{costs}", flush=True)


def _rate(
    cluster: Cluster, number: int, pictures: list[Path], args: argparse.Namespace, out: Path
) -> tuple[float, dict[str, float]]:
    """Pictures a second, and seconds of each process' CPU a picture, once all workers are there."""

    @contextmanager
    def opened(workers: Workers) -> Iterator[tuple[Cluster, Share]]:
        yield cluster, Share(number, 1, 0)

    times: list[tuple[float, dict[str, float]]] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Reached):
            if not times or event.position == event.total:
                times.append((time.perf_counter(), processes.used()))
        elif isinstance(event, Problem) or (isinstance(event, Note) and "worker" not in event.line):
            print(event.line, file=sys.stderr)

    # How long the workers take to start is another matter.
    ready = partialmethod(Pool.ready, number)
    with mock.patch.object(sharing, "opened", opened), mock.patch.object(Pool, "ready", ready):
        some = pictures[: number * args.each]
        plan = plan_pictures(some, out, ["coco"], regions=False)
        load: Any = partial(StandIn, args.seconds)
        share_pictures(plan, load, Workers(number), on_event)
    (begin, before), (end, after) = times[0], times[-1]
    return len(some) / (end - begin), {
        kind: (after[kind] - before[kind]) / len(some) for kind in processes.KINDS
    }


def _driver(number: int, together: int, size: int, folder: Path) -> None:
    """What it costs to put the results of one picture in place, among ever more."""
    (folder / "in").mkdir()
    paths = [folder / "in" / f"{index:07}.jpg" for index in range(number)]
    for path in paths:
        path.touch()
    process, begun = psutil.Process(), time.perf_counter()
    base = process.memory_info().rss
    plan = plan_pictures(paths, folder / "out", ["coco", "labelme"], regions=False)
    standin = StandIn()
    (scene,) = standin.together([Frame(np.zeros((240, 320, 3), np.uint8), 0, "a.jpg")])
    results = PictureResults(plan, about_pictures(standin))  # type: ignore[arg-type]
    made = Made(
        ["our/", "mask/", "annotations/labelme/"], Packed.of(scene), Found().with_scene(scene), "1-0", {}
    )
    content = os.urandom(size // 3)
    fingerprint = f"{len(content)}-{hashlib.blake2b(content, digest_size=16).hexdigest()}"
    print(f"planned in {time.perf_counter() - begun:.1f} s, {_mib(process, base)}")
    print("pictures   ms a picture   of them CPU   memory over the start")
    with results.workshop() as workshop:
        for step in range(_STEPS):
            spent = used = 0.0
            some = range(number * step // _STEPS, number * (step + 1) // _STEPS)
            for group in batched(some, together):
                works = [_work(workshop / str(index), f"{index:07}", content) for index in group]
                begun, used_before = time.perf_counter(), time.process_time()
                stems = results.reserve(group)
                results.put_all(
                    [
                        Ready(index, stem, work, replace(made, prints=_prints(stem, fingerprint)), True)
                        for index, stem, work in zip(group, stems, works, strict=True)
                    ]
                )
                spent += time.perf_counter() - begun
                used += time.process_time() - used_before
            line = f"{some[-1] + 1:8}   {1000 * spent / len(some):12.2f}   {1000 * used / len(some):11.2f}"
            print(f"{line}   {_mib(process, base)}", flush=True)
    begun = time.perf_counter()
    results.finish()
    print(f"what tells of all of them: {time.perf_counter() - begun:.1f} s, {_mib(process, base)}")


def _names(stem: str) -> list[str]:
    """The files of a picture, by their paths from the folder of the results."""
    return [f"our/{stem}_our.jpg", f"mask/{stem}_mask.png", f"annotations/labelme/{stem}.json"]


def _prints(stem: str, fingerprint: str) -> dict[str, str]:
    return dict.fromkeys(_names(stem), fingerprint)


def _work(folder: Path, stem: str, content: bytes) -> Path:
    """What a worker has made of a picture."""
    for name in _names(stem):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(content)
    return folder


def _mib(process: psutil.Process, base: int) -> str:
    return f"{(process.memory_info().rss - base) / 2**20:.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
