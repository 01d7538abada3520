"""Images and labels that cannot be used: each is refused in one sentence with file, cause and remedy."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFile

from hemoseg.errors import InputError
from hemoseg.steps.images import read_image, read_labels

VALUES = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)


def saved(path, kind="PNG", values=VALUES, **options):
    Image.fromarray(values).save(path, kind, **options)


def cut(path, kind):
    saved(path, kind)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def deep_and_cut(path, kept=0.5):
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 65535, (40, 50, 3)).astype(np.uint16))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])


def deep_with_a_flipped_bit(path):
    """Only the checksum tells."""
    deep_and_cut(path, kept=1.0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def bomb(path, rows=60_000, columns=50_000):
    """A PNG of a few hundred bytes whose header claims three thousand million pixels."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def tiff_bomb(path):
    tifffile.imwrite(path, np.zeros((4, 4), np.uint8))
    with tifffile.TiffFile(path, mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(40_000)


def not_a_number(path):
    tifffile.imwrite(path, np.array([[0.2, np.nan]], np.float32))


def packed_by(path, code, values=VALUES, **options):
    """A TIFF that says that it is packed in another way than it is: what cannot be read is told by the header."""
    tifffile.imwrite(path, values, photometric="rgb", **options)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["Compression"].overwrite(code)


IMAGES = {
    "absent": (lambda path: None, "no such file; check the name"),
    "a folder": (lambda path: path.mkdir(), "a folder or device"),
    "empty": (lambda path: path.write_bytes(b""), r"empty \(0 bytes\); copy it again"),
    "text": (lambda path: path.write_text("hello"), "not a PNG, TIFF, JPEG or BMP image; export it"),
    "cut PNG": (lambda path: cut(path, "PNG"), "damaged or cut short.*copy it again"),
    "cut JPEG": (lambda path: cut(path, "JPEG"), "damaged or cut short.*copy it again"),
    "cut TIFF": (lambda path: cut(path, "TIFF"), "damaged or cut short.*copy it again"),
    "cut BMP": (lambda path: cut(path, "BMP"), "damaged or cut short.*copy it again"),
    "cut 16-bit colour PNG": (deep_and_cut, "damaged or cut short.*copy it again"),
    "16-bit colour PNG with a flipped bit": (deep_with_a_flipped_bit, "damaged or cut short.*copy it again"),
    "bomb": (bomb, "header claims.*cut it into parts"),
    "bomb just above the limit": (lambda path: bomb(path, 20_001, 20_000), "header claims.*cut it into parts"),
    "TIFF bomb": (tiff_bomb, "header claims.*cut it into parts"),
    "CMYK": (lambda path: Image.new("CMYK", (5, 4)).save(path, "JPEG"), "CMYK colours; convert it to RGB"),
    "CMYK TIFF": (lambda path: Image.new("CMYK", (5, 4)).save(path, "TIFF"), "colours; convert it to RGB"),
    "YCbCr TIFF": (lambda path: Image.new("YCbCr", (5, 4)).save(path, "TIFF"), "YCBCR colours; convert it to RGB"),
    "JPEG 2000 TIFF": (lambda path: packed_by(path, 34712), "packed by JPEG2000 with 8 bits.*save it uncompressed"),
    "16-bit ZSTD TIFF": (
        lambda path: packed_by(path, 50000, VALUES.astype(np.uint16)),
        "packed by ZSTD with 16 bits, which is not read; save it uncompressed",
    ),
    "float LZW TIFF": (lambda path: packed_by(path, 5, VALUES / np.float32(255)), "packed by LZW with 32 bits"),
    "16-bit LZW TIFF of planes": (
        lambda path: packed_by(path, 5, np.moveaxis(VALUES, -1, 0).astype(np.uint16), planarconfig="separate"),
        "packed by LZW with 16 bits and planes apart",
    ),
    "NaN": (not_a_number, "no numbers.*export it"),
    "floats up to 4000": (lambda path: tifffile.imwrite(path, np.float32([[0, 4000]])), "scale them to 0..1"),
    "32-bit": (lambda path: tifffile.imwrite(path, np.int32([[0, 70000]])), "int32 pixels; export it"),
    "pages": (
        lambda path: tifffile.imwrite(path, np.zeros((3, 20, 30), np.uint8), photometric="minisblack"),
        "3 pages",
    ),
    "six channels": (
        lambda path: tifffile.imwrite(path, np.zeros((20, 30, 6), np.uint8), planarconfig="contig"),
        "6 channels; keep at most four",
    ),
}


@pytest.fixture(autouse=True)
def after_a_pdf(monkeypatch):
    """As weasyprint leaves Pillow, which then fills up what is missing of an image with grey."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)


def assert_refused(read, path, make, sentence):
    """The file that ``make`` writes is refused in one sentence that begins with its path."""
    make(path)
    with pytest.raises(InputError, match=sentence) as refused:
        read(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, name):
    assert_refused(read_image, tmp_path / "a.png", *IMAGES[name])


def test_channels_that_the_dataset_does_not_have_are_refused(tmp_path):
    saved(tmp_path / "a.png")
    with pytest.raises(InputError, match="3 channels where the dataset says 4; correct `channels`"):
        read_image(tmp_path / "a.png", channels=4)


LABELS = {
    "JPEG": (lambda path: saved(path, "JPEG"), "JPEG changes their numbers; export it as PNG"),
    "BMP": (lambda path: saved(path, "BMP"), "labels must be PNG or TIFF"),
    "coloured": (saved, "a coloured picture holds no labels"),
    "negative": (lambda path: tifffile.imwrite(path, np.int16([[-1, 4]])), "number the cells 1..n"),
    "beyond 31 bits": (lambda path: tifffile.imwrite(path, np.uint32([[2**31]])), "number the cells 1..n"),
    "fractions": (lambda path: tifffile.imwrite(path, np.float32([[0.5]])), "whole numbers, not float32"),
    "pages": (lambda path: tifffile.imwrite(path, np.zeros((2, 9, 9), np.uint16)), "2 pages"),
    "bomb": (bomb, "cut it into parts"),
    "cut": (lambda path: cut(path, "PNG"), "damaged or cut short"),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_cannot_be_used_are_refused_in_one_sentence(tmp_path, name):
    assert_refused(read_labels, tmp_path / "a.png", *LABELS[name])
