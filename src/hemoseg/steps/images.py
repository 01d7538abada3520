"""Reading images and label images of any usual format, and writing label images.

The format is told by the content, never by the name. What each kind of file becomes:

===========================  ==================================================================
grey, RGB, 8 or 16 bit       as it is
1-bit                        0 and 255 as an image, 0 and 1 as labels
palette                      its colours as an image, its indices as labels
grey + alpha, RGBA           alpha dropped with a notice, unless four channels are asked for
float in [0, 1] (TIFF)       16 bit; NaN, infinite or other values are refused
CMYK and other colour spaces refused
===========================  ==================================================================

Images are never rotated by their EXIF orientation: label images carry none, and both must match.
"""

import io
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image

from hemoseg.errors import InputError
from hemoseg.steps.files import written_whole

MOST_PIXELS = 20_000 * 20_000  # told from the header, before anything is decoded
FORMATS = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II": "TIFF", b"MM": "TIFF"}
COLOURS = {"1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
EXPORT = "export it as PNG or TIFF with 8 or 16 bits per channel"


@dataclass(frozen=True)
class Picture:
    """One image as it was read.

    Attributes:
        values: uint8 or uint16 ``(C, H, W)``; red, green, blue order.
        notices: what the reader changed, one sentence each.
    """

    values: np.ndarray
    notices: list[str] = field(default_factory=list)


def read_image(path: str | Path, channels: int | None = None) -> Picture:
    """Read an image.

    Args:
        path: a PNG, TIFF, JPEG or BMP file.
        channels: how many channels the dataset says it has; 4 keeps a fourth channel that is otherwise alpha,
            3 repeats a grey image, 1 takes the luminance of a colour image. None: as the file has it.

    Raises:
        InputError: the file is absent, damaged, too large, of another format, or holds what no image should.
    """
    path = Path(path)
    content = _content(path)
    values, notices = _decode(path, content, labels=False)
    values = _plain(path, values, notices)
    return Picture(_with_channels(path, values, channels, notices), notices)


def read_labels(path: str | Path) -> np.ndarray:
    """Read a label image, class map or mask exactly as it was written.

    A palette image gives its indices, not its colours; a grey image saved as RGB gives its grey values.

    Returns:
        int32 ``(H, W)``.

    Raises:
        InputError: the file is absent, damaged, a JPEG (which changes values), coloured, or holds numbers
            that are negative, fractional or beyond 31 bits.
    """
    path = Path(path)
    content = _content(path)
    if _format(path, content) not in ("PNG", "TIFF"):
        raise InputError(f"{path}: labels must be PNG or TIFF, since JPEG changes their numbers; export it as PNG")
    values, _ = _decode(path, content, labels=True)
    if values.shape[2] > 1:
        colours = values[..., :3] if values.shape[2] in (3, 4) else values[..., :1]
        if (colours != colours[..., :1]).any():
            raise InputError(f"{path}: a coloured picture holds no labels; write one number per pixel, one channel")
    values = values[..., 0]
    if values.dtype.kind not in "bui":
        raise InputError(f"{path}: labels are whole numbers, not {values.dtype}; write it as 8- or 16-bit PNG")
    if values.size and (values.min() < 0 or values.max() >= 2**31):
        raise InputError(f"{path}: labels lie outside 0..{2**31 - 1}; number the cells 1..n")
    return values.astype(np.int32)


def write_labels(path: str | Path, labels: np.ndarray) -> None:
    """Write a label image whole: 8-bit PNG for uint8, otherwise 16-bit PNG, or 32-bit TIFF when it is named so.

    Args:
        path: name ending in ``.png`` or ``.tif``; see `label_name`.
        labels: ``(H, W)``, not negative.

    Raises:
        ValueError: a number does not fit into the format.
    """
    path = Path(path)
    if path.suffix == ".tif":
        with written_whole(path) as temporary, open(temporary, "wb") as file:
            tifffile.imwrite(file, labels.astype(np.uint32), compression="zlib")
        return
    if labels.size and (labels.min() < 0 or labels.max() >= 2**16):
        raise ValueError(f"labels up to {labels.max()} do not fit into a 16-bit PNG")
    exact = labels if labels.dtype == np.uint8 else labels.astype(np.uint16)
    _, encoded = cv2.imencode(".png", exact)
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def label_name(name: str, labels: np.ndarray) -> str:
    """File name for a label image: PNG, or TIFF beyond 65,535 cells."""
    return f"{name}.tif" if labels.size and labels.max() >= 2**16 else f"{name}.png"


def _content(path: Path) -> bytes:
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name, or download the dataset again")
    if not path.is_file():
        raise InputError(f"{path}: a folder or device, not an image file; remove it or give it another name")
    content = path.read_bytes()
    if not content:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again from its source")
    return content


def _format(path: Path, content: bytes) -> str:
    for start, name in FORMATS.items():
        if content.startswith(start):
            return name
    raise InputError(f"{path}: not a PNG, TIFF, JPEG or BMP image; {EXPORT}")


def _decode(path: Path, content: bytes, labels: bool) -> tuple[np.ndarray, list[str]]:
    """Pixels ``(H, W, C)`` in the file's own type, with notices."""
    kind = _format(path, content)
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
    with Image.open(io.BytesIO(content)) as picture:
        _check_size(path, picture.height, picture.width)
        if getattr(picture, "n_frames", 1) > 1:
            raise InputError(f"{path}: an animation of {picture.n_frames} pictures; save one picture per file")
        if picture.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            notices.append("the EXIF orientation is not applied, so that images and labels match")
        if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            raise InputError(f"{path}: {picture.mode} colours; convert it to RGB and {EXPORT}")
        if content.startswith(b"\x89PNG") and _is_deep_colour(content):
            picture.verify()  # checksums, which OpenCV does not look at
            return _decode_deep_png(content), notices
        if labels:
            return _channels_last(np.asarray(picture)), notices
        mode = "RGBA" if picture.mode == "P" and "transparency" in picture.info else COLOURS.get(picture.mode)
        return _channels_last(np.asarray(picture.convert(mode) if mode else picture)), notices


def _is_deep_colour(content: bytes) -> bool:
    """Whether a PNG has 16 bits in more than one channel, which Pillow would cut to 8."""
    depth, colour = struct.unpack("BB", content[24:26])
    return depth == 16 and colour in (2, 4, 6)


def _decode_deep_png(content: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
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
        if page.samplesperpixel > 4:
            raise InputError(f"{path}: {page.samplesperpixel} channels; keep at most four")
        if page.photometric in (tifffile.PHOTOMETRIC.SEPARATED, tifffile.PHOTOMETRIC.CIELAB):
            raise InputError(f"{path}: {page.photometric.name} colours; convert it to RGB and {EXPORT}")
        compressed = page.compression not in (1, 8, 32946)  # none and the two zlib codes need no further package
        palette = page.photometric == tifffile.PHOTOMETRIC.PALETTE
        white_is_zero = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and not labels
        if compressed or (palette and not labels) or page.bitspersample not in (8, 16, 32, 64):
            return _decode_tiff_elsewhere(content, page.bitspersample, labels), []
        pixels = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
    if white_is_zero and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    return _channels_last(pixels), []


def _decode_tiff_elsewhere(content: bytes, bits: int, labels: bool) -> np.ndarray:
    """TIFF compressions that tifffile leaves to other packages: OpenCV for deep colour, Pillow for the rest."""
    with Image.open(io.BytesIO(content)) as picture:
        mode = None if labels else COLOURS.get(picture.mode)
        if bits <= 8 or picture.mode.startswith(("I;16", "F")):
            return _channels_last(np.asarray(picture.convert(mode) if mode else picture))
    return _decode_deep_png(content)


def _channels_last(pixels: np.ndarray) -> np.ndarray:
    """``(H, W, C)`` of pixels with or without a channel axis."""
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise ValueError(f"pixels of shape {pixels.shape}")
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _plain(path: Path, values: np.ndarray, notices: list[str]) -> np.ndarray:
    """uint8 or uint16 from what was decoded."""
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise InputError(f"{path}: holds values that are no numbers (NaN or infinite); {EXPORT}")
        if values.min() < 0 or values.max() > 1:
            raise InputError(
                f"{path}: floats from {values.min():g} to {values.max():g}; scale them to 0..1, or {EXPORT}"
            )
        notices.append("floats in [0, 1] were turned into 16 bits")
        return np.rint(values * 65535).astype(np.uint16)
    if values.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: {values.dtype} pixels; {EXPORT}")
    return values.astype(values.dtype.newbyteorder("="))


def _with_channels(path: Path, values: np.ndarray, channels: int | None, notices: list[str]) -> np.ndarray:
    """``(C, H, W)`` with the channels that the dataset asks for."""
    has = values.shape[2]
    if has == 2 or (has == 4 and channels != 4):
        notices.append("its last channel is taken as transparency and dropped; `channels: 4` would keep it")
        values, has = values[..., : has - 1], has - 1
    if channels == 3 and has == 1:
        values = np.repeat(values, 3, axis=2)
    elif channels == 1 and has == 3:
        notices.append("colours were turned into grey, as `channels: 1` asks")
        values = cv2.cvtColor(np.ascontiguousarray(values), cv2.COLOR_RGB2GRAY)[..., None]
    elif channels not in (None, has):
        raise InputError(f"{path}: {has} channels where the dataset says {channels}; correct `channels`")
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))
