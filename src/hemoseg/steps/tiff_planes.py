"""The planes of a TIFF file: its pages put in order."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from hemoseg.errors import InputError
from hemoseg.steps.tiff_checks import EXPORT
from hemoseg.steps.tiff_segments import is_readable

MICROMETRES = dict.fromkeys(("", "um", "µm", "μm", "micron", "microns", "micrometer", "micrometre"), 1.0)
MICROMETRES |= {"Å": 0.0001, "nm": 0.001, "mm": 1000.0, "cm": 10_000.0, "m": 1_000_000.0}
# In ImageJ what a picture brings that was saved for a printer; and where no unit is told the size is 1 pixel.
OF_PRINTERS = ("", "cm", "m")
SEGMENT = 2**26  # pixels: a file in larger strips or tiles is decoded once as a whole, not again for each few rows
ESCAPED = "\\u00B5m"  # as ImageJ writes the micro sign
MOST_PLANES = 10**6  # that OME-XML may claim: tifffile sets aside a place for each before it looks for it


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
        InputError: more than four channels, images that follow each other without a header of their own, or OME-XML
            that claims planes that are not there.
    """
    _check_planes(path, file)
    series = file.series[0]
    if len(file.series) > 1 and not _is_pyramid(file):
        return Planes([[number] for number in range(len(file.pages))], _pixel_size(file), [])
    notices = [] if len(file.series) == 1 else ["smaller copies of the image in the file are left out"]
    numbers = _numbers(path, file, series)
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


def _check_planes(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse OME-XML whose numbers no file holds."""
    text = (file.ome_metadata or "") if file.is_ome else ""
    claims = [int(number) for number in re.findall(r'\b(?:IFD|NumPlanes|PlaneCount|First[ZCT])\s*=\s*"(\d+)"', text)]
    for head in re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", text):
        claims.append(math.prod(int(number) for number in re.findall(r'\bSize[ZCT]\s*=\s*"(\d+)"', head)))
    if max(claims, default=0) > MOST_PLANES:
        raise InputError(f"{path}: its OME-XML claims more than {MOST_PLANES:,} planes; {EXPORT}")


def _numbers(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> np.ndarray:
    """Numbers of the pages of a series, in its own order, which need not be that of the file."""
    pages = list(series.pages)
    if any(page is None for page in pages):
        there = sum(page is not None for page in pages)
        raise InputError(f"{path}: holds {there} of the {len(pages)} planes that it names; export it again")
    numbers = np.array([page.index for page in pages])
    if numbers.max() >= len(file.pages):
        raise InputError(f"{path}: only the first of its {len(numbers)} pages has a header; {EXPORT}")
    return numbers


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
        unit = str((file.imagej_metadata or {}).get("unit", "pixel")).replace(ESCAPED, "um").strip()
        if unit in OF_PRINTERS:
            return None
        tags = [file.pages[0].tags.get(name) for name in ("XResolution", "YResolution")]
        per_unit = [tag.value[0] / tag.value[1] if tag is not None and tag.value[1] else 0.0 for tag in tags]
        return _square([_micrometres(str(1 / number), unit) if number else None for number in per_unit])
    return None


def _micrometres(size: str | None, unit: str) -> float | None:
    try:
        unit = unit.strip()
        value = float(size) * MICROMETRES[unit if unit in MICROMETRES else unit.lower()]
    except (KeyError, TypeError, ValueError):
        return None
    return value if 0 < value < float("inf") else None


def _square(sides: list[float | None]) -> float | None:
    """The side of a square pixel; None where a side is not known or the pixel is no square."""
    width, height = sides
    return width if width and height and math.isclose(width, height, rel_tol=0.01) else None


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
    small = page.compression == 1 or _pixels_of_segment(page) <= SEGMENT
    return grey_or_colour and is_readable(page) and small


def _pixels_of_segment(page: tifffile.TiffPage) -> int:
    """Of a strip or tile, which is decoded as a whole."""
    if page.is_tiled:
        return page.tilelength * page.tilewidth
    return min(page.rowsperstrip, page.imagelength) * page.imagewidth
