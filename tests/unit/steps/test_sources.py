"""Images are read row by row as they are read whole."""

import re
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from hemoseg.errors import InputError
from hemoseg.steps.images import read_image
from hemoseg.steps.sources import open_source, open_sources

SIZE = (45, 37)


def values(dtype=np.uint8, channels=3):
    limit = 1 if dtype == np.float32 else np.iinfo(dtype).max
    random = np.random.default_rng(channels).random((*SIZE, channels))
    return (random * limit).astype(dtype)[..., 0] if channels == 1 else (random * limit).astype(dtype)


FORMS = {
    "plain": {},
    "strips": {"rowsperstrip": 7},
    "zlib": {"rowsperstrip": 5, "compression": "zlib"},
    "predictor": {"rowsperstrip": 5, "compression": "zlib", "predictor": 2},
    "tiles": {"tile": (16, 16)},
    "zlib tiles": {"tile": (32, 16), "compression": "zlib"},
    "bigtiff": {"bigtiff": True},
    "other byte order": {"byteorder": ">", "rowsperstrip": 4},
    "planes apart": {"planarconfig": "separate"},
    "planes apart in tiles": {"planarconfig": "separate", "tile": (16, 16), "compression": "zlib"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint16, 1), (np.uint8, 4), (np.float32, 1)])
def test_rows_of_a_tiff_are_those_of_the_whole_image(tmp_path, form, dtype, channels):
    if "planes" in form and channels == 1:
        pytest.skip("one channel has one plane")
    options = dict(FORMS[form])
    if "predictor" in options and dtype == np.float32:
        options["predictor"] = 3
    pixels = values(dtype, channels)
    if "planarconfig" in options:
        pixels = np.moveaxis(pixels, -1, 0)
    file = tmp_path / "a.tif"
    writer = {key: options.pop(key) for key in ("bigtiff", "byteorder") if key in options}
    tifffile.imwrite(file, pixels, photometric="rgb" if channels > 2 else "minisblack", **writer, **options)
    whole = read_image(file, channels).values
    source = open_source(file, channels)
    assert source.streams
    assert source.size == SIZE
    parts = [source.rows(first, min(first + 8, SIZE[0])) for first in range(0, SIZE[0], 8)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    assert np.array_equal(source.whole(), whole)
    assert source.rows(0, 1).dtype == whole.dtype


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "grey PNG", "deep PNG", "LZW", "inverted"])
def test_every_other_file_is_read_as_the_images_are(tmp_path, kind):
    pixels = values()
    file = tmp_path / "a.png"
    if kind == "deep PNG":
        Image.fromarray(values(np.uint16, 1)).save(file, "PNG")
    elif kind == "LZW":
        Image.fromarray(pixels).save(file, "TIFF", compression="tiff_lzw")
    elif kind == "inverted":
        tifffile.imwrite(file, values(np.uint8, 1), photometric="miniswhite")
    else:
        Image.fromarray(pixels[..., 0] if "grey" in kind else pixels).save(file, kind.split()[-1])
    source = open_source(file, 3)
    assert np.array_equal(source.rows(3, 30), read_image(file, 3).values[:, 3:30])
    assert source.size == SIZE


def stack(tmp_path, number=4, **options):
    pages = np.stack([values(np.uint8, 1) // (n + 1) for n in range(number)])
    tifffile.imwrite(tmp_path / "stack.tif", pages, photometric="minisblack", **options)
    return tmp_path / "stack.tif", pages


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"rowsperstrip": 9},
    ],
)
def test_pages_are_chosen(tmp_path, options):
    file, pages = stack(tmp_path, **options)
    with pytest.raises(InputError, match=r"4 pages; choose by --page 1 to 4"):
        open_source(file)
    assert np.array_equal(open_source(file, page="3").rows(2, 40)[0], pages[2, 2:40])
    assert np.array_equal(open_source(file, page="max").whole()[0], pages.max(axis=0))
    mean = open_source(file, page="mean").whole()[0]
    assert np.array_equal(mean, np.rint(pages.mean(axis=0)))
    every = open_sources(file, page="all")
    assert list(every) == ["1", "2", "3", "4"]
    assert all(np.array_equal(one.whole()[0], page) for one, page in zip(every.values(), pages, strict=True))
    for wrong in ("0", "5", "-1", "last", "1.5", "²"):
        with pytest.raises(InputError, match="from 1 to 4"):
            open_source(file, page=wrong)


