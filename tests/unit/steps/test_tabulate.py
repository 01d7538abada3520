"""The tabulate step on files, and its numbers made again by other code."""

import csv
import json
import re
from collections import defaultdict
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest

from hemoseg.errors import InputError
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.metrics.pixels import confusion, counts
from hemoseg.metrics.surfaces import Surfaces
from hemoseg.steps import files, tabulate

COLUMNS = {"dice": "Dice", "jaccard": "Jaccard", "loss": "Loss", "missed": "FN", "spurious": "FP", "merged": "Error I"}
COLUMNS |= {"incomplete": "Error III", "two_types": "Types", "wrong_type": "Type", "accuracy": "Accuracy"}


def write_run(folder, rng, n_images=3):
    """Counts of random images: squares, and the same squares moved, cut and renamed."""
    pixel_rows, cell_rows = [], []
    for number in range(n_images):
        gt = np.kron(rng.permutation(16).reshape(4, 4) * (rng.random((4, 4)) < 0.6), np.ones((6, 6), int))
        classes = np.where(gt > 0, gt % 2 + 1, 0)
        pred_mask = np.roll(gt > 0, rng.integers(-3, 4, 2), (0, 1)) & (rng.random(gt.shape) < 0.9)
        pred = np.kron(np.arange(1, 9).reshape(2, 4), np.ones((12, 6), int)) * pred_mask
        pred_classes = np.where(pred > 0, rng.integers(1, 3, gt.shape) ** (rng.random() < 0.5), 0)
        valid = rng.random(gt.shape) < 0.95
        matrix = confusion(classes, pred_classes, valid, 3)
        shared = {"sample": f"s{number}", "pixels": valid.sum()} | {f"as_class_{c}": matrix[:, c] for c in range(3)}
        shared |= {"frame": f"s{number}", "group": "", "kind": "", "diagonal": 34.0, "tolerance": 2.0}
        shared |= dict.fromkeys(Surfaces._fields, 1.0) | {"squared_error": 1.0}
        nll = {"nll": rng.random(3), "class": range(3), "class_name": ["background", "one", "two"]}
        pixel_rows.append(pd.DataFrame(shared | nll | counts(matrix)))
        sides = cell_facts(Truth(gt, classes, valid), pred, pred_classes, n_classes=3, min_area=20, gap_cap=5)
        for side, facts in zip(("gt", "pred"), sides, strict=True):
            cell_rows.append(pd.DataFrame({"sample": f"s{number}", "side": side, "min_area": 20.0, **facts}))
    files.write_table(folder / "pixels.csv", pd.concat(pixel_rows))
    files.write_table(folder / "cells.csv", pd.concat(cell_rows))
    files.write_arrays(folder / "histograms.npz", **histograms_of(rng, n_images))


def histograms_of(rng, n_images):
    return {"counts": rng.integers(0, 90, (n_images, 3, 2, 8), np.int32), "reliability": np.ones((n_images, 4, 3, 15))}


@pytest.fixture
def runs(tmp_path):
    """Two models, two folds, two seeds, in a folder whose name holds the separators of --run."""
    rng = np.random.default_rng(0)
    folders = {}
    for key in [(m, f, s) for m in ("unet", "deformable_unet") for f in ("fold0", "fold1") for s in (0, 1)]:
        folders[key] = tmp_path / "a=b,c" / "_".join(map(str, key))
        write_run(folders[key], rng)
    return folders


