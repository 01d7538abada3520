"""Rows of an image that is being made: in memory, or in a plain file where they are too many for it."""

import os
from pathlib import Path

import numpy as np


class RowStore:
    """Rows of one shape and type, appended, read and written again by their places.

    Args:
        height: rows that there will be.
        row: shape of a row, such as ``(W,)`` or ``(K, W)``.
        dtype: of the values.
        file: where they lie; none keeps them in memory. Rows that an earlier run left there are kept.
    """

    def __init__(self, height: int, row: tuple[int, ...], dtype: np.dtype | type, file: Path | None = None):
        self.row, self.dtype, self.file = row, np.dtype(dtype), file
        self._line = int(np.prod(row)) * self.dtype.itemsize
        self._memory = np.zeros((height, *row), self.dtype) if file is None else None
        self._handle = None
        if file is not None:
            self._handle = open(file, "r+b" if file.exists() else "w+b")  # noqa: SIM115 - closed by `close`
        self.count = 0 if file is None else file.stat().st_size // self._line

    def append(self, values: np.ndarray) -> None:
        """Put rows ``(n, *row)`` behind the last."""
        self.write(self.count, values)
        self.count += len(values)

    def write(self, first: int, values: np.ndarray) -> None:
        """Put rows in the place of those from ``first`` on."""
        if self._memory is not None:
            self._memory[first : first + len(values)] = values
        else:
            self._handle.seek(first * self._line)
            self._handle.write(np.ascontiguousarray(values, self.dtype).data)

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows ``first`` to before ``last``, ``(n, *row)``; not to be written to."""
        if self._memory is not None:
            return self._memory[first:last]
        self._handle.seek(first * self._line)
        content = self._handle.read((last - first) * self._line)
        return np.frombuffer(content, self.dtype).reshape(-1, *self.row)

    def keep(self, count: int) -> None:
        """Forget the rows from ``count`` on."""
        self.count = min(count, self.count)
        if self._handle is not None:
            self._handle.truncate(self.count * self._line)

    def flush(self) -> None:
        """Bring what was written to the disk."""
        if self._handle is not None:
            self._handle.flush()
            os.fsync(self._handle.fileno())

    def close(self) -> None:
        """Let go of the memory or the file; the file stays."""
        self._memory = None
        if self._handle is not None:
            self._handle.close()
