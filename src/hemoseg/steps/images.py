"""Reading images and label images of any usual format, and writing label images.

The format is told by the content, never by the name. What each kind of file becomes:

===========================  ==================================================================
grey, RGB, 8 or 16 bit       as it is
1-bit                        0 and 255 as an image, 0 and 1 as labels
palette                      its colours as an image, its indices as labels
grey + alpha, RGBA           alpha dropped with a notice, unless four channels are asked for
float in [0, 1] (TIFF)       16 bit; NaN, infinite or other values are refused
CMYK and other colour spaces refused
TIFF packed by zlib, none    any depth of 8 to 64 bits, read strip by strip or tile by tile
TIFF packed otherwise        LZW and PackBits; CCITT, JPEG, LZMA and ZSTD with 8 bits or grey
===========================  ==================================================================

Images are never rotated by their EXIF orientation: label images carry none, and both must match.
"""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import tifffile

from hemoseg.errors import InputError
from hemoseg.steps.decoding import EXPORT, content_of, decode, format_of
from hemoseg.steps.files import written_whole


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
    content = content_of(path)
    values, notices = decode(path, content, labels=False)
    values = plain(path, values, notices)
    return Picture(with_channels(path, values, channels, notices), notices)


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
    content = content_of(path)
    if format_of(path, content) not in ("PNG", "TIFF"):
        raise InputError(f"{path}: labels must be PNG or TIFF, since JPEG changes their numbers; export it as PNG")
    values, _ = decode(path, content, labels=True)
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


def plain(path: Path, values: np.ndarray, notices: list[str]) -> np.ndarray:
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
        return np.rint(values.astype(np.float32) * np.float32(65535)).astype(np.uint16)
    if values.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: {values.dtype} pixels; {EXPORT}")
    return values.astype(values.dtype.newbyteorder("="))


def unfilled(values: np.ndarray) -> str:
    """A sentence where 16-bit pixels end where those of a camera of 10, 12 or 14 bits do; "" elsewhere."""
    largest = int(values.max(initial=0))
    if values.dtype != np.uint16 or not 255 < largest < 2**14:
        return ""
    bits = next(bits for bits in (10, 12, 14) if largest < 2**bits)
    return f"16-bit images end below {2**bits}: is that full light, of {bits} bits? then say --white {2**bits - 1}"


def with_channels(
    path: Path, values: np.ndarray, channels: int | None, notices: list[str], alpha: bool = True
) -> np.ndarray:
    """``(C, H, W)`` with the channels that are asked for; ``alpha`` tells whether a last one may be transparency."""
    has = values.shape[2]
    if alpha and (has == 2 or (has == 4 and channels != 4)):
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
