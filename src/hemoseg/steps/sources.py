"""An image as a source of rows: what of a file is looked at is read, as far as its format allows that.

Plain TIFFs, of any size, in strips or tiles, are read row by row. Everything else is decoded as a whole when its first
rows are asked for: 20,000 x 20,000 pixels in three channels of 8 bits take 1.2 GB, 2.9 GB while they are decoded.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from hemoseg.errors import InputError
from hemoseg.steps.decoding import MOST_PIXELS, content_of, decode, decode_page, format_of, open_picture
from hemoseg.steps.images import plain, with_channels
from hemoseg.steps.tiff_checks import check_page, check_whole
from hemoseg.steps.tiff_planes import is_plain, page_of, planes_of
from hemoseg.steps.tiff_segments import page_rows

HEAD = 64  # bytes by which a format is told


@dataclass
class Source:
    """One image of a file, its header read, its pixels not yet.

    Attributes:
        path: the file.
        channels: as many as are asked for, None for as many as the file has.
        pages: numbers of the pages that make the image, one list per plane; empty where the file is no TIFF. Several
            planes are joined by ``joins``.
        joins: ``mean`` or ``max``.
        size: rows and columns.
        pixel_size: micrometres as the file tells it, else None.
        notices: what was changed, one sentence each.
    """

    path: Path
    channels: int | None
    size: tuple[int, int]
    pages: list[list[int]] = field(default_factory=list)
    joins: str = ""
    pixel_size: float | None = None
    notices: list[str] = field(default_factory=list)
    streams: bool = False
    _decoded: np.ndarray | None = field(default=None, repr=False)
    _file: tifffile.TiffFile | None = field(default=None, repr=False)

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows ``first`` to before ``last``, uint8 or uint16 ``(C, last - first, W)``.

        Raises:
            InputError: the file is damaged, or holds what no image should.
        """
        if not self.streams or self._decoded is not None:
            return self.whole()[:, first:last]
        try:
            joined = self._joined(first, last)
        except MemoryError:
            raise InputError(f"{self.path}: too large for this machine's memory; cut it into parts") from None
        except Exception as error:  # every decoder has its own words for a damaged file
            cause = " ".join(str(error).split())[:80] or type(error).__name__
            raise InputError(f"{self.path}: damaged or cut short ({cause}); copy it again from its source") from None
        return self._finished(joined)

    def whole(self) -> np.ndarray:
        """All rows."""
        if self._decoded is None and self.streams:
            return self.rows(0, self.size[0])
        if self._decoded is None:
            self._decoded = self._finished(self._decode())
        return self._decoded

    def hold(self) -> None:
        """Read all rows now and keep them until `close`, so that asking for them again costs nothing."""
        self._decoded = self.whole()

    def close(self) -> None:
        """Let go of the file and of what was decoded."""
        self._decoded = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _finished(self, values: np.ndarray) -> np.ndarray:
        """``(C, H, W)`` in 8 or 16 bits, of decoded ``(H, W, C)``; notices are kept once."""
        said: list[str] = []
        apart = len(self.pages[0]) if self.pages else 1
        if apart > 1 and self.channels not in (None, apart):  # dyes: none of them is transparency
            raise InputError(
                f"{self.path}: {apart} channels where the model reads {self.channels}; save those it reads"
            )
        values = with_channels(
            self.path, plain(self.path, values, said), self.channels if apart == 1 else apart, said, alpha=apart == 1
        )
        self.notices += [text for text in said if text not in self.notices]
        return values

    def _joined(self, first: int, last: int) -> np.ndarray:
        if self._file is None:
            self._file = tifffile.TiffFile(self.path)
        planes = (
            np.concatenate([page_rows(page_of(self._file, number), first, last) for number in plane], axis=2)
            for plane in self.pages
        )
        return joined(planes, len(self.pages), self.joins)

    def _decode(self) -> np.ndarray:
        content = content_of(self.path)
        if not self.pages:
            values, said = decode(self.path, content, labels=False)
            self.notices += said
            return values
        planes = (
            np.concatenate([decode_page(self.path, content, number) for number in plane], axis=2)
            for plane in self.pages
        )
        return joined(planes, len(self.pages), self.joins)


def joined(planes: Iterator[np.ndarray], number: int, how: str) -> np.ndarray:
    """One plane of several ``(H, W, C)``: their mean, rounded, or their maximum, in their own type."""
    first = next(planes)
    if number == 1:
        return first
    if how == "max":
        for plane in planes:
            first = np.maximum(first, plane)
        return first
    total = first.astype(np.float64)
    for plane in planes:
        total += plane
    mean = total / number
    return mean.astype(first.dtype) if first.dtype.kind == "f" else np.rint(mean).astype(first.dtype)


