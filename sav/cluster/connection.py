"""The one door to Ray: a quiet instance of our own, or a cluster that runs; nothing is told to anybody."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from sav.errors import ClusterError, PackageMissingError
from sav.files import staging_folder

# What Ray reads of the environment; what a user has set stays.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a worker without a GPU is told so, without a warning
    "RAY_DISABLE_IMPORT_WARNING": "1",
}
# Seconds in which somebody answers at an address, or nobody is there.
_PATIENCE = 5.0
# Bytes for what is on its way between processes of one machine; more goes to the disk.
_OBJECT_STORE = 1 << 30
# Characters of a path that a socket can have, and of those that Ray's own part takes, and a folder of ours.
_LONGEST_SOCKET, _RAYS_PART, _OUR_PART = 103, 66, 23
_AUTO = "auto"


def the_ray() -> ModuleType:
    """Ray, imported.

    Raises:
        PackageMissingError: It is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    hook = sys.excepthook
    try:
        import ray
    except ImportError as error:
        raise PackageMissingError(
            "several workers need Ray: pip install '.[cluster]', or --workers 1"
        ) from error
    finally:
        sys.excepthook = hook  # Ray's tells its cluster of an error, and fails itself where Python is ending
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    return ray


@dataclass(frozen=True)
class Node:
    """What one machine of a cluster has.

    Attributes:
        name: Its address.
        cpus: Cores.
        gpus: GPUs.
    """

    name: str
    cpus: int
    gpus: int


class Cluster:
    """A connection to Ray; a context manager. What it started itself ends with it."""

    def __init__(
        self, address: str | None = None, *, cpus: int | None = None, gpus: int | None = None
    ) -> None:
        """Join a cluster, or start Ray on this machine alone.

        Args:
            address: `HOST:PORT` of a cluster, or `auto` for the one that this machine is a node of; None to
                start one.
            cpus: Cores that a started one has; None for all.
            gpus: GPUs that a started one has; None for all.

        Raises:
            ClusterError: Nobody answers there, or Ray cannot be started.
            PackageMissingError: Ray is not installed.
        """
        self.ray = the_ray()
        if address is not None:
            check_address(address)
        with ExitStack() as stack, _own_signals(), _explained(address):
            if address is None:
                self._start(cpus, gpus, stack)
            else:
                self._init(address)
            self._stack = stack.pop_all()
        _hush()

    @property
    def nodes(self) -> list[Node]:
        """The machines that are there now."""
        return [
            Node(
                str(node["NodeManagerAddress"]),
                int(node["Resources"].get("CPU", 0)),
                int(node["Resources"].get("GPU", 0)),
            )
            for node in self.ray.nodes()
            if node["Alive"]
        ]

    def is_alive(self, node_id: str) -> bool:
        """Whether a node is still there."""
        return any(node["NodeID"] == node_id and node["Alive"] for node in self.ray.nodes())

    def close(self) -> None:
        """Let go of it; workers end."""
        with _own_signals():
            self.ray.shutdown()
        self._stack.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, cpus: int | None, gpus: int | None, stack: ExitStack) -> None:
        # Whoever can reach Ray's ports can run what they like, unless there is a secret.
        if "RAY_AUTH_TOKEN_PATH" not in os.environ:  # else Ray writes one into the user's folder
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        parent = _short_parent()
        folder = None if parent is None else stack.enter_context(staging_folder(parent / "ray"))
        place = {} if folder is None else {"_temp_dir": str(folder)}
        self._init("local", num_cpus=cpus, num_gpus=gpus, object_store_memory=_OBJECT_STORE, **place)

    def _init(self, address: str, **settings: Any) -> None:
        self.ray.init(
            address,
            include_dashboard=None if address != "local" else False,
            log_to_driver=False,
            configure_logging=False,
            **settings,
        )


def check_address(address: str) -> None:
    """See whether somebody answers at an address.

    Raises:
        ClusterError: Nobody does, or it is none.
    """
    if address == _AUTO:
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise ClusterError(
            f"'{address}' is no address of a cluster: give HOST:PORT, as `ray start --head` says it (6379 is"
            " the usual port), or auto on a node of it"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"no Ray cluster answers at {address}: {error}") from error


@contextlib.contextmanager
def _explained(address: str | None) -> Iterator[None]:
    """Have what Ray says when it cannot be joined be one line.

    Raises:
        ClusterError: In place of Ray's errors.
    """
    try:
        yield
    except (ConnectionError, RuntimeError, ValueError, OSError, SystemExit) as error:
        reason = " ".join(str(error).split())[:300]
        if address is None:
            raise ClusterError(f"Ray cannot be started: {reason}") from error
        hint = (
            f"this machine must be a node of it (ray start --address={address}) with the same Ray and Python"
        )
        raise ClusterError(f"the Ray cluster at {address} cannot be joined; {hint}: {reason}") from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Have the handlers of endings stay ours: Ray sets some of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def _hush() -> None:
    """Keep Ray from printing what its own processes say of dead workers: that is said here, and once."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _short_parent() -> Path | None:
    """Where a folder for Ray's sockets and logs can lie; None where a socket's path would be too long."""
    if sys.platform == "win32":
        return None
    folders = (tempfile.gettempdir(), "/tmp")
    short = (folder for folder in folders if len(folder) <= _LONGEST_SOCKET - _RAYS_PART - _OUR_PART)
    return next((Path(folder) for folder in short if os.access(folder, os.W_OK)), None)
