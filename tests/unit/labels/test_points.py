import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.labels.points import centres_of, pixels_at


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=6))
def test_a_point_lies_in_the_pixel_whose_centre_is_at_most_half_away(points):
    expected = [
        (row, column)
        for y, x in points
        for row in range(3)
        for column in range(4)
        if row - 0.5 <= y < row + 0.5 and column - 0.5 <= x < column + 0.5
    ]
    rows, columns = pixels_at(np.array(points).reshape(-1, 2), (3, 4))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == expected


def test_points_of_another_shape_are_refused():
    for wrong in (np.zeros((2, 3)), np.zeros(2), np.zeros((0, 5))):
        with pytest.raises(ValueError, match=r"rows and columns \(n, 2\)"):
            pixels_at(wrong, (3, 3))


def test_the_centre_of_a_box_is_that_of_its_pixels():
    one_pixel, four = [3, 7, 4, 8, 1.0], [0, 0, 2, 2, 1.0]  # x0, y0, x1, y1, score
    assert centres_of(np.array([one_pixel, four])).tolist() == [[7.0, 3.0], [0.5, 0.5]]
