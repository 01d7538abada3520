"""The planes of a TIFF file: its pages put in order, and the rows of one of them without the rest."""

import re
from dataclasses import dataclass
from math import isclose
from pathlib import Path

import numpy as np
import tifffile

from hemoseg.errors import InputError
from hemoseg.steps.decoding import EXPORT

PLAIN = (1, 8, 32946)  # no compression and the two codes of zlib: what tifffile reads without further packages
MICROMETRES = {"": 1.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "nm": 0.001, "mm": 1000.0}
SEGMENT = 2**26  # pixels: a file in larger strips or tiles is decoded once as a whole, not again for each few rows
ESCAPED = "\\u00B5m"  # as ImageJ writes the micro sign


@dataclass(frozen=True)
class Planes:
    """How the pages of a file make images.

    Attributes:
        pages: of each plane the numbers of its pages, one per channel, or one that holds all channels.
        pixel_size: micrometres, None where the file does not tell.
        notices: what was left out.
    """

    pages: list[list[int]]
    pixel_size: float | None
    notices: list[str]


def planes_of(path: Path, file: tifffile.TiffFile) -> Planes:
    """The planes of a file: what its first series holds, channels that are pages of their own put together.

    Smaller copies (a pyramid, a thumbnail) are left out; other pages of several sizes are planes, one each.

    Raises:
        InputError: more than four channels, or images that follow each other without a header of their own.
    """
    series = file.series[0]
    if len(file.series) > 1 and not _is_pyramid(file):
        return Planes([[number] for number in range(len(file.pages))], _pixel_size(file), [])
    notices = [] if len(file.series) == 1 else ["smaller copies of the image in the file are left out"]
    first = series.pages[0].index
    numbers = np.arange(first, first + len(series.pages))
    if numbers[-1] >= len(file.pages):
        raise InputError(f"{path}: only the first of its {len(numbers)} pages has a header; {EXPORT}")
    axes, shape = series.get_axes(False), series.get_shape(False)
    outer = [(axis, length) for axis, length in zip(axes, shape, strict=True) if axis not in "YXS"]
    if int(np.prod([length for _, length in outer])) != len(numbers):  # a page that holds several: one plane each
        outer = [("I", len(numbers))]
    order = numbers.reshape([length for _, length in outer])
    channel = next((place for place, (axis, length) in enumerate(outer) if axis == "C" and length > 1), None)
    if channel is None:
        return Planes([[int(number)] for number in order.ravel()], _pixel_size(file), notices)
    if outer[channel][1] > 4:
        raise InputError(f"{path}: {outer[channel][1]} channels; keep at most four")
    rows = np.moveaxis(order, channel, -1).reshape(-1, outer[channel][1])
    return Planes([[int(number) for number in row] for row in rows], _pixel_size(file), notices)


def _is_pyramid(file: tifffile.TiffFile) -> bool:
    """Whether what follows the first series are smaller copies of it, thumbnails, labels of a slide."""
    return file.is_svs or all(series.pages[0].is_reduced for series in file.series[1:])


def _pixel_size(file: tifffile.TiffFile) -> float | None:
    """Micrometres per pixel as OME-XML or ImageJ tell it; resolutions per inch are those of a printer."""
    if file.is_ome:
        head = re.search(r"<(?:\w+:)?Pixels\b[^>]*>", file.ome_metadata or "")
        found = dict(re.findall(r'(PhysicalSize[XY](?:Unit)?)\s*=\s*"([^"]*)"', head.group())) if head else {}
        sides = [(found.get(f"PhysicalSize{axis}"), found.get(f"PhysicalSize{axis}Unit", "")) for axis in "XY"]
        return _square([_micrometres(size, unit) for size, unit in sides])
    if file.is_imagej:
        unit = str((file.imagej_metadata or {}).get("unit", "pixel")).replace(ESCAPED, "um")
        tags = [file.pages[0].tags.get(name) for name in ("XResolution", "YResolution")]
        per_unit = [tag.value[0] / tag.value[1] if tag is not None and tag.value[1] else 0.0 for tag in tags]
        return _square([_micrometres(str(1 / number), unit) if number else None for number in per_unit])
    return None


def _micrometres(size: str | None, unit: str) -> float | None:
    try:
        value = float(size) * MICROMETRES[unit.strip()]
    except (KeyError, TypeError, ValueError):
        return None
    return value if 0 < value < float("inf") else None


