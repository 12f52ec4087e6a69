"""What Ray says of what went wrong elsewhere, in a line."""

from __future__ import annotations

import pytest

from sav.cluster.failures import DiedAtStartError, meaning, meaning_at_start
from sav.errors import CheckpointError, ClusterError, PackageMissingError

exceptions = pytest.importorskip("ray.exceptions")

TRACE = "Traceback (most recent call last):\n  File 'x', line 1\n"


def told(cause, address="192.0.2.77"):
    """What `ray.get` raises where a task has raised `cause` on a machine."""
    trace = f"{TRACE}{type(cause).__name__}: {cause}"
    error = exceptions.RayTaskError("load", trace, cause, proctitle="ray::Actor", pid=7, ip=address)
    return error.as_instanceof_cause()


def test_the_machine_is_named_where_it_is_another():
    missing = meaning_at_start(told(CheckpointError("no checkpoint at x.pt")))
    assert (type(missing), str(missing)) == (ClusterError, "a worker on 192.0.2.77: no checkpoint at x.pt")
    here = exceptions.RayTaskError("load", TRACE, OSError("unreadable")).ip
    assert str(meaning_at_start(told(OSError("unreadable"), here))) == "unreadable"


def test_what_cannot_be_imported_is_named_however_it_is_told():
    line = "a worker on 192.0.2.77 cannot import cv2: give all machines the same environment"
    missing = ModuleNotFoundError("No module named 'cv2'")
    assert str(meaning_at_start(told(missing))).startswith(line)
    task = exceptions.RayTaskError("__init__", f"{TRACE}ImportError: cannot import name 'x' from 'sav'", None)
    assert "cannot import x: give" in str(meaning_at_start(exceptions.ActorDiedError(task)))
    extra = PackageMissingError("--words needs open-clip-torch: No module named 'open_clip'")
    assert str(meaning_at_start(told(extra))) == f"a worker on 192.0.2.77: {extra}"


def test_a_worker_that_dies_without_a_word_may_lack_memory():
    assert isinstance(meaning_at_start(exceptions.ActorDiedError()), DiedAtStartError)


def test_what_nobody_foresaw_stays_what_it_is():
    fault = ZeroDivisionError("a fault")
    assert meaning(told(fault)) is fault and meaning_at_start(told(fault)) is fault


@pytest.mark.parametrize("kind", [exceptions.OutOfDiskError, exceptions.ObjectStoreFullError])
def test_a_full_store_is_a_line_whoever_finds_it_so(kind):
    for error in (kind("a long text"), told(kind("a long text"))):
        assert isinstance(meaning(error), ClusterError) and "fewer --workers" in str(meaning(error))
