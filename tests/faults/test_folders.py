"""Folder datasets that cannot be used: exit status 2, one sentence, nothing half-written."""

import re

import numpy as np
import pytest
from PIL import Image

from hemoseg.__main__ import main
from tests.image_files import put


@pytest.fixture
def lab(tmp_path):
    """Two good images with cells and classes."""
    folder = tmp_path / "lab"
    labels = np.zeros((20, 24), np.uint16)
    labels[2:8, 2:8] = 1
    for name in "ab":
        put(folder, f"images/{name}.png", np.full((20, 24, 3), 90, np.uint8))
        put(folder, f"instances/{name}.png", labels)
        put(folder, f"classes/{name}.png", (labels > 0).astype(np.uint8))
    (folder / "dataset.yaml").write_text("name: lab\nclasses: [cell]\n")
    return folder


def gone(folder):
    folder.rename(folder.parent / "elsewhere")


def no_images(folder):
    (folder / "images").rename(folder / "pictures")


def text(name, content):
    return lambda folder: (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def picture(name, values):
    return lambda folder: put(folder, name, values)


FAULTS = {
    "folder missing": (gone, r"lab: no such folder; make it"),
    "no images": (no_images, r"lab/images: holds no image; put one file per image there"),
    "one id twice": (picture("images/a.tif", np.zeros((20, 24, 3), np.uint8)), r"a\.tif: a\.png has the same id"),
    "folder called an image": (lambda f: (f / "images/x.png").mkdir(), r"images/x\.png: not a file; put the image"),
    "dangling link": (
        lambda f: (f / "images/x.png").symlink_to("gone"),
        r"images/x\.png: a link that leads nowhere; put",
    ),
    "channels true": (text("dataset.yaml", "channels: true\n"), r"channels True; images have 1 to 4"),
    "class value true": (text("dataset.yaml", "classes: {true: cell}\n"), r"class value True; classes are 1..254"),
    "class value false": (text("dataset.yaml", "classes: {false: cell}\n"), r"class value False; classes are 1..254"),
    "empty image": (text("images/b.png", b""), r"images/b\.png: the file is empty"),
    "other channels": (picture("images/b.png", np.zeros((20, 24), np.uint8)), r"b\.png: 1 channels where earlier.*3;"),
    "other depth": (
        lambda folder: [
            put(folder, f"images/{n}.png", np.zeros((20, 24), t))
            for n, t in zip("ab", (np.uint8, np.uint16), strict=True)
        ],
        r"b\.png: uint16 where earlier images are uint8; export all",
    ),
    "mask of another size": (
        picture("instances/b.png", np.zeros((20, 25), np.uint16)),
        r"b\.png: 20 x 25.*has 20 x 24",
    ),
    "unknown values": (
        picture("classes/b.png", np.full((20, 24), 7, np.uint8)),
        r"classes/b\.png: unknown values 7; declared are 1 cell",
    ),
    "cell without a class": (
        picture("classes/b.png", np.zeros((20, 24), np.uint8)),
        r"classes/b\.png: background where instances have cell 1; give it a class",
    ),
    "labels missing": (lambda f: (f / "instances/b.png").unlink(), r"lab/instances: no labels for b; add them"),
    "JPEG labels": (
        lambda f: Image.new("L", (24, 20)).save(f / "classes/b.png", "JPEG"),
        r"classes/b\.png: labels must be PNG or TIFF",
    ),
    "id twice in the manifest": (text("manifest.csv", "id\na\nb\na\n"), r"manifest\.csv: line 4: id 'a' stands twice"),
    "image of the manifest missing": (
        text("manifest.csv", "id,image\nc,images/c.png\n"),
        r"line 2: there is no images/c",
    ),
    "id misspelt": (text("manifest.csv", "id\na_\n"), r"line 2: images/ holds no 'a_'; did you mean 'a'"),
    "image outside": (text("manifest.csv", "id,image\na,../x.png\n"), r"line 2: \.\./x\.png lies outside the dataset"),
    "id that is a path": (text("manifest.csv", "id,image\n../a,images/a.png\n"), r"cannot be a file name"),
    "no id column": (text("manifest.csv", "name;x\na;1\n"), r"has no column `id` or `image`"),
    "empty manifest": (text("manifest.csv", "id\n"), r"manifest\.csv: names no image"),
    "manifest of zero bytes": (text("manifest.csv", ""), r"manifest\.csv: has no column"),
    "manifest in Latin-1": (text("manifest.csv", "id,group\na,Köln\n".encode("latin-1")), r"not UTF-8; save it as"),
    "YAML that is none": (text("dataset.yaml", "a: [1\nb: 2"), r"dataset\.yaml: not readable as YAML"),
    "YAML list": (text("dataset.yaml", "- a\n- b\n"), r"dataset\.yaml: `key: value` lines are needed"),
    "key misspelt": (text("dataset.yaml", "white_levl: 4095\n"), r"'white_levl'; did you mean 'white_level'"),
    "white level": (
        text("dataset.yaml", "white_level: 4095\nclasses: [cell]"),
        r"white_level 4095 lies outside 0..255",
    ),
    "pixel size": (text("dataset.yaml", "pixel_size_um: 0\n"), r"pixel_size_um 0 is no positive number"),
    "channels": (text("dataset.yaml", "channels: 7\n"), r"channels 7; images have 1 to 4"),
    "class value": (text("dataset.yaml", "classes: {300: cell}\n"), r"class value 300; classes are 1..254"),
    "class named twice": (text("dataset.yaml", "classes: [cell, cell]\n"), r"class names must differ"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_and_leaves_nothing_behind(lab, tmp_path, capsys, name):
    make, sentence = FAULTS[name]
    make(lab)
    out = tmp_path / "out"
    out.mkdir()
    assert main(["prepare", "--data", str(lab), "--out", str(out / "samples.npz")]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hemoseg prepare: ")]
    assert len(said) == 1
    assert re.search(sentence, said[0]), said[0]
    assert list(out.iterdir()) == []


def test_the_untouched_folder_is_fine(lab, tmp_path):
    assert main(["prepare", "--data", str(lab), "--out", str(tmp_path / "samples.npz")]) == 0


def test_a_mask_with_three_values_is_refused(lab, tmp_path, capsys):
    for name in ("instances", "classes"):
        (lab / name).rename(lab / f"old_{name}")
    grey = np.zeros((20, 24), np.uint8)
    grey[0, :3] = 14, 128, 255
    for name in "ab":
        put(lab, f"masks/{name}.png", grey)
    assert main(["prepare", "--data", str(lab), "--out", str(tmp_path / "samples.npz")]) == 2
    assert "unknown values 0, 14, 128, 255; a mask has 0 and 255" in capsys.readouterr().err


def test_cells_of_no_known_class_are_refused(lab, tmp_path, capsys):
    (lab / "classes").rename(lab / "old")
    (lab / "dataset.yaml").write_text("classes: [round, long]\n")
    assert main(["prepare", "--data", str(lab), "--out", str(tmp_path / "samples.npz")]) == 2
    assert "add classes/a.png, or name a class in column `kind`" in capsys.readouterr().err


def test_a_frame_too_small_for_quadrants_says_so(lab, tmp_path, capsys):
    for name in "ab":
        for part, channels in (("images", (3,)), ("instances", ()), ("classes", ())):
            put(lab, f"{part}/{name}.png", np.zeros((1, 9, *channels), np.uint8))
    argv = ["--data", str(lab), "--out", str(tmp_path / "s.npz"), "--settings", '{"layout": "quadrants"}']
    assert main(["prepare", *argv]) == 2
    assert "a: 1 x 9 px cannot be cut into quadrants; use layout: whole" in capsys.readouterr().err
