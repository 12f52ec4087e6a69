"""Names out of the catalogue on disk are those that lists and dicts gave, whatever the ledger knows."""

import os
import random
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from sav.folder.guarded import identities
from sav.media.pictures.names import output_stems, plain_stem
from sav.runs.pictures import naming
from sav.runs.pictures.catalogue import Catalogue, Inputs, Sources
from sav.runs.pictures.stems import Stems

OUT = Path("/nowhere/out")
LONG = "m" * 200
NAMES = ["a", "A", "b", "ä", "a\u0308", "a_jpg", "a_png", "a_jpg_", LONG, f"{LONG}x", "\udce9", "\udce8"]


class Claims:
    """A ledger in memory: about of each key, and whether any file is left."""

    folder = OUT

    def __init__(self, table, left):
        self.table, self.left = table, left

    def keys(self):
        return iter(sorted(self.table))

    def about(self, key):
        return self.table.get(key, {})

    def key_of(self, source):
        return next((key for key in self.keys() if self.table[key].get("source") == source), None)

    def keys_named(self, name):
        return [key for key in self.keys() if self.table[key].get("name") == name]

    def keys_like(self, key):
        return [other for other in self.keys() if folded(other) == folded(key)]

    def has_files(self, key):
        return key in self.left


def folded(stem):
    return unicodedata.normalize("NFC", stem.casefold())


def stems_by_lists(pictures, others):
    """The plain way to what `output_stems` gives, where others have names already."""
    plain = [plain_stem(picture) for picture in pictures]
    shared = Counter([*map(folded, plain), *map(folded, others)])
    taken = {stem for stem, number in shared.items() if number == 1} | set(map(folded, others))
    stems = []
    for picture, stem in zip(pictures, plain, strict=True):
        if shared[folded(stem)] > 1:
            stem = plain_stem(Path(f"{picture.stem}_{picture.suffix[1:]}.x"))
            while folded(stem) in taken:
                stem += "_"
            taken.add(folded(stem))
        stems.append(stem)
    return stems


def planned_by_lists(pictures, sources, claims, vanished, content_of):
    """The plain way to what `name_pictures` gives: names and owners."""
    about = {key: claims[key] for key in sorted(claims) if key not in vanished}
    by_source = {known.get("source"): key for key, known in about.items()}
    stems = {
        path: by_source[source] for path, source in zip(pictures, sources, strict=True) if source in by_source
    }
    free = {key: known for key, known in about.items() if known.get("source") not in sources}
    for path in pictures:
        same = [key for key, known in free.items() if known.get("name") == path.name]
        found = content_of(path) if same and path not in stems else ""
        moved = next((key for key in same if found and free[key].get("content") == found), None)
        if moved is not None:
            stems[path] = moved
            del free[moved]
    others = [path for path in pictures if path not in stems]
    stems.update(zip(others, stems_by_lists(others, about), strict=True))
    names = [stems[path] for path in pictures]
    return names, [about.get(stem, {}).get("source") for stem in names]


def random_case(chance):
    folders = [Path("/nowhere", name) for name in ("p", "q", "out")]
    names = [f"{name}{suffix}" for name in NAMES for suffix in (".jpg", ".png", ".JPG")]
    every = [folder / name for folder in folders for name in names]
    pictures = chance.sample(every, chance.randrange(1, 12))
    find = Sources(OUT)
    keys = chance.sample([plain_stem(path) for path in every], chance.randrange(5))
    known = chance.sample(list(dict.fromkeys([*pictures, *chance.sample(every, 4)])), 4)
    table = {
        key: {"name": path.name, "source": find.of(path), "content": chance.choice(["", "1", "2"])}
        for key, path in zip(keys, known, strict=False)
    }
    for key, about in table.items():
        if chance.random() < 0.3:
            about["source"] = f"../moved/{key}/{about['name']}"
    left = {key for key in table if chance.random() < 0.8}
    return pictures, table, left


@pytest.mark.parametrize("seed", range(4))
def test_names_and_owners_are_those_of_lists(seed, monkeypatch):
    chance = random.Random(seed)
    for _ in range(100):
        pictures, table, left = random_case(chance)
        contents = {path: chance.choice(["", "1", "2"]) for path in pictures}
        monkeypatch.setattr(naming, "content_of", contents.__getitem__)
        joined = [Path(os.sep)] if chance.random() < 0.3 else []
        catalogue = Catalogue(pictures, OUT, lambda source: False)
        stems = Stems(catalogue, Claims(table, left), joined)

        vanished = set() if joined else table.keys() - left
        sources = [Sources(OUT).of(path) for path in pictures]
        names, owners = planned_by_lists(pictures, sources, table, vanished, contents.__getitem__)
        assert set(stems.vanished) == vanished
        assert list(catalogue.paths) == pictures
        assert list(catalogue.sources) == sources
        assert list(stems) == names
        assert [catalogue.owner(number) for number in range(1, len(names) + 1)] == owners
        assert all(name in stems for name in names)
        assert not any(key in stems for key in table if key not in names)


def test_the_names_of_a_few_are_those_of_lists():
    chance = random.Random(0)
    for _ in range(200):
        pictures, _, _ = random_case(chance)
        assert output_stems(pictures) == stems_by_lists(pictures, ())


def test_names_come_out_the_same_where_all_are_shared():
    pictures = [Path(f"/nowhere/{folder}/{name}.jpg") for folder in range(3) for name in range(1500)]
    stems = Stems(Catalogue(pictures, OUT, lambda source: False), Claims({}, set()), [])
    assert list(stems) == stems_by_lists(pictures, [])


def test_a_picture_that_is_given_twice_counts_once():
    pictures = [Path("/nowhere/p/a.jpg"), Path("/nowhere/p/b.jpg"), Path("/nowhere/q/../p/a.jpg")]
    catalogue = Catalogue(pictures, OUT, lambda source: source.endswith("b.jpg"))
    assert list(catalogue.paths) == pictures[:1]
    assert list(catalogue.left_out) == ["../p/b.jpg"]


def test_inputs_are_known_by_what_they_are_links_to(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "c.jpg").touch()
    found = {path: identities(path) for path in tmp_path.iterdir()}
    inputs = Inputs([tmp_path / "b.jpg", tmp_path / "gone.jpg"])
    assert all(one in inputs for name in ("a.jpg", "b.jpg") for one in found[tmp_path / name])
    assert not any(one in inputs for one in found[tmp_path / "c.jpg"])