def run(tmp_path, runs, published="none", **settings):
    rows = {"unet": "U-Net", "deformable_unet": "dU-Net"}
    settings = {"table": "my_table", "rows": rows, "columns": COLUMNS} | settings
    argv = ["--settings", json.dumps(settings), "--published", str(published), "--out", str(tmp_path / "out/t.csv")]
    argv += ["--markdown", str(tmp_path / "out/t.md"), "--metrics", str(tmp_path / "out/t.json")]
    for (model, split, seed), folder in runs.items():
        argv += ["--run", f"model={model},split={split},seed={seed},folder={folder}"]
    tabulate.main(argv)
    return files.read_table(tmp_path / "out/t.csv")


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pixels_again(rows):
    """Dice and Jaccard per class, their average without the background, and the loss."""
    rows = [{k: float(r[k]) for k in ("class", "tp", "fp", "fn", "nll")} for r in rows]
    numbers = {("loss", "all"): sum(r["nll"] for r in rows) / sum(r["tp"] + r["fn"] for r in rows)}
    for key, weight in (("dice", 2), ("jaccard", 1)):
        for c, name in enumerate(("background", "one", "two")):
            seen = [r for r in rows if r["class"] == c and r["tp"] + r["fp"] + r["fn"]]
            ratios = [weight * r["tp"] / (weight * r["tp"] + r["fp"] + r["fn"]) for r in seen]
            numbers[key, name] = mean(ratios)
        numbers[key, "average"] = mean(numbers[key, name] for name in ("one", "two"))
    return numbers


def cells_again(rows):
    """Cell errors at the thresholds 1/2, 4/5 and 1/4."""
    numbers = defaultdict(float)
    truths = [r for r in rows if r["counted"] == "True" and r["side"] == "gt"]
    for r in truths:
        area, covered, one, two = (float(r[k]) for k in ("area", "covered", "as_class_1", "as_class_2"))
        found, mixed = covered >= area / 2, 4 * min(one, two) >= area
        numbers["missed"] += not found
        numbers["incomplete"] += 10 * covered < 8 * area
        numbers["two_types"] += found and mixed
        numbers["wrong_type"] += found and not mixed and int(r["class"]) != (1 if one >= two else 2)
    for r in (r for r in rows if r["counted"] == "True" and r["side"] == "pred"):
        known = float(r["on_ignored"]) <= float(r["area"])
        numbers["spurious"] += known and 2 * float(r["on_truth"]) < float(r["area"])
        numbers["merged"] += sum(t["sample"] == r["sample"] and t["host"] == r["cell"] for t in truths) >= 2
    wrong = sum(numbers[key] for key in ("missed", "spurious", "wrong_type", "two_types"))
    return {(key, "all"): value for key, value in numbers.items()} | {("accuracy", "all"): 1 - wrong / len(truths)}


def again(folder):
    """A run's numbers from its CSV files in plain Python, by the definitions and not by our code."""
    return pixels_again(read_rows(folder / "pixels.csv")) | cells_again(read_rows(folder / "cells.csv"))


def test_every_number_of_the_table_comes_out_again_from_the_counts(tmp_path, runs):
    table = run(
        tmp_path,
        runs,
        classes="all",
        empty="skip",
        background="out",
        thresholds={"two_types": 0.25},
        accuracy=["missed", "spurious", "wrong_type", "two_types"],
    )
    numbers = {key: again(folder) for key, folder in runs.items()}
    assert len(table) == 2 * (2 * 4 + 8)
    for line in table.to_dict("records"):
        of_run = {key[1:]: n[line["column"], line["class"]] for key, n in numbers.items() if key[0] == line["row"]}
        folds = [mean(of_run[fold, seed] for seed in (0, 1)) for fold in ("fold0", "fold1")]
        seeds = [mean(of_run[fold, seed] for fold in ("fold0", "fold1")) for seed in (0, 1)]
        found = [line["mean"], line["sd"], line["seed_sd"]]
        assert found == pytest.approx([mean(folds), stdev(folds), stdev(seeds)]), line
    for key in ("missed", "spurious", "merged", "incomplete", "two_types", "wrong_type"):
        assert table.loc[table["column"] == key, "mean"].gt(0).any(), f"the test never saw {key}"


def test_all_outputs_are_written_and_agree(tmp_path, runs):
    table = run(tmp_path, runs, classes=["one"], title="The table of 2020")
    metrics = files.read_json(tmp_path / "out/t.json")
    notes = files.read_json(tmp_path / "out/t.conventions.json")
    text = (tmp_path / "out/t.md").read_text(encoding="utf-8")
    dice = table[(table["row"] == "unet") & (table["column"] == "dice")].iloc[0]
    assert metrics["unet"]["dice"] == pytest.approx(dice["mean"])
    assert f"{dice['mean']:.3f} ± {dice['sd']:.3f}" in text
    assert text.startswith("## The table of 2020")
    assert all(f"* {sentence}" in text for sentence in notes["conventions"])
    assert list(notes["columns"]) == list(COLUMNS)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "t.confusion.csv",
        "t.conventions.json",
        "t.csv",
        "t.json",
        "t.md",
        "t.other_rule.csv",
        "t.precision_recall.csv",
        "t.reliability.csv",
        "t.roc.csv",
    ]


