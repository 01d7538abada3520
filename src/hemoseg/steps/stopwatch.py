"""Where the time goes: seconds by what was being done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Adds up seconds by name; of what runs within another, the inner one counts alone.

    Args:
        clock: tells seconds; of the processor (`time.process_time`) where a busy neighbour must not count.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what runs in the block."""
        self._stop()
        self._running.append(name)
        try:
            yield
        finally:
            self._stop()
            self._running.pop()

    def _stop(self) -> None:
        now = self._clock()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now

    @staticmethod
    def settled(values: torch.Tensor) -> torch.Tensor:
        """The values once a GPU has made them, so that its work is not counted as what follows."""
        if values.is_cuda:
            torch.cuda.synchronize(values.device)
        return values
