"""How many tasks travel together: where they come quickly, what each costs the driver is shared."""

from __future__ import annotations

import math
import time

# So many hand-outs a second take the driver less than a tenth of a core; tasks that are slower travel alone.
_HANDOUTS = 100
# A bundle has no more, and is measured anew after so many seconds.
_MOST, _INTERVAL = 16, 1.0


class Bundling:
    """Counts what is done a second.

    A bundle lasts as long as a worker takes for `workers / _HANDOUTS` seconds of work: what is lost with one
    that is interrupted is little, however slow the models are.

    Attributes:
        size: How many tasks a bundle has now.
    """

    def __init__(self) -> None:
        """Begin with single tasks."""
        self.size = 1
        self._since, self._done = time.monotonic(), 0

    def add(self, done: int) -> None:
        """So many tasks are over."""
        self._done += done
        elapsed = time.monotonic() - self._since
        if elapsed >= _INTERVAL:
            self.size = min(_MOST, max(1, math.ceil(self._done / elapsed / _HANDOUTS)))
            self._since, self._done = time.monotonic(), 0
