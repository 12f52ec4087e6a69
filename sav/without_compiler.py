"""Keeps PyTorch from importing its compiler: a third of the time of every start, for nothing.

On two Xeon cores PyTorch is imported in 1.7 s, torchvision with the compiler in 1.7 s more.
Torchvision asks it for a function that it calls on rare devices; and on the device without memory all
arithmetic is done by functions that ask it not to look at them, and whether numbers are symbols.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

_COMPILER, _SYMBOLS = "torch._dynamo", "torch.fx.experimental.symbolic_shapes"
_lock = threading.Lock()
_stand_ins: dict[str, ModuleType] = {}
_depth = 0


@contextmanager
def without_compiler() -> Iterator[None]:
    """Unless it is imported already, stand-ins take the place of the compiler's modules in this block.

    They know what is asked for in vain, and for whatever else they import the real modules at once. What
    somebody keeps of them goes to the real ones as soon as those are there.
    """
    global _depth
    with _lock:
        if not {*sys.modules}.intersection(_KNOWN):
            _stand_ins.update((name, _stand_in(name, known)) for name, known in _KNOWN.items())
            sys.modules.update(_stand_ins)
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth:
                _remove_stand_ins()


def _disable(function: Callable[..., Any], *options: Any, **more: Any) -> Callable[..., Any]:
    """The function, which the compiler is not to look at: while there is none, as it is."""
    disabled: list[Callable[..., Any]] = []

    def run(*args: Any, **kwargs: Any) -> Any:
        if not disabled and _is_here(_COMPILER):
            disabled.append(sys.modules[_COMPILER].disable(function, *options, **more))
        return (disabled[0] if disabled else function)(*args, **kwargs)

    return run


def _real(module: str, name: str) -> Any:
    """What a module that is stood in for has by that name."""
    if name.startswith("__"):  # what the import system looks for
        raise AttributeError(name)
    with _lock:
        _remove_stand_ins()
    return getattr(import_module(module), name)


def _is_compile_supported(device_type: str) -> Any:
    return _real("torch._dynamo.utils", "is_compile_supported")(device_type)


def _of_numbers(name: str, plain: Callable[..., Any], *given: Any) -> Any:
    """What a function says of numbers that are no symbols, by `plain`."""
    return _real(_SYMBOLS, name)(*given) if _is_here(_SYMBOLS) else plain(*given)


def _same(one: Any, other: Any) -> bool:
    """Whether two numbers, or two sequences of them, are the same."""
    return bool(list(one) == list(other) if isinstance(one, list | tuple) else one == other)


_OF_NUMBERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious"), bool),
    **dict.fromkeys(("guard_int", "guarding_hint_or_throw", "size_hint"), int),
    **dict.fromkeys(("has_guarding_hint", "has_hint"), lambda number: True),
    "is_nested_int": lambda number: False,
    "statically_known_true": bool,
    "sym_and": lambda *conditions: all(conditions),
    "sym_eq": _same,
    "sym_or": lambda *conditions: any(conditions),
}
_KNOWN: dict[str, dict[str, Callable[..., Any]]] = {
    _COMPILER: {"disable": _disable},
    "torch._dynamo.utils": {"is_compile_supported": _is_compile_supported},
    "sympy": {"Basic": type("Basic", (), {})},
    _SYMBOLS: {name: partial(_of_numbers, name, plain) for name, plain in _OF_NUMBERS.items()},
}


def _stand_in(name: str, known: dict[str, Callable[..., Any]]) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(known, __getattr__=partial(_real, name))
    return module


def _is_here(name: str) -> bool:
    """Whether the real module is imported."""
    return name in sys.modules and sys.modules[name] is not _stand_ins.get(name)


def _remove_stand_ins() -> None:
    for name, module in _stand_ins.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    _stand_ins.clear()
