import numpy as np
import pytest
import shapely
from scipy.ndimage import label as parts_of
from shapely.geometry import MultiPolygon, Polygon, box

from hemoseg.data.outlines import outlines_of
from hemoseg.data.painting import filled, painted
from hemoseg.labels.pixel_runs import pixel_runs

RING = [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
# Parts that meet at corners only, holes that do, and rings that close at a corner.
ADVERSARIAL = [
    np.eye(4, dtype=int),
    np.fliplr(np.eye(4, dtype=int)),
    np.indices((6, 7)).sum(axis=0) % 2,
    1 - np.pad(np.indices((5, 6)).sum(axis=0) % 2, 1),
    np.pad(1 - np.eye(3, dtype=int), 1, constant_values=1),
    np.array([[0, 1, 1], [1, 0, 1], [1, 1, 1]]),
    np.array([[1, 1, 0, 0], [1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 1, 1]]),
    np.kron(RING, np.ones((3, 3), int)) + np.pad([[1]], 4),
    np.kron(np.array(RING)[[0, 1, 2, 1, 0]], [[1, 1], [1, 1]]),
    np.pad(RING, ((0, 0), (0, 4))) + 2 * np.pad(RING, ((0, 0), (3, 1))) * np.pad([[0] * 3 + [1] * 4] * 3, 0),
    np.pad(RING, 2) + np.pad(np.zeros((5, 5), int), 1, constant_values=1),  # a ring in a ring
    np.array([[7]]),
    np.zeros((3, 3), int),
]


def random_labels(seed):
    random = np.random.default_rng(seed)
    size = random.integers(1, 14, 2)
    return random.choice([0, 1, 1, 1, 2, 9], size) if seed % 2 else (random.random(size) < 0.7).astype(int)


def polygons_of(labels):
    return dict(outlines_of(pixel_runs(labels)))


LABELS = [*ADVERSARIAL, *map(random_labels, range(60))]


@pytest.mark.parametrize("labels", LABELS, ids=range(len(LABELS)))
def test_shapely_reads_valid_polygons_of_the_very_same_pixels(labels):
    found = polygons_of(labels)
    assert sorted(found) == list(np.unique(labels[labels > 0]))
    for cell, polygons in found.items():
        read = [Polygon(rings[0], rings[1:]) for rings in polygons]
        assert all(one.is_valid for one in read)
        whole = MultiPolygon(read)
        assert whole.is_valid, shapely.is_valid_reason(whole)
        assert whole.area == (labels == cell).sum()
        assert len(read) == parts_of(labels == cell)[1]  # of pixels that share sides
        squares = shapely.union_all([box(x, y, x + 1, y + 1) for y, x in np.argwhere(labels == cell)])
        assert squares.equals(whole)


@pytest.mark.parametrize("labels", LABELS, ids=range(len(LABELS)))
def test_the_way_there_and_back_is_exact(labels):
    polygons = [(cell, rings) for cell, some in outlines_of(pixel_runs(labels)) for rings in some]
    image, contested = painted(filled(polygons, labels.shape), labels.shape)
    assert (image == labels).all()
    assert contested == 0


def test_no_point_lies_on_a_straight_line_between_its_neighbours():
    for _, polygons in outlines_of(pixel_runs(random_labels(3))):
        for ring in (ring for polygon in polygons for ring in polygon):
            before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
            assert ((before != 0).sum(axis=1) == 1).all()
            assert ((before != 0) ^ (after != 0)).all()


def test_groups_of_cells_are_as_all_at_once(monkeypatch):
    labels = np.random.default_rng(0).integers(0, 40, (30, 30))
    whole = polygons_of(labels)
    monkeypatch.setattr("hemoseg.data.outlines.RUNS_AT_ONCE", 50)
    for cell, polygons in outlines_of(pixel_runs(labels)):
        for one, other in zip(polygons, whole.pop(cell), strict=True):
            assert all((a == b).all() for a, b in zip(one, other, strict=True))
    assert not whole
