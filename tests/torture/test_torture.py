"""A while of each torture, with a seed by date; `python -m tests.torture` is the long run."""

import faulthandler
import importlib
import os
import time
from datetime import date

import psutil
import pytest

from tests.torture.__main__ import KINDS
from tests.torture.mutations import mutated
from tests.torture.watch import Limits, torture

SECONDS = float(os.environ.get("SAV_TORTURE_SECONDS", "60"))
SEED = int(os.environ.get("SAV_TORTURE_SEED", date.today().toordinal()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_falls(kind, tmp_path):
    module = importlib.import_module(f"tests.torture.{kind}")
    module.prepare()
    tally = torture(module.trial, SEED, tmp_path, seconds=SECONDS, limits=KINDS[kind])
    print(f"{kind}, seed {SEED}: {tally}")
    assert not tally.faults, f"python -m tests.torture {kind} --seed {SEED} --first NUMBER --count 1"
    assert tally.outcomes.total() > 0


def test_the_watch_sees_crashes_hangs_memory_and_tracebacks(tmp_path):
    most_mib = psutil.Process().memory_info().rss // 2**20 + 300

    def trial(seed, number, folder):
        match number:
            case 0:
                return "fine"
            case 1:
                raise ValueError("told in one line")
            case 2:
                raise KeyError("a traceback")
            case 3:
                faulthandler.disable()  # which would tell in the log of a crash that is meant
                os.abort()
            case 4:
                missing = most_mib - psutil.Process().memory_info().rss // 2**20 + 50
                kept = b"1" * (missing * 2**20)
                return str(time.sleep(len(kept)))
            case 5:
                raise ValueError("two\nlines")
            case _:
                while True:
                    pass

    tally = torture(trial, 0, tmp_path, count=6, limits=Limits(memory_mib=most_mib))
    assert tally.outcomes == {"fine": 1, "refused": 1, "fault": 4}
    assert "KeyError" in tally.faults[2]
    assert "SIGABRT" in tally.faults[3]
    assert "MiB" in tally.faults[4]
    assert "2 lines" in tally.faults[5]
    # Alone: on a busy machine a second may go by while memory is filled.
    hanging = torture(trial, 0, tmp_path, first=6, count=1, limits=Limits(cpu_seconds=1))
    assert "computing" in hanging.faults[6]


def test_a_seed_and_a_number_are_always_the_same_input():
    import numpy as np

    made = [mutated(bytes(range(256)) * 4, b"other" * 99, np.random.default_rng([1, 2])) for _ in range(2)]
    assert made[0] == made[1]
    changed = [mutated(bytes(999), b"x" * 99, np.random.default_rng([1, n])) != bytes(999) for n in range(50)]
    assert sum(changed) > 30
