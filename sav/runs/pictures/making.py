"""Pictures' files made in order: here, or by some processes beside the models, which else wait for them."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sav.apart import Apart, Failure
from sav.cores import usable_cores
from sav.data.scene import Scene
from sav.interrupts import uninterrupted
from sav.runs.pictures.files import Made, PictureFiles
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.putting import Ready
from sav.runs.pictures.results import Begun, PictureResults

# So many processes at most, and one for so many cores: each has threads of its own.
_MOST, _CORES = 4, 4
# Pixels of pictures that are there at once, or one picture: of each there are several copies.
_MOST_PIXELS = 50_000_000


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
    failure: Failure | None
    lines: Sequence[str]


@dataclass(frozen=True)
class _Maker:
    """The work of a process."""

    files: PictureFiles

    def __call__(self, question: bytes) -> _Product:
        lines: list[str] = []
        try:
            order: _Order = pickle.loads(question)
            made = self.files.make(order.picture, order.scene, order.stem, order.folder, lines.append)
        except Exception as error:
            return _Product(None, Failure.of(error), lines)
        return _Product(made, None, lines)


@dataclass(frozen=True, eq=False)
class Making:
    """A picture whose files are being made.

    Attributes:
        begun: Its name and folder.
        make: Returns the files when they are there.
        pixels: How many it has.
    """

    begun: Begun
    make: Callable[[], Made]
    pixels: int


class PictureMaking:
    """Makes the files of pictures, or has helpers make them, processes that make those of one at a time."""

    def __init__(
        self, plan: PicturePlan, results: PictureResults, workshop: Path, has_helpers: bool = False
    ) -> None:
        """Begin; where `has_helpers` there will be as many as suit the machine and can be started."""
        self._plan, self._results, self._workshop = plan, results, workshop
        has_helpers = has_helpers and Apart.is_possible()
        self._helper_count = max(1, min(_MOST, usable_cores() // _CORES)) if has_helpers else 0
        self._started: list[Apart] = []
        self._makers: list[Apart] | None = None
        self._waiting: deque[tuple[int, Making | Exception]] = deque()

    def under_way(
        self, outcomes: Iterable[tuple[int, Scene | Exception]]
    ) -> Generator[tuple[int, Making | Exception]]:
        """Each picture whose files are being made, by its position, or why there are none; for `ready`.

        What is being made is handed out also where something ends the outcomes.
        """
        with ExitStack() as processes:
            self._start(processes)
            try:
                for number, (position, outcome) in enumerate(outcomes):
                    with uninterrupted():
                        self._waiting.append((position, self._asked(position, outcome, number)))
                    while self._is_enough:
                        yield from self._first()
                while self._waiting:
                    yield from self._first()
            except GeneratorExit:  # nobody takes any more
                raise
            except BaseException:
                while self._waiting:
                    yield from self._first()
                raise
            finally:
                for _, left in self._waiting:
                    if isinstance(left, Making):
                        self._results.drop(left.begun)

    def _first(self) -> Iterator[tuple[int, Making | Exception]]:
        """The first that waits; files do so until `ready` takes them, for Ctrl-C may come before that."""
        first = self._waiting[0]
        if isinstance(first[1], Exception):
            self._waiting.popleft()
        yield first

    def _start(self, processes: ExitStack) -> None:
        for _ in range(self._helper_count):
            with suppress(OSError):
                helper = Apart(_Maker(self._results.files))
                processes.callback(helper.close)
                self._started.append(helper)

    def ready(self, position: int, making: Making) -> Ready:
        """A picture's files, ready to be put in place; see `PictureWriting`."""
        self._waiting.popleft()
        return self._results.complete(making.begun, making.make)

    @property
    def _is_enough(self) -> bool:
        """Whether the first picture is to be waited for before there are more; who makes it is asked next."""
        pixels = sum(one.pixels for _, one in self._waiting if isinstance(one, Making))
        return len(self._waiting) >= max(1, len(self._makers or ())) or pixels > _MOST_PIXELS

    def _asked(self, position: int, outcome: Scene | Exception, number: int) -> Making | Exception:
        if isinstance(outcome, Exception):
            return outcome
        if self._makers is None:
            self._makers = [one for one in self._started if one.ready()]
        try:
            begun = self._results.begin(position, self._workshop)
        except Exception as error:
            return error
        pixels = outcome.size_hw[0] * outcome.size_hw[1]
        picture = self._plan.pictures[position]
        if not self._makers:
            make = self._results.files.make
            given = picture, outcome, begun.stem, begun.folder, self._results.tell_of_files
            return Making(begun, partial(make, *given), pixels)

        maker = self._makers[number % len(self._makers)]
        order = _Order(picture, outcome, begun.stem, begun.folder)
        try:
            question = pickle.dumps(order, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            self._results.drop(begun)
            return error
        try:
            maker.ask(question)
        except BaseException:
            self._results.drop(begun)
            raise
        return Making(begun, partial(self._made, maker), pixels)

    def _made(self, maker: Apart) -> Made:
        product: _Product = maker.answer()
        for line in product.lines:
            self._results.tell_of_files(line)
        if product.failure is not None:
            product.failure.again()
        assert product.made is not None
        return product.made
