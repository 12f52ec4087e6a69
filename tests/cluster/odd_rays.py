"""Runs on a Ray that is short of something, as programs: `python -m tests.cluster.odd_rays WHAT FOLDER`.

Ray is one a process, and these want it otherwise than all other tests.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from sav.cluster.connection import Cluster
from sav.commands import cli

# The least that Ray takes.
_LEAST_STORE = 75 << 20


def small_store(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a Ray whose store is small, and whose disk counts as full."""
    full = {"local_fs_capacity_threshold": 0.0001}
    return settings | {"object_store_memory": _LEAST_STORE, "_system_config": full}


def pictures(folder: Path) -> int:
    """Pictures whose workers see nothing of the driver's disk: files travel by Ray."""
    from sav.cluster.pictures import share_pictures
    from sav.cluster.placing import Workers
    from sav.runs.pictures.plan import plan_pictures
    from tests.cluster.stub_models import Blind, Slow

    paths = sorted((folder / "in").iterdir())
    plan = plan_pictures(paths, folder / "out", ["coco", "labelme"], regions=False)
    with cli.told() as on_event:
        return share_pictures(plan, Blind(Slow), Workers(2), on_event).status


def video(folder: Path) -> int:
    """One long video, whose frames travel by Ray."""
    from sav.cluster.long_video import share_video
    from sav.cluster.placing import Workers
    from sav.runs.videos.job import VideoJob
    from tests.cluster.walking import walking

    job = VideoJob(str(folder / "in"), folder / "out" / "v.mp4", tracker="bytetrack", formats=("coco",))
    with cli.told() as on_event:
        return share_video(job, partial(walking, folder), Workers(2), on_event).status


def run(args: argparse.Namespace) -> int:
    """Do it."""
    init = Cluster._init

    def small(self: Cluster, address: str, **settings: Any) -> None:
        init(self, address, **small_store(settings))

    Cluster._init = small  # type: ignore[method-assign]
    return {"pictures": pictures, "video": video}[args.what](args.folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("folder", type=Path)
    parser.set_defaults(debug=False)
    arguments = parser.parse_args()
    sys.exit(cli.script(lambda: cli.guarded(run, arguments)))
