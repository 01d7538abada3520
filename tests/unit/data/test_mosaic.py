import numpy as np
import pytest

from hemoseg.data.classes import relabel
from hemoseg.data.mosaic import joined, mosaic_of
from hemoseg.data.tiles import quadrants, tiles


def truth():
    """A field with cells on every cut, and two that touch along one."""
    labels = np.zeros((40, 60), np.int32)
    cells = [(2, 2, 9, 9), (15, 10, 25, 20), (5, 25, 12, 36), (16, 26, 24, 34), (30, 40, 36, 47), (14, 50, 20, 56)]
    for number, (top, left, bottom, right) in enumerate([*cells, (20, 47, 27, 51)], start=1):
        labels[top:bottom, left:right] = number
    return labels


def cut(labels, boxes):
    return [relabel(labels[a:c, b:d]) for a, b, c, d in boxes]


def same(a, b):
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return pairs.shape[1] == np.unique(a).size == np.unique(b).size


@pytest.mark.parametrize("origin", [(0, 0), (3, 11)])
@pytest.mark.parametrize("layout", [quadrants, lambda box: tiles(box, (20, 24), 8), lambda box: [box]])
def test_cells_that_a_cut_divided_are_whole_again(layout, origin):
    labels = truth()
    boxes = layout((0, 0, 40, 60))
    placed_boxes = np.array(boxes) + np.tile(origin, 2)
    parts = cut(labels, boxes)
    mosaic = mosaic_of(placed_boxes, [part.shape for part in parts])
    placed = mosaic.place([(part > 0).astype(np.uint8) for part in parts], parts)
    assert mosaic.spacing == (1, 1)
    assert mosaic.origin == origin
    assert same(placed.instances, labels)


def test_neighbours_that_only_meet_at_a_cut_stay_two():
    labels = np.zeros((8, 20), np.int32)
    labels[1:4, 2:10], labels[4:7, 7:18] = 1, 2  # 3 of 16 columns in common
    found = joined(labels, [(0, 0, 4, 20), (4, 0, 8, 20)])
    assert same(found, labels)
    assert joined(np.where(labels > 0, labels, 0), [(0, 0, 8, 20)]).max() == 2


def test_a_cell_in_four_quadrants_is_one():
    labels = np.zeros((10, 12), np.int32)
    labels[3:8, 2:9] = 1
    boxes = quadrants((0, 0, 10, 12))
    parts = cut(labels, boxes)
    mosaic = mosaic_of(np.array(boxes), [part.shape for part in parts])
    assert mosaic.place([p.astype(np.uint8) for p in parts], parts).instances.max() == 1


@pytest.mark.parametrize("turn", [1, -1])
def test_a_cell_in_three_strips_is_one_whatever_their_order(turn):
    labels = np.repeat([1, 2, 3], 4)[:, None] * np.ones((1, 5), int)
    boxes = [(0, 0, 4, 5), (4, 0, 8, 5), (8, 0, 12, 5)][::turn]
    assert joined(labels, boxes).max() == 1
    assert joined(labels.T, [(b, a, d, c) for a, b, c, d in boxes]).max() == 1


def test_the_grid_is_as_fine_as_the_samples():
    boxes = np.array(quadrants((0, 100, 1080, 1821)))
    mosaic = mosaic_of(boxes, [(256, 256)] * 4)
    assert mosaic.size == (512, 512)
    assert mosaic.spacing == pytest.approx((540 / 256, 860.5 / 256))
    assert mosaic.origin == (0, 100)


def test_missing_samples_leave_ground_that_is_not_covered():
    boxes = np.array(quadrants((0, 0, 8, 8)))[:3]
    blank = [np.zeros((4, 4), np.int32)] * 3
    placed = mosaic_of(boxes, [(4, 4)] * 3).place([b.astype(np.uint8) for b in blank], blank)
    assert placed.covered.sum() == 48
    assert not placed.covered[4:, 4:].any()
