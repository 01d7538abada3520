"""Large label images written and read back in bands, so that none is ever in memory as a whole."""

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tifffile

from hemoseg.steps.files import written_whole

STRIP = 2**18  # pixels of a strip of a TIFF: what a reader has to decode for one row
LEVEL = 6  # of zlib, its own default

# Gives rows ``first`` to before ``last``: ``(n, W)``, or ``(K, n, W)`` for a file of K planes.
Bands = Callable[[int, int], np.ndarray]


def write_label_tiff(path: Path, size: tuple[int, int], cells: int, rows: Bands) -> None:
    """Write cells as a zlib-compressed TIFF: 16 bits, or 32 where there are more than 65,535."""
    dtype = np.dtype(np.uint16 if cells < 2**16 else np.uint32)
    write_tiff(path, size, dtype, lambda first, last: rows(first, last)[None], planes=1)


def write_tiff(path: Path, size: tuple[int, int], dtype: np.dtype, rows: Bands, *, planes: int) -> None:
    """Write planes ``(K, H, W)`` as a zlib-compressed TIFF of a page each, whole."""
    height, width = size
    step = min(height, max(1, STRIP // width))

    def strips() -> Iterator[bytes]:
        for plane in range(planes):
            for first in range(0, height, step):
                part = rows(first, min(first + step, height))[plane]
                yield zlib.compress(np.ascontiguousarray(part, dtype).tobytes(), LEVEL)

    with written_whole(path) as temporary, open(temporary, "wb") as file:
        tifffile.imwrite(
            file, strips(), shape=(planes, *size) if planes > 1 else size, dtype=dtype, rowsperstrip=step,
            compression="zlib", photometric="minisblack", software=False, metadata=None, maxworkers=1,
        )  # fmt: skip


def write_png(path: Path, size: tuple[int, int], rows: Bands, step: int) -> None:
    """Write ``(H, W)`` of 8 bits as a grey PNG, whole, ``step`` rows at a time."""
    height, width = size
    packer = zlib.compressobj(LEVEL)
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)))
        for first in range(0, height, step):
            part = np.asarray(rows(first, min(first + step, height)), np.uint8)
            # A 0 before each row says that it is stored as it is.
            packed = packer.compress(np.pad(part, ((0, 0), (1, 0))).tobytes())
            if packed:
                file.write(_chunk(b"IDAT", packed))
        file.write(_chunk(b"IDAT", packer.flush()))
        file.write(_chunk(b"IEND", b""))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
