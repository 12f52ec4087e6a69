"""Runs on a Ray cluster of several node processes whose workers, nodes and drivers are killed at random.

`python -m tests.torture.cluster_kills --count 50`; one cluster serves all trials.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import psutil

from sav.cluster.connection import the_ray
from tests.cluster.stub_models import picture
from tests.conftest import ROOT
from tests.torture.kills import UGLY, difference, half_files, staging_left, tree

PICTURES, POISON = 24, 7
KINDS = ("a worker", "two workers", "a node", "the driver", "the driver, asked to end", "nobody")
_LONGEST = 240.0


class Machines:
    """A head without room for workers, and two nodes with as many cores each."""

    def __init__(self, cpus: int = 1) -> None:
        the_ray()
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        self._cpus = cpus
        self._nodes = [self._cluster.add_node(num_cpus=cpus) for _ in range(2)]
        self.address = str(self._cluster.address)

    def kill_node(self, number: int) -> None:
        """Have a node be gone at once, and another come a moment later."""
        self._cluster.remove_node(self._nodes.pop(number), allow_graceful=False)
        self._nodes.append(self._cluster.add_node(num_cpus=self._cpus))

    def close(self) -> None:
        self._cluster.shutdown()


def workers() -> list[psutil.Process]:
    """The processes of this cluster that hold models."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(part.startswith("ray::Actor") for part in process.cmdline()):
                found.append(process)
    return found


def start(folder: Path, address: str, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.torture.cluster_run", str(folder), "--cluster", address, *more]
    log = (folder / "log").open("a")
    return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, text=True)


def trial(seed: int, number: int, folder: Path, machines: Machines) -> str:
    """Disturb a run, go on with it if that ended it, and look at what is there."""
    random = np.random.default_rng([seed, number])
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    _make_pictures(work)
    kind = KINDS[int(random.integers(len(KINDS)))]
    driver = start(work, machines.address)
    time.sleep(float(random.uniform(1.0, 9.0)))
    _disturb(kind, driver, machines, random)
    code = driver.wait(_LONGEST)
    if driver.returncode not in (0, 1) or "asked" in kind:
        if half_files(work / "out"):
            return f"FAULT: {kind}: half files {half_files(work / 'out')}"
        code = start(work, machines.address, "--resume").wait(_LONGEST)
    printed = (work / "log").read_text()
    problem = difference(tree(work / "out"), _wanted(folder, machines))
    ugly = [word for word in UGLY if word in printed]
    if code != 1 or problem or ugly or staging_left(work) or f"{POISON:02}.png: killed" not in printed:
        return f"FAULT: {kind}: {code} {problem} {ugly} {staging_left(work)} {printed[-1500:]}"
    return kind


def _disturb(
    kind: str, driver: subprocess.Popen[str], machines: Machines, random: np.random.Generator
) -> None:
    if "worker" in kind:
        for process in workers()[: 2 if kind.startswith("two") else 1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    elif kind == "a node":
        machines.kill_node(int(random.integers(2)))
    elif kind == "the driver":
        driver.kill()
    elif kind != "nobody":
        driver.send_signal(signal.SIGINT)


def _wanted(folder: Path, machines: Machines) -> dict[str, bytes]:
    """What a run that nobody disturbs gives."""
    want = folder / "want"
    if not want.exists():
        _make_pictures(want)
        start(want, machines.address, "--seconds", "0").wait(_LONGEST)
    return tree(want / "out")


def _make_pictures(folder: Path) -> None:
    (folder / "in").mkdir(parents=True)
    for number in range(PICTURES):
        image = picture(number, red=0 if number == POISON else None)
        cv2.imwrite(str(folder / "in" / f"{number:02}.png"), image)


def main(argv: list[str] | None = None) -> int:
    """Print what came of each; 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    tally: Counter[str] = Counter()
    machines = Machines()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(args.count):
                begun = time.monotonic()
                outcome = trial(args.seed, number, Path(folder), machines)
                tally[outcome if not outcome.startswith("FAULT") else "FAULT"] += 1
                print(f"{number}: {outcome} ({time.monotonic() - begun:.0f} s)", flush=True)
    finally:
        machines.close()
    print(dict(tally))
    return int("FAULT" in tally)


if __name__ == "__main__":
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    sys.exit(main())
