import os
import signal
import sys
from pathlib import Path

import pytest

from sav import files
from sav.errors import WriteError
from sav.files import staging_folder
from sav.folder import claims, guarded, ledger, placing
from sav.folder.ledger import RUN, Claim, Ledger
from sav.folder.output import OutputFolder, Part
from tests.conftest import cases
from tests.runs import stored_runs


def stage(folder: Path, table: dict[str, str]) -> Path:
    for name, text in table.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def put(
    folder: Path, table: dict[str, str], key: str = RUN, outdated=lambda path: False, **more
) -> list[str]:
    """Put files in place as a run does; the paths of those that were kept."""
    with staging_folder(folder) as staging:
        kept = OutputFolder(folder, **more).put(stage(staging, table), key, outdated)
    return [path.relative_to(folder).as_posix() for path in kept]


def seen(folder: Path) -> dict[str, str]:
    """What a user sees in a folder of texts."""
    return {name: content.decode() for name, content in stored_runs.seen(folder).items()}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_what_is_ours_and_unchanged_is_replaced(out):
    assert put(out, {"a.txt": "old", "labels/b.txt": "old"}) == []
    assert put(out, {"a.txt": "new", "labels/b.txt": "new"}) == []
    assert seen(out) == {"a.txt": "new", "labels/b.txt": "new"}


def test_what_the_user_put_there_is_kept_and_the_rest_is_written(out):
    stage(out, {"a.txt": "mine"})
    assert put(out, {"a.txt": "new", "b.txt": "new"}) == ["a.txt"]
    assert seen(out) == {"a.txt": "mine", "b.txt": "new"}


def test_what_the_user_changed_is_kept_until_it_is_as_it_was(out):
    put(out, {"a.txt": "written"})
    (out / "a.txt").write_text("by hand")
    assert put(out, {"a.txt": "new"}) == ["a.txt"]
    assert put(out, {"a.txt": "newer"}) == ["a.txt"]
    (out / "a.txt").write_text("written")
    assert put(out, {"a.txt": "newest"}) == []
    assert seen(out) == {"a.txt": "newest"}


