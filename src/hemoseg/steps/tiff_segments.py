"""The rows of one page of a TIFF, from the strips or tiles that hold them and from nothing else.

A strip is unpacked to the bytes that its page's shape claims: what a hostile file packs beyond is never unpacked,
whichever packages tifffile finds on a machine (without imagecodecs it would unpack all there is).
"""

import copy
import zlib

import numpy as np
import tifffile

ZLIB = (8, 32946)  # the two codes of zlib
PLAIN = (1, *ZLIB)  # what needs no further packages


def is_readable(page: tifffile.TiffPage) -> bool:
    """Whether `page_rows` can read a page: one layer of whole bytes, plain or packed by zlib."""
    known = page.compression in PLAIN and page.bitspersample in (8, 16, 32, 64)
    return known and page.imagedepth == 1 and page.fillorder == 1 and not page.is_subsampled


def page_rows(page: tifffile.TiffPage, first: int, last: int, inverted: bool = True) -> np.ndarray:
    """Rows ``first`` to before ``last`` of a page that `is_readable`, ``(rows, W, C)`` in the file's own type.

    Only the strips or tiles are read and decoded that hold them.

    Args:
        page: with all that its header says.
        first: row.
        last: row, one beyond.
        inverted: whether pixels in which 0 is white are turned round, as an image's are and labels' are not.
    """
    separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and page.samplesperpixel > 1
    channels = page.samplesperpixel
    rows = np.zeros((last - first, page.imagewidth, channels), page.dtype.newbyteorder("="))
    if page.is_contiguous and not separate and page.predictor == 1:
        _contiguous_rows(page, first, last, rows)
    else:
        _decoded_rows(page, first, last, separate, rows)
    if inverted and page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and rows.dtype.kind == "u":
        rows = np.iinfo(rows.dtype).max - rows
    return rows


def _contiguous_rows(page: tifffile.TiffPage, first: int, last: int, rows: np.ndarray) -> None:
    line = page.imagewidth * page.samplesperpixel * page.dtype.itemsize
    handle = page.parent.filehandle
    handle.seek(page.dataoffsets[0] + first * line)
    content = handle.read((last - first) * line)
    dtype = np.dtype(page.parent.byteorder + page.dtype.char)
    rows[:] = np.frombuffer(content, dtype).reshape(rows.shape)


def _decoded_rows(page: tifffile.TiffPage, first: int, last: int, separate: bool, rows: np.ndarray) -> None:
    height, width = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    height = height if page.is_tiled else min(height, page.imagelength)
    across, down = -(-page.imagewidth // width), -(-page.imagelength // height)
    packed, reader = page.compression in ZLIB, _unpacked_page(page)
    for plane in range(page.samplesperpixel if separate else 1):
        for band in range(first // height, -(-last // height)):
            for column in range(across):
                index = (plane * down + band) * across + column
                _place(reader, packed, index, (first, last), rows[..., plane : plane + 1] if separate else rows)


def _unpacked_page(page: tifffile.TiffPage) -> tifffile.TiffPage:
    """The page as if its strips were not compressed, which tifffile then takes as we have unpacked them."""
    if page.compression == 1:
        return page
    plain = copy.copy(page)
    vars(plain).pop("decode", None)
    vars(plain).pop("hash", None)  # by which decoders are kept
    plain.compression = 1
    return plain


def _place(page: tifffile.TiffPage, packed: bool, index: int, span: tuple[int, int], rows: np.ndarray) -> None:
    """Decode one strip or tile and copy what of it lies in the rows asked for; one that is absent is black."""
    if not page.databytecounts[index]:
        return
    handle = page.parent.filehandle
    handle.seek(page.dataoffsets[index])
    content = handle.read(page.databytecounts[index])
    _, (_, _, top, left, _), shape = page.decode(None, index)
    if min(span[1], top + shape[1]) <= max(span[0], top):
        return
    if packed:
        content = _unzipped(content, int(np.prod(shape)) * page.dtype.itemsize)
    segment = page.decode(content, index)[0]
    begin, end = max(span[0], top), min(span[1], top + shape[1])
    part = segment[0, begin - top : end - top, : shape[2]]
    rows[begin - span[0] : end - span[0], left : left + shape[2]] = part[:, : rows.shape[1] - left]


def _unzipped(content: bytes, most: int) -> bytes:
    """What a zlib stream holds, ``most`` bytes at most; of one that ends there, zlib looks at the checksum, too."""
    return zlib.decompressobj().decompress(content, most)
