"""Pictures made ready for a network by CUDA graphs, where pictures of one kind come again: a video's frames.

Contract: what the plain function returns, to the last bit.
Reference tests: tests/simulated_gpu/test_picture_graphs.py; on a GPU tests/gpu/test_uploads.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor

from sav.graphs import Graphs

Result = TypeVar("Result")
# Kinds of batches that are remembered and have a graph: a picture, eight slices of it, those left over.
_MOST_KINDS = 4
# Of a batch that goes through a graph, which keeps a copy: four frames in 4K have 95 MiB. In larger ones the
# kernels take longer than it takes to launch them.
_MOST_BYTES = 100 * 2**20


class PictureGraphs:
    """Calls functions of pictures, through graphs where they have just been called for pictures of that kind.

    To capture a graph takes longer than to call the function, and a folder may have hundreds of sizes: a kind
    must be among the last few twice before it has a graph.
    """

    def __init__(self) -> None:
        self._graphs = Graphs(_MOST_KINDS)
        self._recent: tuple[Any, ...] = ()

    def __call__(
        self, function: Callable[..., Result], frames: tuple[Tensor, ...], *arguments: Any
    ) -> Result:
        """What `function` returns for pictures of one size on one device, and other arguments.

        Args:
            function: As `Graphs` has it, and none that is made anew for each call.
            frames: One or more of `(H, W, 3)` uint8.
            arguments: See `Graphs`.
        """
        is_small = sum(frame.nbytes for frame in frames) <= _MOST_BYTES
        if frames[0].device.type != "cuda" or not is_small:
            return function(frames, *arguments)
        kind, recent = (function, len(frames), frames[0].shape), self._recent
        self._recent = (kind, *(other for other in recent if other != kind))[:_MOST_KINDS]
        if kind not in recent:
            return function(frames, *arguments)
        return self._graphs(function, frames, *arguments)
