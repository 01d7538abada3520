import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import cell_marks, choices, curves, scores
from hemoseg.tables import conventions

LABELS = {"otsu": "Otsu", "unet": "U-Net", "deformable_unet": "dU-Net"}
COLOURS = {"otsu": "#777777", "unet": "#2b6cb0", "deformable_unet": "#c0293f"}


def pixels(models=("otsu", "unet"), images=6, classes=2, seeds=1):
    rng = np.random.default_rng(0)
    rows = [
        {
            "model": model, "split": "fold1", "seed": seed, "sample": f"s{image}", "frame": f"f{image // 2}",
            "group": "p" if image % 2 else np.nan, "class": c, "class_name": f"class {c}", "tp": rng.integers(50, 90),
            "fp": rng.integers(0, 20), "fn": rng.integers(0, 20), "hausdorff": rng.random() * 20,
            "hausdorff_case": "both", "diagonal": 100.0,
        }
        for model in models for seed in range(seeds) for image in range(images) for c in range(classes)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def scored(**shape):
    return scores.image_scores(pixels(**shape), empty="one", hausdorff_missing="diagonal")


@pytest.mark.parametrize(("empty", "expected"), [("one", 1.0), ("zero", 0.0), ("skip", np.nan)])
def test_an_image_without_cells_scores_what_the_convention_says(empty, expected):
    table = pixels(images=1)
    table[["tp", "fp", "fn"]] = 0
    found = scores.image_scores(table, empty=empty, hausdorff_missing="skip")
    assert found["dice"].to_list() == pytest.approx([expected] * 2, nan_ok=True)


def test_dice_is_of_counts_and_seeds_are_averaged():
    table = pixels(models=("unet",), images=1, seeds=2)
    table.loc[table["class"] == 1, ["tp", "fp", "fn"]] = [[8, 2, 2], [4, 6, 6]]
    found = scores.image_scores(table, empty="one", hausdorff_missing="skip")
    assert found["dice"].to_list() == [pytest.approx((0.8 + 0.4) / 2)]


def test_a_missed_class_costs_the_diagonal_or_is_left_out():
    table = pixels(models=("unet",), images=1)
    table["hausdorff"], table["hausdorff_case"] = np.nan, "missed"
    found = {rule: scores.image_scores(table, empty="one", hausdorff_missing=rule) for rule in ("diagonal", "skip")}
    assert found["diagonal"]["hausdorff"].to_list() == [100]
    assert found["skip"]["hausdorff"].isna().all()


def test_of_several_splits_the_last_counts():
    table = pixels(models=("unet",), images=1)
    again = table.assign(split="n20", tp=10, fp=0, fn=0)
    found = scores.image_scores(pd.concat([table, again]), empty="one", hausdorff_missing="skip")
    assert found["dice"].to_list() == [1.0]


@pytest.mark.parametrize("measure", ["dice", "hausdorff"])
def test_distributions_draw_every_image_of_every_model(measure):
    drawn = scores.distributions(scored(), measure, LABELS, COLOURS, close=["unet"])
    whole, closer = (axes for axes in drawn.axes if axes.get_visible())
    assert [t.get_text() for t in whole.get_xticklabels()] == ["Otsu", "U-Net"]
    assert [t.get_text() for t in closer.get_xticklabels()] == ["U-Net"]
    assert sum(len(dots.get_offsets()) for dots in whole.collections) == 12
    assert "px" in whole.get_ylabel() or measure == "dice"
    drawn.draw_without_rendering()


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("models", [("unet",), ("otsu", "unet", "deformable_unet")])
def test_distributions_have_a_panel_per_class(classes, models):
    drawn = scores.distributions(scored(models=models, classes=classes), "dice", LABELS, COLOURS)
    shown = [axes for axes in drawn.axes if axes.get_visible()]
    assert len(shown) == classes - 1
    drawn.draw_without_rendering()


def test_one_image_and_missing_values_are_drawn():
    table = scored(images=1)
    table.loc[table["model"] == "otsu", "dice"] = np.nan
    scores.distributions(table, "dice", LABELS, COLOURS, close=["unet"]).draw_without_rendering()


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (["pspnet", "unet", "d"], [("unet", "pspnet"), ("unet", "d")]),
        (["pspnet", "d", "e"], [("pspnet", "d"), ("d", "e")]),
        (["unet"], []),
        ([], []),
    ],
)
def test_each_network_is_compared_with_the_baseline(models, expected):
    assert choices.pairs(models, "unet") == expected


