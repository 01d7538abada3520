"""Two markers in one cell: which cells are picked, what is drawn of them, and what is said where there is none."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import marker_faults
from hemoseg.figures.panels import Shown
from hemoseg.labels.points import centres_of
from hemoseg.labels.watershed import split_at_markers
from hemoseg.metrics.cells import Truth, cell_facts

LABELS = {"one": "IUW-1", "two": "IUW-2"}
TRUE = np.zeros((60, 110), np.int32)
TRUE[10:30, 10:50], TRUE[10:30, 60:80], TRUE[40:52, 20:60] = 1, 2, 3


def box(row, column, half=4, score=0.9):
    """A proposal whose centre is the pixel."""
    return [column - half + 0.5, row - half + 0.5, column + half + 0.5, row + half + 0.5, score]


def seen(*boxes):
    """What a watershed makes of the true foreground: its cells, and the boxes."""
    boxes = np.array(boxes, np.float32).reshape(-1, 5)
    return split_at_markers(TRUE > 0, centres_of(boxes)), boxes


def facts(found, boxes, sample="a"):
    truth = Truth(TRUE, (TRUE > 0).astype(int), np.ones(TRUE.shape, bool))
    told = {"n_classes": 2, "min_area": 5, "gap_cap": 5, "markers": centres_of(boxes)}
    sides = cell_facts(truth, found, (found > 0).astype(int), **told)
    tables = [pd.DataFrame({"side": side, **told}) for side, told in zip(("gt", "pred"), sides, strict=True)]
    return pd.concat(tables, ignore_index=True).assign(sample=sample)


ONCE = seen(box(20, 30), box(20, 70), box(45, 40))
CUT = seen(box(20, 20), box(20, 40), box(20, 70), box(45, 40))  # cell 1 holds two markers, far apart
BESIDE = seen(box(20, 30), box(20, 70), box(45, 40), box(45, 41), box(45, 42))  # three neighbours are one marker
UNMARKED = (np.where(TRUE == 1, 1 + 3 * (np.indices(TRUE.shape)[1] > 30), TRUE), ONCE[1])  # cut, though marked once


def shown(found, boxes, keys, name="a"):
    everything = {"pred_instances": dict.fromkeys(keys, found), "boxes": dict.fromkeys(keys, boxes)}
    return Shown(name, np.zeros((1, *TRUE.shape)), (TRUE > 0).astype(np.uint8), instances=TRUE, **everything)


def test_nothing_is_picked_where_each_cell_holds_one_marker_and_the_sentence_says_why():
    assert marker_faults.choose({"one": facts(*ONCE)}) == []
    assert marker_faults.choose({}) == []
    (said,) = marker_faults.sentences({"one": facts(*ONCE)}, LABELS, {"one": 0.3})
    assert said.startswith("IUW-1: of 3 true cells 3 hold one marker, 0 none, 0 two or more; 0 are cut in two or more.")
    assert "No cell is marked twice: of two boxes whose IoU is above 0.3 the worse one is left out" in said
    assert "So none is cut either" in said


def test_a_cell_that_is_marked_twice_and_cut_is_picked_for_both():
    (first, second) = marker_faults.choose({"one": facts(*CUT)})
    assert (first.kind, first.cell, first.markers, first.guests) == ("markers", 1, 2, 2)
    assert (second.kind, second.cell) == ("guests", 1)
    (said,) = marker_faults.sentences({"one": facts(*CUT)}, LABELS, {"one": 0.3})
    assert "2 hold one marker, 0 none, 1 two or more; 1 are cut in two or more, 1 of them marked twice." in said
    assert "No cell" not in said


def test_another_cell_is_picked_for_the_cut_where_there_is_one():
    cells = {"one": facts(*CUT), "two": facts(*UNMARKED, sample="b")}
    assert [(one.kind, one.model, one.sample) for one in marker_faults.choose(cells)] == [
        ("markers", "one", "a"), ("guests", "two", "b"),
    ]  # fmt: skip


def test_markers_side_by_side_are_counted_and_the_sentence_says_that_they_cut_nothing():
    cells = {"one": facts(*ONCE), "two": facts(*BESIDE)}
    (only,) = marker_faults.choose(cells)
    assert (only.model, only.cell, only.markers, only.guests) == ("two", 3, 3, 1)
    *_, said = marker_faults.sentences(cells, LABELS, dict.fromkeys(LABELS, 0.3))
    assert "1 two or more; 0 are cut" in said
    assert "None of those marked twice is cut: one of its markers lies outside the predicted cells or beside" in said


@pytest.mark.parametrize(("found", "cuts"), [(CUT, 2), (BESIDE, 1)])
def test_boxes_centres_and_cuts_are_drawn_around_the_cell(found, cuts):
    faults = marker_faults.choose({"one": facts(*found)})
    drawn = marker_faults.draw(faults, {"a": shown(*found, ["one"])}, LABELS)
    assert len(drawn.axes) == 3 * len(faults)
    fault = faults[0]
    raw, _, said = drawn.axes[:3]
    assert raw.get_title(loc="left").startswith("marked twice")
    assert said.get_title(loc="left") == "IUW-1"
    top, left = (int(places.min()) for places in np.nonzero(np.isin(TRUE, fault.cell)))
    height, width = raw.images[0].get_array().shape[:2]
    assert height == width
    assert height >= 40
    inside = [tuple(float(line.get_data()[axis][0]) for axis in (1, 0)) for line in said.lines]
    assert len(inside) == len(said.patches) >= fault.markers  # a box and a dot each; neighbours have theirs
    # Outlines have two strokes each: the cell itself and each predicted cell of the window.
    within = np.unique(found[0][top - 4 : top + height - 4, max(left - 4, 0) : left + width])
    assert len(said.collections) >= 2 * (1 + cuts)
    assert len(within) > cuts
    words = f"{fault.markers} markers; mostly in it {fault.guests} predicted cell{'s' * (fault.guests > 1)}"
    assert said.get_xlabel() == words
