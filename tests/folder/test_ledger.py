import contextlib
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sav.errors import ResultsError, SettingError, WriteError
from sav.folder import older_ledger
from sav.folder.ledger import RUN, STATE, Claim, Ledger
from sav.sqlite import files
from tests.conftest import cases


def claim(*paths: str, **about: str) -> Claim:
    return Claim(dict.fromkeys(paths, ("1-ab",)), about)


def hidden(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / STATE).rglob("*") if path.is_file()}


def spoil(folder: Path, content: bytes) -> None:
    (folder / STATE).mkdir(parents=True, exist_ok=True)
    (folder / STATE / "ledger.sqlite").write_bytes(content)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_what_is_written_is_there_for_every_process_at_once(out):
    here, there = Ledger(out), Ledger(out)
    written = Claim({"our/ü.jpg": ("1-a", "2-b"), os.fsdecode(b"\xff.txt"): ("3-c",)}, {"name": "ü.png"})
    here.write("ü", written)
    assert there.claim("ü") == written and "ü" in there and "a" not in there
    there.write("ü", replace(written, files={}))
    assert here.claim("ü").files == {}
    here.drop("ü")
    assert there.claim("ü") == Claim() and "ü" not in there


def test_several_claims_are_written_in_one_step_or_none_is(out):
    ledger = Ledger(out)
    with pytest.raises(AttributeError):
        ledger.write_all({"a": claim("a.txt"), "b": None})
    assert not list(ledger.keys())
    ledger.write_all({"b": claim("b.txt"), RUN: claim("all.txt"), "a": claim("a.txt")})
    assert list(ledger.keys()) == ["a", "b"]


def test_keys_come_in_order_also_many_and_while_others_are_written(out, monkeypatch):
    monkeypatch.setattr("sav.folder.ledger._PAGE", 3)
    ledger = Ledger(out)
    names = sorted(["b", "B", "ä", "\U0001f600", *map(str, range(12))])
    ledger.write_all({name: claim(name) for name in [*names, RUN]})
    seen = []
    for key in ledger.keys():  # noqa: SIM118
        ledger.write(key, claim(f"{key}.txt"))
        seen.append(key)
    assert seen == names


def test_claims_are_found_by_what_is_remembered_of_them(out):
    ledger = Ledger(out)
    ledger.write("a", claim(name="a.png", source="in/a.png", classes="1"))
    ledger.write("b", claim(name="a.png", source=os.fsdecode(b"\xff/a.png"), classes="2"))
    ledger.write_all({"c": claim(name="c.png", classes="3"), "d": claim(), RUN: claim(classes="3")})
    assert ledger.keys_named("a.png") == ["a", "b"] and not ledger.keys_named("b.png")
    assert ledger.key_of(os.fsdecode(b"\xff/a.png")) == "b" and ledger.key_of("a.png") is None
    assert list(ledger.keys_besides("2")) == ["a", "c"]
    assert ledger.keys_like("A") == ["a"] and ledger.keys_like("") == []


def test_a_file_belongs_to_the_claim_that_named_it_last(out):
    ledger = Ledger(out)
    ledger.write("a", claim("1.txt", "2.txt"))
    ledger.write("b", claim("1.txt"))
    assert list(ledger.claim("a").files) == ["2.txt"] and list(ledger.claim("b").files) == ["1.txt"]


def test_looking_leaves_the_disk_as_it_is(out):
    assert Ledger(out).claim("a") == Claim() and not out.exists()
    writer = Ledger(out)
    writer.write("a", claim("a.txt"))
    writer.close()
    before = hidden(out)
    assert list(before) == ["ledger.sqlite"]
    reader = Ledger(out)
    assert list(reader.keys()) == ["a"]
    reader.close()
    assert hidden(out) == before


def test_nothing_is_left_beside_it_whoever_closes_it_last(out):
    Ledger(out).write("a", claim("a.txt"))
    for close_first in (0, 1):
        both = writer, reader = Ledger(out), Ledger(out)
        assert "a" in reader
        writer.write("b", claim("b.txt"))
        assert "b" in reader
        both[close_first].close()
        both[1 - close_first].close()
        assert list(hidden(out)) == ["ledger.sqlite"]


def test_one_that_says_nothing_goes_unless_somebody_else_is_at_it(out):
    one, other = Ledger(out), Ledger(out)
    for ledger in (one, other):
        ledger.write("a", claim())
        ledger.drop("a")
    one.close()
    other.write("b", claim("b.txt"))
    other.close()
    assert list(Ledger(out).keys()) == ["b"]
    other.drop("b")
    other.close()
    assert not hidden(out)


