"""Which id and which pixels each cell has that a file claims, on an image of one row."""

import numpy as np
import pytest

from hemoseg.labels.pixel_runs import PixelRuns
from hemoseg.steps.claims import Claims, settled, whole_number

BEFORE = np.array([[7] * 10 + [0] * 2 + [3] * 8], np.int32)


def cells_of(*told):
    """Cells of (id or None, first column, one beyond the last)."""
    ids, begin, end = zip(*told, strict=True)
    row = np.zeros(len(told), int)
    runs = PixelRuns(np.arange(1, len(told) + 1), row, np.array(begin), np.array(end))
    claims = Claims(runs, list(ids), [f"kind {place}" for place in range(len(told))])
    found = settled(claims, BEFORE.shape, BEFORE)
    return found.instances[0].tolist(), found.kinds, found.notices


@pytest.mark.parametrize(("end", "cell"), [(10, 7), (5, 7), (4, 8)])
def test_a_cell_without_an_id_is_the_one_that_it_covers_to_a_half(end, cell):
    line, kinds, _ = cells_of((None, 0, end))
    assert line == [cell] * end + [0] * (20 - end)
    assert kinds == {cell: "kind 0"}


def test_an_id_that_a_file_tells_is_no_other_cells():
    line, kinds, _ = cells_of((None, 0, 10), (7, 12, 20))
    assert line == [8] * 10 + [0] * 2 + [7] * 8
    assert kinds == {8: "kind 0", 7: "kind 1"}


def test_new_ids_lie_beyond_all_that_were_and_all_that_are():
    assert cells_of((None, 10, 12), (5, 12, 14))[0][10:14] == [8, 8, 5, 5]
    assert cells_of((None, 10, 11), (None, 11, 12), (9, 12, 14))[0][10:14] == [10, 11, 9, 9]


def test_of_equal_ids_the_first_is_kept_unless_nothing_of_it_is_left():
    assert cells_of((2, 0, 4), (2, 10, 11))[0] == [2] * 4 + [0] * 6 + [8] + [0] * 9
    line, kinds, notices = cells_of((2, 4, 5), (2, 4, 5), (3, 12, 20))
    assert line == [0] * 4 + [2] + [0] * 7 + [3] * 8
    assert kinds == {2: "kind 1", 3: "kind 2"}
    assert [notice.split(" ")[0] for notice in notices] == ["1", "1"]


@pytest.mark.parametrize(
    ("told", "number"),
    [(1, 1), ("12", 12), (3.0, 3), (2**31 - 1, 2**31 - 1), (2**31, None), (0, None), ("0", None), (1.5, None),
     ("1.5", None), ("-1", None), (True, None), (None, None), ("\u0661", None), ([1], None), (float("nan"), None)],
)  # fmt: skip
def test_an_id_is_a_whole_number_of_a_label_image(told, number):
    assert whole_number(told) == number
