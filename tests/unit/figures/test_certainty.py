"""How sure a table is, in words and pictures: what is said of differences, ranks and conventions that are known."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import cells_by_size, certainty, differences, markup, paired_images, ranks
from hemoseg.figures import certainty_words as say

HOSTILE = "<script>$_"
COLUMNS = {
    "dice": {"header": "Dice", "unit": "", "digits": 3, "better": "high", "definition": "overlap"},
    "missed": {"header": "FN", "unit": "cells", "digits": 1, "better": "low", "definition": "missed"},
    "cells": {"header": "T", "unit": "cells", "digits": 1, "better": "", "definition": "cells"},
    "jaccard": {"header": HOSTILE, "unit": "", "digits": 3, "better": "high", "definition": "overlap"},
}
LABELS = {"a": f"A {HOSTILE}", "b": "B", "c": "C"}
COLOURS = dict.fromkeys(LABELS, "#2b6cb0")
SHOWN = [("dice", "cell"), ("missed", "all")]


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Pictures of few pixels: nobody looks at them."""
    monkeypatch.setattr(markup, "CHART_DPI", 20)


def difference(row, other, column="dice", value=0.1, low=0.05, high=0.2, p=0.01, **more):
    told = {"family": "all", "row": row, "label": LABELS[row], "other": other, "other_label": LABELS[other]}
    told |= {"column": column, "header": COLUMNS[column]["header"], "class": "cell" if column == "dice" else "all"}
    told |= {"difference": value, "low": low, "high": high, "units": "frame", "n_units": 7, "n_images": 9}
    told |= {f"p_{name}_holm": p for name in ("wilcoxon", "permutation", "fold_t")}
    return told | {"wins": 8, "losses": 1, "ties": 0, "effect": 0.9, "standardised": 1.5, **more}


DIFFERENCES = pd.DataFrame(
    [
        difference("b", "a"),
        difference("c", "a", value=-0.2, low=-0.3, high=-0.1, wins=0, losses=9),
        difference("c", "b", value=0.0, low=-0.1, high=0.1, p=0.9),
        difference("b", "a", "missed", value=2.0, low=1.0, high=3.0),
    ]
)


def rows_of(table, **shared):
    lines = [(key, *part) for key, part in table.items()]
    return pd.DataFrame([{"family": "all", "row": key, "label": LABELS[key], **shared, **more} for key, more in lines])


def interval(row, column="dice", name="cell", **more):
    told = {"family": "all", "row": row, "label": LABELS[row], "column": column, "header": COLUMNS[column]["header"]}
    told |= {"class": name, "mean": 0.8, "low": 0.7, "high": 0.9, "seed_sd": 0.01, "fold_sd": np.nan, "seeds": 1}
    return told | {"folds": 1, "units": "frame", "n_units": 7, **more}


def panel(ranks_by_way, column="dice", header="Dice", name="cell"):
    shared = {"family": "all", "column": column, "header": header, "class": name, "turned": 0, "mean": 0.5}
    return pd.DataFrame(
        [
            shared | {"row": key, "label": LABELS[key], "choice": way[0], "value": way[1], "rank": rank}
            for way, by_row in ranks_by_way.items()
            for key, rank in by_row.items()
        ]
    )


PANEL = panel(
    {
        ("own", "published"): {"a": 1, "b": 2, "c": 3},
        ("empty", "zero"): {"a": 2, "b": 1, "c": 3},
        ("average", "pooled"): {"a": 1, "b": 2, "c": 3},
    }
)
KEPT = panel(
    {("own", "published"): {"a": 1, "b": 2}, ("hausdorff_missing", "skip"): {"a": 1, "b": 2}},
    "missed", "FN", "all",
)  # fmt: skip


