"""Where the time goes: seconds by what was being done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Adds up seconds by name; of what runs within another, the inner one counts alone."""

    def __init__(self) -> None:
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
        now = time.perf_counter()
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
