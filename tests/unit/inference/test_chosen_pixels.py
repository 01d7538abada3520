"""The rules by which pixels are chosen, on cells that are easy to see."""

import numpy as np
import pytest

from hemoseg.inference.chosen_pixels import View, choose_pixels


def disc(shape, row, column, radius):
    rows, columns = np.indices(shape)
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def view(name, *cells, parts=(), shape=(40, 50)):
    """A sample of cells given as (row, column, radius), and parts of automatic labels that are no cells."""
    labels, automatic = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for number, one in enumerate(cells, 1):
        labels[disc(shape, *one)] = number
    automatic[labels > 0] = labels[labels > 0]
    for number, one in enumerate(parts, len(cells) + 1):
        automatic[disc(shape, *one)] = number
    return View(name, labels, labels == 0, automatic)


def by_kind(views, per_kind=1, touching=3.0):
    found = {}
    for pixel in choose_pixels(views, per_kind, touching):
        found.setdefault(pixel.kind, []).append((pixel.sample, pixel.row, pixel.column))
    return found


def test_each_kind_is_found_where_its_rule_says():
    views = [
        view("lone", (20, 25, 6), parts=[(8, 8, 3), (30, 40, 4)]),
        view("second", (15, 12, 4)),
        view("pair", (20, 15, 5), (20, 27, 5)),  # columns 15..20 and 22..27: a gap of 2 px
    ]
    found = by_kind(views)
    assert found["centre"] == [("pair", 20, 15)]  # the median area is that of the radius 5: the first of the two
    (boundary,) = found["boundary"]
    assert boundary[0] == "pair"
    assert (boundary[1] - 20) ** 2 + (boundary[2] - 27) ** 2 == 25
    assert "touching" not in found  # both cells of the only pair are taken
    assert found["artefact"] == [("lone", 30, 40)]
    more = by_kind([*views, view("other", (10, 10, 5), (10, 22, 5))])
    assert more["touching"] == [("other", 10, 16)]


def test_a_long_cell_is_met_at_its_tip():
    labels = np.zeros((30, 40), np.int32)
    labels[10:13, 5:30] = 1
    (_, row, column) = by_kind([View("a", labels, labels == 0, labels)])["centre"][0]
    assert (row, column) == (11, 17)
    second = view("b", (15, 20, 3), shape=(30, 40))
    labels = np.zeros((30, 40), np.int32)
    labels[10:13, 5:30], labels[20, 3:10] = 1, 2
    kinds = by_kind([View("a", labels, labels == 0, labels), second])
    assert set(kinds) == {"centre", "boundary"}
    for _, row, column in kinds["boundary"]:
        assert (row, column) in {(10, 5), (12, 5), (10, 29), (12, 29), (20, 3), (20, 9)} | {
            (12, 20), (18, 20), (15, 17), (15, 23)
        }  # fmt: skip


def test_cells_on_the_border_of_a_sample_are_left_out():
    views = [view("edge", (0, 20, 6), (39, 5, 5), parts=[(20, 49, 5)]), view("empty")]
    assert choose_pixels(views, 2, 3.0) == []


def test_several_pixels_of_a_kind_are_of_different_samples_first():
    cells = [(10, 10, 4), (28, 12, 4), (12, 34, 4)]
    found = by_kind([view(name, *cells) for name in "abc"], per_kind=4)
    assert [sample for sample, _, _ in found["centre"][:3]] == ["a", "b", "c"]
    assert len(set(found["centre"])) == 4
    assert not set(found["centre"]) & set(found["boundary"])
    assert by_kind([view(name, *cells) for name in "abc"], per_kind=0) == {}


@pytest.mark.parametrize("distance", [1.0, 2.0, 3.0])
def test_touching_is_what_the_table_calls_touching(distance):
    gap = 2  # px between pixel centres of the two discs
    labels = np.zeros((30, 40), np.int32)
    labels[10:20, 5:12], labels[10:20, 12 + gap - 1 : 22] = 1, 2
    others = view("other", (15, 10, 5), shape=(30, 40)), view("third", (15, 10, 5), shape=(30, 40))
    found = by_kind([View("pair", labels, labels == 0, labels), *others], touching=distance)
    assert ("touching" in found) == (gap <= distance)


def test_an_automatic_part_that_lies_half_on_a_cell_is_no_artefact():
    labels, automatic = np.zeros((20, 20), np.int32), np.zeros((20, 20), np.int32)
    labels[5:10, 5:10] = 1
    automatic[5:10, 7:13] = 1  # 15 of 30 pixels on the cell
    assert "artefact" not in by_kind([View("a", labels, labels == 0, automatic)])
    automatic[5:10, 13] = 1
    assert "artefact" in by_kind([View("a", labels, labels == 0, automatic)])
