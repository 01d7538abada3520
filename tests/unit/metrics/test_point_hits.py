import numpy as np
import pytest

from hemoseg.metrics.point_hits import point_hits


@pytest.mark.parametrize("seed", range(5))
def test_every_point_counts_once_as_the_definition_says(seed):
    rng = np.random.default_rng(seed)
    instances = np.kron(rng.integers(0, 7, (4, 5)), np.ones((6, 6), int))
    points = rng.uniform(-3, 33, (40, 2))
    covering = []
    for row, column in points:
        r, c = int(np.floor(row + 0.5)), int(np.floor(column + 0.5))
        covering.append(instances[r, c] if 0 <= r < 24 and 0 <= c < 30 else 0)
    alone = sum(n > 0 and covering.count(n) == 1 for n in covering)
    together = sum(n > 0 and covering.count(n) > 1 for n in covering)
    hits = point_hits(instances, points)
    assert (hits.found, hits.merged, hits.missed) == (alone, together, 40 - alone - together)
    assert hits.instances == len(set(instances.ravel().tolist()) - {0})


def test_cutting_a_merged_cell_between_its_points_finds_both():
    instances = np.zeros((8, 20), int)
    instances[2:6, 2:18] = 1
    points = np.array([[4, 5], [4, 14]])
    assert point_hits(instances, points)[:3] == (0, 2, 0)
    instances[:, 9:] *= 2
    assert point_hits(instances, points)[:3] == (2, 0, 0)


def test_no_points_and_no_instances_are_no_hits():
    assert point_hits(np.zeros((4, 4), int), np.zeros((0, 2))) == (0, 0, 0, 0)
    assert point_hits(np.zeros((4, 4), int), np.array([[1, 1]])) == (0, 0, 1, 0)