def open_source(path: str | Path, channels: int | None = None, page: str | None = None) -> Source:
    """The image of a file; of its pages the one that is asked for.

    Args:
        path: a PNG, TIFF, JPEG or BMP file.
        channels: see `hemoseg.steps.images.read_image`.
        page: of a TIFF of several pages the number of one, from 1, or ``mean`` or ``max`` of all; else not read.

    Raises:
        InputError: the file is absent, of another format, too large, or of several pages and ``page`` says nothing.
    """
    sources = open_sources(path, channels, page)
    if len(sources) > 1:
        raise InputError(f"{path}: holds {len(sources)} pages; choose one")
    return next(iter(sources.values()))


def open_sources(path: str | Path, channels: int | None = None, page: str | None = None) -> dict[str, Source]:
    """The images of a file by page: "" where it has one page, and ``page`` itself unless that is ``all``.

    Raises:
        InputError: as `open_source`.
    """
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            head = _head(path)
            if format_of(path, head) != "TIFF":
                return {"": Source(path, channels, _size(path))}
            return _tiff_sources(path, channels, page)
        except InputError:
            raise
        except Image.DecompressionBombError:
            raise InputError(f"{path}: its header claims more than {MOST_PIXELS:,} pixels; cut it into parts") from None
        except MemoryError:
            raise InputError(f"{path}: its header takes more than this machine's memory; save it anew") from None
        except Exception as error:  # every reader of headers has its own words
            cause = " ".join(str(error).split())[:80] or type(error).__name__
            raise InputError(f"{path}: damaged or cut short ({cause}); copy it again from its source") from None


def _head(path: Path) -> bytes:
    if not path.is_file():
        content_of(path)  # says what is wrong
    with open(path, "rb") as file:
        return file.read(HEAD) or content_of(path)


def _size(path: Path) -> tuple[int, int]:
    """Rows and columns by the header of a PNG, JPEG or BMP."""
    with open_picture(path) as picture:
        return _checked(path, picture.height, picture.width)


def _checked(path: Path, rows: int, columns: int) -> tuple[int, int]:
    if min(rows, columns) < 1:
        raise InputError(f"{path}: its header claims {rows} x {columns} pixels; copy it again from its source")
    if rows * columns > MOST_PIXELS:
        raise InputError(
            f"{path}: its header claims {rows} x {columns} pixels, more than {MOST_PIXELS:,}; cut it into parts"
        )
    return rows, columns


def _tiff_sources(path: Path, channels: int | None, page: str | None) -> dict[str, Source]:
    # One file is one set of planes: what it says of other files would be read from wherever it points.
    with tifffile.TiffFile(path, _multifile=False) as file:
        planes = planes_of(path, file)
        chosen = _chosen(path, planes.pages, page)
        found = {}
        for name, numbers in chosen.items():
            pages = [page_of(file, number) for plane in numbers for number in plane]
            sizes = {_checked(path, one.imagelength, one.imagewidth) for one in pages}
            if len(sizes) > 1:
                raise InputError(f"{path}: pages of several sizes have no {page}; choose one page by its number")
            streams = all(map(is_plain, pages))
            for one in pages:
                check_page(path, one)
                if not streams:
                    check_whole(path, one)
            found[name] = Source(
                path, channels, sizes.pop(), numbers, page if page in ("mean", "max") else "", planes.pixel_size,
                list(planes.notices), streams=streams,
            )  # fmt: skip
        return found


def _chosen(path: Path, planes: list[list[int]], page: str | None) -> dict[str, list[list[int]]]:
    """The planes of each image that is asked for."""
    if len(planes) == 1:
        return {"": planes}
    if page is None:
        raise InputError(
            f"{path}: a TIFF of {len(planes)} pages; choose by --page 1 to {len(planes)}, or --page all, mean or max"
        )
    if page in ("mean", "max"):
        return {page: planes}
    if page == "all":
        return {str(number): [plane] for number, plane in enumerate(planes, 1)}
    if not page.isdecimal() or not 1 <= int(page) <= len(planes):
        raise InputError(f"{path}: --page {page}; give a number from 1 to {len(planes)}, or all, mean or max")
    return {str(int(page)): [planes[int(page) - 1]]}
