"""Counts of images: which runs stand for an image, what the figure draws, what the words say."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import bland_altman, count_words

LABELS = {"a": "A", "b": "B"}
COLOURS = {"a": "#2b6cb0", "b": "#c0293f"}


def pixels_of(rows):
    """Runs as pixels.csv of all holds them: (model, split, seed, sample, class, true, found)."""
    names = ["model", "split", "seed", "sample", "class", "gt_count", "pred_count"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(frame=table["sample"], class_name=[("background", "rbc", "cell")[c] for c in table["class"]])


def counts_of(**found):
    """Counts of four images of which each holds 10 cells, per model."""
    rows = [(key, "fixed", 0, f"s{i}", 1, 10, n) for key, numbers in found.items() for i, n in enumerate(numbers)]
    return bland_altman.counts_of_images(pixels_of(rows), dict.fromkeys(found, 0))


def test_an_image_is_counted_once_by_the_chosen_seed_on_the_last_split_and_the_background_never():
    rows = [("a", "f0", 0, "s", 1, 3, 9), ("a", "f1", 0, "s", 1, 3, 4), ("a", "f1", 1, "s", 1, 3, 8)]
    rows += [("a", "f1", 0, "s", 0, np.nan, np.nan), ("b", "f1", 5, "s", 1, 3, 2), ("b", "f1", 0, "s", 1, 3, 7)]
    counts = bland_altman.counts_of_images(pixels_of(rows), {"a": 0, "b": 5})
    assert counts[["model", "class", "true", "found"]].to_numpy().tolist() == [["a", 1, 3, 4], ["b", 1, 3, 2]]


def test_each_panel_draws_its_differences_against_the_means_and_its_three_lines():
    counts = counts_of(a=(10, 10, 12, 8), b=(10, 14, 14, 14))
    drawn = bland_altman.draw(counts, LABELS, COLOURS)
    for axes, differences in zip(drawn.axes, ([0, 0, 2, -2], [0, 4, 4, 4]), strict=True):
        (dots,) = (one for one in axes.collections if one.get_offsets().size and len(one.get_sizes()) > 0)
        places = {(10 + d / 2, d) for d in differences}
        assert {tuple(map(float, place)) for place in dots.get_offsets()} == places
        assert dots.get_sizes().sum() == 16 * 4  # the area of a dot says how many images lie there
        mean, sd = np.mean(differences), np.std(differences, ddof=1)
        lines = sorted(line.get_ydata()[0] for line in axes.lines)
        assert lines == pytest.approx(sorted([0, mean, mean - 1.959964 * sd, mean + 1.959964 * sd]))
        bottom, top = axes.get_ylim()
        assert bottom < min(lines) < max(lines) < top
    assert drawn.axes[0].get_ylim() == drawn.axes[1].get_ylim()
    drawn.draw_without_rendering()


@pytest.mark.parametrize("found", [{"a": (7,)}, {"a": (0, 0, 0)}, dict.fromkeys("abcdefg", (9, 8))])
def test_one_image_no_difference_and_many_models_are_drawn(found):
    labels = {key: key for key in found}
    bland_altman.draw(counts_of(**found), labels, dict.fromkeys(found, "#2b6cb0")).draw_without_rendering()
    assert count_words.table(counts_of(**found), labels)["predicted / true"].tolist() == [
        f"{sum(numbers)} / {10 * len(numbers)}" for numbers in found.values()
    ]


def test_what_cancels_is_told_in_cells_and_the_nearest_is_not_the_one_whose_errors_cancel():
    counts = counts_of(a=(6, 14, 10, 10), b=(9, 10, 10, 10))
    (told,) = count_words.cancelling(counts, LABELS)
    assert told.startswith(
        "A, rbc: the totals are 40 and 40 (100.00 %), 0 apart; image by image 8 cells are off (20.00 %"
    )
    assert told.endswith("of which 8 cancel in the totals.")
    said = count_words.verdict(counts, LABELS)
    assert said.startswith("rbc: B is nearest image by image (0.25 cells per image off on average, totals 97.50 %")
    assert "; by totals it is A, 100.00 % (2.00 per image off). Of 4 test images" in said
    assert count_words.verdict(counts.assign(true=0), LABELS) == ""


def test_numbers_have_their_sign():
    assert [count_words.signed(value) for value in (1.5, -0.25, -0.001, np.nan)] == ["+1.50", "−0.25", "0.00", "–"]
