"""Files of some hundred kilobytes that would unpack to a quarter of a gigabyte: memory stays with what they claim."""

import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from hemoseg.errors import InputError
from hemoseg.steps.archives import PART
from hemoseg.steps.rois import read as read_rois
from hemoseg.steps.sources import open_source
from hemoseg.steps.stored import DESCRIPTION, WEIGHTS, read_stored

HONEST, BOMB = 6000, 2**28  # bytes: an image of 40 x 50 in three channels, and what is packed into it
MOST_MB = 60

# tifffile unpacks by zlib itself where imagecodecs, which knows a limit, is not installed.
READER = """
import resource, sys
sys.modules["imagecodecs"] = None
from hemoseg.errors import InputError
from hemoseg.steps.images import read_image, read_labels
from hemoseg.steps.sources import open_source

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = peak()
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
for file in sys.argv[1:]:
    for read in (read_image, read_labels, lambda path: open_source(path, 3).rows(3, 9)):
        try:
            read(file)
            said = "read"
        except InputError as error:
            said = str(error)
        print(peak() - before, said)
"""


def packed(raw):
    """A quarter of a gigabyte of zeros as zlib packs them: a block that is its own beginning, again and again."""
    stream = zlib.compressobj(9, wbits=-15 if raw else 15)
    head = stream.compress(bytes(2**20)) + stream.flush(zlib.Z_FULL_FLUSH)
    block = stream.compress(bytes(2**20)) + stream.flush(zlib.Z_FULL_FLUSH)
    return head + block * (BOMB // 2**20 - 1) + stream.flush()


def with_strip(path, content, **options):
    """A TIFF whose only strip or tile is replaced."""
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    tifffile.imwrite(path, pixels, photometric="rgb", compression="zlib", **options)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages[0].tags
        kind = "Tile" if "tile" in options else "Strip"
        tags[f"{kind}Offsets"].overwrite(path.stat().st_size)
        tags[f"{kind}ByteCounts"].overwrite(len(content))
    with open(path, "ab") as file:
        file.write(content)


def test_no_more_of_a_strip_is_unpacked_than_its_page_claims(tmp_path):
    bomb = packed(raw=False)
    with_strip(tmp_path / "strip.tif", bomb, rowsperstrip=64)
    with_strip(tmp_path / "tile.tif", bomb, tile=(64, 64))
    with_strip(tmp_path / "predictor.tif", bomb, rowsperstrip=64, predictor=2)
    files = sorted(tmp_path.glob("*.tif"))
    assert max(file.stat().st_size for file in files) < 400_000
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-c", READER, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    told = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [said for _, said in told] == ["read"] * 9
    assert max(int(grown) for grown, _ in told) < MOST_MB


def test_tiles_larger_than_the_image_are_refused_before_memory_is_set_aside(tmp_path):
    with_strip(tmp_path / "a.tif", b"x", tile=(64, 64))
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        for tag in ("TileWidth", "TileLength"):
            file.pages[0].tags[tag].overwrite(60_000)
    with pytest.raises(InputError, match="claims tiles of 60000 x 60000 pixels in an image of 64 x 64; copy"):
        open_source(tmp_path / "a.tif")


def test_numbers_that_take_more_bytes_than_any_image_are_refused(tmp_path):
    with_strip(tmp_path / "a.tif", b"x", rowsperstrip=64)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        tags = file.pages[0].tags
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tags[tag].overwrite(20_000)
        tags["BitsPerSample"].overwrite((64, 64, 64))
    with pytest.raises(InputError, match="pixels take 9,600,000,000 bytes, more than 3,200,000,000; cut it into parts"):
        open_source(tmp_path / "a.tif")


def claims(element, **numbers):
    told = " ".join(f'{name}="{value}"' for name, value in numbers.items())
    planes = f"<TiffData {told}/>" if element == "TiffData" else "<TiffData/>"
    size = {"SizeX": 50, "SizeY": 40, "SizeZ": 1, "SizeC": 1, "SizeT": 1} | (numbers if element == "Pixels" else {})
    sizes = " ".join(f'{name}="{value}"' for name, value in size.items())
    return (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" {sizes}>{planes}</Pixels></Image></OME>'
    )


@pytest.mark.parametrize(
    "text",
    [
        claims("Pixels", SizeT=2 * 10**6),
        claims("Pixels", SizeT=2000, SizeZ=2000),
        claims("TiffData", PlaneCount=2 * 10**6),
    ],
)
def test_planes_that_no_file_holds_get_no_place_in_memory(tmp_path, text):
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((40, 50), np.uint8), description=text, metadata=None)
    tracemalloc.start()
    with pytest.raises(InputError, match="OME-XML claims more than 1,000,000 planes"):
        open_source(tmp_path / "a.ome.tif")
    assert tracemalloc.get_traced_memory()[1] < MOST_MB * 2**20
    tracemalloc.stop()


def archive(path, members, claimed=100, kind=zipfile.ZIP_DEFLATED):
    """A ZIP file whose members claim to unpack to ``claimed`` bytes."""
    body, listed = b"", b""
    for name, content in members.items():
        told = struct.pack("<HHHHHIIIHH", 20, 0, kind, 0, 33, 0, len(content), claimed, len(name), 0)
        listed += b"PK\1\2\x14\0" + told + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\3\4" + told + name.encode() + content
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(listed), len(body), 0)
    path.write_bytes(body + listed + b"PK\5\6" + end)


@pytest.mark.parametrize("what", ["regions", "package"])
def test_no_more_of_a_member_is_unpacked_than_its_archive_claims(tmp_path, what):
    names = {"regions": ["1.roi"], "package": [DESCRIPTION, WEIGHTS]}[what]
    archive(tmp_path / "a.zip", dict.fromkeys(names, packed(raw=True)))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"a\.zip: (no zip|damaged)"):
        read_stored(tmp_path / "a.zip") if what == "package" else read_rois(tmp_path / "a.zip", (40, 50))
    assert tracemalloc.get_traced_memory()[1] < 40 * PART
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("claimed", "kind", "sentence"),
    [
        (2**32 - 2, zipfile.ZIP_DEFLATED, "model.json claims to unpack to 4,294,967,294 bytes, more than"),
        (2**25, zipfile.ZIP_DEFLATED, "model.json claims to unpack to 33,554,432 bytes, more than"),
        (100, zipfile.ZIP_LZMA, "packed otherwise than by deflate"),
    ],
)
def test_a_package_that_claims_what_no_model_does_is_refused(tmp_path, claimed, kind, sentence):
    archive(tmp_path / "a.zip", {DESCRIPTION: b"x" * 900, WEIGHTS: b"x"}, claimed, kind)
    with pytest.raises(InputError, match=sentence):
        read_stored(tmp_path / "a.zip")
