"""Counts drawn on the frame are those of `evaluate`."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.data.samples import IGNORE
from hemoseg.figures import bland_altman, count_marks
from hemoseg.figures.panels import Shown
from hemoseg.metrics.components import count_of_class

NAMES = ["background", "rbc", "macrophage"]


def shown(shape=(40, 50)):
    """Three red cells, a macrophage, a speck; the model merges two of them, loses the macrophage and adds a cell."""
    gt, pred = np.zeros((2, *shape), np.uint8)
    for row, column, value in ((2, 2, 1), (2, 20, 1), (20, 2, 1), (20, 30, 2)):
        gt[row : row + 8, column : column + 8] = value
    gt[35, 45] = 1
    pred[2:10, 2:28] = 1
    pred[20:28, 2:10], pred[30:38, 20:28] = 1, 1
    return Shown("s", np.full((3, *shape), 0.5), gt, {"a": pred}, note="it is")


def numbers_on(axes):
    return sorted(int(text.get_text()) for text in axes.texts)


def test_every_cell_that_counts_has_one_number_and_the_title_the_difference():
    drawn = count_marks.draw(shown(), {"a": "A"}, NAMES, 10.0)
    truth, model, _ = drawn.axes
    assert truth.get_title(loc="left") == "truth\nrbc 3 · macrophage 1"
    assert model.get_title(loc="left") == "A\nrbc 3 (±0) · macrophage 0 (−1)"
    assert numbers_on(truth) == [1, 1, 2, 3]
    assert numbers_on(model) == [1, 2, 3]
    places = {text.get_position() for text in truth.texts}
    assert places == {(5.5, 5.5), (23.5, 5.5), (5.5, 23.5), (33.5, 23.5)}
    drawn.draw_without_rendering()
    title = count_marks.draw(shown(), {"a": "A"}, NAMES, 1.0).axes[0].get_title(loc="left")
    assert title == "truth\nrbc 4 · macrophage 1", "the speck counts from its own area on"


def test_the_numbers_drawn_are_those_that_evaluate_writes():
    one, random = shown(), np.random.default_rng(0)
    gt = np.where(random.random(one.gt.shape) < 0.1, IGNORE, one.gt)
    found = count_marks.numbers(one.predictions["a"], gt != IGNORE, NAMES, 40)
    counted = [count_of_class(one.predictions["a"], gt != IGNORE, c, 40) for c in (1, 2)]
    assert [labels.max() for labels in found.values()] == counted


@pytest.mark.parametrize("shape", [(1, 1), (60, 41)])
def test_frames_without_a_cell_are_drawn(shape):
    empty = np.zeros(shape, np.uint8)
    one = Shown("s", np.zeros((1, *shape)), empty, {"a": empty}, note="it is")
    drawn = count_marks.draw(one, {"a": "A"}, NAMES, 5.0)
    assert drawn.axes[1].get_title(loc="left") == "A\nrbc 0 (±0) · macrophage 0 (±0)"
    drawn.draw_without_rendering()


def test_the_farthest_off_and_a_median_image_are_chosen():
    pairs = [(1, 1, 8), (9, 5, 5), (5, 5, 5), (20, 20, 5)]  # true and found red cells, found macrophages of 5
    rows = [("a", f"s{i}", 1, true, found) for i, (true, found, _) in enumerate(pairs)]
    rows += [("a", f"s{i}", 2, 5, found) for i, (_, _, found) in enumerate(pairs)]
    pixels = pd.DataFrame(rows, columns=["model", "sample", "class", "gt_count", "pred_count"])
    pixels = pixels.assign(split="f", seed=0, frame="", class_name="x", min_area=[1.0, 2.0, 3.0, 4.0] * 2)
    counts = bland_altman.counts_of_images(pixels, {"a": 0})
    assert list(count_marks.samples_to_show(counts)) == ["s1", "s2"]
    assert list(count_marks.samples_to_show(counts[:1])) == ["s0"]
    assert count_marks.samples_to_show(counts[:0]) == {}
    assert count_marks.least_area(pixels, "s2") == 3
