"""A folder of `segment` whose tables were edited, cut or mixed up is refused before anything is counted from it."""

import pandas as pd
import pytest

from hemoseg.errors import InputError
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.segmented import read_segmented
from tests.unit.steps.segmented_folder import write_folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "seg", ["p", "q"])


def column(file, **values):
    def edit(folder):
        table = pd.read_csv(folder / file, keep_default_na=False)
        table.assign(**values).to_csv(folder / file, index=False)

    return edit


def fact(name, value):
    return lambda folder: write_json(folder / "segment.json", read_json(folder / "segment.json") | {name: value})


def without_rows(file, kept=0):
    def edit(folder):
        pd.read_csv(folder / file).head(kept).to_csv(folder / file, index=False)

    return edit


def without(file, name):
    return lambda folder: pd.read_csv(folder / file).drop(columns=name).to_csv(folder / file, index=False)


FAULTS = {
    "a model that is none": (fact("model", "unet"), "segment.json: what it says of 'model' makes no sense"),
    "a path that is none": (fact("model", {"path": 5}), "what it says of 'model' makes no sense"),
    "classes as text": (fact("classes", "abc"), "what it says of 'classes' makes no sense"),
    "settings as a list": (fact("settings", [1]), "what it says of 'settings' makes no sense"),
    "complete as text": (fact("complete", "no"), "what it says of 'complete' makes no sense"),
    "other classes": (fact("classes", ["background", "x", "y"]), "cells.csv: names other classes than segment.json"),
    "no image": (without_rows("images.csv"), "images.csv: holds no image"),
    "no cells": (without_rows("cells.csv"), "cells.csv: holds other cells than images.csv counts"),
    "some cells": (without_rows("cells.csv", 7), "cells.csv: holds other cells than images.csv counts"),
    "one image twice": (column("images.csv", image="0"), "images.csv: names '0' twice"),
    "a way out": (column("images.csv", image=["../../x", "1"]), "'../../x' is no name of an image"),
    "a way out on Windows": (column("images.csv", image=["..\\\\x", "1"]), "is no name of an image"),
    "rows below 0": (column("images.csv", rows=-1), "column 'rows' holds what no image has"),
    "half a row": (column("images.csv", rows=95.5), "column 'rows' holds what no image has"),
    "a scale in words": (column("images.csv", scale="x"), "column 'scale' holds what no image has"),
    "a scale without sense": (column("images.csv", scale=1e9), "column 'scale' holds what no image has"),
    "pixels below 0": (column("images.csv", pixel_size_um=-1), "column 'pixel_size_um' holds what no pixel has"),
    "an area without end": (column("cells.csv", area_px="inf"), "cells.csv: holds values that are no numbers"),
    "an area in words": (column("cells.csv", area_px="x9"), "cells.csv: column 'area_px' holds what is no number"),
    "no areas": (without("cells.csv", "area_px"), "cells.csv: column 'area_px' is missing"),
    "no size of pixels": (without("images.csv", "pixel_size_um"), "column 'pixel_size_um' is missing"),
    "a class beyond": (column("cells.csv", **{"class": 99}), "cells.csv: holds classes beyond 1 to 2"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_tables_that_do_not_fit_together_are_refused_in_one_sentence(folder, fault):
    read_segmented(folder)
    edit, sentence = FAULTS[fault]
    edit(folder)
    with pytest.raises(InputError) as refused:
        read_segmented(folder)
    assert str(refused.value).startswith(str(folder))
    assert sentence in str(refused.value)
    assert str(refused.value).endswith("; segment again")
