"""How many workers there are, and what each of them gets: a GPU, or a group of cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sav.cluster.connection import Cluster, Node, check_address, the_ray
from sav.cores import usable_cores
from sav.errors import ClusterError, SettingError
from sav.wording import count

# Cores from which on a worker gains less by one more than another worker would.
_CORES = 4
# Kinds of devices of which there can be many.
_DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Workers:
    """How many workers are wanted, and where.

    Attributes:
        wanted: How many; None for as many as there is room for.
        address: A running Ray cluster, see `Cluster`; None for this machine alone.
        device: The kind of device that models run on: `auto`, `cpu` or `cuda`.
    """

    wanted: int | None = 1
    address: str | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Share:
    """What becomes of some machines.

    Attributes:
        workers: How many there are.
        cpus: Cores that each has.
        gpus: GPUs that each has, 0 or 1.
        is_room: Whether there is room for all of them now.
    """

    workers: int
    cpus: int
    gpus: int
    is_room: bool = True


def settled(workers: Workers) -> Workers | None:
    """See whether there can be such workers, before any model is loaded; None where one is enough.

    Raises:
        SettingError: This machine has no room for so many, or the device is a single one.
        ClusterError: Nobody answers at the address.
        PackageMissingError: Ray is not installed.
    """
    if workers.device not in _DEVICES:
        raise SettingError(
            f"--device {workers.device} is one device, and workers share out all: take auto, cuda or cpu"
            " (CUDA_VISIBLE_DEVICES chooses among GPUs), or --workers 1"
        )
    if workers.address is not None:
        the_ray()
        check_address(workers.address)
        return workers
    share = share_out([this_machine(workers.device)], workers)
    if share.workers == 1:
        return None
    the_ray()
    return workers


@contextmanager
def opened(workers: Workers) -> Iterator[tuple[Cluster, Share]]:
    """Ray, as many workers as there shall be in it, and what each of them has.

    Raises:
        SettingError: This machine has no room for so many.
        ClusterError: Nobody answers at the address, or there is no room, or Ray cannot be started.
        PackageMissingError: Ray is not installed.
    """
    if workers.address is not None:
        with Cluster(workers.address) as cluster:
            yield cluster, share_out(cluster.nodes, workers)
        return
    share = share_out([this_machine(workers.device)], workers)
    with Cluster(cpus=share.workers * share.cpus, gpus=share.workers * share.gpus) as cluster:
        yield cluster, share


def this_machine(device: str) -> Node:
    """What this machine has; its GPUs are not looked for where none is wanted."""
    gpus = 0
    if device != "cpu":
        import torch

        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Node("this machine", usable_cores(), gpus)


def share_out(nodes: Sequence[Node], workers: Workers) -> Share:
    """Share machines out among workers: a GPU each where there are any, else a group of cores each.

    Raises:
        SettingError: This machine has no room for so many.
        ClusterError: A cluster has none for a single one.
    """
    with_gpus = [node for node in nodes if node.gpus] if workers.device != "cpu" else []
    room = sum(node.gpus for node in with_gpus) or sum(node.cpus for node in nodes)
    if not room or (workers.device == "cuda" and not with_gpus):
        what = "GPU" if workers.device == "cuda" else "core"
        raise ClusterError(f"there is no {what} for workers; --device cpu shares out cores")
    if workers.wanted is not None and workers.wanted > room and workers.address is None:
        has = count(room, "GPU" if with_gpus else "core")
        raise SettingError(f"--workers {workers.wanted} is too many: there are {has}, and a worker needs one")

    if with_gpus:
        cpus = max(1, min(node.cpus // node.gpus for node in with_gpus))
        return Share(workers.wanted or room, cpus, 1, (workers.wanted or 1) <= room)
    if workers.wanted is None:
        cpus = min(_CORES, min(node.cpus for node in nodes if node.cpus))
        return Share(_groups(nodes, cpus), cpus, 0)
    fitting = [cpus for cpus in range(1, _most(nodes) + 1) if _groups(nodes, cpus) >= workers.wanted]
    return Share(workers.wanted, max(fitting, default=1), 0, bool(fitting))


def _groups(nodes: Sequence[Node], cpus: int) -> int:
    return sum(node.cpus // cpus for node in nodes)


def _most(nodes: Sequence[Node]) -> int:
    return max(node.cpus for node in nodes)
