import cv2
import numpy as np
import pytest

from hemoseg.data.placement import blend, edge_distance, place
from hemoseg.data.resize import resize_labels
from hemoseg.data.tiles import quadrants, tiles


def field(rows=120, columns=160, seed=0):
    """Discs that do not touch, with classes 1 and 2."""
    random = np.random.default_rng(seed)
    instances = np.zeros((rows, columns), np.int32)
    for _ in range(200):
        disc = np.zeros((rows, columns), np.uint8)
        centre = (int(random.integers(0, columns)), int(random.integers(0, rows)))
        cv2.circle(disc, centre, int(random.integers(5, 9)), 1, -1)
        if not instances[cv2.dilate(disc, np.ones((3, 3), np.uint8)) > 0].any():
            instances[disc > 0] = instances.max() + 1
    return np.where(instances > 0, instances % 2 + 1, 0).astype(np.uint8), instances


def same_cells(a, b):
    """Whether two label images show the same cells under any numbers."""
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return pairs.shape[1] == np.unique(a).size == np.unique(b).size and (0, 0) in {tuple(p) for p in pairs.T.tolist()}


def cut(labels, boxes):
    return [labels[r0:r1, c0:c1] for r0, c0, r1, c1 in boxes]


def numbered_anew(labels, seed):
    """Each part with numbers of its own, as a method gives them."""
    random = np.random.default_rng(seed)
    numbers = np.concatenate([[0], random.permutation(int(labels.max())) + 1])
    return numbers[labels].astype(np.int32)


def test_quadrants_at_their_own_size_give_the_class_map_back_exactly():
    classes, instances = field()
    boxes = quadrants((0, 10, 120, 150))
    placed = place((120, 160), boxes, cut(classes, boxes), cut(instances, boxes))
    assert np.array_equal(placed.classes[:, 10:150], classes[:, 10:150])
    assert (placed.classes[:, :10] == 255).all()
    assert (placed.instances[:, 150:] == 0).all()
    assert placed.covered.sum() == 120 * 140
    assert np.array_equal(placed.instances[:, 10:150] > 0, instances[:, 10:150] > 0)


@pytest.mark.parametrize("seed", range(5))
def test_overlapping_tiles_give_cells_back_whole(seed):
    classes, instances = field(seed=seed)
    boxes = tiles((0, 0, 120, 160), (60, 60), 24)
    parts = [numbered_anew(part, n) for n, part in enumerate(cut(instances, boxes))]
    placed = place((120, 160), boxes, cut(classes, boxes), parts)
    assert np.array_equal(placed.classes, classes)
    assert same_cells(placed.instances, instances)


def test_cells_of_tiles_that_disagree_stay_two():
    left, right = np.zeros((20, 20), np.int32), np.zeros((20, 20), np.int32)
    left[5:10, 14:20] = 1
    right[9:14, 0:10] = 1
    placed = place((20, 30), [(0, 0, 20, 20), (0, 10, 20, 30)], [left > 0, right > 0], [left, right])
    assert placed.instances.max() == 2


def test_a_resized_prediction_returns_within_the_error_of_resizing():
    classes, instances = field()
    box = (0, 0, 120, 160)
    small = (60, 80)
    placed = place((120, 160), [box], [resize_labels(classes, small)], [resize_labels(instances, small)])
    assert (placed.classes != classes).mean() < 0.06
    edge = cv2.morphologyEx(instances.astype(np.uint16), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    assert np.array_equal(placed.classes[~edge], classes[~edge]), "only borders may move"


def test_blending_keeps_a_constant_and_leans_to_the_middle_of_a_tile():
    boxes = [(0, 0, 10, 20), (0, 12, 10, 32)]
    half = [np.full((2, 10, 20), 0.5, np.float16)] * 2
    assert np.allclose(blend((10, 32), boxes, half), 0.5)
    zero_one = [np.zeros((1, 10, 20)), np.ones((1, 10, 20))]
    row = blend((10, 32), boxes, zero_one)[0, 5]
    assert (row[:12] == 0).all()
    assert (row[20:] == 1).all()
    assert (np.diff(row[11:21]) > 0).all()


def test_where_tiles_overlap_the_class_is_the_most_probable_after_blending():
    boxes = [(0, 0, 10, 20), (0, 12, 10, 32)]
    sure, unsure = np.zeros((2, 10, 20)), np.zeros((2, 10, 20))
    sure[0], sure[1] = 0.05, 0.95
    unsure[0], unsure[1] = 0.55, 0.45
    maps = [p.argmax(axis=0).astype(np.uint8) for p in (sure, unsure)]
    cells = [m.astype(np.int32) for m in maps]
    placed = place((10, 32), boxes, maps, cells, [sure, unsure])
    assert np.array_equal(placed.classes, placed.probability.argmax(axis=0))
    assert placed.classes[5, 17] == 1


def test_edge_distance_is_largest_in_the_middle_and_never_zero():
    weight = edge_distance((5, 8))
    assert weight.min() > 0
    assert weight.max() == weight[2, 4] == weight[2, 3]