def images(seed=0):
    rng = np.random.default_rng(seed)
    shared = {"family": "all", "column": "dice", "class": "cell"}
    return pd.DataFrame(
        [
            {"row": row, "sample": f"s{i}", "frame": f"f{i}", "group": f"{HOSTILE}{i % 2}", "value": rng.random()}
            for row in LABELS
            for i in range(9)
            if (row, i) != ("c", 3)
        ]
    ).assign(**shared)


RANKING = pd.DataFrame(
    [
        {"family": "all", "row": row, "label": LABELS[row], "column": "dice", "header": "Dice", "class": "cell",
         "rank": rank, "share": share, "measured": rank == number + 1, "n_units": 7}
        for number, row in enumerate(LABELS)
        for rank, share in ((1, 0.5), (2, 0.5), (3, 0.0))
    ]
)  # fmt: skip
ABSENCES = pd.DataFrame(
    {"row": ["a", "b"], "class": "cell", "images": 9.0, "neither": [0, 0.5], "missed": [0, 2], "spurious": [0, 3]}
).assign(family="all")
INTERVALS = pd.DataFrame([interval(row, *of) for of in (("dice", "cell"), ("missed", "all")) for row in LABELS])


def test_figures_lead_with_one_column_of_each_kind_and_the_class_that_is_shown_last():
    lines = [interval("a", "jaccard", "x"), interval("a", "jaccard", "average"), interval("a", "cells", "all")]
    lines += [interval("a", "missed", "all"), interval("a", "dice", "x", mean=np.nan)]
    assert say.leading(pd.DataFrame(lines), COLUMNS) == [("jaccard", "average"), ("missed", "all")]
    assert say.leading(pd.DataFrame([interval("a", "cells", "all")]), COLUMNS) == []


def test_pairs_say_the_second_row_minus_the_first_in_their_own_order():
    lines = differences.of_pairs(DIFFERENCES[DIFFERENCES["column"] == "dice"], [("a", "c"), ("a", "b")])
    assert lines[["row", "other"]].to_numpy().tolist() == [["c", "a"], ["b", "a"]]


@pytest.mark.parametrize(
    ("low", "high", "better", "expected"),
    [(0.1, 0.2, "high", "D"), (0.1, 0.2, "low", "s"), (-2, -1, "low", "D"), (-1, 1, "high", "o"), (1, 2, "zero", "o")],
)
def test_a_difference_looks_better_or_worse_only_where_its_interval_says_so(low, high, better, expected):
    assert differences.looks({"difference": (low + high) / 2, "low": low, "high": high}, better)[1] == expected


def test_an_answer_tells_size_interval_wins_and_only_what_the_adjusted_test_shows():
    first, worse, none = say.answers(DIFFERENCES, ("dice", "cell"), COLUMNS, 3)
    assert first.startswith(f"Dice (cell) of B minus A {HOSTILE}: +0.100 (95 % interval +0.050 to +0.200), better on 8")
    assert "worse on 1 of 9 images; permutation test p = 0.010, a difference that these images show." in first
    assert "\N{MINUS SIGN}0.200" in worse
    assert none.endswith("p = 0.900, no difference is shown.")
    alone = pd.DataFrame([difference("b", "a", p=1.0)]).assign(low=np.nan, high=np.nan)
    assert say.answers(alone, ("dice", "cell"), COLUMNS, 3)[0].endswith("p = 1.000, no difference is shown.")
    unsure = pd.DataFrame([difference("b", "a", p=0.2)])
    assert say.answers(unsure, ("dice", "cell"), COLUMNS, 3)[0].endswith("the adjusted test does not agree.")
    few = say.answers(unsure, ("dice", "cell"), COLUMNS, 32)[0]
    assert few.endswith("with 7 frames and 32 pairs of rows the adjusted test cannot go below 0.5.")


