"""A GPU that is none: tensors that say they are on CUDA, and whose numbers are in the CPU's memory.

PyTorch hands every operation on them, and every one that makes them, to `Chip`. It computes on the CPU, and

* refuses operations on tensors of the CPU and of the GPU, or of two GPUs, as a GPU does;
* writes down wherever the host waits for the device: to read a number, to learn a shape, to copy;
* while a graph is captured (`tests.simulated_gpu.driver`) refuses these, and notes what is to be replayed.

So it proves where tensors are, what is waited for, and that what a graph reads and gives is what it should.
It proves nothing about the order of streams, what CUDA's and Triton's kernels give, memory, and speed.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from tests.conftest import ROOT

DEVICE = torch.device("cuda", 1)  # not the first, which nothing may assume
# What a GPU can only answer once it has done all before.
READS = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "equal", "nms"}
INDEXING = {"index", "index_put_", "_index_put_impl_", "index_put"}


class OnChip(Tensor):
    """A tensor on the GPU.

    Attributes:
        numbers: What is in it.
        place: On which GPU it is.
    """

    numbers: Tensor
    place: torch.device
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, numbers: Tensor, device: torch.device) -> OnChip:
        made: OnChip = torch.Tensor._make_wrapper_subclass(
            cls,
            numbers.shape,
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            device="meta",  # PyTorch's own code asks CUDA's driver about a device that is CUDA's
        )
        made.numbers, made.place = numbers, device
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.place

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True

    def __repr__(self) -> str:  # type: ignore[override]
        return f"OnChip({tuple(self.shape)}, {self.dtype}, {self.device})"

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def record_stream(self, stream: Any) -> None:
        """Streams are not told apart."""

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        raise AssertionError(f"{func} outside of a simulated GPU")


@dataclass
class Capture:
    """What a graph is to replay, and what was done that it cannot hold."""

    steps: list[tuple[Any, Any, Any, list[Tensor]]] = field(default_factory=list)
    is_broken: bool = False

    def replay(self) -> None:
        """Compute all again, into the tensors that were made when it was captured."""
        with _disable_current_modes():
            for func, args, kwargs, results in self.steps:
                for old, new in zip(results, _tensors(func(*args, **kwargs)), strict=True):
                    if old is not new and not _shares(old, new):
                        old.copy_(new)


class Chip(TorchDispatchMode):
    """Computes what tensors on the GPU are asked for, in the thread that has entered it.

    Attributes:
        waits: Where the host waited, a line of ours each: `sav/sam/model.py:embed`, and for what.
        capture: What is captured just now.
    """

    # As the mode of fake tensors, before which PyTorch does not start CUDA where a tensor is made.
    _mode_key = torch._C._TorchDispatchModeKey.FAKE

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.capture: Capture | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # made of others, which matter
                return func.decompose(*args, **kwargs)
        name = func.overloadpacket.__name__
        given = list(_tensors((args, kwargs)))
        device = self._device(name, given, kwargs)
        if name in ANSWERS:
            return ANSWERS[name](args[0])
        if name in READS or (name in INDEXING and _reads_indices(args)):
            if device is not None:
                self._wait(name)
        elif self._crosses(name, given, kwargs):
            self._wait("copy")
        return self._computed(func, name, args, kwargs, device)

    def _device(self, name: str, given: list[Tensor], kwargs: dict[str, Any]) -> torch.device | None:
        """Where the result is, None on the CPU; tensors of two devices are refused."""
        devices = {tensor.device for tensor in given if isinstance(tensor, OnChip)}
        beside = [tensor for tensor in given if not isinstance(tensor, OnChip)]
        is_copy = name in ("copy_", "_to_copy", "_foreach_copy_")
        if devices and not is_copy:
            # A number that lies alone goes with a kernel's arguments, indices are brought over.
            strange = [] if name in INDEXING else [tensor for tensor in beside if tensor.dim()]
            if strange or len(devices) > 1:
                places = ", ".join(sorted({str(tensor.device) for tensor in given}))
                raise RuntimeError(f"Expected all tensors to be on the same device, but {name} got {places}")
        if kwargs.get("device") is not None:
            wanted = torch.device(kwargs["device"])
            if wanted.type == "meta":  # as a tensor that is given says to PyTorch's own code
                return next(iter(devices), DEVICE)
            return wanted if wanted.type == "cuda" else None
        return given[0].device if given and isinstance(given[0], OnChip) else next(iter(devices), None)

    def _crosses(self, name: str, given: list[Tensor], kwargs: dict[str, Any]) -> bool:
        """Whether something is copied between host and device for which the host waits."""
        if name == "_to_copy" and kwargs.get("device") is not None:
            source, to_chip = given[0], torch.device(kwargs["device"]).type != "cpu"
            is_async = kwargs.get("non_blocking") and getattr(source, "is_pinned_here", False)
            return to_chip != isinstance(source, OnChip) and not is_async
        if name == "copy_":
            crosses = isinstance(given[0], OnChip) != isinstance(given[1], OnChip)
            return crosses and given[1].dim() > 0
        is_index = name in INDEXING and any(isinstance(tensor, OnChip) for tensor in given)
        return is_index and any(not isinstance(tensor, OnChip) and tensor.dim() for tensor in given)

    def _wait(self, what: str) -> None:
        if self.capture is not None:
            self.capture.is_broken = True
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing ({what})")
        ours = [frame for frame in traceback.extract_stack() if frame.filename.startswith(f"{ROOT}/sav/")]
        place = f"{ours[-1].filename[len(str(ROOT)) + 1 :]}:{ours[-1].name}" if ours else "a test"
        self.waits.append(f"{place} {what}")

    def _computed(
        self, func: Any, name: str, args: Any, kwargs: dict[str, Any], device: torch.device | None
    ) -> Any:
        """The result of an operation, on a device."""
        if kwargs.get("device") is not None:
            kwargs["device"] = torch.device("cpu")
        is_pinned = kwargs.pop("pin_memory", False)
        bare_args, bare_kwargs = _mapped(_bare, (args, kwargs))
        given = {id(_bare(tensor)): tensor for tensor in _tensors((args, kwargs))}
        known = [_bare(tensor) for tensor in given.values()]
        result = func(*bare_args, **bare_kwargs)

        if self.capture is not None and device is not None:
            made = list(_tensors(result))
            self.capture.steps.append((func, bare_args, bare_kwargs, made))
            for tensor in made:  # nothing is computed before a graph is replayed
                if not any(_shares(tensor, other) for other in known):
                    tensor.fill_(float("nan") if tensor.is_floating_point() else 0)

        def placed(tensor: Any) -> Any:
            if id(tensor) in given:
                return given[id(tensor)]
            if device is None:
                tensor.is_pinned_here = is_pinned
                return tensor
            # Of weights that were there before inference, views are no inference tensors either.
            bases = [base for base in given.values() if _shares(tensor, _bare(base))]
            is_inference = torch.is_inference_mode_enabled() and all(base.is_inference() for base in bases)
            with torch.inference_mode(is_inference):
                return OnChip(tensor, device)

        return _mapped(placed, result)


def _pinned(tensor: Tensor) -> Tensor:
    tensor = tensor.clone()
    tensor.is_pinned_here = True
    return tensor


ANSWERS: dict[str, Callable[[Tensor], Any]] = {
    "is_pinned": lambda tensor: getattr(tensor, "is_pinned_here", False),
    "_pin_memory": _pinned,
    "_fused_sdp_choice": lambda queries: 0,  # by products and a softmax, which both machines have
}


def _reads_indices(args: Any) -> bool:
    """Whether places are chosen by a mask, whose Trues must be counted, but to fill them with a number."""
    if len(args) > 2 and args[2].dim() == 0:
        return False
    return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in _tensors(args[1]))


def _bare(value: Any) -> Any:
    return value.numbers if isinstance(value, OnChip) else value


def _shares(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and the values of dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def _mapped(function: Callable[[Tensor], Any], value: Any) -> Any:
    """Nested lists, tuples and dicts with others in the places of their tensors."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {name: _mapped(function, part) for name, part in value.items()}
    return type(value)(_mapped(function, part) for part in value) if type(value) in (list, tuple) else value
