"""Torture at length: `python -m tests.torture pictures --count 20000`."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from datetime import date
from pathlib import Path

from tests.torture.watch import Limits, torture

KINDS = {
    "pictures": Limits(cpu_seconds=15),
    "videos": Limits(cpu_seconds=60),
    "sounds": Limits(cpu_seconds=60),
    "checkpoints": Limits(cpu_seconds=60),
    "settings": Limits(cpu_seconds=15),
    "picture_kills": Limits(cpu_seconds=60),
    "video_kills": Limits(cpu_seconds=60),
}


def main(argv: list[str] | None = None) -> int:
    """Print what came of it; 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, help="trials (default: until --seconds)")
    parser.add_argument("--seconds", type=float, help="for how long (default: 60, or until --count)")
    parser.add_argument("--seed", type=int, default=date.today().toordinal(), help="(default: by date)")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs of what is found")
    args = parser.parse_args(argv)

    seconds = args.seconds if args.count or args.seconds else 60.0
    kind = importlib.import_module(f"tests.torture.{args.kind}")
    kind.prepare()
    with tempfile.TemporaryDirectory() as folder:
        tally = torture(
            kind.trial, args.seed, Path(folder), args.count, seconds, KINDS[args.kind], args.first
        )
    for number, fault in tally.faults.items():
        print(f"seed {args.seed}, number {number}: {fault}")
        if args.keep and hasattr(kind, "mutant"):
            args.keep.mkdir(parents=True, exist_ok=True)
            name, content = kind.mutant(args.seed, number)
            (args.keep / f"{number}_{name}").write_bytes(content)
    print(f"{args.kind}, seed {args.seed}: {tally}")
    return int(bool(tally.faults))


if __name__ == "__main__":
    sys.exit(main())
