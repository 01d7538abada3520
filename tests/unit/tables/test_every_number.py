"""Every number of the papers' tables, made again from what `evaluate` wrote, with none of the code that made them.

The definitions are those of the sentences under a table (`conventions.json`) and, for cells, those of PAPERS: shares of
areas, commonest types, errors summed over a test fold. scikit-learn draws the ROC curves. The run is in conftest.py.
"""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from hemoseg.steps import evaluated, tabulate
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import CHOICES, Conventions
from hemoseg.tables.panel import follows
from hemoseg.tables.table import AVERAGE, score

SEEDS = (0, 1)
BACKGROUND_IN = {"scd2018_classification", "scd2020_multiclass"}
# The share of a cell with another type that makes it a cell of two types, as (numerator, denominator).
TWO_TYPES = {"scd2018_classification": (1, 4), "scd2020_multiclass": (1, 3), "scd2020_binary": (1, 3)}
ERRORS_OF_ACCURACY = {"scd2018_classification": ["missed", "spurious", "wrong_type", "two_types"]}
COUNTED = ("cells", "missed", "spurious", "artefacts", "merged", "merged_cells", "incomplete", "incomplete_missed")
PER_CLASS = {"dice", "jaccard", "hausdorff", "auc", "precision", "recall", "hausdorff_undefined", "count_mae"}
BOUNDARIES = {"hausdorff_95", "assd", "masd", "nsd", "boundary_f1"}
PER_CLASS |= {"specificity", "brier_class", "ece_class", "average_precision", *BOUNDARIES}
PER_CLASS |= {"count_bias", "jaccard_above", "counted", "counted_true", "count_ratio"}
ABOVE = 0.6  # what conftest.py names in place of 0.95: some of its images are above


def class_names(runs):
    return pd.read_csv(next(iter(runs.values())) / "pixels.csv")["class_name"].unique().tolist()


def mean(values):
    known = [value for value in values if not np.isnan(value)]
    return sum(known) / len(known) if known else np.nan


def sd(values):
    known = [value for value in values if not np.isnan(value)]
    return np.sqrt(sum((v - mean(known)) ** 2 for v in known) / (len(known) - 1)) if len(known) > 1 else np.nan


def ratio(over, under, absent):
    return over / under if under else absent


def of_image(line, absent, diagonal):
    """Scores of one class in one image; ``absent`` where it neither is nor was found."""
    tp, fp, fn = line["tp"], line["fp"], line["fn"]
    there, said = tp + fn > 0, tp + fp > 0
    one_sided = line["diagonal"] if diagonal else np.nan
    wrong = 0.0 if there or said else absent
    return {
        "dice": ratio(2 * tp, 2 * tp + fp + fn, absent),
        "jaccard": ratio(tp, tp + fp + fn, absent),
        "precision": ratio(tp, tp + fp, wrong),
        "recall": ratio(tp, tp + fn, wrong),
        "specificity": ratio(line["tn"], line["tn"] + fp, np.nan),
        **{
            name: found if there and said else one_sided if there or said else np.nan
            for name, found in distances_of(line).items()
        },
        **shares_of(line, wrong),
        "count_mae": abs(line["pred_count"] - line["gt_count"]),
        "count_bias": line["pred_count"] - line["gt_count"],
    }


def distances_of(line):
    there, back = (line[f"surface_{side}"] for side in ("gt", "pred"))
    true, said = (line[f"boundary_{side}"] for side in ("gt", "pred"))
    means = [ratio(there, true, np.nan), ratio(back, said, np.nan)]
    far = {name: line[name] for name in ("hausdorff", "hausdorff_95")}
    return far | {"assd": ratio(there + back, true + said, np.nan), "masd": sum(means) / 2}


def shares_of(line, absent):
    near = {side: (line[f"near_{side}"], line[f"boundary_{side}"]) for side in ("gt", "pred")}
    over, under = (sum(part) for part in zip(*near.values(), strict=True))
    recall, precision = (ratio(*counts, 0.0) for counts in near.values())
    f1 = 2 / (1 / recall + 1 / precision) if recall and precision else 0.0 if under else absent
    return {"nsd": ratio(over, under, absent), "boundary_f1": f1}