def test_a_hidden_folder_that_another_process_removes_at_that_moment_is_made_again(out, monkeypatch):
    open_, opened = os.open, []

    def removed_before(path, flags, **more):
        if path == out / STATE and len(opened) < 2:
            opened.append(path)
            if len(opened) == 1:
                path.rmdir()
            else:
                descriptor = open_(path, flags, **more)
                path.rmdir()
                return descriptor
        return open_(path, flags, **more)

    monkeypatch.setattr(os, "open", removed_before)
    Ledger(out).write("a", claim("a.txt"))
    assert len(opened) == 2 and list(Ledger(out).keys()) == ["a"]


@pytest.mark.parametrize("is_on_a_network", [False, True])
@pytest.mark.parametrize("is_written", [True, False])
def test_one_whose_file_somebody_removes_is_written_anew_with_a_note(
    out, monkeypatch, caplog, is_on_a_network, is_written
):
    monkeypatch.setattr(files, "_is_on_a_network", lambda folder: is_on_a_network)
    Ledger(out).write_all({"a": claim("a.txt", name="a.png"), RUN: claim("all.txt")})
    ledger, other = Ledger(out), Ledger(out)
    if is_written:
        ledger.write("b", claim("b.txt"))
    shutil.rmtree(out)
    ledger.write("c", claim("c.txt"))
    other.write("d", claim("d.txt"))
    keys = ["a", *(["b"] if is_written else []), "c", "d"]
    assert list(Ledger(out).keys()) == keys
    assert (Ledger(out).claim("a"), Ledger(out).claim(RUN)) == (
        claim("a.txt", name="a.png"),
        claim("all.txt"),
    )
    (line,) = caplog.messages
    assert "ledger.sqlite, which says which files are ours, was removed while" in line


def test_what_is_in_the_place_of_one_that_was_removed_stays_if_it_is_newer(out, caplog):
    ledger = Ledger(out)
    ledger.write_all({"a": claim("a.txt"), "b": claim("b.txt")})
    shutil.rmtree(out)
    Ledger(out).write("b", claim("newer.txt"))
    ledger.write("c", claim("c.txt"))
    there = Ledger(out)
    assert {key: list(there.claim(key).files) for key in there.keys()} == {  # noqa: SIM118
        "a": ["a.txt"],
        "b": ["newer.txt"],
        "c": ["c.txt"],
    }
    assert len(caplog.messages) == 1


def test_one_that_said_nothing_and_is_gone_is_not_told_of(out, caplog):
    ledger = Ledger(out)
    ledger.write("a", claim())
    shutil.rmtree(out)
    ledger.write("b", claim("b.txt"))
    assert list(Ledger(out).keys()) == ["b"] and not caplog.messages


def test_it_works_where_the_file_system_has_no_way_for_wal(out, monkeypatch):
    monkeypatch.setattr(files, "_is_on_a_network", lambda folder: True)
    here, there = Ledger(out), Ledger(out)
    here.write("a", claim("a.txt"))
    there.write("b", claim("b.txt"))
    assert list(here.keys()) == ["a", "b"]
    here.drop("a", "b")
    here.close()
    there.write("c", claim("c.txt"))
    assert list(Ledger(out).keys()) == ["c"]


@cases("content", [b"no ledger at all" * 100, b"SQLite format 3\0" + bytes(range(256)) * 40], quick=1)
def test_what_is_no_ledger_is_told_with_what_to_do(out, content):
    spoil(out, content)
    with pytest.raises(ResultsError, match=r"ledger\.sqlite, which says which files are ours, is"):
        Ledger(out)
    assert hidden(out) == {"ledger.sqlite": content}


def test_a_damaged_ledger_is_told_with_what_becomes_of_the_files(out):
    ledger = Ledger(out)
    ledger.write_all({str(number): claim(f"{number}.txt") for number in range(500)})
    ledger.close()
    whole = hidden(out)["ledger.sqlite"]
    spoil(out, whole[:8192] + bytes(len(whole) - 8192))
    with pytest.raises(ResultsError, match=r"is damaged: move it away .the files .* then count as yours"):
        list(Ledger(out).keys())


def test_a_ledger_of_another_kind_or_of_a_newer_version_is_told(out):
    for statement, said in (
        ("PRAGMA application_id = 7", "is no ledger"),
        ("PRAGMA user_version = 99", "newer version of this program: update it"),
    ):
        ledger = Ledger(out)
        ledger.write("a", claim("a.txt"))
        ledger.close()
        with sqlite3.connect(out / STATE / "ledger.sqlite") as database:
            database.execute(statement)
        database.close()
        with pytest.raises(ResultsError, match=said):
            Ledger(out)
        (out / STATE / "ledger.sqlite").unlink()