@pytest.mark.parametrize(("p", "expected"), [(0.01, "is shown by"), (0.2, "is not shown by")])
def test_the_lead_of_the_best_row_is_called_shown_only_where_the_test_agrees(p, expected):
    table = pd.DataFrame([interval("a"), interval("b", mean=0.9), interval("c", mean=0.7)])
    pair = [difference("b", "a", p=p), difference("c", "a", p=0.5), difference("b", "a", "missed", p=0.5)]
    told = say.lead_sentence(table, pd.DataFrame(pair), COLUMNS)
    assert told.startswith(f"The lead in Dice (cell) {expected} these 9 images of 7 frames")
    assert f"B minus A {HOSTILE}, 95 % interval +0.050 to +0.200, permutation test p = {p:.3f}" in told
    assert say.lead_sentence(table, pd.DataFrame(pair), COLUMNS, ["a", "c"]) == ""


def test_what_one_seed_cannot_tell_is_said():
    assert "one seed" in say.trainings_sentence(INTERVALS)
    assert "3 seeds and 2 splits" in say.trainings_sentence(INTERVALS.assign(seeds=3, folds=2))


def test_conventions_that_turn_the_order_are_named_with_the_rows():
    told = say.turned_sentences(pd.concat([PANEL, KEPT]), SHOWN)
    assert told == [
        f"Dice (cell): rows change places under empty 0 (B before A {HOSTILE}).",
        "FN: the order is that of the table under 1 other convention.",
    ]


def test_conventions_are_shown_of_columns_that_they_bear_on():
    alone = panel({("own", "published"): {"a": 1, "b": 2}}, "jaccard", "J", "x")
    both = pd.concat([alone, PANEL, KEPT])
    assert say.bearing(both, [("jaccard", "x")]) == [("dice", "cell"), ("missed", "all")]
    assert say.bearing(both, [("missed", "all"), ("jaccard", "x")]) == [("missed", "all"), ("dice", "cell")]
    assert say.bearing(alone, [("jaccard", "x")]) == []


def test_two_columns_are_shown_at_most_each_of_the_class_that_figures_show_and_matching_is_none():
    ways = {("own", "published"): {"a": 1, "b": 2}, ("empty", "zero"): {"a": 2, "b": 1}}
    parts = [panel(ways, column, column, name) for column, name in
             (("dice", "cell"), ("dice", "average"), ("jaccard", "x"), ("missed", "all"))]  # fmt: skip
    parts.append(panel({("matching", "0.5"): {"a": 1}, ("matching", "0.9"): {"a": 1}}, "matching", "F1", "all"))
    assert say.bearing(pd.concat(parts), [("dice", "cell")]) == [("dice", "cell"), ("jaccard", "x")]
    assert say.bearing(parts[-1], [("dice", "cell")]) == []
    untold = panel({("own", "published"): {"a": 1, "b": 2}}, "missed", "FN", "all")
    assert say.bearing(untold, [("missed", "all")]) == []


def test_what_turns_is_said_of_its_own_class_and_of_matching_and_of_many_pairs_by_number():
    rows = {"a": 1, "b": 2, "c": 3}
    turned = {("own", "published"): rows, ("empty", "zero"): {"a": 3, "b": 2, "c": 1}}
    kept = {("own", "published"): rows, ("empty", "zero"): rows}
    both = pd.concat([panel(turned, name="cell"), panel(kept, name="average")])
    assert say.turned_sentences(both, [("dice", "average")]) == [
        "Dice (average): the order is that of the table under 1 other convention."
    ]
    first = f"B before A {HOSTILE} / C before A {HOSTILE}"
    assert say.turned_sentences(both, [("dice", "cell")]) == [
        f"Dice (cell): rows change places under empty 0 ({first} / 1 more pair)."
    ]
    matched = panel({("matching", "0.5"): rows, ("matching", "0.9"): {"a": 2, "b": 1, "c": 3}}, "matching", "F1", "all")
    (told,) = say.turned_sentences(matched, [])
    assert told.endswith(f"0.9 (B before A {HOSTILE}).")


