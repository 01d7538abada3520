"""Scores of single images against the score of a run that has but this image, and how runs become one number."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.image_values import HEADER, image_values
from hemoseg.tables.table import plan, score

KEYS = ("dice", "hausdorff", "pixel_error", "mean_iu")
SETTINGS = {"table": "t", "rows": {"a": "A"}, "columns": {key: key for key in KEYS}, "hausdorff_missing": "skip"}
NO_CELLS = pd.DataFrame(columns=["sample", "side", "counted", "min_area"])


def run_of(images, split="s", seed=0):
    """A run of random counts on images of the given numbers; the class of number 0 is on no side."""
    rng, rows = np.random.default_rng([seed, *images]), []
    for number in images:
        tp, fp, fn = rng.integers(1, 30, 3) * (number > 0)
        shared = {"sample": f"s{number}", "frame": f"f{number // 2}", "group": "", "diagonal": 50.0, "nll": 0.0}
        rows.append(shared | {"class": 0, "class_name": "background", "tp": 60, "fp": fn, "fn": fp})
        rows.append(shared | {"class": 1, "class_name": "cell", "tp": tp, "fp": fp, "fn": fn})
        for row in rows[-2:]:
            row |= {"hausdorff": rng.random() if number else np.nan, "hausdorff_case": "both" if number else "neither"}
    return Run("a", split, seed, pd.DataFrame(rows), NO_CELLS)


def test_an_image_has_the_score_of_a_run_that_has_but_this_image_and_no_line_without_one():
    run, told = run_of([0, 1, 2, 5]), plan(SETTINGS)
    found = image_values(told, [run])
    assert list(found) == HEADER
    for key in KEYS:
        of_column = found[found["column"] == key].set_index("sample")["value"]
        for name in run.samples:
            alone = replace(run, pixels=run.pixels[run.pixels["sample"] == name])
            assert of_column.get(name, np.nan) == pytest.approx(
                score(COLUMNS[key], alone, "cell", told.conventions), nan_ok=True
            )
    assert "s0" not in set(found.loc[found["column"] == "dice", "sample"])


def test_seeds_and_splits_that_test_an_image_are_averaged_and_the_frame_and_group_are_kept():
    runs = [run_of([1, 2]), run_of([1, 2], seed=1), run_of([2, 3], "t")]
    together = image_values(plan(SETTINGS), runs).set_index(["column", "sample"])
    single = [image_values(plan(SETTINGS), [run]).set_index(["column", "sample"])["value"] for run in runs]
    assert together.loc[("dice", "s1"), "value"] == pytest.approx(np.mean([one["dice", "s1"] for one in single[:2]]))
    first, second, other = (one["dice", "s2"] for one in single)
    assert together.loc[("dice", "s2"), "value"] == pytest.approx(((first + second) / 2 + other) / 2)
    assert together.loc[("dice", "s3"), ["frame", "group"]].tolist() == ["f1", ""]
    assert len(together) == 3 * len(KEYS)
