"""Folders of masks that cannot be compared: each is refused in one sentence, and --out stays as it was."""

import json
import re

import cv2
import numpy as np
import pytest
import tifffile

from hemoseg.__main__ import run_step

CELLS = np.kron(np.arange(1, 31).reshape(5, 6), np.pad(np.ones((4, 4), int), 1)).astype(np.uint8)
CLASSES = np.where(CELLS > 0, CELLS % 3 + 1, 0).astype(np.uint8)
NAMES = ("a", "b", "c", "d")


def fill(folder, labels=CELLS, names=NAMES, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / f"{name}{suffix}"), labels)


def change(root, labels, name="r/b.png"):
    cv2.imwrite(str(root / name), labels)


def as_tiff(root, labels, **options):
    (root / "r/b.png").unlink()
    tifffile.imwrite(root / "r/b.tif", labels, **options)


def of_classes(root, rival=CLASSES):
    fill(root / "t", CLASSES)
    fill(root / "r", rival)


def in_parts(root):
    fill(root / "r/instances")
    fill(root / "r/classes", CLASSES, NAMES[1:])


def bare(root):
    for path in (root / "r").iterdir():
        path.unlink()


def as_file(root):
    bare(root)
    (root / "r").rmdir()
    (root / "r").write_bytes(b"x")


def unfinished(root):
    """As `segment` leaves a folder that it has begun."""
    keys = ("format", "model", "classes", "settings", "versions")
    (root / "r/segment.json").write_text(json.dumps(dict.fromkeys(keys) | {"complete": False}))


def groups(text):
    return lambda root: (root / "groups.csv").write_text(text)


GROUPS = ("--groups", "groups.csv")
# name: (what is wrong, further arguments, the sentence)
FAULTS = {
    "no folder": (lambda root: None, ("nowhere",), "nowhere: no such folder; correct the path"),
    "a file": (as_file, (), "r: a file; pass the folder that holds the masks"),
    "empty": (bare, (), "r: holds no label image; put PNG or TIFF files there"),
    "JPEG only": (
        lambda root: (bare(root), fill(root / "r", suffix=".jpg")),
        (),
        "only JPEG or BMP images, which keep",
    ),
    "two files of one name": (
        lambda root: change(root, CELLS, "r/b.tif"),
        (),
        "r/b.tif: b.png has the same id; keep one",
    ),
    "unknown names": (
        lambda root: fill(root / "r", names=["a2"]),
        (),
        "r: a2 is not in .*t, which has such as a; give",
    ),
    "missing names": (lambda root: (root / "r/b.png").unlink(), (), "r: no mask of b; add it, or say --missing empty"),
    "nothing in common": (
        lambda root: (bare(root), fill(root / "r", names=["a"]), fill(root / "q", names=["b"])),
        ("q", "--missing", "skip"),
        "t: no image is left that all folders have",
    ),
    "another size": (lambda root: change(root, CELLS[1:]), (), "r/b.png: 29 x 36 pixels where .*t/b.png has 30 x 36"),
    "damaged": (lambda root: (root / "r/b.png").write_bytes(b"\x89PNG"), (), "r/b.png: damaged or cut short"),
    "in colours": (
        lambda root: change(root, np.stack([CELLS, CELLS, 0 * CELLS], axis=-1)),
        (),
        "r/b.png: a coloured picture holds no labels",
    ),
    "floats": (lambda root: as_tiff(root, CELLS / 7), (), "r/b.tif: labels are whole numbers, not float64"),
    "negative": (lambda root: as_tiff(root, CELLS.astype(np.int16) - 9), (), "r/b.tif: labels lie outside 0"),
    "pages": (
        lambda root: as_tiff(root, np.stack([CELLS] * 3), photometric="minisblack"),
        (),
        "r/b.tif: a TIFF of 3 pages",
    ),
    "an unknown class": (
        lambda root: of_classes(root, CLASSES + (CLASSES == 3)),
        (),
        "r/a.png: holds class 4, the classes are 0..3; name all with --class-names",
    ),
    "an ignored pixel in a rival": (
        lambda root: of_classes(root, np.where(CLASSES == 3, 255, CLASSES)),
        ("--kind", "classes"),
        "r/a.png: holds class 255, the classes are 0..3",
    ),
    "a mask beside classes": (
        lambda root: of_classes(root, np.uint8(CLASSES > 0) * np.uint8(255)),
        (),
        "r: holds masks, but .*t classes; pass class maps, or compare the foreground alone with --kind mask",
    ),
    "parts of several images": (in_parts, (), "instances/ and classes/ do not hold the same images, a is in one only"),
    "a part that is not there": (
        lambda root: fill(root / "r/masks"),
        ("--kind", "classes"),
        "r: has no classes/, but masks/; drop --kind classes",
    ),
    "names of more folders": (lambda root: None, ("--names", "A", "B"), "--names: 2 for 1 folders; give each"),
    "the name of the truth": (lambda root: None, ("--names", "TRUTH"), "TRUTH is what the true masks are called"),
    "one name twice": (lambda root: fill(root / "q"), ("q", "--names", "A", "A"), "two folders are called 'A'"),
    "no such column": (lambda root: None, ("--columns", "dize"), "--columns: there is no 'dize'; did you mean dice"),
    "groups of nobody": (groups("id,group\na,P\nb,P\n"), GROUPS, "groups.csv: tells no group of c, d; add a line"),
    "two groups": (
        groups("id,group\na,P\nb,P\nc,P\nd,P\na,Q\n"),
        GROUPS,
        "tells two groups of a, P and Q; name each",
    ),
    "not finished": (unfinished, (), "r: is not finished; run the same `hemoseg segment` once more"),
    "no groups": (groups("id,patient\na,P\n"), GROUPS, "groups.csv: has no column `group`; name the columns"),
    "groups nowhere": (lambda root: None, GROUPS, "groups.csv: no such file; pass a CSV with columns id and group"),
    "micrometres of no size": (lambda root: None, ("--tolerance-um", "1"), "the size of a pixel is not known; say"),
    "one class name twice": (of_classes, ("--class-names", "x,y,x"), "--class-names: 'x' stands twice; give each"),
    "no such images": (lambda root: None, ("--images", "raw"), "raw: no such folder; correct --images"),
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    fill(tmp_path / "t")
    fill(tmp_path / "r")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS)
