"""The audit of published tables: on the papers' numbers by what PAPERS finds, and on numbers made to fit or not."""

import re
from pathlib import Path

import pandas as pd
import pytest

from hemoseg.steps.published import read_published
from hemoseg.tables.audit import Printed, audit
from hemoseg.tables.columns import COLUMNS

FOLDER = Path(__file__).parents[3] / "reports" / "published"
FACTS = {key: {"header": key, "digits": column.digits, "better": column.better} for key, column in COLUMNS.items()}
LABELS = {"unet": "U-Net", "deformable_unet": "dU-Net", "pspnet": "PSPNet", "deeplabv3plus": "DeepLabV3+"}
ERRORS = {
    "scd2018_segmentation": ("missed", "spurious"),
    "scd2018_classification": ("missed", "spurious", "wrong_type", "two_types"),
}
NO_CLAIMS = pd.DataFrame(columns=["row", "class", "column", "claim", "against", "value"])


def of_paper(name):
    claims = pd.read_csv(FOLDER / "claims.csv", dtype={"class": str})
    claims = claims[claims["table"] == name]
    return Printed(read_published(FOLDER / f"{name}.csv"), claims, FACTS, LABELS, "0", ERRORS.get(name, ()))


def found_in(name, words):
    (finding,) = [finding for finding in audit(of_paper(name)) if words in finding.found]
    return finding


def made(lines, claims=NO_CLAIMS, errors=()):
    table = pd.DataFrame(lines, columns=["row", "class", "column", "value", "sd"]).assign(source="x")
    return Printed(table, claims, FACTS, LABELS, "0", errors)


def classes(column, row, values, sd=0.0):
    names = [*map(str, range(len(values) - 1)), "average"]
    return [(row, name, column, value, sd) for name, value in zip(names, values, strict=True)]


def test_the_averages_of_pspnet_and_nearly_all_hausdorff_averages_do_not_follow():
    dice = found_in("scd2020_multiclass", "dice: the mean over the 5 printed classes").found
    assert "not the printed average of PSPNet (0.718, printed 0.720). It is that of U-Net 0.700, DeepLabV3+" in dice
    jaccard = found_in("scd2020_multiclass", "jaccard: the mean over the 5 printed classes").found
    assert "PSPNet (0.634, printed 0.637)" in jaccard
    far = found_in("scd2020_multiclass", "hausdorff: the mean over the 5 printed classes").found
    for words in ("U-Net (114.594, printed 112.238)", "(102.147, printed 100.917)", "(103.482, printed 100.250)"):
        assert words in far
    assert far.endswith("It is that of DeepLabV3+ 108.921.")


def test_the_order_of_pspnet_and_the_deformable_network_turns_round_and_no_other():
    turned = [finding.found for finding in audit(of_paper("scd2020_multiclass")) if "turns round" in finding.found]
    assert len(turned) == 1
    assert "hausdorff: the order of PSPNet and dU-Net" in turned[0]


def test_the_means_without_the_background():
    dice = found_in("scd2020_multiclass", "dice without the background")
    assert "U-Net 0.626, PSPNet 0.649, DeepLabV3+ 0.643, dU-Net 0.676 (" in dice.found
    assert "the order of the methods stays" in dice.follows
    jaccard = found_in("scd2020_multiclass", "jaccard without the background").found
    assert "U-Net 0.526, PSPNet 0.545, DeepLabV3+ 0.539, dU-Net 0.581 (" in jaccard


def test_class_three_shows_that_scores_were_made_per_image():
    finding = found_in("scd2020_multiclass", "higher than pooled pixels allow")
    assert "dU-Net, 3: a Dice of 0.515 ± 0.088" in finding.found
    assert "printed is 0.446" in finding.found
    assert "per image" in finding.follows


@pytest.mark.parametrize(
    ("name", "sums"),
    [
        ("scd2018_segmentation", ["(9 + 17) / 490 = 94.7%, printed 94.7%", "(5 + 6) / 490 = 97.8%, printed 97.8%"]),
        ("scd2018_classification", ["/ 510 = 73.1%, printed 73.1%", "(3 + 5 + 68 + 12) / 510 = 82.7%, printed 82.7%"]),
    ],
)
def test_the_accuracies_follow(name, sums):
    found = found_in(name, "The accuracies follow from").found
    assert all(words in found for words in sums)


def test_the_reductions_follow_from_the_binary_counts():
    found = found_in("scd2020_binary", "The claimed reductions follow").found
    assert all(words in found for words in ("36.4%, claimed 36%", "70.0%, claimed 70%", "55.0%, claimed 55%"))