@pytest.mark.parametrize("steps", [[20], [20, 40, 60]])
def test_curves_draw_every_training_thin_and_the_mean_thick(steps):
    rows = [
        ("unet", split, 0, step, 1 / step, 1.1 / step, np.nan if split == "b" else 0.9)
        for split in ("a", "b") for step in steps
    ]  # fmt: skip
    columns = ["model", "split", "seed", "step", "train_loss", "val_loss", "val_dice"]
    drawn = curves.learning_curves(pd.DataFrame(rows, columns=columns), LABELS, COLOURS)
    left, right = drawn.axes
    assert [round(line.get_linewidth(), 1) for line in left.lines].count(2.4) == 2
    assert len(left.lines) == 6
    assert len(right.lines) == 1
    assert [t.get_text() for t in right.get_legend().get_texts()] == ["U-Net"]
    drawn.draw_without_rendering()


def cells():
    blank = {"counted": True, "covered": np.nan, "hosted": np.nan, "on_truth": np.nan, "area": 100, "on_ignored": 0}
    rows = [
        {"side": "gt", "cell": 1, "covered": 80, "class": 1, "as_class_1": 80, "as_class_2": 0},
        {"side": "gt", "cell": 2, "covered": 79, "class": 2, "as_class_1": 40, "as_class_2": 39},
        {"side": "gt", "cell": 3, "covered": 49, "class": 1, "as_class_1": 0, "as_class_2": 49},
        {"side": "gt", "cell": 4, "covered": 90, "class": 1, "as_class_1": 0, "as_class_2": 90},
        {"side": "pred", "cell": 1, "on_truth": 50, "hosted": 2},
        {"side": "pred", "cell": 2, "on_truth": 49, "hosted": 0},
        {"side": "pred", "cell": 3, "on_truth": 0, "hosted": 3, "counted": False},
        {"side": "pred", "cell": 4, "on_truth": 0, "hosted": 0, "on_ignored": 101},
    ]
    return pd.DataFrame([{"sample": "a"} | blank | row for row in rows])


def test_boxes_are_on_the_cells_that_the_table_counts():
    rules = vars(conventions.read({}))
    kinds = ["dice", "merged", "artefacts", "incomplete", "missed", "two_types", "wrong_type"]
    found = cell_marks.errors(cells(), kinds, rules)
    assert found.groupby("kind")["cell"].apply(list).to_dict() == {
        "merged": [1], "artefacts": [2], "incomplete": [2, 3], "missed": [3], "two_types": [2], "wrong_type": [4],
    }  # fmt: skip
    assert cell_marks.errors(cells().iloc[:0], kinds, rules).empty
    assert cell_marks.errors(cells(), ["dice"], rules).empty


def test_the_boxes_have_the_papers_colours():
    assert cell_marks.MARKS["merged"].colour.startswith("#ff")
    assert cell_marks.MARKS["artefacts"].colour == "#ffd23f"
    assert cell_marks.MARKS["incomplete"].colour.endswith("ff")
    lines = [str(cell_marks.MARKS[kind].line) for kind in ("merged", "artefacts", "incomplete", "two_types")]
    assert len(set(lines)) == 4
    entries = cell_marks.handles({"dice": "Dice", "merged": "Error I"})
    assert [entry.get_label() for entry in entries] == ["Error I: touching cells not separated"]