def test_published_numbers_stand_beside_ours(tmp_path, runs):
    line = 'row,class,column,value,sd,source\nunet,1,dice,0.96,0.001,"Table 1"\nunet,all,merged,50,8.1,Table 2\n'
    (tmp_path / "published.csv").write_text(line, encoding="utf-8")
    table = run(tmp_path, runs, published=tmp_path / "published.csv", classes=["one"])
    shown = table[table["published"].notna()][["row", "column", "class", "published", "published_sd", "source"]]
    assert shown.values.tolist() == [
        ["unet", "dice", "one", 0.96, 0.001, "Table 1"],
        ["unet", "merged", "all", 50, 8.1, "Table 2"],
    ]
    assert "*50.0 ± 8.1*" in (tmp_path / "out/t.md").read_text(encoding="utf-8")


def test_bad_settings_leave_nothing_behind(tmp_path, runs):
    with pytest.raises(InputError, match="did you mean dice"):
        run(tmp_path, runs, columns={"dise": "Dice"})
    assert not (tmp_path / "out").exists()


def test_a_second_rule_makes_the_columns_that_it_changes_once_more(tmp_path, runs):
    run(tmp_path, runs, classes="all", empty="one", also={"average": "pooled"})
    other = files.read_table(tmp_path / "out/t.other_rule.csv")
    assert list(dict.fromkeys(other["column"])) == ["dice", "jaccard"]
    sentences = files.read_json(tmp_path / "out/t.conventions.json")["other_rule"]
    assert len(sentences) == 2
    assert all("counted together" in sentence for sentence in sentences)
    text = (tmp_path / "out/t.md").read_text(encoding="utf-8")
    assert text.count("under another rule") == 1
    assert all(f"* {sentence}" in text for sentence in sentences)


def test_a_second_rule_that_is_none_is_refused(tmp_path, runs):
    with pytest.raises(InputError, match="also has no 'background'"):
        run(tmp_path, runs, also={"background": "in"})
    with pytest.raises(InputError, match="empty is 'half'"):
        run(tmp_path, runs, also={"empty": "half"})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["counts", "reliability"])
@pytest.mark.parametrize("array", [None, np.zeros((1, 2, 2, 8)), np.zeros(3)])
def test_histograms_of_other_classes_are_refused_by_the_name_of_the_file(tmp_path, runs, name, array):
    arrays = histograms_of(np.random.default_rng(0), 3) | {name: array}
    told = {key: value for key, value in arrays.items() if value is not None}
    files.write_arrays(next(iter(runs.values())) / "histograms.npz", ids=np.zeros(0), **told)
    with pytest.raises(InputError, match=rf"histograms\.npz: no {name} of 3 classes; run evaluate again"):
        run(tmp_path, runs)


DAMAGES = {
    "an old file": ("pixels.csv", lambda text: re.sub("as_class_2", "other", text), "column 'as_class_2' is missing"),
    "cut off": ("pixels.csv", lambda text: text[:-9], "its last line is cut off"),
    "cells cut off": ("cells.csv", lambda text: text[:-9], "its last line is cut off"),
    "no numbers": ("cells.csv", lambda text: re.sub(r",20\.0\b|,20\b", ",x", text), "holds what is no number"),
    "something else": ("cells.csv", lambda text: "a,b\n1,2\n", "column 'sample' is missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_counts_are_refused_by_the_name_of_the_file(tmp_path, runs, damage):
    file, change, words = DAMAGES[damage]
    path = runs["unet", "fold1", 1] / file
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=words) as refusal:
        run(tmp_path, runs)
    assert str(refusal.value).startswith(f"{path}: ")
    assert not (tmp_path / "out").exists()
