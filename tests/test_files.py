import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sav import files
from sav.errors import WriteError
from sav.files import put_in_place, remove_abandoned, staging_folder, whole_file
from tests.conftest import ROOT


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "result.json"
    with whole_file(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there_before(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), whole_file(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_disk_says_names_the_file_and_not_the_hidden_one(tmp_path):
    path = tmp_path / "result.json"
    with pytest.raises(WriteError) as raised, whole_file(path) as partial:
        raise OSError(errno.ENOSPC, "No space left on device", str(partial))
    assert str(raised.value) == f"cannot write {path}: No space left on device"
    assert raised.value.is_final
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(WriteError, match=r"cannot write .*folder: Is a directory"),
        whole_file(tmp_path / "folder") as partial,
    ):
        partial.touch()
    with (
        pytest.raises(WriteError, match=r"cannot write .*gone/a.json: No such file"),
        whole_file(tmp_path / "gone" / "a.json"),
    ):
        pass


def test_an_error_that_is_not_the_disks_stays_as_it_is(tmp_path):
    with pytest.raises(ConnectionResetError), whole_file(tmp_path / "model.pth"):
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


@pytest.mark.parametrize("name", ["a" * 255, "ü" * 127, "x" * 250 + ".json"])
def test_a_name_may_be_as_long_as_the_file_system_has_it(tmp_path, name):
    with whole_file(tmp_path / name) as partial:
        partial.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("sync"), sync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (done.append("replace"), replace(self, to)))
    with whole_file(tmp_path / "a.json") as partial:
        partial.write_text("whole")
    assert done == ["sync", "replace", "sync"]


def test_a_file_that_the_disk_takes_not_is_not_given_its_name(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    path.write_text("old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space"), whole_file(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_goes_to_another_disk_whole(tmp_path):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other disk here")
    (tmp_path / "a.json").write_text("whole")
    folder = other / f"sav-test-{os.getpid()}"
    folder.mkdir()
    try:
        put_in_place(tmp_path / "a.json", folder / "b.json")
        assert [path.read_text() for path in folder.iterdir()] == ["whole"]
    finally:
        shutil.rmtree(folder)


def test_what_a_killed_process_left_goes_when_the_next_one_writes_there(tmp_path):
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sav.files import staging_folder\n"
        "with staging_folder(Path(sys.argv[1]) / 'a.mp4') as staging:\n"
        "    (staging / 'a.mp4').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    with whole_file(tmp_path / "b.json") as partial:
        partial.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]


def test_what_belongs_to_a_living_process_or_to_nobody_we_know_stays(tmp_path):
    foreign = [
        tmp_path / name for name in (".a.mp4.part", ".cache", ".b.12345678.part", "c.12345678.sav-part")
    ]
    for path in foreign:
        path.mkdir()
    (tmp_path / ".d.12345678.sav-part").write_text("a file, no folder")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".e.12345678.sav-part").symlink_to(elsewhere)
    with staging_folder(tmp_path / "a.mp4") as staging:
        (staging / "half").touch()
        remove_abandoned(tmp_path)
        assert (staging / "half").exists()
        assert all(path.exists() for path in foreign)
    assert not staging.exists()
    assert len(hidden(tmp_path)) == 5
    assert elsewhere.exists()


@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked"])
def test_a_folder_taken_for_abandoned_while_it_was_made_is_made_again(tmp_path, monkeypatch, moment):
    make, lock, made = files._new_folder, fcntl.flock, []

    def new_folder(beside):
        made.append(make(beside))
        if len(made) == 1 and moment == "before it is opened":
            made[0].rmdir()
        return made[-1]

    def too_late(descriptor, how):
        if len(made) == 1:
            made[0].rmdir()
        lock(descriptor, how)

    monkeypatch.setattr(files, "_new_folder", new_folder)
    monkeypatch.setattr(fcntl, "flock", too_late)
    with staging_folder(tmp_path / "a") as staging:
        assert staging == made[1]
        assert staging.is_dir()


def test_inside_a_staging_folder_a_file_is_written_as_it_is(tmp_path):
    with staging_folder(tmp_path / "out") as staging:
        with whole_file(staging / "a.json") as partial:
            assert partial == staging / "a.json"
            partial.touch()
        assert list(staging.iterdir()) == [staging / "a.json"]


def test_an_end_on_the_spot_takes_along_what_is_staged(tmp_path):
    with staging_folder(tmp_path / "a"), staging_folder(tmp_path / "b"):
        files.remove_unfinished()
        assert not list(tmp_path.iterdir())
