"""What the results of pictures are called."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

# Most bytes of a result's name before what each kind of result adds to it; file systems hold 255.
LONGEST_STEM = 180


def output_stems(pictures: Sequence[Path]) -> list[str]:
    """A name for each picture's results, without suffix; no two are the same, on any file system.

    A picture alone in having its stem keeps it; `a.jpg` and `a.png` become `a_jpg` and `a_png`. Names too
    long for what results add to them are cut and end in eight digits of their hash; what is not UTF-8 is
    replaced.
    """
    plain = [plain_stem(picture) for picture in pictures]
    shared = Counter(map(folded, plain))
    taken = {stem for stem, number in shared.items() if number == 1}
    stems = []
    for picture, stem in zip(pictures, plain, strict=True):
        if shared[folded(stem)] > 1:
            stem = own_stem(picture, lambda one: folded(one) in taken)
            taken.add(folded(stem))
        stems.append(stem)
    return stems


def plain_stem(picture: Path) -> str:
    """What the results of a picture are called that is alone in having its stem."""
    return _fit(readable(picture.stem))


def own_stem(picture: Path, is_taken: Callable[[str], bool]) -> str:
    """What those of another are called, so that no other's are."""
    stem = _fit(f"{readable(picture.stem)}_{readable(picture.suffix[1:])}")
    while is_taken(stem):
        stem += "_"
    return stem


def readable(name: str) -> str:
    """A file's name with what is not UTF-8 in it replaced, so that any file can hold it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def folded(stem: str) -> str:
    """The same for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", stem.casefold())


def _fit(stem: str) -> str:
    """The stem if it is short enough, else its beginning and a hash of all of it."""
    whole = stem.encode()
    if len(whole) <= LONGEST_STEM:
        return stem
    digest = hashlib.blake2b(whole, digest_size=4).hexdigest()
    return f"{whole[: LONGEST_STEM - 9].decode('utf-8', 'ignore')}_{digest}"
