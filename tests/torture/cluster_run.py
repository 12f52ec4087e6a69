"""The driver of a run on a cluster as a program of its own, with stand-in models, for `cluster_kills`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from sav.commands import cli

FORMATS = ["coco", "yolo", "labelme", "csv"]


def run(args: argparse.Namespace) -> int:
    """Do what seg.py does, with other models; what takes long to import waits until Ctrl-C is heard."""
    from sav.cluster.pictures import share_pictures
    from sav.cluster.placing import Workers
    from sav.runs.pictures.plan import plan_pictures
    from tests.cluster.stub_models import Mortal

    plan = plan_pictures(
        sorted((args.folder / "in").iterdir()),
        args.folder / "out",
        FORMATS,
        regions=False,
        resume=args.resume,
    )
    load = partial(Mortal, args.seconds, marks=args.folder)
    with cli.told() as on_event:
        return share_pictures(plan, load, Workers(args.workers, args.cluster), on_event).status


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cluster")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--resume", action="store_true")
    parser.set_defaults(debug=False)
    settings = parser.parse_args()
    sys.exit(cli.script(lambda: cli.guarded(run, settings)))
