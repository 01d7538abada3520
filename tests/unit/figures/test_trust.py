import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import trust, trust_words
from hemoseg.figures.trust import Disputed
from hemoseg.labels.autolabel_kinds import checked

FACTS = {"rank": 1, "cells": 2, "label_cells": 1, "disputed": 1 / 3, "dice": 0.5}


def test_every_cell_has_a_closed_outline_in_its_own_place():
    cells = np.zeros((7, 9), int)
    cells[0:3, 0:4], cells[3:6, 0:4], cells[2:5, 6:9] = 2, 1, 7  # two that touch, two at the border
    drawn = {
        (line[:, 1].min(), line[:, 0].min(), line[:, 1].max(), line[:, 0].max()): line for line in trust.outlines(cells)
    }
    assert set(drawn) == {(0, 0, 2, 3), (3, 0, 5, 3), (2, 6, 4, 8)}
    for line in drawn.values():
        assert np.array_equal(line[0], line[-1])
        rows, columns = line[:, 1].astype(int), line[:, 0].astype(int)
        assert len(set(cells[rows, columns])) == 1
    assert trust.outlines(np.zeros((4, 4), int)) == []


@pytest.mark.parametrize("number", [0, 1, 4])
def test_frames_of_one_pixel_without_cells_and_of_many_are_drawn(number):
    cells = np.zeros((6, 8), np.int32)
    cells[1:4, 1:4] = 1
    other = np.roll(cells, 3, axis=1)
    shown = [
        Disputed(f"f{i}", np.full((3, 6, 8), 0.5, np.float32), cells * (i % 2), other, FACTS) for i in range(number)
    ]
    shown += [Disputed("dot", np.zeros((1, 1, 1), np.float32), np.zeros((1, 1), int), np.zeros((1, 1), int), FACTS)]
    drawn = trust.frames(shown)
    assert sum(axes.get_visible() for axes in drawn.axes) == number + 1
    drawn.draw_without_rendering()


def sums(**changes):
    return {
        "frames": 1, "cells": 1, "label_cells": 1, "disputed": 0.0, "median_dice": 1.0, "lowest_dice": 1.0,
        "median_difference": 0.0, "hold_half": 0, "hold_most": 0, "large_cells": 0, "large_worth": 0.0,
    } | changes  # fmt: skip


def test_the_verdict_counts_both_sides_and_claims_no_more():
    assert trust_words.verdict(sums(), "U-Net") == (
        "U-Net counts 1 cell in 1 frame; the automatic labels that it learned from count 1 cell. In the median "
        "frame the two agree by a Dice of 1.000 (lowest 1.000) and differ by 0 cells; 0.0 % of the cells are disputed."
    )
    said = trust_words.verdict(sums(cells=1500, label_cells=1600, frames=24, disputed=0.149), "U-Net")
    assert "1\u2009500 cells in 24 frames" in said
    assert "1\u2009600 cells, 100 more than the model" in said
    assert "14.9 % of the cells are disputed" in said


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"share": np.nan, "by_chance": 0.5, "wrong": 0, "correlation": np.nan}, "got no cell wrong"),
        ({"share": 0.31, "by_chance": 0.13, "wrong": 900, "correlation": np.nan}, "13 % on average."),
        ({"share": 0.31, "by_chance": 0.13, "wrong": 900, "correlation": 0.724}, "hold 31 % of them"),
        ({"share": 0.31, "by_chance": 0.13, "wrong": 900, "correlation": 0.724}, "over the frames: 0.72."),
    ],
)
def test_the_worth_of_the_order_is_told_beside_that_of_chance(facts, told):
    assert told in trust_words.worth_sentence(facts, 9)


def test_disputed_cells_are_placed_only_where_there_are_any():
    table = pd.DataFrame({"frame": ["a"], "dice": [1.0], "best_of_worse": [1.0]})
    assert len(trust_words.reading(table, sums())) == 2
    said = trust_words.reading(table, sums(frames=7, hold_half=2, hold_most=3))
    assert said[2].startswith("Half of the disputed cells are in 2 frames of 7")


def test_large_cells_warn_of_counts_that_are_too_low():
    table = pd.DataFrame({"frame": ["a"], "dice": [1.0], "best_of_worse": [1.0]})
    said = trust_words.reading(table, sums(cells=1112, large_cells=183, large_worth=700.4))[0]
    assert "183 of 1\u2009112 cells by the model are more than twice" in said
    assert "as large as 700 median cells" in said


def test_the_page_says_what_made_the_labels_and_whether_people_had_a_part_in_it():
    row = {"label": "U-Net", "seeds": [0], "predict": {"min_area_share": 0.1}}
    settings = {"models": {"unet": row}, "trust": {"model": "unet"}, "split": {"by": "frame"}}
    trainings = [("a", {}), ("b", {})]
    alone = trust_words.how(settings, trainings, {"settings": checked({"window": 31, "gaussian": False}), "search": {}})
    assert "window 31, offset 0.08, cells auto" in alone[0]
    assert "Gaussian" not in alone[0]
    assert alone[0].endswith("No label made by people had a part in them.")
    searched = {"settings": checked({}), "search": {"samples": ["a", "b"], "kinds": {}}}
    assert "searched on 2 labelled images of the set" in trust_words.how(settings, trainings, searched)[0]
    assert "only its test frames have masks" in trust_words.how(settings, trainings[:1], searched)[-1]
