"""Pictures' files made by some processes beside the models, which else wait for them; in order."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sav.apart import Apart
from sav.cores import usable_cores
from sav.data.scene import Scene
from sav.runs.pictures.files import Made, PictureFiles
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.putting import Ready
from sav.runs.pictures.results import Begun, PictureResults

# So many processes at most, and one for so many cores: each has threads of its own.
_MOST, _CORES = 4, 4


@dataclass(frozen=True, eq=False)
class _Order:
    """What files are to be made of."""

    picture: Path
    scene: Scene
    stem: str
    folder: Path


@dataclass(frozen=True, eq=False)
class _Product:
    """What came of an order: files, or an error; and what is to be said of those that could not be made."""

    made: Made | None
    error: Exception | None
    lines: Sequence[str]


@dataclass(frozen=True)
class _Maker:
    """The work of a process."""

    files: PictureFiles

    def __call__(self, asked: BinaryIO) -> _Product:
        order: _Order = pickle.load(asked)
        lines: list[str] = []
        try:
            made = self.files.make(order.picture, order.scene, order.stem, order.folder, lines.append)
        except Exception as error:
            return _Product(None, _sendable(error), lines)
        return _Product(made, None, lines)


class Making:
    """Has processes make the files of pictures, each of one at a time."""

    def __init__(self, plan: PicturePlan, results: PictureResults, workshop: Path) -> None:
        """Start the processes.

        Raises:
            OSError: They cannot be started.
        """
        self._plan, self._results, self._workshop = plan, results, workshop
        self._waiting: deque[tuple[int, tuple[Begun, Apart] | Exception]] = deque()
        count = max(1, min(_MOST, usable_cores() // _CORES))
        with ExitStack() as stack:
            self._makers: list[Apart] = []
            for _ in range(count):
                self._makers.append(Apart(_Maker(results.files)))
                stack.callback(self._makers[-1].close)
            self._processes = stack.pop_all()

    def begun(
        self, outcomes: Iterable[tuple[int, Scene | Exception]]
    ) -> Generator[tuple[int, tuple[Begun, Apart] | Exception]]:
        """Each picture whose files are being made, by its position, or why there are none; for `ready`."""
        with self._processes:
            try:
                for number, (position, outcome) in enumerate(outcomes):
                    self._waiting.append((position, self._asked(position, outcome, number)))
                    if len(self._waiting) == len(self._makers):  # who answers first is asked next
                        yield self._waiting.popleft()
                while self._waiting:
                    yield self._waiting.popleft()
            finally:
                for _, left in self._waiting:
                    if not isinstance(left, Exception):
                        self._results.drop(left[0])

    def ready(self, position: int, begun: tuple[Begun, Apart]) -> Ready:
        """A picture's files, ready to be put in place; see `PictureWriting`."""
        files, maker = begun
        return self._results.complete(files, lambda: self._made(maker))

    def _asked(
        self, position: int, outcome: Scene | Exception, number: int
    ) -> tuple[Begun, Apart] | Exception:
        if isinstance(outcome, Exception):
            return outcome
        try:
            begun = self._results.begin(position, self._workshop)
        except Exception as error:
            return error
        maker = self._makers[number % len(self._makers)]
        order = _Order(self._plan.pictures[position], outcome, begun.stem, begun.folder)
        try:
            maker.ask(pickle.dumps(order, pickle.HIGHEST_PROTOCOL))
        except BaseException:
            self._results.drop(begun)
            raise
        return begun, maker

    def _made(self, maker: Apart) -> Made:
        product: _Product = maker.answer()
        for line in product.lines:
            self._results.tell_of_files(line)
        if product.made is None:
            raise product.error or ValueError("nothing came of it")
        return product.made


def started(plan: PicturePlan, results: PictureResults, workshop: Path) -> Making | None:
    """The processes, or None where there can be none."""
    if Apart.is_possible():
        with suppress(OSError):
            return Making(plan, results, workshop)
    return None


def _sendable(error: Exception) -> Exception:
    try:
        return pickle.loads(pickle.dumps(error))  # type: ignore[no-any-return]
    except Exception:
        return RuntimeError(str(error))