def gap_of(bins):
    """Expected calibration error of (pixels, right, summed probability) by bin."""
    pixels, right, said = bins
    return mean_by(pixels, [abs(r / n - s / n) if n else 0.0 for n, r, s in zip(pixels, right, said, strict=True)])


def mean_by(weights, values):
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def average_precision(histogram):
    if not histogram[1].any():
        return np.nan
    bins = np.tile(np.arange(histogram.shape[1]), 2)
    truth = np.repeat([0, 1], histogram.shape[1])
    return average_precision_score(truth, bins, sample_weight=histogram.ravel())


def area_under(histogram):
    if not histogram.sum(axis=1).all():
        return np.nan
    bins = np.tile(np.arange(histogram.shape[1]), 2)
    return roc_auc_score(np.repeat([0, 1], histogram.shape[1]), bins, sample_weight=histogram.ravel())


def pixels_again(folder, absent=1.0, diagonal=True):
    """Numbers of one run by (column, class id) and, not per class, (column, None)."""
    pixels = pd.read_csv(folder / "pixels.csv")
    histograms, binned = (np.load(folder / "histograms.npz")[name] for name in ("counts", "reliability"))
    number = pixels["pixels"].sum() / pixels["class"].nunique()
    squares = pixels.groupby("class")["squared_error"].sum(min_count=1) / number
    numbers = {("brier", None): squares.sum(skipna=False)}
    numbers["ece", None] = gap_of(binned[:, -1].sum(axis=0)) if len(binned) else np.nan
    for c, rows in pixels.groupby("class"):
        scores = pd.DataFrame([of_image(line, absent, diagonal) for line in rows.to_dict("records")])
        numbers |= {(column, c): mean(scores[column]) for column in scores}
        sides = (rows["tp"] + rows["fn"] > 0) != (rows["tp"] + rows["fp"] > 0)
        numbers["hausdorff_undefined", c] = sides.sum()
        numbers["brier_class", c] = squares[c]
        numbers["ece_class", c] = gap_of(binned[:, c].sum(axis=0)) if len(binned) else np.nan
        numbers["average_precision", c] = average_precision(histograms[:, c].sum(axis=0)) if len(binned) else np.nan
        numbers["auc", c] = area_under(histograms[:, c].sum(axis=0)) if len(histograms) else np.nan
        true, found = rows["gt_count"].tolist(), rows["pred_count"].tolist()
        known = c > 0  # the background is no cell
        numbers |= {
            ("counted", c): sum(found) if known else np.nan,
            ("counted_true", c): sum(true) if known else np.nan,
        }
        numbers["count_ratio", c] = ratio(sum(found), sum(true), np.nan) if known else np.nan
    numbers |= {key: value for key, value in pooled_again(pixels).items() if key[1] is None}
    total = pixels["pixels"].sum() / pixels["class"].nunique()
    wrong = sum(pixels[f"as_class_{c}"][pixels["class"] != c].sum() for c in pixels["class"].unique()) / total
    loss = np.nan if pixels["nll"].isna().any() else pixels["nll"].sum() / total
    numbers |= images_above(pixels, absent)
    return numbers | {("loss", None): loss, ("pixel_error", None): wrong, ("rmse", None): wrong**0.5}


def pooled_again(pixels):
    """Overlap of all pixels together from their confusion (rows: truth), over all classes with the background."""
    last = int(pixels["class"].max())
    sums = pixels.groupby("class")[[f"as_class_{c}" for c in range(last + 1)]].sum().to_numpy()
    ious, dices, weighted = [], [], 0.0
    for c in range(last + 1):
        hit, there, said = sums[c, c], sums[c].sum(), sums[:, c].sum()
        ious.append(ratio(hit, there + said - hit, np.nan))
        dices.append(ratio(2 * hit, there + said, np.nan))
        weighted += there * ious[-1] if there else 0.0
    whole = {("mean_iu", None): mean(ious), ("fw_iou", None): weighted / sums.sum(), ("dice", "average"): mean(dices)}
    return whole | {("dice", c): one for c, one in enumerate(dices)}