def test_pages_that_another_package_decodes(tmp_path):
    file, pages = tmp_path / "lzw.tif", [values() // (n + 1) for n in range(3)]
    frames = [Image.fromarray(page) for page in pages]
    frames[0].save(file, "TIFF", compression="tiff_lzw", save_all=True, append_images=frames[1:])
    assert np.array_equal(open_source(file, page="2").whole(), np.moveaxis(pages[1], -1, 0))


@pytest.mark.parametrize("axes", ["CYX", "TCYX", "CZYX", "ZCYX"])
def test_channels_that_are_pages_are_channels(tmp_path, axes):
    shape = tuple({"C": 3, "T": 2, "Z": 2}[axis] for axis in axes[:-2])
    data = np.random.default_rng(0).integers(0, 255, (*shape, *SIZE), np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", data, metadata={"axes": axes}, photometric="minisblack")
    first = data if axes == "CYX" else data[0] if axes[0] in "TZ" else data[:, 0]
    source = open_source(tmp_path / "a.ome.tif", page=None if axes == "CYX" else "1")
    assert np.array_equal(source.whole(), first)


def test_no_dye_is_taken_for_transparency(tmp_path):
    data = np.random.default_rng(0).integers(0, 255, (2, *SIZE), np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", data, metadata={"axes": "CYX"}, photometric="minisblack")
    assert np.array_equal(open_source(tmp_path / "a.ome.tif", 2).whole(), data)
    with pytest.raises(InputError, match="2 channels where the model reads 1"):
        open_source(tmp_path / "a.ome.tif", 1).whole()


def with_planes(file, planes):
    """An OME-TIFF of three planes, 10, 20 and 30 bright, whose OME-XML says where they lie."""
    data = np.stack([np.full(SIZE, value, np.uint8) for value in (10, 20, 30)])
    tifffile.imwrite(file, data, metadata={"axes": "CYX"}, photometric="minisblack")
    text = re.sub(r"<TiffData.*?(</TiffData>|/>)", planes, tifffile.tiffcomment(file), flags=re.DOTALL)
    tifffile.tiffcomment(file, text.encode())


def test_channels_come_in_the_order_that_the_file_tells(tmp_path):
    with_planes(tmp_path / "a.ome.tif", "".join(f'<TiffData IFD="{2 - c}" FirstC="{c}"/>' for c in range(3)))
    assert open_source(tmp_path / "a.ome.tif").whole()[:, 0, 0].tolist() == [30, 20, 10]
    with_planes(tmp_path / "b.ome.tif", '<TiffData IFD="0" FirstC="0"/>')
    with pytest.raises(InputError, match="holds 1 of the 3 planes that it names; export it again"):
        open_source(tmp_path / "b.ome.tif")


def test_no_file_is_read_that_a_file_points_to(tmp_path):
    (tmp_path / "lab").mkdir()
    tifffile.imwrite(tmp_path / "secret.tif", np.full((3, *SIZE), 99, np.uint8), photometric="minisblack")
    planes = '<TiffData IFD="0" PlaneCount="3"><UUID FileName="../secret.tif">urn:uuid:1</UUID></TiffData>'
    with_planes(tmp_path / "lab" / "a.ome.tif", planes)
    found = open_sources(tmp_path / "lab" / "a.ome.tif", page="all")
    assert [source.whole().max() for source in found.values()] == [10, 20, 30]


def test_a_pyramid_is_its_largest_image(tmp_path):
    data = values()
    with tifffile.TiffWriter(tmp_path / "p.ome.tif") as file:
        file.write(data, subifds=1, photometric="rgb")
        file.write(data[::2, ::2], subfiletype=1, photometric="rgb")
    source = open_source(tmp_path / "p.ome.tif")
    assert np.array_equal(source.whole(), np.moveaxis(data, -1, 0))


@pytest.mark.parametrize(
    ("size", "unit", "known"),
    [("0.25", "µm", 0.25), ("250", "nm", 0.25), ("0.00025", "mm", 0.25), ("2500", "Å", 0.25),
     ("0.00000025", "m", 0.25), ("0.25", "Micrometer", 0.25), ("0.25", "pixel", None), ("-1", "µm", None),
     ("&lt;b&gt;", "µm", None), ("1e400", "µm", None)],
)  # fmt: skip
def test_ome_tells_the_size_of_a_pixel(tmp_path, size, unit, known):
    file = tmp_path / "a.ome.tif"
    metadata = {"axes": "YX", "PhysicalSizeX": 7.125, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 7.125,
                "PhysicalSizeYUnit": "µm"}  # fmt: skip
    tifffile.imwrite(file, values(channels=1), metadata=metadata)
    text = tifffile.tiffcomment(file)
    text = re.sub(r'(PhysicalSize[XY]=)"[^"]*"', rf'\g<1>"{size}"', text)
    text = re.sub(r'(PhysicalSize[XY]Unit=)"[^"]*"', rf'\g<1>"{unit}"', text)
    tifffile.tiffcomment(file, text.encode())
    found = open_source(file).pixel_size
    assert found == pytest.approx(known) if known else found is None


def test_imagej_tells_the_size_of_a_pixel_and_a_printer_does_not(tmp_path):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, values(channels=1), imagej=True, resolution=(4, 4), metadata={"unit": "um"})
    assert open_source(file).pixel_size == pytest.approx(0.25)
    for unit, known in (
        ("micron", 0.25),
        ("\\u00B5m", 0.25),
        ("", None),
        ("cm", None),
        ("inch", None),
        ("pixel", None),
    ):
        tifffile.imwrite(file, values(channels=1), imagej=True, resolution=(4, 4), metadata={"unit": unit})
        assert open_source(file).pixel_size == (pytest.approx(known) if known else None)
    tifffile.imwrite(file, values(channels=1), imagej=True, resolution=(4, 4), metadata={"unit": "um"})
    file.write_bytes(file.read_bytes().replace(b"unit=um", b"unit=\xb5m"))  # the sign itself, not its number
    assert open_source(file).pixel_size == pytest.approx(0.25)
    tifffile.imwrite(file, values(channels=1), resolution=(300, 300), resolutionunit="inch")
    assert open_source(file).pixel_size is None
    tifffile.imwrite(file, values(channels=1), imagej=True, resolution=(4, 2), metadata={"unit": "um"})
    assert open_source(file).pixel_size is None  # no square


def bomb(side):
    """A PNG of few bytes whose header claims ``side`` x ``side`` pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(40_000))) + chunk(b"IEND", b"")


def test_what_claims_too_much_is_refused_by_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    (tmp_path / "bomb.png").write_bytes(bomb(30_000))
    with pytest.raises(InputError, match="claims"):
        open_source(tmp_path / "bomb.png")
    (tmp_path / "slide.png").write_bytes(bomb(20_000))
    assert open_source(tmp_path / "slide.png").size == (20_000, 20_000)  # as many as are promised
    tifffile.imwrite(tmp_path / "bomb.tif", values(), photometric="rgb", compression="zlib")
    content = bytearray((tmp_path / "bomb.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "bomb.tif") as file:
        for name in ("ImageWidth", "ImageLength"):
            tag = file.pages[0].tags[name]
            content[tag.valueoffset : tag.valueoffset + tag.valuebytecount] = (60_000).to_bytes(
                tag.valuebytecount, "little"
            )
    (tmp_path / "bomb.tif").write_bytes(content)
    with pytest.raises(InputError, match="claims 60000 x 60000 pixels"):
        open_source(tmp_path / "bomb.tif")


def test_a_strip_with_another_checksum_is_damage(tmp_path):
    file = tmp_path / "sum.tif"
    tifffile.imwrite(file, values(), photometric="rgb", compression="zlib")
    with tifffile.TiffFile(file) as opened:
        end = opened.pages[0].dataoffsets[0] + opened.pages[0].databytecounts[0]
    content = bytearray(file.read_bytes())
    content[end - 1] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"sum\.tif: damaged or cut short .*incorrect data check"):
        open_source(file).whole()


@pytest.mark.parametrize(("options", "tag"), [({"tile": (16, 16)}, "TileWidth"), ({"rowsperstrip": 5}, "RowsPerStrip")])
def test_strips_and_tiles_without_pixels_are_damage(tmp_path, options, tag):
    file = tmp_path / "none.tif"
    tifffile.imwrite(file, values(), photometric="rgb", compression="zlib", **options)
    with tifffile.TiffFile(file, mode="r+b") as opened:
        opened.pages[0].tags[tag].overwrite(0)
    with pytest.raises(InputError, match=r"none\.tif: damaged or cut short"):
        open_source(file).rows(0, 9)


@pytest.mark.parametrize("cut", [0, 3, 40, 0.5, 0.98])
@pytest.mark.parametrize("kind", ["TIFF", "zlib", "PNG", "JPEG"])
def test_a_file_that_is_cut_short_is_named(tmp_path, kind, cut):
    file = tmp_path / "cut.img"
    if kind in ("TIFF", "zlib"):
        tifffile.imwrite(file, values(), photometric="rgb", compression="zlib" if kind == "zlib" else None)
    else:
        Image.fromarray(values()).save(file, kind)
    content = file.read_bytes()
    file.write_bytes(content[: cut if cut in (0, 3, 40) else int(len(content) * cut)])
    if kind == "JPEG" and cut == 0.98:
        pytest.skip("only padding is lost")
    with pytest.raises(InputError, match=r"cut\.img: "):
        open_source(file).whole()