def test_the_claims_on_areas_agree_and_what_is_unknown_is_told():
    areas = found_in("scd2020_multiclass", "Area under the ROC curve, 3")
    assert "0.77 and a gain of 5% give 0.82 (in points) or 0.81 (in per cent)" in areas.found
    assert areas.follows == "The claims agree under both readings."
    assert "merged, artefacts, two_types" in found_in("scd2020_multiclass", "unknown").found


def test_wrong_sums_are_told_too():
    lines = [("unet", "all", key, value, None) for key, value in (("missed", 1), ("cells", 10), ("accuracy", 0.8))]
    (finding,) = audit(made(lines, errors=("missed",)))
    assert "do not follow" in finding.found
    assert "= 90.0%, printed 80.0%" in finding.found
    claims = pd.DataFrame([("deformable_unet", "all", "merged", "reduction", "unet", 0.5)], columns=NO_CLAIMS.columns)
    counts = [("unet", "all", "merged", 10, None), ("deformable_unet", "all", "merged", 8, None)]
    (finding,) = audit(made(counts, claims))
    assert "do not follow" in finding.found
    assert "20.0%, claimed 50%" in finding.found


def test_a_claim_is_held_against_the_row_that_it_names():
    claims = [("deformable_unet", "all", "merged", "reduction", "pspnet", 0.6)]
    claims += [
        ("deformable_unet", "1", "auc", "gain", "pspnet", 0.1),
        ("deformable_unet", "1", "auc", "above", "", 0.8),
    ]
    counts = [
        (row, "all", "merged", value, None) for row, value in (("unet", 10), ("pspnet", 20), ("deformable_unet", 8))
    ]
    areas = [(row, "1", "auc", value, None) for row, value in (("unet", 0.5), ("pspnet", 0.7))]
    findings = audit(made(counts + areas, pd.DataFrame(claims, columns=NO_CLAIMS.columns)))
    (fall,) = [one for one in findings if "reductions" in one.found]
    assert "reductions follow from the printed counts: merged from 20.0 to 8.0 is 60.0%, claimed 60%" in fall.found
    (gain,) = [one for one in findings if "Area under" in one.found]
    assert "PSPNet 0.70 and a gain of 10% give 0.80 (in points) or 0.77 (in per cent)" in gain.found


def test_averages_that_follow_are_told_once_and_nothing_turns():
    lines = [*classes("dice", "unet", [1, 0.5, 0.3, 0.6]), *classes("dice", "pspnet", [1, 0.7, 0.4, 0.7])]
    first, second = audit(made(lines))
    assert "is the printed average in every row" in first.found
    assert "dice without the background: U-Net 0.400, PSPNet 0.550" in second.found


@pytest.mark.parametrize(("dice", "sd"), [([0.2, 0.5, 0.8], 0.3), ([0.9, 0.9, 0.9], 0.0), ([0.05, 0.95, 0.5], 0.45)])
def test_what_pooled_folds_can_give_is_never_called_impossible(dice, sd):
    """Folds of pooled pixels have J = D / (2 - D) each; their printed means must pass."""
    folds = pd.Series(dice)
    jaccard = (folds / (2 - folds)).mean()
    lines = [
        ("unet", "1", "dice", round(folds.mean(), 3), round(folds.std(), 3)),
        ("unet", "1", "jaccard", round(jaccard, 3), 0),
    ]
    (finding,) = audit(made(lines))
    assert "none of the 1 printed pairs" in finding.found


def test_a_table_without_anything_to_check_has_no_findings():
    assert audit(made([])) == []
    assert audit(made([("unet", "all", "merged", 3, None)])) == []


def test_rmse_of_the_touching_nuclei_is_a_root_and_their_errors_are_of_212_cells():
    assert "root of the pixel error within rounding in 6 of 6 rows" in found_in("touching", "RMSE").found
    counts = found_in("touching", "whole numbers").found
    assert "All 6 instance errors are whole numbers of 212 cells (" in counts
    assert [int(number) for number in re.findall(r" (\d+)[,)]", counts)] == [66, 36, 24, 14, 33, 12]
    cut = found_in("touching", "claimed is a cut of about 67%")
    assert "iuw bce from iu bce 42%, iuw bce dice from iu bce dice 64%" in cut.found
    assert cut.follows == "That is about the cut of iuw bce dice, not of the others."


@pytest.mark.parametrize(("column", "words"), [("rmse", "in 5 of 6 rows"), ("instance_error", "of no one number")])
def test_a_touching_table_that_does_not_add_up_is_told(column, words):
    wrong = of_paper("touching")
    place = wrong.table.index[wrong.table["column"] == column][0]
    wrong.table.loc[place, "value"] += 0.00321
    if column == "instance_error":
        wrong.table.loc[place, "value"] = 1.5e-4  # below a cell of two thousand, above none
    assert any(words in finding.found for finding in audit(wrong))
