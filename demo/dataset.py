"""Renders scenes once into a folder: SAM's pictures with part maps, and the detector's pictures with labels."""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from demo.render import Rendered, render
from demo.scene import CLASSES, Scene, make_scene
from demo.shapes import Entity

SIZE = (768, 512)
LONG_SIDE = 512
MIN_PIXELS = 200
"""Objects with fewer visible pixels than this, at `SIZE`, are no objects to anyone: too little is left to name."""

CLASS_NAMES = tuple(CLASSES.values())


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


def truth_of(scene: Scene, rendered: Rendered, min_pixels: int = MIN_PIXELS) -> Truth:
    """Numbers what is seen in a rendered scene, leaving out things of fewer than `min_pixels` visible pixels."""
    seen = np.bincount(rendered.entity_map.ravel(), minlength=len(scene.entities) + 1)
    kept = np.flatnonzero(seen >= min_pixels)
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
        new_thing[rendered.entity_map], new_part[rendered.part_map],
        tuple(entities[i].name for i in kept), np.array([entities[i].labelled for i in kept], bool),
        np.array([entities[i].track_id for i in kept], int), tuple(rendered.parts[i][1] for i in kept_parts),
        new_thing[owner[kept_parts]].astype(int) - 1,
    )


def boxes_of(label_map: np.ndarray, count: int) -> np.ndarray:
    """The boxes `(count, 4)` float (x0, y0, x1, y1; ends exclusive) around labels 1 to `count` of a map `(H, W)`."""
    boxes = np.full((count + 1, 4), (1e9, 1e9, -1, -1), float)
    rows, columns = np.nonzero(label_map)
    labels = label_map[rows, columns]
    np.minimum.at(boxes[:, 0], labels, columns)
    np.minimum.at(boxes[:, 1], labels, rows)
    np.maximum.at(boxes[:, 2], labels, columns + 1)
    np.maximum.at(boxes[:, 3], labels, rows + 1)
    return boxes[1:]


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


def write_scene(folder: Path, split: str, full_size: bool, seed: int) -> None:
    """Renders one scene into the folder, unless it is there already."""
    target = folder / split / "sam" / f"{seed:06d}.npz"
    if target.exists():
        return
    cv2.setNumThreads(1)
    scene = make_scene(seed, SIZE)
    rendered = render(scene)
    truth = truth_of(scene, rendered)
    picture, small = rendered.picture, (LONG_SIDE, round(SIZE[1] * LONG_SIDE / SIZE[0]))
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    (folder / split / "labels" / f"{seed:06d}.txt").write_text(yolo_label(truth))
    kind = [".png"] if full_size else [".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]]
    cv2.imwrite(str(folder / split / "images" / f"{seed:06d}{kind[0]}"), picture if full_size else shrunk, *kind[1:])
    maps = (truth.thing_map, truth.part_map)
    if not full_size:
        maps = tuple(cv2.resize(m, small, interpolation=cv2.INTER_NEAREST) for m in maps)  # type: ignore[assignment]
    temporary = target.with_suffix(".tmp.npz")
    np.savez(temporary, picture=cv2.cvtColor(picture if full_size else shrunk, cv2.COLOR_BGR2RGB), thing_map=maps[0], part_map=maps[1],
             thing_names=np.array(truth.thing_names), labelled=truth.labelled, part_names=np.array(truth.part_names),
             part_things=truth.part_things)
    os.replace(temporary, target)


def write_dataset(folder: Path, split: str, seeds: range, full_size: bool, jobs: int) -> None:
    """Renders the scenes of `seeds` into `folder/split`; `full_size` keeps pictures and maps as rendered."""
    for name in ("sam", "images", "labels"):
        (folder / split / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool:
        for done, _ in enumerate(pool.map(partial(write_scene, folder, split, full_size), seeds, chunksize=8), 1):
            if done % 100 == 0 or done == len(seeds):
                print(f"{split}: {done} of {len(seeds)} scenes", flush=True)
    names = {i: name for i, name in enumerate(CLASS_NAMES)}
    (folder / "street.yaml").write_text(json.dumps(
        {"path": str(folder.resolve()), "train": "train/images", "val": "val/images", "names": names}, indent=1))


def main() -> None:
    """Renders training scenes (seeds from 0) and validation scenes (seeds from 1 000 000)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the scenes go; scenes already there are kept")
    parser.add_argument("--train", type=int, default=3000, help="number of training scenes")
    parser.add_argument("--val", type=int, default=60, help="number of validation scenes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    write_dataset(args.folder, "val", range(1_000_000, 1_000_000 + args.val), False, args.jobs)
    write_dataset(args.folder, "train", range(args.train), False, args.jobs)


if __name__ == "__main__":
    main()
