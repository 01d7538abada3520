import numpy as np
import pytest
from shapely.geometry import Point, Polygon

from hemoseg.data.painting import filled, painted

SIZE = (12, 15)


def alone(polygons, size=SIZE):
    return painted(filled(polygons, size), size)


@pytest.mark.parametrize("seed", range(8))
def test_a_pixel_is_within_where_its_middle_is(seed):
    random = np.random.default_rng(seed)
    ring = random.uniform(-4, 18, (3, 2))
    image, _ = alone([(5, [ring])])
    polygon = Polygon(ring)
    wanted = [[polygon.contains(Point(x + 0.5, y + 0.5)) for x in range(SIZE[1])] for y in range(SIZE[0])]
    assert ((image == 5) == wanted).all()


def test_a_closed_ring_and_an_open_one_are_the_same_and_turns_do_not_matter():
    ring = np.array([[1, 1], [1, 7], [9, 7], [9, 1]])
    hole = np.array([[3, 3], [6, 3], [6, 5], [3, 5]])
    wanted, _ = alone([(1, [ring, hole])])
    assert wanted.sum() == 6 * 8 - 2 * 3
    assert (alone([(1, [np.vstack([ring, ring[:1]]), hole[::-1]])])[0] == wanted).all()


def test_a_pixel_of_several_is_the_smallest_ones_and_all_are_told():
    large, small = np.array([[0, 0], [10, 0], [10, 10], [0, 10]]), np.array([[8, 8], [12, 8], [12, 12], [8, 12]])
    image, contested = alone([(1, [small]), (2, [large])])
    other, again = alone([(2, [large]), (1, [small])])
    assert (image == other).all()
    assert ((image == 1).sum(), (image == 2).sum()) == (16, 96)
    assert contested == again == 4


@pytest.mark.parametrize("at_once", [1, 2**24])
def test_of_equals_the_later_one_wins_and_a_polygon_twice_contests_nothing(at_once, monkeypatch):
    monkeypatch.setattr("hemoseg.data.painting.PIXELS_AT_ONCE", at_once)
    square = np.array([[2, 2], [5, 2], [5, 5], [2, 5]])
    image, contested = alone([(1, [square]), (3, [square])])
    assert set(np.unique(image)) == {0, 3}
    assert contested == 9
    image, contested = alone([(4, [square]), (4, [square])])
    assert ((image == 4).sum(), contested) == (9, 0)


def test_what_lies_outside_is_cut_and_what_is_no_place_refused():
    image, _ = alone([(1, [np.array([[-1e8, -1e8], [1e8, -1e8], [1e8, 3], [-1e8, 3]])])])
    assert image[:3].all()
    assert not image[3:].any()
    assert not alone([(1, [np.zeros((0, 2))]), (2, [np.array([[1, 1]])]), (3, [])])[0].any()
    for worst in (np.nan, np.inf, 1e300):
        with pytest.raises(ValueError, match="no number"):
            filled([(1, [np.array([[0, 0], [worst, 1], [3, 3]])])], SIZE)
