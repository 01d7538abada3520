"""Reliability diagrams and precision-recall curves: which panels, which legends, which words."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import precision_recall, reliability
from hemoseg.metrics.calibration import GIVEN, MOST_PROBABLE

LABELS = {"unet": "U-Net", "otsu": "Otsu", "pspnet": "$PSP$"}
COLOURS = {"unet": "#2b6cb0", "otsu": "#7d8794", "pspnet": "#2f8f5b"}


def bins(*classes, of="pixels"):
    lower = np.array([0.0, 0.5])
    lines = [
        pd.DataFrame(
            {"row": row, "of": of, "class": name, "lower": lower, "upper": lower + 0.5, "number": [30, 10],
             "confidence": [0.2, 0.9], "right": [0.25, 0.5], "low": [0.2, np.nan], "high": [0.3, np.nan],
             "units": "frame", "n_units": 7, "n_images": 9}
        )
        for row in ("unet", "pspnet")
        for name in classes
    ]  # fmt: skip
    return pd.concat(lines, ignore_index=True)


@pytest.mark.parametrize(
    ("classes", "titles"),
    [
        (("background", "cell", MOST_PROBABLE), ["cell", "Most probable class"]),
        (("background", "one", "two", MOST_PROBABLE), ["background", "one", "two", "Most probable class"]),
    ],
)
def test_a_panel_per_class_and_below_it_how_many_pixels(classes, titles):
    drawn = reliability.panels(bins(*classes), LABELS, COLOURS)
    drawn.draw_without_rendering()
    panels = [axes for axes in drawn.axes if axes.get_legend()]
    assert [axes.get_title(loc="left") for axes in panels] == titles
    error = (30 * 0.05 + 10 * 0.4) / 40
    told = [text.get_text() for text in panels[0].get_legend().get_texts()]
    assert told == [f"U-Net {error:.4f}", rf"\$PSP\$ {error:.4f}"]
    below = next(axes for axes in drawn.axes if axes.get_ylabel() == "pixels (share)" and axes.get_visible())
    assert below.get_lines()[0].get_ydata().tolist() == [0.75, 0.25]


def test_the_words_name_images_units_and_bins():
    told = reliability.caption(bins("background", "cell", MOST_PROBABLE))
    assert "(9 test images;" in told
    assert "in 2 bins" in told
    assert "whole test frames (7 frames)" in told
    assert "cells" not in told


def test_cells_have_a_panel_of_their_own_and_a_sentence_with_their_number():
    lines = pd.concat([bins("background", "cell", MOST_PROBABLE), bins(GIVEN, of="cells")])
    drawn = reliability.panels(lines, LABELS, COLOURS)
    drawn.draw_without_rendering()
    panels = [axes for axes in drawn.axes if axes.get_legend()]
    assert [axes.get_title(loc="left") for axes in panels] == ["cell", "Most probable class", "Predicted cells"]
    assert panels[-1].get_ylabel() == "right (share of cells of the bin)"
    assert "Predicted cells: 40 per method" in reliability.caption(lines)
    lines.loc[(lines["of"] == "cells") & (lines["row"] == "unet"), "number"] *= 50
    assert "Predicted cells: 40 to 2,000 per method" in reliability.caption(lines)


def test_precision_and_recall_leave_out_the_background_and_stand_without_an_average():
    recall = np.linspace(0.1, 1, 5)
    curves = pd.concat(
        pd.DataFrame({"row": row, "class": name, "recall": recall, "precision": 1 - recall / 2, "sd": np.nan, "n": 1,
                      "chance": 0.5})
        for row in ("unet", "pspnet") for name in ("background", "one", "two")
    )  # fmt: skip
    averages = pd.DataFrame({"row": ["unet"], "class": ["one"], "mean": [0.75]})
    for found, expected in ((averages, ["U-Net 0.750", r"\$PSP\$"]), (averages.iloc[:0], ["U-Net", r"\$PSP\$"])):
        drawn = precision_recall.panels(curves, found, dict.fromkeys(LABELS, "unet"), LABELS, COLOURS)
        drawn.draw_without_rendering()
        assert [axes.get_title(loc="left") for axes in drawn.axes] == ["one", "two"]
        assert [text.get_text() for text in drawn.axes[0].get_legend().get_texts()] == expected
    assert "1 fold" in precision_recall.caption(curves, 9)


@pytest.mark.parametrize(("height", "closer"), [(0.95, 1), (0.7, 0)])
def test_curves_that_reach_the_corner_are_drawn_closer_too(height, closer):
    recall = np.linspace(0.1, 1, 19)
    curves = pd.concat(
        pd.DataFrame({"row": "unet", "class": name, "recall": recall, "precision": height, "sd": np.nan, "n": 1,
                      "chance": 0.1}) for name in ("background", "cell")
    )  # fmt: skip
    drawn = precision_recall.panels(curves, curves.iloc[:0], {"unet": "unet"}, LABELS, COLOURS)
    drawn.draw_without_rendering()
    assert len(drawn.axes[0].child_axes) == closer