def test_a_change_that_hides_its_size_and_time_is_seen(out):
    put(out, {"a.txt": "written"})
    before = (out / "a.txt").stat()
    (out / "a.txt").write_text("WRITTEN")
    os.utime(out / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert put(out, {"a.txt": "new"}) == ["a.txt"]


def test_a_file_that_was_only_touched_or_copied_is_still_ours(out, tmp_path):
    put(out, {"a.txt": "written"})
    files.shutil.copytree(out, tmp_path / "copy")
    os.utime(tmp_path / "copy" / "a.txt")
    assert OutputFolder(tmp_path / "copy").ledger.looks_ours(tmp_path / "copy" / "a.txt")
    assert put(tmp_path / "copy", {"a.txt": "new"}) == []


def test_overwrite_replaces_files_but_neither_folders_nor_what_is_read(out):
    stage(out, {"a.txt": "mine", "b.txt/c": "mine", "source.txt": "read"})
    (out / "link.txt").symlink_to(out / "source.txt")
    new = dict.fromkeys(["a.txt", "b.txt", "source.txt", "link.txt"], "new")
    kept = put(out, new, overwrite=True, inputs=[out / "source.txt"])
    assert kept == ["b.txt", "link.txt", "source.txt"]
    assert seen(out) == {"a.txt": "new", "b.txt/c": "mine", "link.txt": "read", "source.txt": "read"}


def test_a_link_that_the_user_made_is_kept(out, tmp_path):
    put(out, {"a.txt": "written"})
    (tmp_path / "elsewhere.txt").write_text("written")
    (out / "a.txt").unlink()
    (out / "a.txt").symlink_to(tmp_path / "elsewhere.txt")
    assert put(out, {"a.txt": "new"}) == ["a.txt"]
    assert (tmp_path / "elsewhere.txt").read_text() == "written"


def test_files_of_an_earlier_run_go_where_they_are_outdated_and_ours(out):
    old = {"labels/1.txt": "1", "labels/2.txt": "2", "labels/3.txt": "3", "csv/a.csv": "a"}
    put(out, old)
    (out / "labels" / "2.txt").write_text("by hand")
    (out / "labels" / "mine.txt").write_text("mine")
    put(out, {"labels/1.txt": "new"}, outdated=lambda path: path.startswith("labels/"))
    assert seen(out) == {
        "csv/a.csv": "a", "labels/1.txt": "new", "labels/2.txt": "by hand", "labels/mine.txt": "mine"
    }  # fmt: skip


def test_a_folder_of_which_nothing_is_left_goes(out):
    put(out, {"cutout/matte/1.png": "1", "a.txt": "a"})
    put(out, {"a.txt": "b"}, outdated=lambda path: path.startswith("cutout/"))
    assert not (out / "cutout").exists()


def test_results_of_different_pictures_stand_side_by_side(out):
    put(out, {"labels/a.txt": "a"}, key="a")
    put(out, {"labels/b.txt": "b"}, key="b", outdated=lambda path: True)
    put(out, {"labels/a.txt": "new"}, key="a", outdated=lambda path: True)
    assert seen(out) == {"labels/a.txt": "new", "labels/b.txt": "b"}


def test_a_folder_is_replaced_in_one_step_where_nothing_else_is_in_it(out, monkeypatch):
    swaps = []
    monkeypatch.setattr(
        placing, "exchange", lambda one, other: swaps.append(other) or files.exchange(one, other)
    )
    put(out, {"labels/1.txt": "1", "labels/2.txt": "2"})
    put(out, {"labels/1.txt": "one"}, outdated=lambda path: True)
    assert swaps == [out / "labels"]
    assert seen(out) == {"labels/1.txt": "one"}
    (out / "labels" / "mine.txt").write_text("mine")
    put(out, {"labels/1.txt": "1"})
    assert swaps == [out / "labels"]


def test_folders_are_replaced_file_by_file_where_the_system_cannot_swap_them(out, monkeypatch):
    monkeypatch.setattr(placing, "exchange", lambda one, other: False)
    put(out, {"labels/1.txt": "1", "labels/2.txt": "2"})
    put(out, {"labels/1.txt": "one", "labels/3.txt": "three"}, outdated=lambda path: True)
    assert seen(out) == {"labels/1.txt": "one", "labels/3.txt": "three"}


def test_a_folder_that_is_a_link_stays_one(out, tmp_path):
    (tmp_path / "other disk").mkdir()
    out.mkdir()
    (out / "labels").symlink_to(tmp_path / "other disk")
    for text in ("old", "new"):
        put(out, {"labels/1.txt": text})
    assert (out / "labels").is_symlink()
    assert (tmp_path / "other disk" / "1.txt").read_text() == "new"


def test_results_go_to_another_disk_through_a_link(out, tmp_path):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other disk here")
    target = other / f"sav-test-{os.getpid()}"
    target.mkdir()
    try:
        out.mkdir()
        (out / "labels").symlink_to(target)
        for text in ("old", "new"):
            assert put(out, {"labels/deep/1.txt": text, "labels/2.txt": text}) == []
        assert seen(target) == {"2.txt": "new", "deep/1.txt": "new"}
    finally:
        files.shutil.rmtree(target)


def test_a_file_in_the_place_of_a_folder_is_named(out):
    stage(out, {"labels": "a file of the user's"})
    with pytest.raises(WriteError, match=r"cannot write .*labels"):
        put(out, {"labels/1.txt": "new"})
    assert seen(out) == {"labels": "a file of the user's"}


def test_the_same_results_leave_the_same_bytes_and_claims(out):
    table = {"labels/ü.txt": "1", os.fsdecode(b"not utf-8 \xff.txt"): "2"}
    put(out, table)
    before = seen(out), Ledger(out).claim(RUN)
    put(out, table)
    assert (seen(out), Ledger(out).claim(RUN)) == before


def test_a_result_that_may_not_be_read_counts_as_the_users(out, monkeypatch):
    put(out, {"a.txt": "written"})

    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "fingerprint", forbidden)
        patch.setattr(os, "access", lambda path, how: False)
        assert OutputFolder(out).is_in_the_way(out / "a.txt")
        assert OutputFolder(out).why_kept(out / "a.txt") == guarded.UNREADABLE
    assert put(out, {"a.txt": "new"}) == []


@pytest.mark.parametrize("target", ["a.txt", "n" * 300])
def test_a_link_that_leads_nowhere_is_kept(out, target):
    out.mkdir()
    (out / "a.txt").symlink_to(target)
    assert put(out, {"a.txt": "new"}) == ["a.txt"]
    assert put(out, {"a.txt": "new"}, overwrite=True) == []
    assert seen(out) == {"a.txt": "new"}


def test_a_ledger_of_somebody_elses_making_removes_nothing_outside(out, tmp_path):
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    put(out, {"a.txt": "written"})
    claim = ledger.Claim({"../precious.txt": (ledger.fingerprint(precious),)})
    Ledger(out).write(RUN, claim)
    put(out, {"a.txt": "new"}, outdated=lambda path: True)
    assert precious.exists()


def test_one_file_beside_the_folder_is_ours_too(out, tmp_path):
    for text in ("old", "new"):
        partial = tmp_path / "partial"
        partial.write_text(text)
        target = OutputFolder(out)
        assert not target.is_in_the_way(tmp_path / "video.mp4")
        target.put_beside(partial, tmp_path / "video.mp4")
    assert (tmp_path / "video.mp4").read_text() == "new"
    (tmp_path / "video.mp4").write_text("mine")
    assert OutputFolder(out).is_in_the_way(tmp_path / "video.mp4")


