"""SQLite files of ours: how one is opened, written and read, and what is said of one that cannot be."""

from sqlite3 import Connection

from sav.sqlite.files import (
    check_path,
    close,
    identity,
    keep_a_journal,
    opening,
    recover,
    temporary,
    to_read,
)
from sav.sqlite.kind import Kind, damaged, decoding, errors
from sav.sqlite.tables import (
    check,
    checked,
    insert,
    is_empty,
    make_tables,
    set_version,
    transaction,
    version,
)

__all__ = [
    "Connection",
    "Kind",
    "check",
    "check_path",
    "checked",
    "close",
    "damaged",
    "decoding",
    "errors",
    "identity",
    "insert",
    "is_empty",
    "keep_a_journal",
    "make_tables",
    "opening",
    "recover",
    "set_version",
    "temporary",
    "to_read",
    "transaction",
    "version",
]
