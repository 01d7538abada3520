"""Intervals, paired differences and ranks of rows: equal rows, rows that differ by a constant, and the table's own."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hemoseg.metrics import paired
from hemoseg.metrics.bootstrap import percentile_interval, resampled, resampled_within
from hemoseg.tables.column import Run
from hemoseg.tables.differences import differences, pairs
from hemoseg.tables.ranking import ranking, ranks
from hemoseg.tables.table import plan, tabulate
from hemoseg.tables.uncertainty import drawn, intervals
from hemoseg.tables.units import units_of

ROWS = {"a": "A", "b": "B", "c": "C"}
COLUMNS = {"dice": "Dice", "pixel_error": "Error", "mean_iu": "mIoU", "counted": "Cells"}
NO_CELLS = pd.DataFrame(columns=["sample", "side", "counted"])
FOLDS = {"fold1": range(8), "fold2": range(8, 14)}  # unequal
FEW = 200  # draws


def plan_of(rows="abc", **settings):
    told = {"table": "t", "rows": {row: ROWS[row] for row in rows}, "columns": COLUMNS, "average": "per_image"}
    return plan(told | settings)


def run_of(model, split, images, seed=0, *, better=0, stream=0, groups=7):
    """A run of random counts: ``better`` pixels more are right in every image than in another run of the stream."""
    rng, rows = np.random.default_rng([stream, seed, *images]), []
    for i in images:
        right, wrong = rng.integers(100, 200) + better, rng.integers(50, 90, 2) - better
        shared = {"sample": f"s{i}", "frame": f"f{i}", "group": f"p{i % groups}" if groups else ""}
        rows.append(shared | {"class": 0, "class_name": "background", "tp": 700, "fp": wrong[1], "fn": wrong[0]})
        rows.append(shared | {"class": 1, "class_name": "cell", "tp": right, "fp": wrong[0], "fn": wrong[1]})
        rows[-1]["pred_count"] = 3.0
    return Run(model, split, seed, pd.DataFrame(rows).assign(kind="", tn=0), NO_CELLS)


def runs_of(rows="abc", seeds=(0, 1), **told):
    """Runs of two folds; all rows are alike unless ``told`` maps a row to how it is not."""
    return [
        run_of(row, split, images, seed, **told.get(row, {}))
        for row in rows for split, images in FOLDS.items() for seed in seeds
    ]  # fmt: skip


def different(rows="abc", **settings):
    return runs_of(rows, **{row: {"stream": number} for number, row in enumerate(rows)}, **settings)


def repeated(run, times):
    """The run in which each sample is there as often as ``times`` says."""
    parts = [
        run.pixels[run.pixels["sample"] == sample].assign(sample=f"{sample} {number}")
        for sample in run.samples for number in range(int(times[sample]))
    ]  # fmt: skip
    return Run(run.model, run.split, run.seed, pd.concat(parts), NO_CELLS)


def test_a_draw_is_the_table_of_the_images_that_were_drawn():
    runs = different("ab")[:-1]  # one fold has a seed less: folds count alike nevertheless
    units = units_of(runs)
    weights = resampled_within(units.of, units.frames, 4, np.random.default_rng(5))
    found = drawn(plan_of("ab"), runs, draws=4, seed=5)
    for number, counts in enumerate([np.ones(14), *weights]):
        times = dict(zip(units.samples, counts, strict=True))
        table = tabulate(plan_of("ab"), [repeated(run, times) for run in runs])
        for line in table.to_dict("records"):
            key = line["row"], line["column"], line["class"]
            assert found.numbers[key][number] == pytest.approx(line["mean"], nan_ok=True)


def test_intervals_stand_beside_the_means_and_spreads_of_the_table():
    runs = different()
    table, found = tabulate(plan_of(), runs), intervals(plan_of(), runs, drawn(plan_of(), runs, FEW))
    assert found["mean"].tolist() == table["mean"].tolist()
    assert found["fold_sd"].tolist() == table["sd"].tolist()
    assert found["seed_sd"].tolist() == table["seed_sd"].tolist()
    assert (found["units"] == "group").all()
    assert (found["n_units"] == 7).all()
    assert (found["n_images"] == 14).all()
    certain = found["column"] == "counted"  # every image has three cells, but folds are of unequal size
    assert ((found["low"] < found["mean"]) & (found["mean"] < found["high"]))[~certain].all()


def test_the_interval_of_one_fold_is_that_of_its_images_scores():
    runs = [run_of("a", "fixed", range(9), groups=0)]
    units = units_of(runs)
    line = intervals(plan_of("a"), runs, drawn(plan_of("a"), runs, FEW)).iloc[0]
    counts = runs[0].pixels[runs[0].pixels["class"] == 1]
    dice = (2 * counts["tp"] / (2 * counts["tp"] + counts["fp"] + counts["fn"])).to_numpy()
    means = resampled(units.of, FEW, np.random.default_rng(0)) @ dice / 9
    assert (line["low"], line["high"]) == pytest.approx(percentile_interval(means, 9))
    assert (line["units"], line["column"]) == ("frame", "dice")


def test_rows_that_are_alike_do_not_differ():
    runs = runs_of()
    draws = drawn(plan_of(), runs, FEW)
    table = differences(plan_of(), runs, draws)
    assert len(table) == 3 * 3  # pairs, columns that have a better side
    assert (table[["difference", "image_difference", "low", "high", "effect", "wins", "losses"]] == 0).all(axis=None)
    assert (table.filter(like="p_") == 1).all(axis=None)
    assert (table["ties"] == 14).all()
    shares = ranking(plan_of(), runs, draws)
    assert ((shares["share"] == 1) == (shares["rank"] == 1)).all()


def test_a_row_that_is_better_in_every_image_wins_them_all():
    table = differences(plan_of("ab"), runs_of("ab", b={"better": 9})).set_index("column")
    assert (table["row"] == "b").all()
    for column, sign in (("dice", 1), ("mean_iu", 1), ("pixel_error", -1)):
        line = table.loc[column]
        assert (line["wins"], line["losses"], line["effect"]) == (14, 0, sign)
        assert sign * line["low"] > 0 < sign * line["high"]
        assert line["low"] <= line["difference"] == line["mean"] - line["other_mean"] <= line["high"]
        assert line["p_wilcoxon"] == line["p_permutation"] == 2 / 2**7  # seven patients


def test_the_other_order_gives_the_other_sign():
    runs = different("ab")
    there, back = (differences(plan_of(order), runs).set_index("column") for order in ("ab", "ba"))
    for name in ("difference", "image_difference", "effect", "standardised"):
        assert back[name].to_numpy() == pytest.approx(-there[name].to_numpy())
    for name in ("p_wilcoxon", "p_permutation", "p_fold_t"):
        assert back[name].tolist() == there[name].tolist()
    assert back["wins"].tolist() == there["losses"].tolist()
    assert np.allclose(back[["low", "high"]], -there[["high", "low"]])


def test_rows_are_compared_with_the_baseline():
    assert pairs(["a", "b", "c"], None) == [("b", "a"), ("c", "a"), ("c", "b")]
    assert pairs(["a", "b", "c"], "c") == [("b", "a"), ("a", "c"), ("b", "c")]


def test_tests_take_one_number_per_patient_and_are_adjusted_for_the_pairs():
    runs = runs_of(**{row: {"stream": number, "groups": 6} for number, row in enumerate("abc")})  # of 2 or 3 images
    table = differences(plan_of(), runs, drawn(plan_of(), runs, FEW))
    chosen = table[table["column"] == "pixel_error"]
    lines = []
    for run in runs:
        wrong = run.pixels.groupby(["sample", "group"])[["fn", "tp"]].sum()
        error = (wrong["fn"] / wrong.sum(axis=1)).rename("value").reset_index()
        lines.append(error.assign(row=run.model, seed=run.seed))
    images = pd.concat(lines).groupby(["row", "sample", "group"])["value"].mean().unstack("row")
    for line in chosen.to_dict("records"):
        difference = images[line["row"]] - images[line["other"]]
        patients = difference.groupby("group")
        assert line["p_wilcoxon"] == pytest.approx(stats.wilcoxon(patients.mean()).pvalue)
        assert line["p_permutation"] == pytest.approx(paired.flip_test(patients.sum().to_numpy()[:, None])[0])
        assert line["image_difference"] == pytest.approx(difference.mean())
        assert line["wins"] == (difference < 0).sum()
    for name in ("p_wilcoxon", "p_permutation", "p_fold_t"):
        assert chosen[f"{name}_holm"].tolist() == paired.holm(chosen[name]).tolist()


def test_folds_are_tested_with_their_share_of_the_images():
    runs = different("ab")
    line = differences(plan_of("ab"), runs).iloc[0]
    folds = {
        (row, split): tabulate(plan_of(row), [run for run in runs if (run.model, run.split) == (row, split)])
        for row in "ab" for split in FOLDS
    }  # fmt: skip
    by_fold = [folds["b", split]["mean"][0] - folds["a", split]["mean"][0] for split in FOLDS]
    assert line["p_fold_t"] == pytest.approx(paired.corrected_resampled_t(by_fold, np.mean([8 / 6, 6 / 8])))
    assert line["folds"] == 2


def test_a_single_split_has_no_test_over_folds():
    runs = [run_of(row, "fixed", range(9), stream=number) for number, row in enumerate("ab")]
    line = differences(plan_of("ab"), runs).iloc[0]
    assert np.isnan(line["p_fold_t"])
    assert np.isnan(line["p_fold_t_holm"])


def test_rows_that_differ_only_by_noise_are_not_called_different():
    repeats, found, only_dice = 40, [], plan_of("ab", columns={"dice": "Dice"})
    for number in range(repeats):
        runs = [run_of(row, "fixed", range(12), stream=2 * number + k, groups=6) for k, row in enumerate("ab")]
        found.append(differences(only_dice, runs, drawn(only_dice, runs, FEW)).iloc[0])
    table = pd.DataFrame(found)
    most = stats.binom.ppf(0.999, repeats, 0.05)
    for name in ("p_wilcoxon", "p_permutation"):
        assert (table[name] < 0.05).sum() <= most
    assert ((table["low"] > 0) | (table["high"] < 0)).sum() <= most
    assert table["p_permutation"].nunique() > repeats / 2


@pytest.mark.parametrize(
    ("groups", "images", "name", "told"),
    [
        (6, 12, "group", "12 images of 6 groups; whole groups are drawn and exchanged."),
        (5, 12, "frame", r"12 images of 12 frames; .* \(5 groups are too few for that: images of one group are taken"),
        (0, 12, "frame", "12 images of 12 frames; whole frames are drawn and exchanged."),
        (0, 5, "frame", "5 images of 5 frames; .*; with less than 6 frames no test can reach p < 0.05"),
    ],
)
def test_units_are_patients_where_there_are_enough(groups, images, name, told):
    units = units_of([run_of("a", "fixed", range(images), groups=groups)])
    assert units.name == name
    assert pd.Series([units.words()]).str.fullmatch(f"{told}.*").all()


def test_an_image_without_a_patient_is_a_unit_of_its_own():
    run = run_of("a", "fixed", range(14))
    pixels = run.pixels.assign(group=run.pixels["group"].where(~run.pixels["sample"].isin(["s3", "s4"])))
    units = units_of([Run("a", "fixed", 0, pixels, NO_CELLS)])
    assert units.number == 7 + 2
    assert (units.of == units.of[3]).sum() == 1


def test_families_are_drawn_one_at_a_time():
    families = {"fold1": "random", "fold2": "grouped"}
    with pytest.raises(ValueError, match="t: draw the runs of one family of splits at a time"):
        intervals(plan_of(families=families), different())


def test_shares_of_ranks_are_those_of_the_draws():
    runs = different()
    draws = drawn(plan_of(), runs, FEW)
    table = ranking(plan_of(), runs, draws)
    assert table.groupby(["column", "row"])["share"].sum().to_numpy() == pytest.approx(np.ones(9))
    means = tabulate(plan_of(), runs).set_index(["column", "row"])["mean"]
    measured = table[table["measured"]].set_index(["column", "row"])["rank"]
    assert measured["dice"].to_dict() == means["dice"].rank(ascending=False).to_dict()
    assert measured["pixel_error"].to_dict() == means["pixel_error"].rank().to_dict()
    first = np.stack([draws.numbers[row, "dice", "cell"][1:] for row in "abc"]).argmax(axis=0)
    shares = table[(table["column"] == "dice") & (table["rank"] == 1)]["share"]
    assert shares.tolist() == pytest.approx((np.bincount(first, minlength=3) / FEW).tolist())


def test_ranks_by_closeness_to_zero_and_without_a_number():
    numbers = np.array([[-1.0, 3.0], [2.0, np.nan], [1.0, -3.0]])
    assert np.array_equal(ranks(numbers, "zero"), [[1, 1], [3, np.nan], [1, 1]], equal_nan=True)
    assert np.array_equal(ranks(numbers, "high"), [[3, 1], [1, np.nan], [2, 2]], equal_nan=True)
    assert np.array_equal(ranks(numbers, "low"), [[1, 2], [3, np.nan], [2, 1]], equal_nan=True)


def test_a_row_alone_has_no_difference_and_what_has_no_number_has_no_test():
    assert differences(plan_of("a"), runs_of("a")).empty
    runs = [Run(run.model, run.split, 0, run.pixels.assign(nll=np.nan), NO_CELLS) for run in runs_of("ab", seeds=(0,))]
    told = plan_of("ab", columns={"loss": "Loss", "dice": "Dice"})
    line = differences(told, runs, drawn(told, runs, FEW)).iloc[0]
    assert (line["column"], line["n_images"], line["n_units"], line["wins"]) == ("loss", 0, 0, 0)
    numbers = ["difference", "low", "high", "image_difference", "p_wilcoxon", "p_permutation", "p_fold_t", "effect"]
    assert line[numbers].isna().all()
    assert ranking(told, runs, drawn(told, runs, FEW)).query("column == 'loss'")["share"].tolist() == [0] * 4
