"""What lies in a temporary database is like a list, or a set, and a full disk is told in one line."""

import sqlite3
import threading

import pytest

from sav import spool
from sav.errors import WriteError
from sav.spool import Rows, Spool, Texts, pack, unpack


def numbers(count):
    table = Spool("CREATE TABLE numbers (number INTEGER)")
    table.add("INSERT INTO numbers VALUES (?)", ((number * number,) for number in range(count)))
    return Rows(table, "numbers", "number", int)


@pytest.mark.parametrize("count", [0, 1, 5, 1000, 2001])
def test_rows_are_like_a_list(count):
    rows, squares = numbers(count), [number * number for number in range(count)]
    assert list(rows) == squares
    assert len(rows) == count
    assert rows[1:7:2] == squares[1:7:2]
    assert bool(rows) == bool(squares)
    if count:
        assert rows[0] == 0 and rows[-1] == squares[-1]
    with pytest.raises(IndexError):
        rows[count]


def test_texts_are_a_sorted_set_and_need_not_be_utf8():
    words = ["b", "a", "\udce9", "\U0001f98a", "\ue000", "a"]
    texts = Texts(words)
    texts.add("c")
    assert list(texts) == sorted({*words, "c"})
    assert "\udce9" in texts and "d" not in texts
    assert [unpack(pack(word)) for word in words] == words


def test_rows_may_be_written_while_they_are_gone_through():
    rows = numbers(2500)
    seen = 0
    for seen, _ in enumerate(rows, 1):
        if seen == 1:
            rows._spool.rows("INSERT INTO numbers VALUES (7)")
    assert seen == 2501


def test_threads_read_at_once():
    rows, found = numbers(3000), []
    threads = [threading.Thread(target=lambda: found.append(sum(rows))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sum(number * number for number in range(3000))] * 4


def test_a_full_folder_for_temporary_files_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    table = Spool("CREATE TABLE numbers (number INTEGER)")
    table.rows("PRAGMA max_page_count = 10")
    with pytest.raises(WriteError, match=rf"cannot write {tmp_path}: .*disk is full.*TMPDIR") as told:
        table.add("INSERT INTO numbers VALUES (?)", ((number,) for number in range(50_000)))
    assert told.value.is_final
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        table.rows("SELECT 1 FROM no_table")


def test_a_database_is_closed_with_the_last_who_knows_it():
    rows = numbers(3)
    database = rows._spool._database
    del rows
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")


def test_what_is_many_lies_on_disk(monkeypatch):
    monkeypatch.setattr(spool, "_CACHE", 64)
    table = Spool("CREATE TABLE texts (text TEXT)")
    table.add("INSERT INTO texts VALUES (?)", (("x" * 1000,) for _ in range(1000)))
    (spilled,) = [row[0] for row in table.rows("PRAGMA cache_size")]
    assert spilled == -64
    assert table.rows("SELECT COUNT(*), SUM(LENGTH(text)) FROM texts") == [(1000, 1_000_000)]
