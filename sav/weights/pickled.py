"""Read pickles without running anything: what they would have called is noted down, not called.

A pickle is a program for a small stack machine, and two of its instructions call whatever the file names
(https://docs.python.org/3/library/pickle.html). The machine here has no such instruction: a class or function
stays a `Name`, and a call of it becomes a `Made` (`sav.weights.made`). It needs no torch.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

from sav.weights.made import Made, Name, PickleError, Storage

# The largest detectors take 200 thousand; five million are read in some five seconds.
MOST_INSTRUCTIONS = 5_000_000
_LARGEST_KEY = 2**60
_CONTAINERS: dict[str, Callable[[], Any]] = {
    "collections.OrderedDict": dict,
    "builtins.set": set,
}
# Instructions that push their argument, whatever its size and spelling.
_CONSTANTS = {
    code.name
    for code in pickletools.opcodes
    if code.arg and not code.stack_before and code.stack_after not in ([], [pickletools.anyobject])
}
_LITERALS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def load(file: BinaryIO) -> Any:
    """The next pickle in `file`, with a `Made` for each object that is not one of Python's containers.

    Raises:
        PickleError: If it is no pickle, damaged, longer than any checkpoint's, or asks for anything unusual.
    """
    return load_with_storages(file)[0]


def load_with_storages(file: BinaryIO) -> tuple[Any, dict[str, Storage]]:
    """What `load` gives, and every storage that the pickle refers to, by key.

    Raises:
        PickleError: If it is damaged, or does what no checkpoint needs.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > MOST_INSTRUCTIONS:
                raise PickleError(f"has more than {MOST_INSTRUCTIONS} instructions")
            machine.run(opcode.name, argument)
        return machine.stack.pop(), machine.storages
    except PickleError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise PickleError(f"is damaged ({error})") from error


class _Machine:
    """The stack, the stacks below each mark, and the memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.storages: dict[str, Storage] = {}
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self, name: str, argument: Any) -> None:
        """Do one instruction."""
        if name in _CONSTANTS:
            self.stack.append(argument)
        elif name in _LITERALS:
            self.stack.append(_LITERALS[name]())
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self._memo[argument])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[argument] = self.stack[-1]
        elif name in _TUPLES:
            self._push_tuple(_TUPLES[name])
        elif name not in ("PROTO", "FRAME", "STOP"):
            method = getattr(self, f"_do_{name.lower()}", None)
            if method is None:
                raise PickleError(f"has an instruction that no checkpoint needs ({name})")
            method(argument)

    def _push_tuple(self, length: int) -> None:
        items = self.stack[-length:]
        if len(items) < length:
            raise PickleError("is damaged (an empty stack)")
        self.stack[-length:] = [tuple(items)]

    def _marked(self) -> list[Any]:
        """What has been pushed since the last mark."""
        items = self.stack
        self.stack = self._below.pop()
        return items

    def _do_mark(self, _: Any) -> None:
        self._below.append(self.stack)
        self.stack = []

    def _do_pop(self, _: Any) -> None:
        self.stack.pop()

    def _do_pop_mark(self, _: Any) -> None:
        self._marked()

    def _do_dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _do_memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _do_tuple(self, _: Any) -> None:
        items = tuple(self._marked())
        self.stack.append(items)

    def _do_list(self, _: Any) -> None:
        items = self._marked()
        self.stack.append(items)

    def _do_append(self, _: Any) -> None:
        item = self.stack.pop()
        self._extend([item])

    def _do_appends(self, _: Any) -> None:
        self._extend(self._marked())

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        (target.items if isinstance(target, Made) else target).extend(items)

    def _do_dict(self, _: Any) -> None:
        items = self._marked()
        self.stack.append({})
        self._set(items)

    def _do_setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _do_setitems(self, _: Any) -> None:
        self._set(self._marked())

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        pairs = list(zip(items[::2], items[1::2], strict=True))
        if isinstance(target, Made):
            target.items.extend(pairs)
        elif isinstance(target, dict):
            target.update((_hashable(key), value) for key, value in pairs)
        else:
            raise PickleError("is damaged (items for what has none)")

    def _do_additems(self, _: Any) -> None:
        items = self._marked()
        self.stack[-1].update(map(_hashable, items))

    def _do_frozenset(self, _: Any) -> None:
        items = self._marked()
        self.stack.append(frozenset(map(_hashable, items)))

    def _do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._push_name(module, name)

    def _do_stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._push_name(module, name)

    def _push_name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleError("is damaged (a name that is none)")
        home = "builtins" if module == "__builtin__" else module  # what it was called in Python 2
        self.stack.append(Name(f"{home}.{name}"))

    def _do_binpersid(self, _: Any) -> None:
        """What lies outside of the pickle: a storage or, before PyTorch 1.6, a class with its source."""
        tag, kind, *rest = self.stack.pop()
        if not isinstance(kind, Name) or tag not in ("storage", "module"):
            raise PickleError("refers to something that is no tensor's storage")
        if tag == "module":
            self.stack.append(kind)
            return
        key, _location, count, *view = rest
        if type(count) is not int or count < 0 or view not in ([], [None]):
            raise PickleError("has a storage that is none")
        storage = Storage(kind.dotted.rpartition(".")[2], str(key), count)
        self.storages[storage.key] = storage
        self.stack.append(storage)

    def _do_reduce(self, _: Any) -> None:
        args, maker = self.stack.pop(), self.stack.pop()
        self._make(maker, args, is_new=False)

    def _do_newobj(self, _: Any) -> None:
        args, maker = self.stack.pop(), self.stack.pop()
        self._make(maker, args, is_new=True)

    def _do_newobj_ex(self, _: Any) -> None:
        keywords, args, maker = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self._make(maker, (*args, keywords) if keywords else args, is_new=True)

    def _make(self, maker: Any, args: Any, is_new: bool) -> None:
        if not isinstance(maker, Name) or not isinstance(args, tuple):
            raise PickleError("calls what is neither a class nor a function")
        container = _CONTAINERS.get(maker.dotted)
        if container is None:
            self.stack.append(Made(maker.dotted, args, is_new))
            return
        self.stack.append(container())
        for items in args:
            if isinstance(self.stack[-1], dict):
                self._set([part for pair in items for part in pair])
            else:
                self.stack[-1].update(map(_hashable, items))

    def _do_build(self, _: Any) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Made):
            target.state = state
        elif not isinstance(target, dict):  # an OrderedDict has attributes that a dict does without
            raise PickleError("is damaged (a state for what has none)")


def _hashable(key: Any) -> Any:
    """A key that is hashed fast, whoever chose it; any other is stood in for.

    Python hashes nested tuples by recursion without a limit, and numbers by their remainder: a file can be
    made of keys that overflow the stack, or that all collide.
    """
    if isinstance(key, int):
        return key if abs(key) < _LARGEST_KEY else Made("int", (key,))
    is_plain = key is None or isinstance(key, str | bytes | float | Name | Made)
    return key if is_plain else Made("key", (key,))
