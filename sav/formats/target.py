"""What a writer is told before the first scene: where its files go, what they are about, what is wished."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sav.config import SaveOptions
from sav.data.scene import Scene
from sav.data.types import UNLABELLED, UNLABELLED_ID
from sav.media.pictures import SUFFIXES, output_stems
from sav.media.video import VideoInfo


@dataclass(frozen=True)
class Target:
    """Where the files of one run go and what they are about.

    Attributes:
        folder: An existing folder; what is written in it is seen by nobody until the run is over.
        categories: Every class that the detector knows, id to name.
        video: The video's properties; None for pictures.
        options: What is wished of single formats.
    """

    folder: Path
    categories: Mapping[int, str]
    video: VideoInfo | None = None
    options: SaveOptions = field(default_factory=SaveOptions)

    def stem(self, scene: Scene) -> str:
        """The name, without suffix, of the files about one scene."""
        if scene.frame.stem:
            return scene.frame.stem
        if self.video and scene.frame.name in self.video.stems:
            return self.video.stems[scene.frame.name]
        return output_stems([Path(scene.frame.name)])[0] or f"{scene.frame.index:06d}"

    def file_name(self, scene: Scene) -> str:
        """The picture that a scene is about: the user's own file, or what a video's frame is saved as."""
        name = scene.frame.name
        return name if Path(name).suffix.lower() in SUFFIXES else f"{self.stem(scene)}.jpg"

    @property
    def title(self) -> str:
        """A name for the video that is fit for a folder."""
        return re.sub(r"\W+", "_", Path(self.video.name).stem) or "video" if self.video else ""

    @property
    def class_ids(self) -> list[int]:
        """The detector's class ids in order."""
        return sorted(self.categories)

    @cached_property
    def numbers(self) -> dict[int, int]:
        """What files number each class by: its own id; the regions without a name come after the last."""
        last = max(self.categories, default=-1) + 1
        return {class_id: class_id for class_id in self.class_ids} | {UNLABELLED_ID: last}

    @cached_property
    def names(self) -> dict[int, str]:
        """What files call each class, by id, and last the regions without a name; no two are the same.

        Many programs know classes by name alone. So of classes with the same name all but the first get
        their number, `dog (7)`, and one without a name is `class 7`.
        """
        wanted = {class_id: self.categories[class_id] for class_id in self.class_ids}
        wanted[UNLABELLED_ID] = UNLABELLED
        reserved, taken, names = set(wanted.values()), set[str](), dict[int, str]()
        for class_id, name in wanted.items():
            chosen, number = name, self.numbers[class_id]
            if name in taken or not name.strip():
                chosen = f"{name} ({number})" if name.strip() else f"class {number}"
                while chosen in reserved:
                    chosen += "_"
            taken.add(chosen)
            names[class_id] = chosen
        return names