@pytest.mark.parametrize(
    ("p", "said"), [(0.0009, "< 0.001"), (0.001, "0.001"), (0.0051, "0.005"), (1.0, "1.000"), (np.nan, "–")]
)
def test_p_is_said_to_three_digits(p, said):
    assert say.p_value(p) == said


def test_each_test_and_each_spread_stands_in_its_own_column():
    holm = {"p_permutation_holm": 0.03, "p_wilcoxon_holm": 0.02, "p_fold_t_holm": np.nan}
    line = difference("b", "a", ties=2, standardised=-1.5, **holm)
    lines = pd.DataFrame([line, difference("c", "a", value=np.nan), difference("b", "a", "missed")])
    (told,) = say.tests_table(lines, [("dice", "cell")], COLUMNS).to_dict("records")
    assert told == {
        "rows": f"B \N{MINUS SIGN} A {HOSTILE}",
        "measure": "Dice (cell)",
        "difference": "+0.100 (+0.050 to +0.200)",
        "better : worse : alike": "8 : 1 : 2",
        "p permutation": "0.030",
        "p Wilcoxon": "0.020",
        "p over folds": "–",
        "rank-biserial": "+0.90",
        "difference / sd": "\N{MINUS SIGN}1.50",
    }
    lines = pd.DataFrame([interval("b", fold_sd=0.02), interval("a", mean=np.nan)])
    (told,) = say.spreads(lines, COLUMNS).to_dict("records")
    assert list(told.values()) == ["B", "Dice (cell)", "0.800", "0.700 to 0.900", "0.010", "0.020"]
    assert list(told)[-2:] == ["sd over seeds", "sd over folds"]


def test_thresholds_of_cell_errors_are_shown_of_one_column_and_said_in_words():
    ranks_of = {("own", "published"): {"a": 1, "b": 2}, ("found", "0.3"): {"a": 2, "b": 1}}
    errors = [panel(ranks_of, column, header, "all") for column, header in (("missed", "FN"), ("wrong_type", "I"))]
    both = pd.concat([*errors, PANEL])
    assert say.bearing(both, [("dice", "cell")]) == [("dice", "cell"), ("missed", "all")]
    assert say.bearing(both, [("wrong_type", "all")]) == [("dice", "cell"), ("wrong_type", "all")]
    told = say.turned_sentences(both, [("missed", "all")])
    assert told == [f"FN: rows change places under found \N{GREATER-THAN OR EQUAL TO} 0.3 (B before A {HOSTILE})."]


def test_images_without_a_class_are_tabled_only_where_there_are_any():
    found = say.absences_table(ABSENCES, LABELS)
    assert found.to_dict("records") == [
        {"row": "B", "class": "cell", "images": "9", "on neither side": "0.5", "missed": "2", "made up": "3"}
    ]


def cells(rng, count=60):
    sides = {"side": rng.choice(["gt", "pred"], count), "counted": rng.random(count) < 0.9}
    facts = {"sample": rng.choice(["s", "t"], count), "cell": range(count), "gap": rng.choice([1, 3, 5, np.nan], count)}
    shared = {"area": rng.integers(10, 90, count), "iou": rng.random(count)}
    table = pd.DataFrame({"model": "a", **sides, **facts, **shared}).assign(split="x", seed=0)
    again = table.assign(seed=1, iou=0.0)
    return pd.concat([table, again]).assign(frame=lambda rows: rows["sample"])


