"""All tables on how sure a table is: families apart, and what was done in words."""

import json

import numpy as np
import pandas as pd

from hemoseg.steps import files
from hemoseg.steps import statistics as step
from hemoseg.tables.column import Run
from hemoseg.tables.statistics import TABLES, statistics
from hemoseg.tables.table import plan, tabulate
from hemoseg.tables.uncertainty import drawn, intervals

FAMILIES = {"random_fold1": "random", "random_fold2": "random", "grouped_fold1": "grouped"}
SETTINGS = {"table": "t", "rows": {"a": "A", "b": "B"}, "columns": {"dice": "Dice"}, "families": FAMILIES}
NO_CELLS = pd.DataFrame(columns=["sample", "side", "counted", "min_area"])


def run_of(model, split):
    """A run of random counts on three images of three frames, the same images for both rows."""
    rng, rows = np.random.default_rng([len(split), ord(model)]), []
    for number in range(3):
        shared = {"sample": f"{split}{number}", "frame": f"{split}{number}", "group": "", "nll": 0.0}
        tp, fp, fn = rng.integers(1, 30, 3)
        rows.append(shared | {"class": 0, "class_name": "background", "tp": 60, "fp": fn, "fn": fp})
        rows.append(shared | {"class": 1, "class_name": "cell", "tp": tp, "fp": fp, "fn": fn})
    return Run(model, split, 0, pd.DataFrame(rows), NO_CELLS)


RUNS = [run_of(model, split) for model in "ab" for split in FAMILIES]


def test_every_family_has_lines_and_draws_of_its_own():
    told = plan(SETTINGS)
    tables, words = statistics(told, RUNS, draws=50)
    assert set(tables) == set(TABLES)
    for name, table in tables.items():
        assert list(dict.fromkeys(table["family"])) == ["random", "grouped"], name
    assert words["units"]["random"].startswith("6 images of 6 frames")
    assert words["units"]["grouped"].startswith("3 images of 3 frames")
    ours = tables["intervals"].set_index(["row", "family"])["mean"]
    table = tabulate(told, RUNS).set_index(["row", "family"])["mean"]
    pd.testing.assert_series_equal(ours.sort_index(), table.sort_index())


def test_a_family_is_drawn_as_if_it_were_alone():
    own = [run for run in RUNS if FAMILIES[run.split] == "grouped"]
    together = statistics(plan(SETTINGS), RUNS, draws=50)[0]["intervals"]
    alone = intervals(plan(SETTINGS), own, drawn(plan(SETTINGS), own, draws=50))
    kept = together[together["family"] == "grouped"].reset_index(drop=True)
    assert kept[["low", "high"]].to_numpy().tolist() == alone[["low", "high"]].to_numpy().tolist()


def test_the_convention_is_told_by_name_with_its_rules():
    told = statistics(plan(SETTINGS | {"convention": "strict"}), RUNS, draws=9)[1]["sentences"][0]
    assert told.startswith("Convention strict: ours")
    assert "is left out" in told


def test_every_table_is_written_beside_the_words(tmp_path):
    step.write(plan(SETTINGS), RUNS, tmp_path / "t.statistics.json")
    named = {"intervals", "differences", "ranking", "images", "panel", "absences"}  # by these pages find them
    assert {path.name for path in tmp_path.iterdir()} == {"t.statistics.json", *(f"t.{name}.csv" for name in named)}
    assert json.loads((tmp_path / "t.statistics.json").read_text())["table"] == "t"
    assert len(files.read_table(tmp_path / "t.differences.csv")) == 2
