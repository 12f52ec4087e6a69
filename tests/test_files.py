import pytest

from sav.files import publish, staging_folder, whole_file


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


def test_staged_files_and_folders_replace_those_of_the_same_name(tmp_path):
    target = tmp_path / "out"
    (target / "labels").mkdir(parents=True)
    (target / "labels" / "stale.txt").touch()
    (target / "notes.txt").write_text("the user's own")
    with staging_folder(target) as staging:
        (staging / "labels").mkdir()
        (staging / "labels" / "new.txt").touch()
        (staging / "table.csv").touch()
        publish(staging, target)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert names == ["out", "out/labels", "out/labels/new.txt", "out/notes.txt", "out/table.csv"]