def _square(sides: list[float | None]) -> float | None:
    """The side of a square pixel; None where a side is not known or the pixel is no square."""
    width, height = sides
    return width if width and height and isclose(width, height, rel_tol=0.01) else None


def page_of(file: tifffile.TiffFile, number: int) -> tifffile.TiffPage:
    """A page with all that its header says; the file itself hands out some with less."""
    return file.pages.get(number, aspage=True)


def is_plain(page: tifffile.TiffPage) -> bool:
    """Whether rows of a page can be read by themselves, in numbers that need no translation but their sign."""
    grey_or_colour = page.photometric in (
        tifffile.PHOTOMETRIC.MINISBLACK,
        tifffile.PHOTOMETRIC.MINISWHITE,
        tifffile.PHOTOMETRIC.RGB,
    )
    known = page.compression in PLAIN and grey_or_colour and page.bitspersample in (8, 16, 32, 64)
    return known and page.imagedepth == 1 and (page.compression == 1 or _pixels_of_segment(page) <= SEGMENT)


def _pixels_of_segment(page: tifffile.TiffPage) -> int:
    """Of a strip or tile, which is decoded as a whole."""
    if page.is_tiled:
        return page.tilelength * page.tilewidth
    return min(page.rowsperstrip, page.imagelength) * page.imagewidth


def check_colours(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse what is no image of one to four channels in grey or red, green and blue.

    Raises:
        InputError: more channels, or other colours.
    """
    if page.samplesperpixel > 4:
        raise InputError(f"{path}: {page.samplesperpixel} channels; keep at most four")
    if page.photometric in (tifffile.PHOTOMETRIC.SEPARATED, tifffile.PHOTOMETRIC.CIELAB):
        raise InputError(f"{path}: {page.photometric.name} colours; convert it to RGB and {EXPORT}")


def page_rows(page: tifffile.TiffPage, first: int, last: int) -> np.ndarray:
    """Rows ``first`` to before ``last`` of a plain page, ``(rows, W, C)`` in the file's own type.

    Only the strips or tiles are read and decoded that hold them.
    """
    separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and page.samplesperpixel > 1
    channels = page.samplesperpixel
    rows = np.zeros((last - first, page.imagewidth, channels), page.dtype.newbyteorder("="))
    if page.is_contiguous and not separate and page.compression == 1:
        return _contiguous_rows(page, first, last, rows)
    height, width = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    height = min(height, page.imagelength)
    across, down = -(-page.imagewidth // width), -(-page.imagelength // height)
    for plane in range(channels if separate else 1):
        for band in range(first // height, -(-last // height)):
            for column in range(across):
                index = (plane * down + band) * across + column
                _place(page, index, (first, last), rows[..., plane : plane + 1] if separate else rows)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and rows.dtype.kind == "u":
        rows = np.iinfo(rows.dtype).max - rows
    return rows


def _contiguous_rows(page: tifffile.TiffPage, first: int, last: int, rows: np.ndarray) -> np.ndarray:
    line = page.imagewidth * page.samplesperpixel * page.dtype.itemsize
    handle = page.parent.filehandle
    handle.seek(page.dataoffsets[0] + first * line)
    content = handle.read((last - first) * line)
    dtype = np.dtype(page.parent.byteorder + page.dtype.char)
    rows[:] = np.frombuffer(content, dtype).reshape(rows.shape)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and rows.dtype.kind == "u":
        rows = np.iinfo(rows.dtype).max - rows
    return rows


def _place(page: tifffile.TiffPage, index: int, span: tuple[int, int], rows: np.ndarray) -> None:
    """Decode one strip or tile and copy what of it lies in the rows asked for; one that is absent is black."""
    if not page.databytecounts[index]:
        return
    handle = page.parent.filehandle
    handle.seek(page.dataoffsets[index])
    segment, (_, _, top, left, _), shape = page.decode(handle.read(page.databytecounts[index]), index)
    begin, end = max(span[0], top), min(span[1], top + shape[1])
    if segment is None or end <= begin:
        return
    part = segment[0, begin - top : end - top, : shape[2]]
    rows[begin - span[0] : end - span[0], left : left + shape[2]] = part[:, : rows.shape[1] - left]
