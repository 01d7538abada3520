"""The command compare on folders of masks of every kind: what it says, what it writes, what it refuses."""

import cv2
import numpy as np
import pytest
import tifffile

from hemoseg.__main__ import run_step
from hemoseg.steps.files import read_json, read_table

SIZE = (40, 48)
NAMES = ("a", "b", "c")
FEW = "--columns=dice,f1_50"  # the page and the other columns are tested elsewhere


def cells(seed, least=6):
    """Six numbered cells, none of which touch, some of them at the border; int32 ``(H, W)``."""
    labels = np.zeros(SIZE, np.int32)
    rng = np.random.default_rng(seed)
    for number, (row, column) in enumerate(((0, 0), (0, 16), (0, 32), (20, 0), (20, 16), (20, 32)), start=1):
        height, width = rng.integers(least, 16, 2)
        labels[row : row + height, column : column + width] = number
    return labels


def typed(labels):
    """Odd cells of class 1, even ones of class 2."""
    return np.where(labels > 0, 2 - labels % 2, 0).astype(np.uint8)


def write(folder, images, suffix=".png", ending=""):
    folder.mkdir(parents=True, exist_ok=True)
    for name, labels in images.items():
        path = folder / f"{name}{ending}{suffix}"
        if suffix == ".tif":
            tifffile.imwrite(path, labels)
        else:
            cv2.imwrite(str(path), labels)
    return folder


def numbered(images):
    return {name: labels.astype(np.uint16) for name, labels in images.items()}


def masked(images, value=255):
    return {name: np.uint8(labels > 0) * np.uint8(value) for name, labels in images.items()}


@pytest.fixture
def truth():
    return {name: cells(seed) for seed, name in enumerate(NAMES)}


def compare(root, *arguments, out="out"):
    """Exit status, and the means by row, column and class."""
    status = run_step("compare", [*map(str, arguments), "--out", str(root / out), "--no-page"])
    if status:
        return status, None
    table = read_table(root / out / "compare.csv", dtype={"row": str, "class": str})
    return status, table.set_index(["row", "column", "class"])["mean"]


