"""What is said of splits that all test the same images."""

import pandas as pd
import pytest

from hemoseg.figures import captions, words
from hemoseg.tables.column import Run
from hemoseg.tables.notes import notes
from hemoseg.tables.table import plan, tabulate

SAID = "All splits test the same images"


def run_of(split, images, model="unet"):
    """A run of the named images, all of whose pixels are right."""
    rows = [
        {"sample": name, "class": c, "class_name": "ab"[c], "tp": 5, "fp": 0, "fn": 0}
        for name in images
        for c in (0, 1)
    ]
    return Run(model, split, 0, pd.DataFrame(rows), pd.DataFrame(columns=["sample", "side", "counted", "min_area"]))


def sentences(runs, **settings):
    told = plan({"table": "t", "rows": {"unet": "U-Net"}, "columns": {"jaccard": "J"}} | settings)
    return notes(told, runs, tabulate(told, runs))["conventions"]


@pytest.mark.parametrize(
    ("tested", "said"),
    [
        ({"fold1": "xy", "fold2": "xy"}, True),
        ({"fold1": "xy", "fold2": "yx", "fold3": "xy"}, True),
        ({"fold1": "xy", "fold2": "yz"}, False),
        ({"fold1": "xy", "fold2": "xyz"}, False),
        ({"given": "xy"}, False),
    ],
)
def test_folds_with_one_test_set_are_told_from_folds_that_test_in_turn(tested, said):
    found = sentences([run_of(split, images) for split, images in tested.items()])
    assert any(SAID in sentence for sentence in found) == said


def test_growing_training_sets_have_no_spread_to_speak_of():
    runs = [run_of("n4", "xy"), run_of("n8", "xy")]
    assert not any(SAID in sentence for sentence in sentences(runs, families={"n4": "n4", "n8": "n8"}))


def test_a_page_says_whose_the_test_set_is_and_of_what_the_spread_is():
    sizes = {f"fold{k}": {"train": 131, "val": 33, "test": 40} for k in (1, 2)}
    ours = words.split_sentence({"units": "sample", "sizes": sizes, "given": False, "same_test": False})
    theirs = words.split_sentence({"units": "sample", "sizes": sizes, "given": True, "same_test": True})
    assert theirs.startswith(ours)
    assert theirs.removeprefix(ours) == f" The test set is the dataset's own. {words.SAME_TEST}"
    torn = {"straddling_groups": 2, "given": True}
    assert "the dataset that divides" in words.straddle_sentence(torn)
    assert "`by: group`" not in words.straddle_sentence(torn)


def test_captions_count_images_that_every_fold_tests_once():
    rates = pd.DataFrame({"n": [5]})
    assert "(40 images in 5 folds)" in captions.roc(rates, 40)
    assert "(the same 40 images in each of 5 folds)" in captions.roc(rates, 40, same_test=True)
    lines = pd.DataFrame({"folds": [5]})
    assert "summed over 5 folds that test the same images (" in captions.confusion(lines, "pixel", same_test=True)
    assert "same images" not in captions.confusion(lines, "pixel")
