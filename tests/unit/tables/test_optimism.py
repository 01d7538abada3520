"""Random minus grouped folds: zero where both are the same, and by hand where they are not."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.tables.column import Run
from hemoseg.tables.optimism import optimism
from hemoseg.tables.table import plan, tabulate

FAMILIES = {f"{family}_fold{k}": family for family in ("random", "grouped") for k in (1, 2)}
COLUMNS = {"dice": "Dice", "missed": "FN", "accuracy": "Accuracy", "loss": "Loss"}
SETTINGS = {"table": "t", "rows": {"unet": "U-Net"}, "columns": COLUMNS, "families": FAMILIES}
PATIENTS = ["p0", "p0", "p1", "p1", "p2", "p2"]


def run_of(split, images, rng, seed=0):
    """A run on the images of the given numbers: random counts, three cells each."""
    pixels = [
        {"sample": f"s{i}", "frame": f"f{i}", "group": PATIENTS[i], "class": c, "class_name": ["background", "cell"][c],
         "tp": rng.integers(50, 90), "fp": rng.integers(0, 20), "fn": 100 - rng.integers(50, 90), "nll": rng.random()}
        for i in images for c in range(2)
    ]  # fmt: skip
    cells = [
        {"sample": f"s{i}", "side": side, "counted": True, "min_area": 1.0, "area": 100,
         "covered": rng.integers(0, 100), "on_truth": rng.integers(0, 100), "on_ignored": 0}
        for i in images for side in ("gt", "gt", "gt", "pred", "pred")
    ]  # fmt: skip
    return Run("unet", split, seed, pd.DataFrame(pixels), pd.DataFrame(cells))


def runs_of(folds, seeds=(0, 1)):
    """Runs of both families; ``folds`` lists the images of each split."""
    rng = np.random.default_rng(0)
    return [run_of(split, images, rng, seed) for split, images in folds.items() for seed in seeds]


FOLDS = dict(zip(FAMILIES, ([0, 2, 4], [1, 3, 5], [0, 1, 2], [3, 4, 5]), strict=True))


def test_the_same_folds_have_no_optimism():
    random = [run for run in runs_of(FOLDS) if FAMILIES[run.split] == "random"]
    same = [Run("unet", run.split.replace("random", "grouped"), run.seed, run.pixels, run.cells) for run in random]
    table, images = optimism(plan(SETTINGS), random + same)
    numbers = table[["optimism", "seed_sd", "group_sd", "low", "high", "lowest_group", "highest_group"]]
    assert np.nan_to_num(numbers.to_numpy(float)).tolist() == np.zeros(numbers.shape).tolist()
    assert (table["groups"] == 3).all()
    assert (images["difference"] == 0).all()


def test_optimism_is_the_difference_of_the_tables_means():
    runs = runs_of(FOLDS)
    means = tabulate(plan(SETTINGS), runs).set_index(["family", "column"])["mean"]
    table, _ = optimism(plan(SETTINGS), runs)
    for line in table.to_dict("records"):
        assert line["optimism"] == pytest.approx(means["random", line["column"]] - means["grouped", line["column"]])


def dice_of(run, image):
    row = run.pixels[(run.pixels["sample"] == f"s{image}") & (run.pixels["class"] == 1)].iloc[0]
    return 2 * row["tp"] / (2 * row["tp"] + row["fp"] + row["fn"])


def test_the_images_are_paired_and_gathered_by_patient():
    runs = runs_of(FOLDS)
    differences = []
    for image in range(6):
        of = {
            family: np.mean(
                [dice_of(r, image) for r in runs if FAMILIES[r.split] == family and image in FOLDS[r.split]]
            )
            for family in ("random", "grouped")
        }
        differences.append(of["random"] - of["grouped"])
    table, images = optimism(plan(SETTINGS), runs)
    line = table[table["column"] == "dice"].iloc[0]
    by_patient = np.reshape(differences, (3, 2)).mean(axis=1)
    assert line["group_sd"] == pytest.approx(by_patient.std(ddof=1))
    assert [line["lowest_group"], line["highest_group"]] == pytest.approx([by_patient.min(), by_patient.max()])
    assert line["lowest_group"] <= line["low"] <= line["optimism"] <= line["high"] <= line["highest_group"]
    found = images[images["column"] == "dice"].sort_values("sample")["difference"]
    assert found.to_list() == pytest.approx(differences)


def test_a_sum_is_in_the_unit_of_the_table_and_what_images_do_not_make_is_blank():
    table, images = optimism(plan(SETTINGS), runs_of(FOLDS))
    lines = table.set_index("column")
    paired = images[images["column"] == "missed"]
    assert 3 * paired["difference"].mean() == pytest.approx(lines.loc["missed", "optimism"])  # three images a fold
    patients = 3 * paired.groupby("group")["difference"].mean()
    ends = lines.loc["missed", ["lowest_group", "highest_group"]].to_list()
    assert ends == pytest.approx([patients.min(), patients.max()])
    assert np.isnan(lines.loc["loss", "low"])  # the mean over pixels of images that differ in size
    assert "loss" not in set(images["column"])


def test_seeds_spread_by_their_own_difference():
    runs = runs_of(FOLDS, seeds=(0, 1, 2))
    singles = [optimism(plan(SETTINGS), [run for run in runs if run.seed == seed])[0] for seed in (0, 1, 2)]
    table, _ = optimism(plan(SETTINGS), runs)
    for place in range(len(table)):
        expected = np.std([single["optimism"].iloc[place] for single in singles], ddof=1)
        assert table["seed_sd"].iloc[place] == pytest.approx(expected)


def test_one_patient_has_no_interval(monkeypatch):
    runs = runs_of(FOLDS)
    for run in runs:
        run.pixels["group"] = "p0"
    table, _ = optimism(plan(SETTINGS), runs)
    assert table[["low", "high", "group_sd"]].isna().all(axis=None)
