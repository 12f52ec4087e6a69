"""What Ray's errors mean, in a line that says what to do."""

from __future__ import annotations

import re

from sav.cluster.connection import the_ray
from sav.errors import ClusterError, SavError

# Where Python says what it could not import, and Ray on which machine, in whatever else there is.
_NOT_IMPORTED = re.compile(r"(?:No module named|cannot import name) '([\w.]+)'")
_ADDRESS = re.compile(r"\bip[=:] ?([0-9a-fA-F.:]+)")


class DiedAtStartError(ClusterError):
    """A worker's process ended before it was ready, without a word."""


def meaning(error: BaseException) -> BaseException:
    """What a task raised, as it raised it; what Ray says of its store, in a line."""
    errors = the_ray().exceptions
    cause = getattr(error, "cause", None)
    if any(isinstance(one, errors.ObjectStoreFullError | errors.OutOfDiskError) for one in (error, cause)):
        return ClusterError(
            "what goes to and from workers finds no room: Ray's store and the disk that it makes use of then"
            " are full; free some of that disk, or take fewer --workers"
        )
    return cause if isinstance(cause, BaseException) else error


def meaning_at_start(error: BaseException) -> BaseException:
    """Why a worker could not be made ready; of what a user can mend a `SavError`."""
    cause = getattr(error, "cause", None)
    missing = _NOT_IMPORTED.search(str(error))
    if missing and not isinstance(cause, SavError):
        return ClusterError(
            f"{_who(error)} cannot import {missing[1]}: give all machines the same environment, with this"
            " package and what it needs"
        )
    if isinstance(cause, SavError | OSError):
        return ClusterError(f"{_who(error)}: {cause}") if _is_elsewhere(error) else cause
    if isinstance(cause, BaseException):
        return meaning(error)
    return DiedAtStartError(
        f"{_who(error)} dies while it loads its models: there may not be enough memory for so many"
    )


def _who(error: BaseException) -> str:
    return f"a worker on {_address(error)}" if _is_elsewhere(error) else "a worker"


def _is_elsewhere(error: BaseException) -> bool:
    return _address(error) not in ("", the_ray().util.get_node_ip_address())


def _address(error: BaseException) -> str:
    found = _ADDRESS.search(str(error))
    return found[1] if found else ""
