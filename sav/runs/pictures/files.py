"""The files that a run makes of one picture: drawn, annotated, ready to be put in place by whoever may."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sav.config import SaveOptions
from sav.data.scene import Scene
from sav.folder.claims import fingerprints
from sav.formats.registry import FORMATS
from sav.formats.target import Target
from sav.looks import DrawConfig
from sav.runs.pictures.drawing import draw
from sav.runs.pictures.naming import content_of
from sav.runs.pictures.plan import ANNOTATIONS, PicturePlan
from sav.runs.report import Found
from sav.runs.saving import Writers
from sav.store.rows import Packed


@dataclass(frozen=True, eq=False)
class Made:
    """What a folder with a picture's files goes with.

    Attributes:
        places: The folders of the results that can be put in place out of it.
        rows: What was found, as it is stored.
        found: What was found, in numbers.
        content: What stands for the picture's content.
        prints: What stands for the content of each file, by its path from the folder.
    """

    places: Sequence[str]
    rows: Packed
    found: Found
    content: str
    prints: Mapping[str, str]


@dataclass(frozen=True)
class PictureFiles:
    """What is wanted of each picture; small, so that it can be sent to another process.

    Attributes:
        save_dir: Where the files are meant for.
        formats: The formats of the annotations.
        options: What is wished of single formats.
        drawn: The folders of `DRAWN` that are wanted.
        draw: What is drawn on the overlays, and how.
    """

    save_dir: Path
    formats: Sequence[str]
    options: SaveOptions = field(default_factory=SaveOptions)
    drawn: Sequence[str] = ()
    draw: DrawConfig = DrawConfig()

    @classmethod
    def of(cls, plan: PicturePlan) -> PictureFiles:
        """What a run wants."""
        return cls(plan.save_dir, plan.formats, plan.options, plan.drawn, plan.draw)

    def check(self, categories: Mapping[int, str]) -> None:
        """Raise SettingError if a format cannot hold what the detector knows."""
        target = Target(self.save_dir / ANNOTATIONS, categories, options=self.options)
        with tempfile.TemporaryDirectory() as folder:
            Writers(self.formats, target, Path(folder)).discard()

    def make(self, picture: Path, scene: Scene, stem: str, folder: Path, tell: Callable[[str], None]) -> Made:
        """Make all files of a picture in an empty folder, under the paths that they shall have.

        Args:
            picture: It.
            scene: What was found.
            stem: What their names begin with.
            folder: Where they are made.
            tell: Is called with a line about each that cannot be made.

        Raises:
            WriteError: The disk is full.
        """
        drawn = draw(self, scene, stem, folder, tell)
        places = [*drawn, *self._annotate(scene, stem, folder, tell)]
        rows, found = Packed.of(scene, is_measured=True), Found().with_scene(scene)
        return Made(places, rows, found, content_of(picture), fingerprints(folder))

    def write_formats(
        self,
        names: Sequence[str],
        scenes: Iterable[Scene],
        categories: Mapping[int, str],
        staging: Path,
        tell: Callable[[str], None],
    ) -> list[str]:
        """Write scenes in some formats, of which those that are whole are returned."""
        target = Target(self.save_dir / ANNOTATIONS, categories, options=self.options)
        writers = Writers(names, target, staging / ANNOTATIONS, tell)
        try:
            for scene in scenes:
                writers.write(scene)
            writers.close()
        except BaseException:
            writers.discard()
            raise
        return writers.names

    def _annotate(self, scene: Scene, stem: str, folder: Path, tell: Callable[[str], None]) -> list[str]:
        """Write the formats that have files of their own for each picture; what can be put in place."""
        names = [name for name in self.formats if FORMATS[name].each]
        alone = replace(scene, frame=replace(scene.frame, index=0, stem=stem))

        def tell_name(line: str) -> None:
            tell(f"{scene.frame.name}: {line}")

        whole = self.write_formats(names, [alone], scene.categories, folder, tell_name)
        for name in whole:
            for path in FORMATS[name].common:
                (folder / ANNOTATIONS / path).unlink(missing_ok=True)
        return [f"{ANNOTATIONS}/{place}/" for name in whole for place in FORMATS[name].places]
