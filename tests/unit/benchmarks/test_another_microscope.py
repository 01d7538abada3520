"""The benchmark of another microscope: shifts grow, every method is scored by one rule, breaks are read off."""

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks/another_microscope"


@pytest.fixture(scope="module")
def run():
    """The script, imported under a name of its own; the modules beside it have names that others may have, too."""
    sys.path.insert(0, str(FOLDER))
    beside = ("shifts", "scoring")
    others = {name: sys.modules.pop(name, None) for name in beside}
    spec = importlib.util.spec_from_file_location("another_microscope", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.scoring = sys.modules["scoring"]
    sys.path.remove(str(FOLDER))
    for name in beside:
        sys.modules.pop(name)
        if others[name] is not None:
            sys.modules[name] = others[name]
    return module


def frame(size=(72, 96), radius=8):
    rows, columns = np.mgrid[: size[0], : size[1]]
    cells = np.zeros(size, np.int32)
    for number, (r, c) in enumerate([(15, 15), (15, 50), (50, 30), (50, 75)], start=1):
        cells[(rows - r) ** 2 + (columns - c) ** 2 <= radius**2] = number
    ground, cell = np.array([225, 215, 230])[:, None, None], np.array([120, 70, 130])[:, None, None]
    return np.where(cells > 0, cell, ground).astype(np.uint8), cells


def test_every_shift_grows_with_its_size_and_keeps_the_cells(run):
    image, cells = frame()
    for shift, (_, sizes, change) in run.SHIFTS.items():
        changed = [change(image, cells, size) for size in sizes]
        assert all(np.array_equal(np.unique(after), np.unique(cells)) for _, after in changed), shift
        assert all(one.dtype == np.uint8 and one.shape[1:] == after.shape for one, after in changed), shift
        if shift in ("smaller", "larger"):
            away = [abs(np.log(after.size / cells.size)) for _, after in changed]
        else:
            away = [np.abs(one.astype(int) - image).mean() for one, _ in changed]
        assert all(a < b for a, b in itertools.pairwise(away)), shift
        assert (away[0] > 0) == (shift != "unchanged"), shift


def test_the_threshold_finds_drawn_cells_and_a_blind_method_none(run):
    image, cells = frame()
    frames = [(image, run.middles(cells), cells)]
    methods = {"otsu_watershed": run.threshold, "blind": lambda image: np.zeros(image.shape[1:], bool)}
    known = {"blind": {"frames": 3, "dice": {"least": 0.9}, "disputed": {"most": 0.1}}}
    told = run.score(frames, methods, 200.0, known)
    assert (told["otsu_watershed"]["f1"], told["otsu_watershed"]["found_share"]) == (1, 1)
    assert (told["blind"]["f1"], told["blind"]["missed_share"], told["blind"]["instances_per_cell"]) == (0, 1, 0)
    assert (told["blind"]["worse"], told["blind"]["flagged"], told["blind"]["worse_and_flagged"]) == (1, 1, 1)


def test_a_point_of_each_cell_lies_in_it(run):
    _, cells = frame()
    cells[cells == 2] = 0
    cells[12:20, 40:60] = cells[12:30, 40:44] = 2  # bent: its centre of mass may lie outside
    rows, columns = run.middles(cells).astype(int).T
    rows, columns = run.middles(cells).astype(int).T
    assert cells[rows, columns].tolist() == [1, 2, 3, 4]
    assert (rows[0], columns[0]) == (15, 15)


def test_a_method_breaks_at_the_first_size_that_costs_it_a_tenth(run):
    def row(shift, size, f1, method="m"):
        return {"frames_of": "shift", "shift": shift, "size": size, "method": method, "f1": f1}

    rows = [row("unchanged", 0, 0.8), row("dim", 1, 0.75), row("dim", 2, 0.69), row("dim", 3, 0.1), row("hue", 1, 0.71)]
    assert run.breaks([*rows, {"frames_of": "own", "method": "m", "f1": 1.0}]) == {"dim": {"m": 2}, "hue": {"m": None}}