def test_cells_are_averaged_over_seeds_and_binned_by_size_against_a_loop():
    table = cells(np.random.default_rng(0))
    true = cells_by_size.true_cells(table)
    kept = table[(table["side"] == "gt") & table["counted"] & (table["seed"] == 0)]
    assert len(true) == len(kept)
    ends = np.array([10.0, 30, 50, 89])
    found = cells_by_size.by_bin(true, "area", ends).set_index("bin")
    for place, (low, high) in enumerate([(10, 30), (30, 50), (50, 90)]):
        own = [iou / 2 for area, iou in zip(kept["area"], kept["iou"], strict=True) if low <= area < high]
        assert found.loc[place, ["iou", "cells"]].tolist() == pytest.approx([np.mean(own), len(own)])
        assert found.loc[place, "low"] <= found.loc[place, "iou"] <= found.loc[place, "high"]
    far = cells_by_size.by_bin(true, "gap", np.array([0.0, *cells_by_size.GAPS, np.inf])).set_index("bin")
    assert far.loc[3, "cells"] == kept["gap"].isna().sum()


def test_every_figure_can_be_drawn_of_hostile_names_blanks_and_a_single_row():
    lines = differences.of_pairs(DIFFERENCES, [("a", "b"), ("a", "c")])
    drawn = [differences.draw(lines, SHOWN, COLUMNS), differences.draw(lines.iloc[:1], [("dice", "cell")], COLUMNS)]
    drawn += [paired_images.draw(images(), [("a", "b"), ("b", "c")], COLUMNS["dice"], LABELS, COLOURS)]
    alone = images()[images()["row"] == "a"]
    drawn += [paired_images.draw(alone, [("a", "b")], COLUMNS["jaccard"], LABELS, COLOURS)]
    drawn += [ranks.shares(RANKING, SHOWN), ranks.conventions(pd.concat([PANEL, KEPT]), SHOWN)]
    drawn += [cells_by_size.draw(cells_by_size.true_cells(cells(np.random.default_rng(0))), LABELS, COLOURS)]
    for one in drawn:
        one.draw_without_rendering()


TABLES = {"intervals": INTERVALS, "differences": DIFFERENCES, "ranking": RANKING, "images": images()}
TABLES |= {"panel": pd.concat([PANEL, KEPT]), "absences": ABSENCES}
TOLD = {"units": {"all": f"9 images {HOSTILE}"}, "sentences": [HOSTILE]}


def test_the_section_tells_units_answers_order_and_conventions_and_is_safe():
    page = certainty.section(TABLES.__getitem__, TOLD, COLUMNS, LABELS, COLOURS, "a")
    for words in ("9 images", "one seed", "+0.100", "The order of the rows", "Under other conventions", "B before A"):
        assert words in page
    assert page.count("<figure") == 4
    assert "<script" not in page


def test_rows_with_the_same_label_are_kept_apart():
    same = {name: table.assign(label="Same") if "label" in table else table for name, table in TABLES.items()}
    page = certainty.section(same.__getitem__, TOLD, COLUMNS, dict.fromkeys(LABELS, "Same"), COLOURS, "a")
    assert page.count("<figure") == 4


def test_a_single_row_has_a_section_without_comparisons():
    alone = {name: table[table["row"] == "a"] for name, table in TABLES.items()}
    page = certainty.section(alone.__getitem__, TOLD, COLUMNS, LABELS, COLOURS, None)
    assert page.count("<figure") == 1
    assert "The order of the rows" not in page


def test_a_family_is_shown_alone_and_the_others_are_named():
    both = {name: pd.concat([table.assign(family=f) for f in ("random", "grouped")]) for name, table in TABLES.items()}
    told = TOLD | {"units": {"random": "9 images.", "grouped": "5 images."}}
    page = certainty.section(both.__getitem__, told, COLUMNS, LABELS, COLOURS, "a")
    assert "9 images. Shown: the splits of the family random; grouped: in the tables." in page
    assert "5 images" not in page


def test_crowding_is_shown_where_cells_are_told_apart():
    table = cells(np.random.default_rng(0))
    assert certainty.crowding(table, LABELS, COLOURS).count("<figure") == 1
    assert certainty.crowding(table.iloc[:0], LABELS, COLOURS) == ""
    assert certainty.crowding(table.assign(area=64.0), LABELS, COLOURS).count("<figure") == 1  # all of one size