def images_above(pixels, absent):
    """Shares of images above `ABOVE` by ("jaccard_above", class id), and by the sets of classes that are averaged."""
    last = int(pixels["class"].max())
    by_image = [
        {line["class"]: of_image(line, absent, True)["jaccard"] for line in rows.to_dict("records")}
        for _, rows in pixels.groupby("sample")
    ]
    wanted = {c: [c] for c in range(last + 1)} | {(first, "all"): range(first, last + 1) for first in (0, 1)}
    found = {}
    for key, classes in wanted.items():
        means = [mean([image[c] for c in classes]) for image in by_image]
        found["jaccard_above", key] = mean([float(one > ABOVE + 1e-12) for one in means if not np.isnan(one)])
    return found


def cells_again(folder, name):
    """Errors of the cells of one run, and its confusion of cells as (true, predicted): number."""
    cells = pd.read_csv(folder / "cells.csv")
    cells = cells[cells["counted"]]
    kinds = [column for column in cells if column.startswith("as_class_")]
    above, below = TWO_TYPES[name]
    n = dict.fromkeys((*COUNTED, "two_types", "wrong_type"), 0)
    confused = {}
    truths = cells[cells["side"] == "gt"]
    for cell in truths.to_dict("records"):
        votes = [cell[kind] for kind in kinds]
        missed, short = 2 * cell["covered"] < cell["area"], 5 * cell["covered"] < 4 * cell["area"]
        two = not missed and below * (sum(votes) - max(votes)) >= above * cell["area"]
        kind = 1 + votes.index(max(votes))
        n["cells"] += 1
        n["missed"] += missed
        n["incomplete"] += short
        n["incomplete_missed"] += short and missed
        n["two_types"] += two
        n["wrong_type"] += not missed and not two and kind != cell["class"]
        taken = (cell["class"], "(missed)" if missed else kind if any(votes) else "(no type)")
        confused[taken] = confused.get(taken, 0) + 1
    for cell in cells[cells["side"] == "pred"].to_dict("records"):
        held = ((truths["sample"] == cell["sample"]) & (truths["host"] == cell["cell"])).sum()
        n["merged"] += held >= 2
        n["merged_cells"] += held * (held >= 2)
        if 2 * cell["on_truth"] < cell["area"] >= cell["on_ignored"]:
            n["spurious"] += 1
            taken = ("(no cell)", cell["class"] or "(no type)")
            confused[taken] = confused.get(taken, 0) + 1
    n["artefacts"] = n["spurious"]
    wrong = sum(n[error] for error in ERRORS_OF_ACCURACY.get(name, ["missed", "spurious"]))
    n["accuracy"] = 1 - wrong / n["cells"]
    return {(column, None): value for column, value in (n | promises_again(cells, truths)).items()}, confused


def promises_again(cells, truths):
    """Brier score and calibration error of the predicted cells of one run, cell by cell."""
    columns = [column for column in cells if column.startswith("p_class_")]
    mates = {(cell["sample"], cell["cell"]): cell for cell in truths.to_dict("records")}
    squares, bins = [], {}
    for cell in cells[cells["side"] == "pred"].to_dict("records"):
        mate = mates.get((cell["sample"], cell["best_match"]), {"best_match": 0})
        matched = mate["best_match"] == cell["cell"] and cell["iou"] >= 0.5 - 1e-9
        if mate["class"] == 0 if matched else max(2 * cell["on_small"], cell["on_ignored"]) > cell["area"]:
            continue
        said = [max(1 - sum(cell[column] for column in columns), 0), *(cell[column] for column in columns)]
        true = mate["class"] if matched else 0
        squares.append(sum((p - (c == true)) ** 2 for c, p in enumerate(said)))
        confidence = said[cell["class"]]
        if not np.isnan(confidence):
            bins.setdefault(min(int(confidence * 15), 14), []).append((cell["class"] == true) - confidence)
    number = sum(map(len, bins.values()))
    gap = sum(abs(sum(one)) for one in bins.values()) / number if number else np.nan
    return {"cell_brier": mean(squares) if number else np.nan, "cell_ece": gap}


