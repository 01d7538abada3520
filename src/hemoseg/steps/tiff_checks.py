"""What a page of a TIFF may be: told by its header, before anything of it is decoded."""

from pathlib import Path

import tifffile

from hemoseg.errors import InputError

EXPORT = "export it as PNG or TIFF with 8 or 16 bits per channel"
LARGEST_TILE = 2**24  # pixels: a tile beyond it that is larger than its image is no writer's
MOST_BYTES = 8 * 20_000 * 20_000  # that are decoded at once: four channels of 16 bits of the largest image
GREY_OR_COLOUR = ("MINISBLACK", "MINISWHITE", "RGB", "PALETTE", "TRANSPARENCY_MASK")
JPEG = (6, 7)  # in which YCbCr is a way to pack red, green and blue, which decoders undo
# That Pillow or OpenCV unpack; of 16-bit colours, which OpenCV alone keeps, fewer, and those not with planes apart.
KNOWN = {1: "none", 2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 8: "zlib", 32946: "zlib", 32773: "PackBits"}
KNOWN |= {6: "JPEG", 7: "JPEG", 34925: "LZMA", 50000: "ZSTD"}
KNOWN_DEEP = (1, 5, 8, 32773, 32946)


def check_page(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse what is no image of one to four channels in grey or red, green and blue, or claims what cannot be.

    Raises:
        InputError: more channels, other colours, or tiles larger than the image: decoders set aside memory for a tile
            before they look at what it holds.
    """
    if page.samplesperpixel > 4:
        raise InputError(f"{path}: {page.samplesperpixel} channels; keep at most four")
    colours = getattr(page.photometric, "name", str(page.photometric))
    if colours not in GREY_OR_COLOUR and not (colours == "YCBCR" and page.compression in JPEG):
        raise InputError(f"{path}: {colours} colours; convert it to RGB and {EXPORT}")
    tile = page.tilelength * page.tilewidth if page.is_tiled else 0
    if tile > max(LARGEST_TILE, page.imagelength * page.imagewidth):
        raise InputError(
            f"{path}: its header claims tiles of {page.tilelength} x {page.tilewidth} pixels in an image of "
            f"{page.imagelength} x {page.imagewidth}; copy it again from its source"
        )


def check_whole(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse a page that is too large to be decoded as a whole.

    Raises:
        InputError: its pixels take more than `MOST_BYTES`.
    """
    if page.nbytes > MOST_BYTES:
        raise InputError(
            f"{path}: its pixels take {page.nbytes:,} bytes, more than {MOST_BYTES:,}; cut it into parts, or save it "
            "with 8 or 16 bits per channel"
        )


def check_packing(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse a page that `hemoseg.steps.tiff_segments` does not read, and the other decoders do not either.

    Raises:
        InputError: it is packed in a way that none unpacks, or that one would unpack to something else.
    """
    depth = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    deep = depth > 8 and page.samplesperpixel > 1
    apart = deep and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    floats = deep and page.sampleformat == tifffile.SAMPLEFORMAT.IEEEFP
    if page.compression not in (KNOWN_DEEP if deep else KNOWN) or apart or floats:
        name = KNOWN.get(int(page.compression), getattr(page.compression, "name", str(page.compression)))
        how = f"{name} with {depth} bits" + (" and planes apart" if apart else "")
        raise InputError(
            f"{path}: packed by {how}, which is not read; save it uncompressed, or compressed by zlib (deflate)"
        )
