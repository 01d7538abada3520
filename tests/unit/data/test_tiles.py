import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.data.tiles import quadrants, tiles


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(2, 90), st.integers(2, 90))
def test_quadrants_cover_every_pixel_once(row0, col0, rows, columns):
    seen = np.zeros((row0 + rows, col0 + columns), int)
    for r0, c0, r1, c1 in quadrants((row0, col0, row0 + rows, col0 + columns)):
        seen[r0:r1, c0:c1] += 1
    assert (seen[row0:, col0:] == 1).all()
    assert seen.sum() == rows * columns


@settings(deadline=None)
@given(st.integers(3, 20), st.integers(3, 20), st.integers(0, 60), st.integers(0, 60), st.integers(0, 2))
def test_tiles_have_one_size_cover_the_box_and_overlap_enough(rows, columns, more_rows, more_columns, overlap):
    box = (5, 7, 5 + rows + more_rows, 7 + columns + more_columns)
    cut = tiles(box, (rows, columns), overlap)
    seen = np.zeros(box[2:], int)
    for r0, c0, r1, c1 in cut:
        assert (r1 - r0, c1 - c0) == (rows, columns)
        assert box[0] <= r0
        assert box[1] <= c0
        seen[r0:r1, c0:c1] += 1
    assert seen[5:, 7:].min() == 1
    assert seen.sum() == len(cut) * rows * columns, "no tile reaches out of the box"
    for starts, length in ((sorted({b[0] for b in cut}), rows), (sorted({b[1] for b in cut}), columns)):
        assert all(a + length - b >= overlap for a, b in itertools.pairwise(starts))


def test_no_more_tiles_than_needed():
    assert len(tiles((0, 0, 100, 100), (50, 50), 0)) == 4
    assert len(tiles((0, 0, 100, 101), (50, 50), 0)) == 6


@pytest.mark.parametrize(("tile", "overlap"), [((50, 120), 0), ((50, 50), 50), ((50, 50), -1)])
def test_a_tile_that_does_not_fit_is_refused(tile, overlap):
    with pytest.raises(ValueError, match="tile"):
        tiles((0, 0, 100, 100), tile, overlap)
