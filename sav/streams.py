"""Streams of a GPU that nobody else in this process works in."""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

import torch

# Of each priority; PyTorch has that many, and hands them out in turns, whoever still works in them.
_IN_TURNS = 32


class _Claim:
    """Says that a stream is taken, as long as it lives.

    Nothing refers weakly to a stream itself: PyTorch 2.10 to 2.12 free one without telling who does, who then
    reads and writes in what lies there next, until Python crashes (pytorch/pytorch#183403).
    """


_held: WeakValueDictionary[tuple[torch.device, int], _Claim] = WeakValueDictionary()
_asking = threading.Lock()


def own_stream(device: torch.device, priority: int = 0) -> torch.cuda.Stream:
    """A stream that is given to nobody else who asks here, for as long as this object is kept.

    A graph that is captured in a stream has in it what another thread asks of that stream meanwhile. Where
    all are taken it is one of those.
    """
    with _asking:
        for _ in range(_IN_TURNS):
            stream, claim = torch.cuda.Stream(device, priority=priority), _Claim()
            if _held.setdefault((stream.device, stream.stream_id), claim) is claim:
                vars(stream)["_claim"] = claim  # which goes with it
                break
    return stream
