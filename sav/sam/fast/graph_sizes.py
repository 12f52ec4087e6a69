"""How prompts are parted among CUDA graphs, which are for a few fixed numbers of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

# How many prompts are in a graph: less are filled up with copies.
_SIZES = (1, 4, 8, 16, 32, 64, 128)
# A graph is filled up by so many copies at most, or by a quarter: they cost less than another graph's launch.
_FEW = 4
# More pictures do not go together: what is shared of each, 48 MB, is in the graphs' memory once more.
_MOST_PICTURES = 8
# Prompts in a graph for which Triton kernels are worth seconds of compiling, once a machine.
_LEAST_FOR_KERNELS = 64


def parts_of(count: int, most: int) -> Iterator[int]:
    """Numbers of prompts that together are `count`, each nearly filling a graph of `most` at most."""
    sizes = [size for size in _SIZES if size <= most] or _SIZES[:1]
    while count:
        is_near = any(0 <= size - count <= max(_FEW, size // 4) for size in sizes)
        step = count if is_near else max(size for size in sizes if size <= count)
        yield step
        count -= step


def filled_up(part: int) -> int:
    """How many prompts are in the graph for a part."""
    return next(size for size in _SIZES if size >= part)


def suit_kernels(parts: Iterable[int]) -> bool:
    """Whether there are prompts enough in the graph of any part for Triton kernels."""
    return any(filled_up(part) >= _LEAST_FOR_KERNELS for part in parts)


def pays_together(counts: Sequence[int], most: int) -> bool:
    """Whether pictures with so many prompts are done sooner in graphs together than in graphs of their own.

    Args:
        counts: Of each picture; all are filled up to the largest.
        most: Prompts in a graph, of all its pictures: the more of these, the more graphs.
    """
    pictures, whole, largest = len(counts), sum(counts), max(counts, default=0)
    if not 1 < pictures <= min(most, _MOST_PICTURES) or not whole:
        return False
    if pictures * largest > whole + max(_FEW * pictures, whole // 4):
        return False
    together = [*parts_of(largest, most // pictures)]
    if suit_kernels(parts_of(largest, most)) and not suit_kernels(together):
        return False
    # Half of a graph's launches are for its prompts, half for each picture.
    alone = sum(len([*parts_of(count, most)]) for count in counts)
    return len(together) * (1 + pictures) < 2 * alone
