"""The command compare on folders of masks of every kind: what it says, what it writes, what it refuses."""

import cv2
import numpy as np
import pytest
import tifffile

from hemoseg.__main__ import run_step
from hemoseg.steps.files import read_table

SIZE = (40, 48)
NAMES = ("a", "b", "c")


def cells(seed):
    """Numbered cells, none of which touch, some of them at the border; int32 ``(H, W)``."""
    labels = np.zeros(SIZE, np.int32)
    rng = np.random.default_rng(seed)
    for number, (row, column) in enumerate(((0, 0), (0, 16), (0, 32), (20, 0), (20, 16), (20, 32)), start=1):
        height, width = rng.integers(6, 16, 2)
        labels[row : row + height, column : column + width] = number
    return labels


def write(folder, images, suffix=".png", ending=""):
    folder.mkdir(parents=True, exist_ok=True)
    for name, labels in images.items():
        path = folder / f"{name}{ending}{suffix}"
        tifffile.imwrite(path, labels) if suffix == ".tif" else cv2.imwrite(str(path), labels)
    return folder


@pytest.fixture
def truth():
    return {name: cells(seed) for seed, name in enumerate(NAMES)}


def compared(root, *arguments, out="out"):
    """Exit status and the table by row and column, None where there is none."""
    status = run_step("compare", [*map(str, arguments), "--out", str(root / out), "--no-page"])
    if status:
        return status, None
    table = read_table(root / out / "compare.csv", dtype={"class": str})
    return status, table.set_index(["row", "column", "class"])["mean"]


FORMS = {
    "8-bit PNG": lambda labels: (labels.astype(np.uint8), ".png"),
    "16-bit PNG": lambda labels: (labels.astype(np.uint16), ".png"),
    "32-bit TIFF": lambda labels: (labels.astype(np.uint32) * 70_001, ".tif"),
    "mask of 0 and 255": lambda labels: ((labels > 0).astype(np.uint8) * 255, ".png"),
    "mask of 0 and 1": lambda labels: ((labels > 0).astype(np.uint8), ".png"),
    "32-bit signed TIFF": lambda labels: (labels.astype(np.int32), ".tif"),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_the_truth_in_another_form_is_perfect(tmp_path, truth, form):
    written = {name: FORMS[form](labels) for name, labels in truth.items()}
    rival = write(tmp_path / "a", {name: one for name, (one, _) in written.items()}, next(iter(written.values()))[1])
    status, table = compared(tmp_path, write(tmp_path / "t", {k: v.astype(np.uint16) for k, v in truth.items()}), rival)
    assert status == 0
    assert table["a", "dice", "cell"] == table["a", "f1_50", "all"] == table["a", "panoptic", "all"] == 1
    assert table["a", "hausdorff", "cell"] == table["a", "missed", "all"] == table["a", "count_mae", "cell"] == 0
