"""What the pages say and draw of training sizes and of patients."""

import itertools

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import patients, sizes

LABELS = {"unet": "U-Net", "d": "dU-Net"}
COLOURS = {"unet": "#2b6cb0", "d": "#c0293f"}
COLUMNS = {"dice": {"digits": 3, "unit": ""}, "missed": {"digits": 1, "unit": "cells"}}


def equal(*needed):
    """Images needed to equal a baseline of 10, 20, 40 images."""
    images = [10, 20, 40][: len(needed)]
    lines = pd.DataFrame({"row": "d", "label": "dU-Net", "baseline_label": "U-Net", "images": images, "needed": needed})
    lines["ratio"] = lines["needed"] / lines["images"]
    shared = {"baseline_dice": 0.9, "answer": "answer", "interval": "a to b", "seeds": 2, "test_images": 8}
    return lines.assign(**shared, published_words="half the data")


@pytest.mark.parametrize(
    ("needed", "no_more", "half"),
    [
        ((-np.inf, 10, 20), 3, 2),
        ((10, 20, 40), 3, 0),
        ((10.5, 19, np.inf), 1, 0),
        ((np.inf, np.inf, -np.inf), 1, 1),  # with the fewest, 10, as good as the baseline with 40
    ],
)
def test_the_verdict_counts_sizes_and_never_more_than_is_known(needed, no_more, half):
    (said,) = sizes.verdict(equal(*needed))
    assert f"no more images at {no_more}, and with half of them or fewer at {half} (no more than 2 can show it" in said
    assert "Published: dU-Net equals U-Net with half the data." in said


def test_what_is_not_known_has_no_share():
    assert sizes.equal_table(equal(-np.inf, 10, np.inf))["share of the baseline's"].to_list() == ["–", "0.50", "–"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_figure_draws_every_size_of_every_row_and_what_is_reached(seeds):
    lines = [(row, f"n{n}", "cell", 0.5 + n / 100, 0.01, seeds) for row in LABELS for n in (10, 20, 40)]
    table = pd.DataFrame(lines, columns=["row", "family", "class", "mean", "seed_sd", "seeds"]).assign(column="dice")
    apart = {"d": pd.DataFrame({"images": [10, 20, 40] * 4, "sample": "s", "difference": np.linspace(-0.1, 0.1, 12)})}
    dice = sizes.of_dice(table)
    drawn = sizes.learning(dice, equal(-np.inf, 15.0, np.inf), apart, LABELS, COLOURS)
    left, right = drawn.axes
    assert [line.get_xdata().tolist() for line in left.lines if line.get_linestyle() == ":"] == [[15, 20]]
    assert sum(len(dots.get_offsets()) for dots in right.collections) == 12
    assert "one seed: no spread" in sizes.caption(dice, equal(10.0), 8) or seeds == 3
    drawn.draw_without_rendering()


def optimism(seed_sd=np.nan):
    shared = {"row": "d", "label": "dU-Net", "family": "random", "other_family": "grouped", "groups": 4, "images": 24}
    numbers = {"mean": 0.9, "other_mean": 0.85, "optimism": 0.05, "seed_sd": seed_sd, "lowest_group": -0.01}
    lines = pd.DataFrame({"column": ["dice", "missed"], "header": ["Dice", "FN"], "class": ["cell", "all"]})
    return lines.assign(**shared, **numbers, highest_group=0.2, low=[0.0, np.nan], high=[0.1, np.nan])


def test_optimism_is_printed_with_its_sign_and_blank_where_nothing_is_known():
    table = patients.optimism_table(optimism(), COLUMNS)
    assert table["optimism"].to_list() == ["+0.050", "+0.1"]
    assert table["95 % interval"].to_list() == ["+0.000 to +0.100", "–"]
    assert table["column"].to_list() == ["Dice, cell", "FN (cells)"]
    assert patients.SEEDS not in table
    assert patients.optimism_table(optimism(0.02), COLUMNS)[patients.SEEDS].to_list() == ["0.020", "0.0"]
    assert "dU-Net +0.050 (random 0.900, grouped 0.850" in patients.verdict(optimism(), COLUMNS)


@pytest.mark.parametrize("groups", [1, 2, 4, 5])
def test_the_ways_to_draw_patients_are_counted(groups):
    ways = len(list(itertools.combinations_with_replacement(range(groups), groups)))
    assert f"only {ways} different way" in patients.patients_sentence(optimism().assign(groups=groups))


def test_every_image_of_every_patient_is_a_dot():
    lines = [(row, f"s{i}", f"p{i % 3}", i / 100) for row in LABELS for i in range(9)]
    images = pd.DataFrame(lines, columns=["row", "sample", "group", "difference"])
    drawn = patients.differences(images, LABELS)
    assert [sum(len(dots.get_offsets()) for dots in axes.collections) for axes in drawn.axes] == [9, 9]
    assert "9 test images of 3 patients" in patients.caption(images)
    drawn.draw_without_rendering()
