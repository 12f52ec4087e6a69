"""What it costs to plan a run over many pictures: `python -m tools.bench.planning --pictures 1000000`.

With `--results` the pictures have results of an earlier run, which is planned again and gone on with. Files
are empty; seconds are of the processor, and memory is over what the program has at its start.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sav.data.types import Frame
from sav.folder.ledger import Claim, fingerprint
from sav.media.pictures import find_pictures
from sav.runs.pictures.plan import PicturePlan, plan_pictures
from sav.runs.pictures.results import PictureResults
from sav.runs.pictures.resuming import taken_over
from sav.runs.pictures.store import PictureStore, about_pictures
from sav.stages.overlap import batched
from sav.store.rows import Packed
from tools.bench.standins import StandIn

_FORMATS = ("coco", "labelme")


def main(argv: list[str] | None = None) -> int:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--results", action="store_true", help="have results of all of them beforehand")
    parser.add_argument("--folder", type=Path, help="where that is, for example in memory")
    args = parser.parse_args(argv)

    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        pictures, out = Path(folder, "in"), Path(folder, "out")
        pictures.mkdir()
        for number in range(args.pictures):
            (pictures / f"{number:07}.jpg").touch()
        if args.results:
            _make_results(_planned(pictures, out))
        with _measured("found"):
            found = find_pictures([str(pictures)])
        with _measured("planned"):
            plan = plan_pictures(found, out, _FORMATS, regions=False, resume=True)
        if args.results:
            with _measured("gone on with"):
                results = PictureResults(plan, about_pictures(StandIn()))  # type: ignore[arg-type]
                _, todo = taken_over(plan, results, lambda event: None)
            print(f"{len(todo)} to do")
    return 0


def _planned(pictures: Path, out: Path) -> PicturePlan:
    return plan_pictures(find_pictures([str(pictures)]), out, _FORMATS, regions=False)


def _make_results(plan: PicturePlan) -> None:
    """Empty files of each picture, known to the ledger and the store as those of a run."""
    about = about_pictures(StandIn())  # type: ignore[arg-type]
    store, ledger = PictureStore(plan.output.ledger, about), plan.output.ledger
    (scene,) = StandIn().together([Frame(np.zeros((240, 320, 3), np.uint8), 0, "a.jpg")])
    packed, content = Packed.of(scene, is_measured=True), fingerprint(plan.pictures[0])
    for place in (*plan.places, "annotations"):
        (plan.save_dir / place).mkdir(parents=True, exist_ok=True)
    for some in batched(range(len(plan.pictures)), 1000):
        known = {plan.stems[number]: plan.stems.known_by(number, content) for number in some}
        ledger.write_all({stem: _claim(plan, stem, content, about) for stem, about in known.items()})
        store.add_all([(stem, packed, about) for stem, about in known.items()])
    store.close()
    ledger.close()


def _claim(plan: PicturePlan, stem: str, content: str, about: dict[str, str]) -> Claim:
    names = (f"our/{stem}_our.jpg", f"mask/{stem}_mask.png", f"annotations/labelme/{stem}.json")
    for name in names:
        (plan.save_dir / name).touch()
    return Claim(dict.fromkeys(names, (content,)), about)


@contextmanager
def _measured(name: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    print(f"{name}: {time.process_time() - begun:.1f} s, {_peak() - _START:.0f} MiB at most", flush=True)


def _peak() -> float:
    """The most memory that this process had so far, in MiB."""
    unit = 1 << (20 if sys.platform == "darwin" else 10)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


_START = _peak()


if __name__ == "__main__":
    sys.exit(main())