FORMS = {
    "8-bit PNG": lambda labels: (labels.astype(np.uint8), ".png"),
    "32-bit TIFF of huge numbers": lambda labels: (labels.astype(np.uint32) * 300_000_001, ".tif"),
    "mask of 0 and 255": lambda labels: (np.uint8(labels > 0) * np.uint8(255), ".png"),
    "mask of 0 and 1": lambda labels: (np.uint8(labels > 0), ".png"),
    "signed TIFF": lambda labels: (labels.astype(np.int32), ".tif"),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_the_truth_in_another_form_is_perfect(tmp_path, truth, form):
    written = {name: FORMS[form](labels) for name, labels in truth.items()}
    suffix = next(iter(written.values()))[1]
    rival = write(tmp_path / "r", {name: one for name, (one, _) in written.items()}, suffix, ending="_cp_masks")
    status, table = compare(tmp_path, write(tmp_path / "t", numbered(truth)), rival, FEW)
    assert (status, table["r", "dice", "cell"], table["r", "f1_50", "all"]) == (0, 1, 1)


def test_every_number_of_the_usual_table_is_that_of_its_definition(tmp_path, truth):
    said = {name: np.where(labels == 2, 0, labels) for name, labels in truth.items()}
    said["c"] = np.where(truth["c"] == 5, 4, truth["c"])  # two cells under one number
    folders = (write(tmp_path / "t", numbered(truth)), write(tmp_path / "r", numbered(said)))
    status, table = compare(tmp_path, *folders)
    assert status == 0
    dice = [2 * (one > 0).sum() / ((one > 0).sum() + (truth[k] > 0).sum()) for k, one in said.items()]
    assert table["r", "dice", "cell"] == pytest.approx(np.mean(dice))
    assert (table["r", "missed", "all"], table["r", "merged", "all"], table["r", "spurious", "all"]) == (2, 1, 0)
    assert (table["r", "cell_bias", "all"], table["r", "cell_mae", "all"]) == (-1, 1)
    images = read_table(tmp_path / "out/compare.images.csv")
    alone = images[images["column"] == "dice"].set_index("sample")["value"]
    assert alone.to_dict() == pytest.approx(dict(zip(NAMES, dice, strict=True)))


def test_classes_are_told_from_cells_and_compared_by_name(tmp_path, truth):
    maps = {name: typed(labels) for name, labels in truth.items()}
    ignored = {name: np.where(cells(9) == 3, np.uint8(255), one) for name, one in maps.items()}
    swapped = {name: np.where(one > 0, 3 - one, 0).astype(np.uint8) for name, one in maps.items()}
    folders = [write(tmp_path / name, of) for name, of in (("t", ignored), ("same", maps), ("swapped", swapped))]
    status, table = compare(tmp_path, *folders, "--class-names", "red, white", "--columns", "dice,mean_iu")
    assert status == 0
    for name in ("red", "white", "average"):
        assert (table["same", "dice", name], table["swapped", "dice", name]) == (1, 0)
    told = read_json(tmp_path / "out/compare.json")
    assert told["common"]["class_names"] == ["background", "red", "white"]
    assert set(map(tuple, told["common"]["kinds"].values())) == {("classes",)}
    assert compare(tmp_path, *folders[:2], FEW)[0] == 0
    told = read_json(tmp_path / "out/compare.json")  # without their names they are classes by their numbers
    assert told["common"]["class_names"] == ["background", "class 1", "class 2"]


def test_a_folder_dataset_brings_names_groups_cells_and_the_size_of_a_pixel(tmp_path, truth):
    lab = tmp_path / "lab"
    write(lab / "instances", numbered(truth))
    write(lab / "classes", {name: typed(labels) for name, labels in truth.items()})
    write(lab / "images", {name: np.zeros((*SIZE, 3), np.uint8) for name in NAMES})
    (lab / "dataset.yaml").write_text("classes: [disc, sickle]\npixel_size_um: 0.5\n")
    (lab / "manifest.csv").write_text("id;group\na;P1\nb;P1\nc;P2\n")
    status, table = compare(tmp_path, lab, lab, "--names", "itself", "--tolerance-um", "2", "--columns", "dice,kappa")
    assert (status, table["itself", "dice", "sickle"], table["itself", "kappa", "all"]) == (0, 1, 1)
    pixels = read_table(tmp_path / "out/compare.pixels.csv")
    assert set(zip(pixels["sample"], pixels["group"], strict=True)) == {("a", "P1"), ("b", "P1"), ("c", "P2")}
    assert set(pixels["tolerance"]) == {4}
    assert read_json(tmp_path / "out/compare.json")["facts"]["raw"] == str(lab / "images")
    # beside a mask, classes are not compared
    plain = write(tmp_path / "r", masked(truth))
    status, table = compare(tmp_path, lab, plain, FEW)
    assert (status, table["r", "dice", "cell"], table["r", "f1_50", "all"]) == (0, 1, 1)
    assert "those of TRUTH are not used" in " ".join(read_json(tmp_path / "out/compare.json")["common"]["notices"])


def test_cells_of_a_mask_are_known_only_if_asked_for(tmp_path, truth):
    folders = (write(tmp_path / "t", masked(truth)), write(tmp_path / "r", numbered(truth)))
    assert ("r", "f1_50", "all") not in compare(tmp_path, *folders)[1]
    assert compare(tmp_path, *folders, "--cells-from-parts", FEW)[1]["r", "f1_50", "all"] == 1


def test_what_a_rival_lacks_counts_as_empty_or_is_left_out_for_all(tmp_path, truth):
    folders = [write(tmp_path / "t", numbered(truth)), write(tmp_path / "whole", numbered(truth))]
    folders.append(write(tmp_path / "part", numbered({name: truth[name] for name in NAMES[:2]})))
    _, table = compare(tmp_path, *folders, FEW, "--missing", "empty")
    assert table["part", "dice", "cell"] == pytest.approx(2 / 3)
    assert table["whole", "dice", "cell"] == 1
    (*_, told) = read_json(tmp_path / "out/compare.json")["common"]["notices"]
    assert told == "part has no mask of c (1 of 3 images): counted as if it found nothing."
    _, table = compare(tmp_path, *folders, FEW, "--missing", "skip")
    assert table["part", "dice", "cell"] == 1
    told = read_json(tmp_path / "out/compare.json")
    assert told["facts"]["images"] == 2
    assert told["common"]["notices"][-1] == "Left out, since not all folders have them: c (1 of 3 images)."


def test_two_folders_of_one_name_are_told_apart(tmp_path, truth):
    folders = [write(tmp_path / name / "masks", numbered(truth)) for name in ("t", "unet", "otsu")]
    # their parents hold masks/, so that these can be passed, too
    _, table = compare(tmp_path, *folders, FEW)
    assert set(table.index.get_level_values("row")) == {"unet/masks", "otsu/masks"}