def test_an_empty_file_as_a_kill_may_leave_it_is_a_ledger_that_says_nothing(out, caplog):
    spoil(out, b"")
    ledger = Ledger(out)
    assert not caplog.messages  # another process may be making it
    os.utime(out / STATE / "ledger.sqlite", (0, 0))
    assert not list(ledger.keys()) and not list(Ledger(out).keys())
    (line,) = caplog.messages
    assert line.endswith("ledger.sqlite, which says which files are ours, is empty, and begun anew")
    ledger.write("a", claim("a.txt"))
    assert list(Ledger(out).keys()) == ["a"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "is a folder"),
        (getattr(os, "mkfifo", None), "is no file"),
        (lambda path: path.symlink_to("nowhere"), "is a link that leads nowhere"),
        (lambda path: path.symlink_to(path.name), "is a link that leads nowhere"),
    ],
)
def test_what_is_no_file_is_told_with_what_to_do(out, make, said):
    (out / STATE).mkdir(parents=True)
    if make is None:
        pytest.skip("this system has no pipes")
    make(out / STATE / "ledger.sqlite")
    with pytest.raises(ResultsError, match=rf"ledger\.sqlite, .* {said}: move it away"):
        Ledger(out)


def ask_all(ledger: Ledger) -> None:
    """Ask for all, and write; that it is damaged may be said, with what to do."""
    for ask in (
        lambda: (list(ledger.keys()), ledger.claim("a"), list(ledger.keys_besides("1"))),
        lambda: ledger.looks_ours(ledger.folder / "a.txt"),
        lambda: ledger.write("b", claim("b.txt")),
    ):
        with contextlib.suppress(ResultsError):
            ask()
    ledger.close()


@pytest.mark.parametrize("value", ["NULL", "7", "1.5", "'text'", "x'ff'", "CAST(x'ff' AS TEXT)", "x'00'"])
def test_values_of_a_wrong_type_are_damage(out, value):
    columns = ("key", "folded", "time", "name", "source", "classes", "looks")
    for table, column in [("files", "path"), ("files", "prints"), *(("claims", name) for name in columns)]:
        ledger = Ledger(out)
        ledger.write("a", claim("a.txt", name="a.png", source="a", classes="1", looks=""))
        ledger.close()
        with sqlite3.connect(out / STATE / "ledger.sqlite") as database:
            database.execute(f"CREATE TABLE more AS SELECT * FROM {table}")  # without what SQLite sees to
            database.execute(f"DROP TABLE {table}")
            database.execute(f"ALTER TABLE more RENAME TO {table}")
            database.execute(f"UPDATE {table} SET {column} = {value}")
        database.close()
        ask_all(Ledger(out))
        shutil.rmtree(out)


def test_numbers_and_blobs_are_no_names(out):
    ledger = Ledger(out)
    ledger.write("a", claim("a.txt"))
    ledger.close()
    with sqlite3.connect(out / STATE / "ledger.sqlite") as database:
        database.execute("UPDATE files SET path = 'a.txt'")
    database.close()
    with pytest.raises(ResultsError, match="is damaged: move it away"):
        Ledger(out).claim("a")


def test_a_path_that_is_longer_than_sqlite_takes_is_told_at_once(tmp_path):
    out = tmp_path
    while len(os.fsencode(out)) < 440:
        out /= "ü" * 15
    Ledger(out).write("a", claim("a.txt"))
    assert list(Ledger(out).keys()) == ["a"]
    with pytest.raises(SettingError, match=r"SQLite takes 504: give a folder for the results that has a sho"):
        Ledger(out / ("a" * 60))


def test_one_that_cannot_be_written_is_named(out, monkeypatch):
    ledger = Ledger(out)
    ledger.write("a", claim("a.txt"))
    ledger._file.begin().execute("PRAGMA query_only = ON")
    with pytest.raises(WriteError, match=r"cannot write .*ledger\.sqlite") as told:
        ledger.write("b", claim("b.txt"))
    assert told.value.is_final


