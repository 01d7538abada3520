"""What the page of training sizes says and draws."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import data_size

LABELS = {"unet": "U-Net", "d": "dU-Net"}
COLOURS = {"unet": "#2b6cb0", "d": "#c0293f"}


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
    (said,) = data_size.verdict(equal(*needed))
    assert f"no more images at {no_more}, and with half of them or fewer at {half} (no more than 2 can show it" in said
    assert "2 seeds, one choice of the training images and 8 test images; nothing is claimed beyond them." in said
    assert "Published: dU-Net equals U-Net with half the data." in said


def test_what_is_not_known_has_no_share():
    assert data_size.equal_table(equal(-np.inf, 10, np.inf))["share of the baseline's"].to_list() == ["–", "0.50", "–"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_figure_draws_every_size_of_every_row_and_what_is_reached(seeds):
    lines = [(row, f"n{n}", "cell", 0.5 + n / 100, 0.01, seeds) for row in LABELS for n in (10, 20, 40)]
    table = pd.DataFrame(lines, columns=["row", "family", "class", "mean", "seed_sd", "seeds"]).assign(column="dice")
    apart = {"d": pd.DataFrame({"images": [10, 20, 40] * 4, "sample": "s", "difference": np.linspace(-0.1, 0.1, 12)})}
    dice = data_size.of_dice(table)
    drawn = data_size.learning(dice, equal(-np.inf, 15.0, np.inf), apart, LABELS, COLOURS)
    left, right = drawn.axes
    assert [line.get_xdata().tolist() for line in left.lines if line.get_linestyle() == ":"] == [[15, 20]]
    assert sum(len(dots.get_offsets()) for dots in right.collections) == 12
    assert "one seed: no spread" in data_size.caption(dice, equal(10.0), 8) or seeds == 3
    drawn.draw_without_rendering()