def test_parts_are_put_in_place_together_and_each_tells_of_its_own(out, tmp_path):
    parts = [
        Part(stage(tmp_path / key, {f"labels/{key}.txt": key}), key, about={"name": key}) for key in "abc"
    ]
    assert OutputFolder(out).put_all(parts) == [[], [], []]
    assert seen(out) == {f"labels/{key}.txt": key for key in "abc"}
    assert [Ledger(out).claim(key).about for key in "abc"] == [{"name": key} for key in "abc"]


def test_a_part_that_cannot_be_put_in_place_costs_itself_alone(out, tmp_path):
    stage(out, {"labels": "a file of the user's", "2.txt": "mine"})
    names = {"a": "labels/1.txt", "b": "2.txt", "c": "3.txt"}
    target = OutputFolder(out)
    parts = [Part(stage(tmp_path / key, {name: "new"}), key) for key, name in names.items()]
    failed, kept, done = target.put_all(parts)
    assert isinstance(failed, WriteError) and "labels" in str(failed)
    assert (kept, done) == ([out / "2.txt"], [])
    assert seen(out) == {"labels": "a file of the user's", "2.txt": "mine", "3.txt": "new"}


def test_who_says_what_files_hold_is_believed_and_nobody_reads_them(out, tmp_path, monkeypatch):
    prints = {"a.txt": ledger.fingerprint(stage(tmp_path / "a", {"a.txt": "new"}) / "a.txt")}
    for module in (ledger, claims):
        monkeypatch.setattr(module, "fingerprint", None)
    assert OutputFolder(out).put_all([Part(tmp_path / "a", "a", prints=prints, is_synced=True)]) == [[]]
    monkeypatch.undo()
    assert put(out, {"a.txt": "newer"}, key="a") == []


@cases(("can_swap", "mine"), [(True, []), (False, ["labels/mine.txt"])], quick=1)
def test_after_a_kill_at_any_rename_files_are_whole_and_still_ours(out, monkeypatch, can_swap, mine):
    if not can_swap:
        monkeypatch.setattr(placing, "exchange", lambda one, other: False)
    old = {f"{folder}/{number}.txt": "old" for folder in ("labels", "images") for number in range(3)}
    new = {name: "new" for name in [*old, "labels/9.txt", "table.csv"] if name != "labels/2.txt"}
    before = old | dict.fromkeys(mine, "mine")
    for renames in range(1, 100):
        files.shutil.rmtree(out, ignore_errors=True)
        put(out, old)
        stage(out, dict.fromkeys(mine, "mine"))
        was_killed = killed_after(renames, lambda: put(out, new, outdated=lambda path: True))
        left = seen(out)
        assert left.keys() >= {name for name in before if name != "labels/2.txt"}
        assert all(text in ("old", "new", "mine") for text in left.values())
        assert put(out, new, outdated=lambda path: True) == []
        assert seen(out) == new | dict.fromkeys(mine, "mine")
        if not was_killed:
            break
    assert renames > 3


def test_after_a_kill_at_any_rename_files_of_several_parts_are_whole_and_still_ours(out, tmp_path):
    def put_both(text):
        with staging_folder(tmp_path / "staged") as staging:
            parts = [
                Part(
                    stage(staging / key, {f"{folder}/{key}.txt": text for folder in ("labels", "images")}),
                    key,
                )
                for key in "ab"
            ]
            return OutputFolder(out).put_all(parts)

    for renames in range(1, 100):
        files.shutil.rmtree(out, ignore_errors=True)
        put_both("old")
        was_killed = killed_after(renames, lambda: put_both("new"))
        assert set(seen(out).values()) <= {"old", "new"} and len(seen(out)) == 4
        assert put_both("new") == [[], []]
        assert set(seen(out).values()) == {"new"}
        if not was_killed:
            break
    assert renames > 3


def killed_after(renames: int, work) -> bool:
    """Do some work in a process that kills itself at its so-manieth rename; False if it has fewer."""
    pid = os.fork()
    if pid == 0:
        left = [renames]

        def count(event, arguments):
            if event in ("os.rename", "os.remove", "exchange"):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        def exchange(one, other):
            count("exchange", ())
            return swap(one, other)

        swap, placing.exchange = placing.exchange, exchange  # type: ignore[attr-defined]
        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_what_is_outdated_goes_also_where_the_folder_is_named_from_another(out):
    out.mkdir()
    there = out / os.pardir / out.name
    put(there, {"a.txt": "old", "b.txt": "old"})
    put(there, {"a.txt": "new"}, outdated=lambda path: True)
    assert seen(out) == {"a.txt": "new"}


def test_a_ledger_of_somebody_elses_removes_nothing_outside_of_its_folder(out, tmp_path):
    for name in (tmp_path / "mine.txt", tmp_path / "also.txt"):
        name.write_text("mine")
    print_ = claims.fingerprint(tmp_path / "mine.txt")
    Ledger(out).write("a", Claim(dict.fromkeys((str(tmp_path / "mine.txt"), "../also.txt"), (print_,))))
    assert OutputFolder(out).remove("a", lambda path: True) == 0
    assert (tmp_path / "mine.txt").exists() and (tmp_path / "also.txt").exists()