# What the last version without a database wrote for `all.txt`, and for `labels/ü.txt` the second time.
OLDER = {
    "run.json": """{
 "about": {
  "classes": "1",
  "writer": "f00"
 },
 "files": {
  "all.txt": [
   "6-450be3c4738f89ddfebcb5c6e57fe93b"
  ]
 }
}""",
    "pictures/ü.json": r"""{
 "about": {
  "classes": "1",
  "content": "",
  "looks": "",
  "name": "\u00fc.png",
  "source": "../in/\udcff/\u00fc.png"
 },
 "files": {
  "labels/\u00fc.txt": [
   "6-4f49712979d09be0375cea93f20dbe8b",
   "10-e3fe914f5c83bfe0da31e89dcfa1feff"
  ]
 }
}""",
}


@pytest.fixture
def older(out):
    """A folder of results as an earlier version left it."""
    for folder in ("labels", f"{STATE}/pictures"):
        (out / folder).mkdir(parents=True)
    (out / "all.txt").write_text("of all")
    (out / "labels" / "ü.txt").write_text("of one")
    for name, text in OLDER.items():
        (out / STATE / name).write_text(text)
    return out


def test_a_ledger_of_an_earlier_version_is_read_and_left_as_it_is(older):
    before = hidden(older)
    ledger = Ledger(older)
    assert list(ledger.keys()) == ["ü"] and ledger.about(RUN) == {"classes": "1"}
    assert ledger.looks_ours(older / "labels" / "ü.txt") and ledger.as_written(older / "all.txt")
    assert ledger.claim("ü").files["labels/ü.txt"][1].startswith("10-")
    assert ledger.key_of(os.fsdecode(b"../in/\xff/\xc3\xbc.png")) == "ü"
    assert hidden(older) == before


def test_a_ledger_of_an_earlier_version_is_brought_over_with_the_first_writing(older):
    ledger = Ledger(older)
    before = {key: ledger.claim(key) for key in (RUN, "ü")}
    ledger.write("b", claim("b.txt"))
    ledger.close()
    assert list(hidden(older)) == ["ledger.sqlite"] and not (older / STATE / "pictures").exists()
    again = Ledger(older)
    assert list(again.keys()) == ["b", "ü"]
    assert {key: again.claim(key) for key in (RUN, "ü")} == before
    assert again.looks_ours(older / "labels" / "ü.txt")


def test_after_a_kill_while_it_is_brought_over_nothing_is_lost(older):
    kept = hidden(older)
    Ledger(older).write("b", claim("b.txt"))
    (older / STATE / "pictures").mkdir()
    (older / STATE / "pictures" / "ü.json").write_bytes(kept["ü.json"])
    assert list(Ledger(older).keys()) == ["b", "ü"]
    Ledger(older).write("c", claim("c.txt"))
    assert list(Ledger(older).keys()) == ["b", "c", "ü"] and "ü.json" not in hidden(older)


@pytest.mark.parametrize("text", ["{" * 10_000, '{"files": {"a.txt": 7}, "about": {}}'])
def test_a_damaged_part_of_an_earlier_ledger_makes_its_files_the_users(older, caplog, text):
    older_ledger._tell_damaged.cache_clear()  # a folder of the test before may have had the same name
    (older / STATE / "run.json").write_text(text)
    assert list(Ledger(older).keys()) == ["ü"]
    assert not Ledger(older).looks_ours(older / "all.txt")
    Ledger(older).write("b", claim("b.txt"))
    (line,) = caplog.messages
    assert line.endswith("run.json is damaged; the files that it tells of count as yours")


def test_a_damaged_part_of_an_earlier_ledger_is_kept_under_another_name(older):
    (older / STATE / "run.json").write_text("{")
    Ledger(older).write("b", claim("b.txt"))
    assert hidden(older)["run.json.damaged"] == b"{"
    assert list(Ledger(older).keys()) == ["b", "ü"]


def test_a_part_of_an_earlier_ledger_that_is_put_back_does_not_replace_what_is_newer(older):
    kept = hidden(older)["ü.json"]
    Ledger(older).write("ü", claim("ü.txt"))
    path = older / STATE / "pictures" / "ü.json"
    path.parent.mkdir()
    path.write_bytes(kept)
    os.utime(path, (0, 0))
    assert Ledger(older).claim("ü") == claim("ü.txt")
    Ledger(older).write("c", claim("c.txt"))
    assert Ledger(older).claim("ü") == claim("ü.txt") and not path.exists()


@pytest.mark.parametrize("name", ["run.json", "pictures/ü.json"])
def test_a_part_of_an_earlier_ledger_that_cannot_be_read_is_told_with_what_to_do(older, name):
    (older / STATE / name).unlink()
    (older / STATE / name).mkdir()
    with pytest.raises(
        ResultsError, match=r"cannot read .*: Is a directory; make it readable, or move"
    ) as told:
        Ledger(older)
    assert str(older / STATE / name) in str(told.value)
