"""Renders scenes once into a folder: pictures, labels for the detector, exact maps for SAM."""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import find_objects

from tools.world.render import Rendered, render
from tools.world.scene import CLASSES, Scene, make_scene
from tools.world.shapes import Entity

SIZE = (768, 512)
MIN_PIXELS = 200
"""Objects with fewer visible pixels than this, at `SIZE`, do not count: too little is left to name."""

FIRST_VALIDATION_SEED = 1_000_000
"""Seeds from here on are not for training."""

CLASS_NAMES = tuple(CLASSES.values())


def min_pixels(size: tuple[int, int]) -> int:
    """The fewest visible pixels of an object in a picture of `size` (width, height), in proportion."""
    return max(1, round(MIN_PIXELS * size[0] * size[1] / (SIZE[0] * SIZE[1])))


@dataclass(frozen=True)
class Truth:
    """What a rendered picture shows: things (whole objects and surroundings) and their parts.

    Attributes:
        thing_map: `(H, W)` uint16, index into the things plus 1; 0 is what is too small to count.
        part_map: `(H, W)` uint16, index into the parts plus 1.
        thing_names: Class name, or our own name for surroundings.
        labelled: `(things,)` bool, whether the detector has a name for it.
        track_ids: `(things,)` int, identity in a video; 0 for surroundings.
        part_names: Name of every part, such as "window".
        part_things: `(parts,)` int, index of the thing that the part belongs to.
    """

    thing_map: np.ndarray
    part_map: np.ndarray
    thing_names: tuple[str, ...]
    labelled: np.ndarray
    track_ids: np.ndarray
    part_names: tuple[str, ...]
    part_things: np.ndarray


def truth_of(scene: Scene, rendered: Rendered, smallest: int = MIN_PIXELS) -> Truth:
    """Numbers what is seen in a scene, leaving out things of fewer than `smallest` visible pixels."""
    seen = np.bincount(rendered.entity_map.ravel(), minlength=len(scene.entities) + 1)
    kept = np.flatnonzero(seen >= smallest)
    new_thing = np.zeros(len(seen), np.uint16)
    new_thing[kept] = np.arange(1, len(kept) + 1)
    owner = np.array([thing for thing, _, _ in rendered.parts])
    seen_parts = np.bincount(rendered.part_map.ravel(), minlength=len(owner))
    kept_parts = np.flatnonzero((seen_parts > 0) & (new_thing[owner] > 0))
    new_part = np.zeros(len(owner), np.uint16)
    new_part[kept_parts] = np.arange(1, len(kept_parts) + 1)
    sky = Entity("sky", ())
    entities = [sky, *scene.entities]
    return Truth(
        new_thing[rendered.entity_map],
        new_part[rendered.part_map],
        tuple(entities[i].name for i in kept),
        np.array([entities[i].labelled for i in kept], bool),
        np.array([entities[i].track_id for i in kept], int),
        tuple(rendered.parts[i][1] for i in kept_parts),
        new_thing[owner[kept_parts]].astype(int) - 1,
    )


NOWHERE = (1e9, 1e9, -1.0, -1.0)
"""The box around nothing: it ends before it begins."""


def boxes_of(label_map: np.ndarray, count: int) -> np.ndarray:
    """Boxes `(count, 4)` float (x0, y0, x1, y1; ends exclusive) around labels 1 to `count` of a map."""
    boxes = np.tile(NOWHERE, (count, 1))
    for box, found in zip(boxes, find_objects(label_map, count), strict=True):
        if found is not None:
            rows, columns = found
            box[:] = columns.start, rows.start, columns.stop, rows.stop
    return boxes


def yolo_label(truth: Truth) -> str:
    """The labels of a picture in YOLO's text form: class, centre and size as shares of the picture."""
    height, width = truth.thing_map.shape
    lines = []
    for (x0, y0, x1, y1), name, named in zip(
        boxes_of(truth.thing_map, len(truth.thing_names)), truth.thing_names, truth.labelled, strict=True
    ):
        if named:
            box = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
            lines.append(" ".join([str(CLASS_NAMES.index(name)), *(f"{v:.6f}" for v in box)]))
    return "".join(f"{line}\n" for line in lines)


def write_scene(folder: Path, size: tuple[int, int], seed: int) -> None:
    """Renders one scene into the folder, unless it is there already."""
    target = folder / "sam" / f"{seed:07d}.npz"
    if target.exists():
        return
    cv2.setNumThreads(1)
    scene = make_scene(seed, size)
    rendered = render(scene)
    truth = truth_of(scene, rendered, min_pixels(size))
    (folder / "labels" / f"{seed:07d}.txt").write_text(yolo_label(truth))
    cv2.imwrite(str(folder / "images" / f"{seed:07d}.jpg"), rendered.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    temporary = target.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        picture=cv2.cvtColor(rendered.picture, cv2.COLOR_BGR2RGB),
        thing_map=truth.thing_map,
        part_map=truth.part_map,
        thing_names=np.array(truth.thing_names),
        labelled=truth.labelled,
        part_names=np.array(truth.part_names),
        part_things=truth.part_things,
    )
    temporary.replace(target)


def write_dataset(folder: Path, split: str, seeds: range, jobs: int, size: tuple[int, int] = SIZE) -> None:
    """Renders scenes into `folder/split`: `images` and `labels` as YOLO wants them, `sam` with exact maps."""
    for name in ("sam", "images", "labels"):
        (folder / split / name).mkdir(parents=True, exist_ok=True)
    # A forked process would wait for ever for OpenCV's threads, which a fork does not take along.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(partial(write_scene, folder / split, size), seeds, chunksize=8), 1):
            if done % 100 == 0 or done == len(seeds):
                print(f"{split}: {done} of {len(seeds)} scenes", flush=True)


def write_listing(folder: Path, train: str, val: str) -> Path:
    """Writes the file that tells ultralytics where the pictures of two splits are, and the class names."""
    names = dict(enumerate(CLASS_NAMES))
    path = folder / "street.yaml"
    content = {
        "path": str(folder.resolve()),
        "train": f"{train}/images",
        "val": f"{val}/images",
        "names": names,
    }
    path.write_text(json.dumps(content, indent=1))
    return path


def main() -> None:
    """Renders training scenes (seeds from `--first`) and validation scenes (seeds from 1 000 000)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the scenes go; scenes already there are kept")
    parser.add_argument("--train", type=int, default=3000, help="number of training scenes")
    parser.add_argument(
        "--first", type=int, default=0, help="seed of the first training scene, for scenes not yet seen"
    )
    parser.add_argument("--val", type=int, default=60, help="number of validation scenes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    training = range(args.first, args.first + args.train)
    validation = range(FIRST_VALIDATION_SEED, FIRST_VALIDATION_SEED + args.val)
    if training.stop > FIRST_VALIDATION_SEED:
        parser.error(f"seeds from {FIRST_VALIDATION_SEED} on are not for training; take a smaller --first")
    write_dataset(args.folder, "val", validation, args.jobs)
    write_dataset(args.folder, "train", training, args.jobs)
    write_listing(args.folder, "train", "val")


if __name__ == "__main__":
    main()
