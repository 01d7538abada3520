"""From the bytes of an image file to its pixels, by what the bytes say and never by the file's name."""

import io
import logging
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from hemoseg.errors import InputError
from hemoseg.steps.tiff_checks import EXPORT, check_packing, check_page, check_whole
from hemoseg.steps.tiff_segments import is_readable, page_rows

MOST_PIXELS = 20_000 * 20_000  # told from the header, before anything is decoded
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many, and warns of what is between
logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it finds odd is told in our words, or not at all
FORMATS = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II": "TIFF", b"MM": "TIFF"}
COLOURS = {"1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
PngImagePlugin.MAX_TEXT_CHUNK = 2**24  # bytes of a text or a colour profile, unpacked: a printer's takes two million


def content_of(path: Path) -> bytes:
    """Bytes of a file.

    Raises:
        InputError: it is absent, empty, or no file.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name, or download the dataset again")
    if not path.is_file():
        raise InputError(f"{path}: a folder or device, not an image file; remove it or give it another name")
    content = path.read_bytes()
    if not content:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again from its source")
    return content


def format_of(path: Path, content: bytes) -> str:
    """PNG, TIFF, JPEG or BMP, by the first bytes.

    Raises:
        InputError: none of them.
    """
    for start, name in FORMATS.items():
        if content.startswith(start):
            return name
    raise InputError(f"{path}: not a PNG, TIFF, JPEG or BMP image; {EXPORT}")


def decode(path: Path, content: bytes, labels: bool) -> tuple[np.ndarray, list[str]]:
    """Pixels ``(H, W, C)`` in the file's own type, with notices.

    Args:
        path: named in errors.
        content: bytes of the file.
        labels: give the indices of a palette and the bits of a 1-bit image, not colours and 0 or 255.

    Raises:
        InputError: damaged, too large, several pages, or colours that are not red, green and blue.
    """
    kind = format_of(path, content)
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # weasyprint, which writes PDF, turns it on for the whole process
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "TIFF":
                return _decode_tiff(path, content, labels)
            return _decode_with_pillow(path, content, labels)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"{path}: its header claims more than {MOST_PIXELS:,} pixels; cut it into parts") from None
    except MemoryError:
        raise InputError(f"{path}: too large for this machine's memory; cut it into parts") from None
    except Exception as error:  # every decoder has its own words for a damaged file
        cause = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(f"{path}: damaged or cut short ({cause}); copy it again from its source") from None


def _check_size(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MOST_PIXELS:
        raise InputError(
            f"{path}: its header claims {rows} x {columns} pixels, more than {MOST_PIXELS:,}; cut it into parts"
        )


def _decode_with_pillow(path: Path, content: bytes, labels: bool) -> tuple[np.ndarray, list[str]]:
    notices = []
    with open_picture(io.BytesIO(content)) as picture:
        _check_size(path, picture.height, picture.width)
        if picture.format == "MPO":
            notices.append("the first of the pictures in the file is taken")
        elif getattr(picture, "n_frames", 1) > 1:
            raise InputError(f"{path}: an animation of {picture.n_frames} pictures; save one picture per file")
        if content.startswith(b"\x89PNG") and _is_deep_colour(content):
            return _decode_deep(content), notices
        if picture.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            notices.append("the EXIF orientation is not applied, so that images and labels match")
        if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            raise InputError(f"{path}: {picture.mode} colours; convert it to RGB and {EXPORT}")
        if labels:
            return _channels_last(np.asarray(picture)), notices
        mode = "RGBA" if picture.mode == "P" and "transparency" in picture.info else COLOURS.get(picture.mode)
        return _channels_last(np.asarray(picture.convert(mode) if mode else picture)), notices


def open_picture(file: Path | io.BytesIO) -> Image.Image:
    """A PNG, JPEG or BMP as Pillow opens it; its other decoders are left alone."""
    return Image.open(file, formats=("PNG", "JPEG", "BMP"))


def _is_deep_colour(content: bytes) -> bool:
    """Whether a PNG has 16 bits in more than one channel, which Pillow would cut to 8."""
    depth, colour = struct.unpack("BB", content[24:26])
    return depth == 16 and colour in (2, 4, 6)


def _decode_deep(content: bytes, number: int = 0) -> np.ndarray:
    """Colours of 16 bits by OpenCV, of the ``number``-th page of a TIFF."""
    coded = np.frombuffer(content, np.uint8)
    if number:
        _, pages = cv2.imdecodemulti(coded, cv2.IMREAD_UNCHANGED, range=(number, number + 1))
        pixels = pages[0] if pages else None
    else:
        pixels = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("the pixels cannot be decoded")
    pixels = _channels_last(pixels)
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(pixels.shape[2])
    return pixels[..., order] if order else pixels


def _decode_tiff(path: Path, content: bytes, labels: bool) -> tuple[np.ndarray, list[str]]:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages[0]
        _check_size(path, page.imagelength, page.imagewidth)
        if len(file.pages) > 1 or page.imagedepth > 1:
            raise InputError(f"{path}: a TIFF of {len(file.pages)} pages; save each page as a file of its own")
        check_page(path, page)
        check_whole(path, page)
        return _page_pixels(path, page, content, 0, labels), []


def _page_pixels(path: Path, page: tifffile.TiffPage, content: bytes, number: int, labels: bool) -> np.ndarray:
    """Pixels of a page, the ``number``-th of the file whose bytes are given."""
    palette = page.photometric == tifffile.PHOTOMETRIC.PALETTE
    if not is_readable(page) or (palette and not labels):
        check_packing(path, page)
        return _decode_tiff_elsewhere(content, number, page.bitspersample, labels)
    return _channels_last(page_rows(page, 0, page.imagelength, inverted=not labels))


def _decode_tiff_elsewhere(content: bytes, number: int, bits: int, labels: bool) -> np.ndarray:
    """TIFF compressions that tifffile leaves to other packages: OpenCV for deep colour, Pillow for the rest."""
    with Image.open(io.BytesIO(content), formats=("TIFF",)) as picture:
        picture.seek(number)
        mode = None if labels else COLOURS.get(picture.mode)
        if bits <= 8 or picture.mode.startswith(("I;16", "F")):
            return _channels_last(np.asarray(picture.convert(mode) if mode else picture))
    return _decode_deep(content, number)


def decode_page(path: Path, content: bytes, number: int) -> np.ndarray:
    """Pixels ``(H, W, C)`` of one page of a TIFF, in the file's own type.

    Raises:
        InputError: damaged, or colours that no reader here knows.
    """
    try:
        with warnings.catch_warnings(), tifffile.TiffFile(io.BytesIO(content)) as file:
            warnings.simplefilter("ignore")
            return _page_pixels(path, file.pages.get(number, aspage=True), content, number, labels=False)
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{path}: too large for this machine's memory; cut it into parts") from None
    except Exception as error:  # every decoder has its own words for a damaged file
        cause = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(f"{path}: damaged or cut short ({cause}); copy it again from its source") from None


def _channels_last(pixels: np.ndarray) -> np.ndarray:
    """``(H, W, C)`` of pixels with or without a channel axis."""
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise ValueError(f"pixels of shape {pixels.shape}")
    return pixels[..., None] if pixels.ndim == 2 else pixels