def over_folds(by_run):
    """Mean, sd over folds, sd over seeds, number of folds of {(split, seed): number}."""
    splits = list(dict.fromkeys(part for part, _ in by_run))
    folds = [mean([by_run[part, seed] for seed in SEEDS]) for part in splits]
    seeds = [mean([by_run[part, seed] for part in splits]) for seed in SEEDS]
    return [mean(folds), sd(folds), sd(seeds), sum(not np.isnan(fold) for fold in folds)]


def check(made, file, **rule):
    """Hold every line of a table against the numbers made again; returns the columns that it holds."""
    name, _, runs, root = made
    table = pd.read_csv(root / file)
    names = class_names(runs)
    again = {key: pixels_again(folder, **rule) | cells_again(folder, name)[0] for key, folder in runs.items()}
    within = range(0 if name in BACKGROUND_IN else 1, len(names))
    for line in table.to_dict("records"):
        by_run = {}
        for (model, part, seed), n in again.items():
            if model == line["row"] and line["class"] == "average" and line["column"] == "jaccard_above":
                by_run[part, seed] = n["jaccard_above", (within[0], "all")]
            elif model == line["row"] and line["class"] == "average":
                by_run[part, seed] = mean([n[line["column"], c] for c in within])
            elif model == line["row"]:
                by_run[part, seed] = n[line["column"], None if line["class"] == "all" else names.index(line["class"])]
        expected = over_folds(by_run)
        found = [line[key] for key in ("mean", "sd", "seed_sd", "folds")]
        assert found == pytest.approx(expected, rel=1e-7, abs=1e-9, nan_ok=True), line
        assert line["seeds"] == len(SEEDS)
    return table


def test_every_number_of_the_table(made):
    name, columns, runs, _ = made
    table = check(made, "t.csv")
    shown = 1 if name == "scd2020_binary" else len(class_names(runs)) + 1
    rows = {model for model, _, _ in runs}
    assert len(table) == len(rows) * sum(shown if column in PER_CLASS else 1 for column in columns)
    known = table[table["mean"].notna() & ~table["class"].eq("background")]
    for column, values in known.groupby("column")["mean"]:
        assert values.ne(0).any() or name == "scd2020_binary", f"the test never saw {column}"


def test_every_number_under_the_other_rule(made):
    name, _, _, root = made
    if name != "scd2020_multiclass":
        assert len(pd.read_csv(root / "t.other_rule.csv")) == 0
        return
    other = check(made, "t.other_rule.csv", absent=np.nan, diagonal=False)
    assert set(other["column"]) == {"dice", "jaccard", "hausdorff", "precision", "recall", "jaccard_above", *BOUNDARIES}
    keys = ["row", "column", "class"]
    both = other.merge(pd.read_csv(root / "t.csv"), on=keys, suffixes=("", "_first"))
    assert not np.allclose(both["mean"], both["mean_first"], equal_nan=True), "no image lacked a class"


def test_every_number_of_pooled_pixels_with_the_background_in_the_average(made):
    """As autocsc is read: mIoU and FWIoU over the k + 1 classes, Dice their mean."""
    name, _, runs, root = made
    rows = {model: model for model, _, _ in runs}
    told = {"table": name, "rows": rows, "columns": dict.fromkeys(("mean_iu", "fw_iou", "dice"), "x"), "classes": "all"}
    told |= {"average": "pooled", "empty": "skip", "background": "in"}
    argv = ["--settings", json.dumps(told), "--published", "none", f"--out={root}/pooled.csv"]
    argv += [f"--{what}={root}/pooled.{what}" for what in ("markdown", "metrics")]
    for (model, part, seed), folder in runs.items():
        argv += ["--run", f"model={model},split={part},seed={seed},folder={folder}"]
    tabulate.main(argv)
    table, names = pd.read_csv(root / "pooled.csv"), class_names(runs)
    again = {key: pooled_again(pd.read_csv(folder / "pixels.csv")) for key, folder in runs.items()}
    assert len(table) == len(rows) * (3 + len(names))
    for line in table.to_dict("records"):
        of = None if line["class"] == "all" else names.index(line["class"]) if line["class"] in names else "average"
        by_run = {run[1:]: numbers[line["column"], of] for run, numbers in again.items() if run[0] == line["row"]}
        found = [line[part] for part in ("mean", "sd", "seed_sd", "folds")]
        assert found == pytest.approx(over_folds(by_run), rel=1e-7, abs=1e-9, nan_ok=True), line


