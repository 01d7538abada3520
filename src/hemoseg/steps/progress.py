"""Progress of a long step: a bar in a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LINE_SECONDS = 10.0  # between two lines of a log


class Progress:
    """Counts to ``total``; `update` shows it together with what is worth knowing."""

    def __init__(self, total: int, what: str, *, done: int = 0, unit: str = "step"):
        self.bar = tqdm(
            total=total, initial=done, desc=what, unit=unit, dynamic_ncols=True, disable=not sys.stderr.isatty()
        )
        self.total, self.done, self.first, self.what, self.unit = total, done, done, what, unit
        self.begin = self.shown = time.monotonic()

    def update(self, note: str = "", *, by: int = 1) -> None:
        """Count ``by`` more; ``note`` is shown behind the count."""
        self.done += by
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update(by)
        now = time.monotonic()
        if self.bar.disable and (now - self.shown > LINE_SECONDS or self.done == self.total):
            self.shown = now
            rate = (self.done - self.first) / max(now - self.begin, 1e-9)
            left = (self.total - self.done) / rate
            print(f"{self.what}: {self.done}/{self.total} {self.unit}s, {left:.0f} s left {note}", file=sys.stderr)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()


def tracked(items: Iterable[T], total: int, what: str, unit: str) -> Iterator[T]:
    """Yield the items and show how many are done."""
    with Progress(total, what, unit=unit) as progress:
        for item in items:
            yield item
            progress.update()