def test_one_sentence_says_what_is_wrong_and_what_to_do(root, capsys, fault):
    make, arguments, sentence = FAULTS[fault]
    make(root)
    before = sorted(root.rglob("*"))
    arguments = ["t", "r", *arguments]
    assert run_step("compare", [*arguments, "--out", "out"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in said if line.startswith("hemoseg compare: ")]) == len(said) == 1
    assert re.search(sentence, said[0]), said[0]
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("out", ["t", "r/..", "t/a.png"])
def test_nothing_is_replaced_that_the_step_did_not_write(root, capsys, out):
    before = {path: path.read_bytes() for path in root.rglob("*.png")}
    assert run_step("compare", ["t", "r", "--out", out]) == 2
    assert "--out" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in root.rglob("*.png")} == before


def test_masks_that_lie_in_the_folder_to_replace_are_kept(root, capsys):
    fill(root / "out/r")
    (root / "out/compare.json").write_text("{}")  # as an earlier comparison left it
    assert run_step("compare", ["t", "out/r", "--out", "out"]) == 2
    assert "--out out: out/r lies in it and would be replaced; choose another --out" in capsys.readouterr().err
    assert len(list(root.glob("out/r/*.png"))) == len(NAMES)


@pytest.mark.parametrize("option", [("--pixel-size", "0"), ("--min-area", "-1"), ("--tolerance", "nan")])
def test_numbers_out_of_range_are_refused(root, option, capsys):
    with pytest.raises(SystemExit) as left:
        run_step("compare", ["t", "r", "--out", "out", *option])
    assert left.value.code == 2
    assert f"argument {option[0]}: invalid" in capsys.readouterr().err