def test_every_number_of_the_confusion(made):
    name, _, runs, root = made
    names = class_names(runs)
    again = {}
    for key, folder in runs.items():
        pixels = pd.read_csv(folder / "pixels.csv")
        sums = pixels.groupby("class")[[f"as_class_{c}" for c in range(len(names))]].sum().to_numpy()
        again[key] = {("pixel", names[i], names[j]): sums[i, j] for i, j in np.ndindex(sums.shape)}
        for (true, taken), number in cells_again(folder, name)[1].items():
            words = [names[word] if isinstance(word, int | np.integer) else word for word in (true, taken)]
            again[key]["cell", *words] = number
    lines = pd.read_csv(root / "t.confusion.csv")
    assert len(lines) == len({model for model, _, _ in runs}) * (len(names) ** 2 + len(names) * (len(names) + 1))
    for line in lines.to_dict("records"):
        cell = (line["unit"], line["true"], line["predicted"])
        numbers, shares = {}, {}
        for (model, part, seed), counts in again.items():
            if model == line["row"]:
                of_true = sum(n for (unit, true, _), n in counts.items() if (unit, true) == cell[:2])
                numbers[part, seed] = counts.get(cell, 0)
                shares[part, seed] = ratio(counts.get(cell, 0), of_true, np.nan)
        share, spread, _, folds = over_folds(shares)
        found = [line["share"], line["sd"], line["folds"]]
        assert found == pytest.approx([share, spread, folds], nan_ok=True), line
        assert line["count"] == pytest.approx(sum(numbers.values()) / len(SEEDS)), line


def test_every_point_of_the_curves(made):
    _, _, runs, root = made
    curves = pd.read_csv(root / "t.roc.csv")
    names = class_names(runs)
    assert set(curves["row"]) == {model for model, _, _ in runs} - {next(iter(runs))[0]}, "one row has no probabilities"
    for (row, name), lines in curves.groupby(["row", "class"]):
        by_run = {}
        for (model, part, seed), folder in runs.items():
            if model == row:
                histogram = np.load(folder / "histograms.npz")["counts"][:, names.index(name)].sum(axis=0)
                by_run[part, seed] = rates_at(lines["fpr"].to_numpy(), histogram)
        points = [over_folds({key: rates[i] for key, rates in by_run.items()}) for i in range(len(lines))]
        expected = np.array([[mean_, sd_, folds] for mean_, sd_, _, folds in points])
        np.testing.assert_allclose(lines[["tpr", "sd", "n"]], expected, rtol=1e-6, atol=1e-7)


def rates_at(grid, histogram):
    """True positive rate of scikit-learn's curve at each false positive rate, the highest where it rises."""
    if not histogram.sum(axis=1).all():
        return np.full(len(grid), np.nan)
    bins = np.tile(np.arange(histogram.shape[1]), 2)
    truth = np.repeat([0, 1], histogram.shape[1])
    false, true, _ = roc_curve(truth, bins, sample_weight=histogram.ravel(), drop_intermediate=False)
    highest = pd.Series(true).groupby(np.round(false, 15)).max()
    return np.interp(grid, highest.index, highest)


def test_a_rule_changes_no_column_whose_definition_does_not_name_it(made):
    runs = made[2]
    changed = set()
    for (model, part, seed), folder in list(runs.items())[-2:]:
        run = evaluated.read_run(f"model={model},split={part},seed={seed},folder={folder}")
        for column, (rule, values), class_name in product(COLUMNS.values(), CHOICES.items(), (AVERAGE, "cell")):
            if class_name in (AVERAGE, *run.class_names.values()):
                said = [score(column, run, class_name, replace(Conventions(), **{rule: value})) for value in values]
                assert follows(column, class_name, rule) or len({str(value) for value in said}) == 1, (column.key, rule)
                changed |= {rule} if len({str(value) for value in said}) > 1 else set()
    assert changed >= {"average", "background"}
