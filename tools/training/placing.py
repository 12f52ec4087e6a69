"""One picture into ultralytics' form: checked, linked, its label file written where ultralytics looks for it.

ultralytics finds the labels of `.../images/A/B.jpg` at `.../labels/A/B.txt`; the last folder called `images`
counts. So both stand in a folder of ours, whatever the folders of the pictures are called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sav.files import named_errors
from tools.training import boxes as of_boxes
from tools.training.boxes import Boxes
from tools.training.checking import MISSING, UnfitPictureError, check_shape, picture_size
from tools.training.links import Links

IMAGES, LABELS = "images", "labels"
# Why a picture is left out that is sound in itself.
NOTHING_LEFT, LISTED_TWICE = "no boxes left", "listed twice"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that has annotations.

    Attributes:
        told: What the annotations call it.
        path: Where it lies; None if it was not found.
        folder: Under which name of ours its folder is linked.
        size_wh: Width and height that the annotations say; None if they do not.
        boxes: Its boxes.
    """

    told: str
    path: Path | None
    folder: str
    size_wh: tuple[int, int] | None
    boxes: Boxes


@dataclass(frozen=True, eq=False)
class Placed:
    """What became of a picture.

    Attributes:
        name: `FOLDER/FILE` below `images`; empty if it is left out.
        stamp: Size and time of the file that was checked; empty if it is left out.
        size_wh: Its width and height, as its annotations have it.
        boxes: Its sound boxes, crowds among them.
        defects: How many of its boxes had which defect, or why it is left out.
    """

    name: str = ""
    stamp: tuple[int, ...] = ()
    size_wh: tuple[int, int] = (0, 0)
    boxes: Boxes = field(default_factory=Boxes.none)
    defects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where pictures are brought.

    Attributes:
        work: The folder of ours that gets `images` and `labels`.
        links: How they get there.
        takes_empty: Whether a picture without boxes stays, as one that shows nothing of what is looked for.
    """

    work: Path
    links: Links
    takes_empty: bool = False

    def put(self, picture: Picture, known: tuple[int, ...] = ()) -> Placed:
        """Bring a picture and its labels.

        Args:
            picture: The picture.
            known: The stamp of its file when it was found sound before; it is not decoded again then.

        Raises:
            WriteError: It cannot be done.
        """
        try:
            size_wh, stamp = _checked(picture, known)
        except UnfitPictureError as reason:
            return Placed(defects={str(reason): 1})
        sound, defects = of_boxes.sound(picture.boxes, size_wh)
        single = of_boxes.without_crowds(sound, defects)
        if not len(single) and (not self.takes_empty or len(picture.boxes)):
            return Placed(defects={**defects, NOTHING_LEFT: 1})
        self._write(picture, of_boxes.label_text(single, size_wh))
        assert picture.path is not None
        return Placed(f"{picture.folder}/{picture.path.name}", stamp, size_wh, sound, defects)

    def _write(self, picture: Picture, text: str) -> None:
        """Link a picture and write its labels; what is there already stays as it is, with its time."""
        assert picture.path is not None
        self.links.bring(picture.path, self.work / IMAGES / picture.folder / picture.path.name)
        label = self.work / LABELS / picture.folder / f"{picture.path.name.rpartition('.')[0]}.txt"
        with named_errors(label):
            if not label.exists() or label.read_text(encoding="utf-8") != text:
                label.write_text(text, encoding="utf-8")

    def ready(self, folder: Path, name: str) -> None:
        """Have pictures of `folder` be brought under `name`.

        Raises:
            WriteError: It cannot be done.
        """
        self.links.bring_folder(folder, self.work / IMAGES / name)
        with named_errors(self.work / LABELS / name):
            (self.work / LABELS / name).mkdir(parents=True, exist_ok=True)


def _checked(picture: Picture, known: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, ...]]:
    """The size that the boxes are meant in, and the file's stamp; UnfitPictureError if it is unfit."""
    if picture.path is None:
        raise UnfitPictureError(MISSING)
    try:
        status = picture.path.stat()
    except OSError:
        raise UnfitPictureError(MISSING) from None
    stamp = (status.st_size, status.st_mtime_ns)
    if known == stamp and picture.size_wh is not None:
        return picture.size_wh, stamp
    seen = picture_size(picture.path)
    if picture.size_wh is not None:
        check_shape(seen, picture.size_wh)
    return picture.size_wh or seen, stamp


def folder_names(folders: list[Path], root: Path) -> dict[Path, str]:
    """A name for each folder that no other has, of one part: `train-patch0` for `train/patch0`."""
    names: dict[Path, str] = {}
    taken: Counter[str] = Counter()
    for folder in folders:
        inside = folder.relative_to(root).parts if folder.is_relative_to(root) else folder.parts[-2:]
        name = "-".join(part.strip("/\\:") for part in inside) or "pictures"
        taken[name.casefold()] += 1
        repeats = taken[name.casefold()]
        names[folder] = name if repeats == 1 else f"{name}~{repeats}"
    return names
