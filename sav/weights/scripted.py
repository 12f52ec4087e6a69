"""The tensors of a TorchScript export, by the names of its attributes; the code in it is not looked at.

Such a file is an archive as any other checkpoint, in which the pickle is of the module's attributes and the
code lies beside it (https://pytorch.org/docs/stable/jit.html). It needs no torch.
"""

from __future__ import annotations

from typing import Any

from sav.weights.pickled import Made, is_tensor

_DEEPEST, _MOST_TENSORS = 32, 100_000


def attribute_tensors(root: Any) -> dict[str, Made]:
    """The tensors of a module and of all inside it, named as in its state dict.

    Args:
        root: The tree of a TorchScript export, or one of its values.

    Raises:
        ValueError: There are more than any model has.
    """
    table: dict[str, Made] = {}
    level = [("", root)]
    for _ in range(_DEEPEST):
        inner = []
        for prefix, made in level:
            attributes = made.state if isinstance(made, Made) else None
            for name, value in attributes.items() if isinstance(attributes, dict) else ():
                if is_tensor(value):
                    table[f"{prefix}{name}"] = value
                elif isinstance(value, Made):
                    inner.append((f"{prefix}{name}.", value))
        if len(table) + len(inner) > _MOST_TENSORS:
            raise ValueError("is a module without end")
        level = inner
    return table
