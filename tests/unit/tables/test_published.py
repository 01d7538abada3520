"""The papers' numbers: complete, in the form that a table reads, and their own arithmetic."""

from pathlib import Path

import pandas as pd
import pytest

from hemoseg.steps.published import read_published

FOLDER = Path(__file__).parents[3] / "reports" / "published"


def values(name, column, row):
    table = read_published(FOLDER / f"{name}.csv")
    chosen = table[(table["column"] == column) & (table["row"] == row)]
    return chosen.set_index("class")["value"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("scd2018_segmentation", 10),
        ("scd2018_classification", 14),
        ("scd2020_binary", 24),
        ("scd2020_multiclass", 79),
        ("deconvnet", 2),
        ("autolabel_ablation", 8),
        ("autocsc", 15),
        ("autocsc_counts", 26),
    ],
)
def test_every_table_reads_and_every_line_has_a_source(name, lines):
    table = read_published(FOLDER / f"{name}.csv")
    assert len(table) == lines
    assert table["source"].notna().all()


@pytest.mark.parametrize(
    ("name", "column", "unit"),
    [
        ("scd2018_segmentation", "missed", "490 cells"),
        ("scd2018_classification", "wrong_type", "510 cells"),
        ("scd2020_binary", "hausdorff", "pixels of 512x512 images"),
        ("scd2020_multiclass", "hausdorff", "pixels of 512x512 images"),
        ("scd2020_binary", "merged", "test fold of about 63 images"),
    ],
)
def test_numbers_of_a_size_say_of_which(name, column, unit):
    table = read_published(FOLDER / f"{name}.csv")
    assert table["source"][table["column"] == column].str.contains(unit).all()


@pytest.mark.parametrize("row", ["unet", "deformable_unet"])
@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("scd2018_segmentation", ["missed", "spurious"]),
        ("scd2018_classification", ["missed", "spurious", "wrong_type", "two_types"]),
    ],
)
def test_the_accuracies_of_2018_follow_from_the_errors_and_the_cells(name, errors, row):
    cells = values(name, "cells", row)["all"]
    wrong = sum(values(name, error, row)["all"] for error in errors)
    assert round(1 - wrong / cells, 3) == values(name, "accuracy", row)["all"]


MODELS = ("unet", "pspnet", "deeplabv3plus", "deformable_unet")


def mean_of_classes(column, row, first=0):
    return values("scd2020_multiclass", column, row)[[str(c) for c in range(first, 5)]].mean()


@pytest.mark.parametrize("row", ["unet", "deeplabv3plus", "deformable_unet"])
@pytest.mark.parametrize("column", ["dice", "jaccard"])
def test_the_averages_of_2020_are_means_over_five_classes_with_the_background(column, row):
    printed = values("scd2020_multiclass", column, row)["average"]
    assert mean_of_classes(column, row) == pytest.approx(printed, abs=0.0011)


def test_the_averages_of_pspnet_are_off():
    assert round(mean_of_classes("dice", "pspnet"), 3) == 0.718
    assert round(mean_of_classes("jaccard", "pspnet"), 3) == 0.634


def test_the_printed_hausdorff_averages_do_not_follow_and_the_order_turns_round():
    means = pd.Series({row: mean_of_classes("hausdorff", row) for row in MODELS})
    printed = pd.Series({row: values("scd2020_multiclass", "hausdorff", row)["average"] for row in MODELS})
    assert means.round(2).to_list() == [114.59, 102.15, 108.92, 103.48]
    assert printed.round(2).to_list() == [112.24, 100.92, 108.92, 100.25]
    assert printed["deformable_unet"] < printed["pspnet"]
    assert means["deformable_unet"] > means["pspnet"]


def test_the_means_without_background():
    for column, expected in (("dice", [0.626, 0.649, 0.643, 0.676]), ("jaccard", [0.526, 0.545, 0.539, 0.581])):
        assert [mean_of_classes(column, row, 1) for row in MODELS] == pytest.approx(expected, abs=0.00051)


def test_the_dice_and_jaccard_of_class_three_cannot_come_from_pooled_pixels():
    dice, jaccard = (values("scd2020_multiclass", column, "deformable_unet")["3"] for column in ("dice", "jaccard"))
    assert 2 * jaccard / (1 + jaccard) - dice > 0.1


def test_the_reductions_in_the_text_follow_from_the_binary_errors():
    reductions = []
    for column in ("merged", "artefacts", "incomplete"):
        before, after = (values("scd2020_binary", column, row)["all"] for row in ("unet", "deformable_unet"))
        reductions.append(round(100 * (1 - after / before)))
    assert reductions == [36, 70, 55]


@pytest.mark.parametrize("row", ["u_base", "u_single", "u_transfer", "mask_rcnn", "ternausnet"])
def test_the_dice_of_autocsc_is_no_mean_without_the_background(row):
    """Of classes with Jaccards J the mean of 2 J / (1 + J) is at most that of their mean: the printed Dice keeps it."""
    dice, mean_iu, weighted = (values("autocsc", column, row).iloc[0] for column in ("dice", "mean_iu", "fw_iou"))
    assert mean_iu < dice < 2 * mean_iu / (1 + mean_iu)
    # Nearly all pixels are background, whose Jaccard is then about FWIoU; the mean of the cells' would be far lower.
    cells = (3 * mean_iu - weighted) / 2
    assert 2 * cells / (1 + cells) < dice


@pytest.mark.parametrize("row", ["u_base", "u_transfer", "mask_rcnn", "ternausnet"])
def test_the_count_ratios_of_autocsc_follow_from_the_counts(row):
    counted, true, shares = (values("autocsc_counts", c, row) for c in ("counted", "counted_true", "count_ratio"))
    assert true.tolist() == [3130, 405]
    assert (counted / true).round(4).tolist() == shares.tolist()


def test_what_our_copy_of_autocsc_leaves_blank_is_blank():
    assert values("autocsc_counts", "counted", "u_single").isna().all()


def test_every_part_of_the_automatic_labels_helps_and_all_together_help_most():
    for kind in ("rbc", "macrophage"):
        base, smooth, opened, every = (
            values("autolabel_ablation", "kind_mean_iu", row)[kind]
            for row in ("threshold_contours", "gaussian", "morphology", "all")
        )
        assert base < opened < smooth < every
