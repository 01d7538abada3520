"""Folds, seeds, classes and averages of a table, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hemoseg.errors import InputError
from hemoseg.tables.column import Run
from hemoseg.tables.markdown import markdown, number
from hemoseg.tables.notes import metrics, notes
from hemoseg.tables.table import HEADER, plan, tabulate

SETTINGS = {"table": "t", "rows": {"unet": "U-Net"}, "columns": {"jaccard": "Jaccard"}}


def run_of(jaccards, split="fold0", seed=0, model="unet"):
    """A run of one image with the given Jaccard (in hundredths) of each class, background first."""
    names = ["background", "a", "b", "c"]
    rows = [
        {"sample": "s", "class": c, "class_name": names[c], "tp": value, "fp": 100 - value, "fn": 0, "nll": 0.0}
        for c, value in enumerate(jaccards)
    ]
    cells = pd.DataFrame(columns=["sample", "side", "counted", "min_area"])
    return Run(model, split, seed, pd.DataFrame(rows), cells)


def table_of(runs, published=None, **settings):
    return tabulate(plan(SETTINGS | settings), runs, published)


def test_the_mean_is_over_seeds_then_folds_and_the_spread_over_folds():
    values = {("fold0", 0): 10, ("fold0", 1): 30, ("fold1", 0): 40, ("fold1", 1): 80}
    line = table_of([run_of((0, v), *key) for key, v in values.items()]).iloc[0]
    assert line["mean"] == pytest.approx(0.4)
    assert line["sd"] == pytest.approx(np.std([0.2, 0.6], ddof=1))
    assert line["seed_sd"] == pytest.approx(np.std([0.25, 0.55], ddof=1))
    assert (line["folds"], line["seeds"]) == (2, 2)


def test_a_fold_with_fewer_seeds_weighs_as_much_and_the_spread_of_seeds_takes_the_complete_ones():
    values = {("fold0", 0): 10, ("fold0", 1): 30, ("fold0", 2): 20, ("fold1", 0): 40, ("fold1", 1): 80}
    line = table_of([run_of((0, v), *key) for key, v in values.items()]).iloc[0]
    assert line["mean"] == pytest.approx((0.2 + 0.6) / 2)
    assert line["seed_sd"] == pytest.approx(np.std([0.25, 0.55], ddof=1))


def test_a_fold_without_a_value_is_left_out_and_not_counted():
    runs = [run_of((0, 40)), run_of((0, 60), "fold1"), run_of((0, 0), "fold2")]
    runs[2].pixels["fp"] = 0
    line = table_of(runs, empty="skip").iloc[0]
    assert [line["mean"], line["folds"]] == [0.5, 2]


FAMILIES = {"n10": "n10", "n20": "n20"}


def test_every_family_has_a_line_with_its_own_mean_and_spread():
    rng = np.random.default_rng(0)
    families = {f"{name}_fold{k}": name for name in ("random", "grouped") for k in range(3)}
    values = {(split, seed): int(rng.integers(10, 90)) for split in families for seed in (0, 1)}
    table = table_of([run_of((0, v), *key) for key, v in values.items()], families=families)
    assert table[["row", "family", "label"]].values.tolist() == [
        ["unet", "random", "U-Net, random"],
        ["unet", "grouped", "U-Net, grouped"],
    ]
    for line in table.to_dict("records"):
        of = {key: v / 100 for key, v in values.items() if families[key[0]] == line["family"]}
        folds = [np.mean([v for key, v in of.items() if key[0] == split]) for split in dict.fromkeys(k for k, _ in of)]
        seeds = [np.mean([v for key, v in of.items() if key[1] == seed]) for seed in (0, 1)]
        found = [line["mean"], line["sd"], line["seed_sd"], line["folds"]]
        assert found == pytest.approx([np.mean(folds), np.std(folds, ddof=1), np.std(seeds, ddof=1), 3])


def test_families_are_told_apart_in_metrics_markdown_and_notes():
    runs = [run_of((0, 40), "n10"), run_of((0, 60), "n20")]
    table_plan = plan(SETTINGS | {"families": FAMILIES})
    table = tabulate(table_plan, runs)
    assert metrics(table) == {"unet": {"n10": {"jaccard": 0.4}, "n20": {"jaccard": 0.6}}}
    text = markdown(table, "t", [])
    assert [line.split("|")[1].strip() for line in text.splitlines()[4:6]] == ["U-Net, n10", "U-Net, n20"]
    told = " ".join(notes(table_plan, runs, table)["conventions"])
    assert "a family (n10: 1, n20: 1)" in told
    assert "n10: 10 images in the training part, validation images among them; n20: 20 images" in told


@pytest.mark.parametrize("name", ["random", "grouped", "n10"])
def test_the_papers_numbers_stand_beside_their_own_protocol_only(name):
    runs = [run_of((90, 60), "s")]
    line = table_of(runs, published(**{"class": "1"}), families={"s": name}).iloc[0]
    assert (line["published"] == 0.9) == (name == "random")


def test_one_fold_and_one_seed_have_no_spread():
    line = table_of([run_of((0, 50))]).iloc[0]
    assert line["mean"] == 0.5
    assert np.isnan([line["sd"], line["seed_sd"]]).all()


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (None, ["background", "a", "b", "average"]),
        ("all", ["background", "a", "b", "average"]),
        (["b", "average"], ["b", "average"]),
        ([2, 0], ["b", "background"]),
    ],
)
def test_classes_are_chosen_by_name_or_id(classes, expected):
    table = table_of([run_of((90, 60, 30))], classes=classes)
    assert list(table["class"]) == expected


def test_a_binary_table_shows_the_cell_class_alone():
    assert list(table_of([run_of((90, 60))])["class"]) == ["a"]


@pytest.mark.parametrize(("background", "expected"), [("in", 0.6), ("out", 0.45)])
def test_the_average_takes_the_background_in_or_leaves_it_out(background, expected):
    table = table_of([run_of((90, 60, 30))], classes=["average"], background=background)
    assert table["mean"].iloc[0] == pytest.approx(expected)


def test_the_average_is_over_the_classes_that_have_a_value():
    run = run_of((90, 60, 30))
    run.pixels.loc[2, ["tp", "fp"]] = 0
    assert table_of([run], classes=["average"], empty="skip")["mean"].iloc[0] == pytest.approx(0.75)
    assert table_of([run], classes=["average"], empty="zero")["mean"].iloc[0] == pytest.approx(0.5)


def published(**line):
    return pd.DataFrame([{"row": "unet", "column": "jaccard", "value": 0.9, "sd": 0.1, "source": "page 1"} | line])


@pytest.mark.parametrize(("class_id", "found"), [("1", True), ("a", True), ("2", False), ("average", False)])
def test_a_published_number_is_found_by_the_id_or_the_name_of_its_class(class_id, found):
    line = table_of([run_of((90, 60))], published(**{"class": class_id})).iloc[0]
    assert (line["published"] == 0.9) == found
    assert line["source"] == ("page 1" if found else "")


def test_a_row_without_runs_still_shows_what_was_published():
    rows = {"unet": "U-Net", "pspnet": "PSPNet"}
    table = table_of([run_of((90, 60))], published(row="pspnet", **{"class": "1"}), rows=rows)
    assert list(table.columns) == HEADER
    assert list(table["row"]) == ["unet", "pspnet"]
    assert table["folds"].tolist() == [1, 0]
    assert np.isnan(table["mean"].iloc[1])
    assert table["published"].iloc[1] == 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": {"dise": "Dice"}}, "did you mean dice"),
        ({"columnss": {}}, "did you mean columns"),
        ({"columns": {}}, "columns is missing"),
        ({"empty": "nan"}, "one, zero, skip"),
        ({"average": "macro"}, "per_image, pooled"),
        ({"thresholds": {"fonud": 0.5}}, "did you mean found"),
        ({"thresholds": {"found": 1.5}}, "between 0 and 1"),
        ({"thresholds": {"found": "half"}}, "write a number"),
        ({"accuracy": ["mised"]}, "did you mean missed"),
        ({"classes": ["bb"]}, "classes has no 'bb'; did you mean b"),
        ({"rows": {"otsu": "Otsu"}}, "belongs to no row"),
    ],
)
def test_settings_that_make_no_table_are_refused_with_a_remedy(change, words):
    with pytest.raises(InputError, match=words):
        table_of([run_of((90, 60, 30))], **change)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "no runs"),
        ([run_of((1, 2)), run_of((3, 4))], "passed twice"),
        ([run_of((1, 2)), run_of((1, 2, 3), seed=1)], "has classes"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(runs, words):
    with pytest.raises(InputError, match=words):
        table_of(runs)


def test_metrics_are_nested_and_hold_no_nan():
    rows = {"unet": "U-Net", "otsu": "Otsu"}
    single = table_of([run_of((90, 60))], rows=rows)
    assert metrics(single) == {"unet": {"jaccard": 0.6}}
    several = table_of([run_of((90, 60))], classes=["background", "a"])
    assert json.loads(json.dumps(metrics(several))) == {"unet": {"jaccard": {"background": 0.9, "a": 0.6}}}


def test_notes_state_every_convention_and_threshold():
    columns = {"jaccard": "J", "missed": "FN", "two_types": "E2", "hausdorff": "HD", "accuracy": "A"}
    table_plan = plan(
        SETTINGS
        | {"columns": columns, "empty": "zero", "average": "pooled", "classes": ["average"], "background": "out"}
        | {"thresholds": {"found": 0.4, "two_types": 0.25}, "accuracy": ["missed", "two_types"]}
    )
    run = run_of((90, 60))
    run.pixels[["hausdorff", "hausdorff_case", "diagonal"]] = [1.0, "both", 9.0]
    run.cells[["area", "covered", "class", "as_class_1"]] = None
    text = " ".join(notes(table_plan, [run], tabulate(table_plan, [run]))["conventions"])
    for words in ("scores 0", "counted together", "without the background", "less than 2/5", "at least 1/4"):
        assert words in text
    assert "1 - (missed, two_types) / true cells" in text
    assert "no instances" in text
    assert "{" not in text


def test_notes_say_of_how_many_images_and_cells_a_fold_is():
    """Three cells that count in one fold, one in the other; the published counts are of other folds."""
    table_plan = plan(SETTINGS | {"columns": {"merged": "Error I"}})
    runs = [run_of((90, 60)), run_of((90, 60), "fold1")]
    cells = pd.DataFrame({"sample": "s", "side": "gt", "counted": [True, True, False, True], "min_area": 9.0})
    made = cells.assign(side="pred", hosted=0)
    runs = [replace(one, cells=pd.concat([cells[4 - n :], made])) for one, n in zip(runs, (4, 1), strict=True)]
    alone = tabulate(table_plan, runs)
    assert notes(table_plan, runs, alone)["fold"].endswith("a test fold has 1 image(s) and 2 true cell(s).")
    table = tabulate(table_plan, runs, published(**{"class": "all", "column": "merged"}))
    told = notes(table_plan, runs, table)
    assert "2 true cell(s); the published counts are of the papers' own test sets" in told["fold"]
    assert told["fold"] in told["conventions"]
    assert notes(plan(SETTINGS), runs, table_of(runs))["fold"] == ""


def test_markdown_prints_ours_and_the_published_line_below():
    runs = [run_of((90, 60)), run_of((90, 70), split="fold1")]
    text = markdown(table_of(runs, published(**{"class": "1"})), "A title", ["One.", "Two."])
    lines = text.splitlines()
    assert lines[0] == "## A title"
    assert [cell.strip() for cell in lines[4].split("|")[1:-1]] == ["U-Net", "0.650 ± 0.071"]
    assert [cell.strip() for cell in lines[5].split("|")[1:-1]] == ["*published*", "*0.900 ± 0.100*"]
    assert lines[-2:] == ["* One.", "* Two."]
    assert len({len(line) for line in lines[2:6]}) == 1


def test_markdown_of_several_classes_is_a_table_per_measure_with_the_classes_across():
    text = markdown(table_of([run_of((90, 60, 30))], columns={"jaccard": "J", "loss": "Loss"}), "t", [])
    assert "### J" in text
    assert [cell.strip() for cell in text.splitlines()[4].split("|")[1:-1]] == ["", "background", "a", "b", "average"]
    assert "Loss" in text


def test_a_published_number_that_the_source_does_not_give_prints_unknown():
    text = markdown(table_of([run_of((90, 60))], published(value=np.nan, sd=np.nan, **{"class": "1"})), "t", [])
    assert "*unknown*" in text


@pytest.mark.parametrize(
    ("value", "sd", "digits", "text"),
    [(0.9654, 0.0021, 3, "0.965 ± 0.002"), (5, np.nan, 1, "5.0"), (np.nan, np.nan, 3, "–")],
)
def test_numbers_in_print(value, sd, digits, text):
    assert number(value, sd, digits) == text
