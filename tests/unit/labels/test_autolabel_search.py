import itertools

import numpy as np
import pytest

from hemoseg.errors import InputError
from hemoseg.labels.autolabel import autolabel
from hemoseg.labels.autolabel_search import GRID, choose, grid, mean_iou, scores, sentence

SOME = {"window": [0.4, 3], "offset": [0.02, 0.12], "min_area": [1, 12, 0.01], "polarity": ["auto", "bright"]}


def drawn(seed=0):
    """A noisy image with four squares, one with a hole, and where they are."""
    random = np.random.default_rng(seed)
    cells = np.zeros((40, 48), bool)
    for row, column in ((4, 4), (4, 30), (24, 6), (23, 28)):
        cells[row : row + 12, column : column + 12] = True
    grey = 0.8 - 0.3 * cells
    grey[8:11, 8:11] = 0.8
    return (grey + random.normal(0, 0.02, (3, 40, 48))).astype(np.float32), cells


def slow_mean_iou(found, cells, known):
    ious = []
    for side in (False, True):
        there = [
            (f == side, c == side) for f, c, k in zip(found.ravel(), cells.ravel(), known.ravel(), strict=True) if k
        ]
        if union := sum(a or b for a, b in there):
            ious.append(sum(a and b for a, b in there) / union)
    return sum(ious) / len(ious)


@pytest.mark.parametrize("fill", [True, False])
def test_a_point_scores_what_its_labels_score(fill):
    image, cells = drawn()
    known = np.ones(cells.shape, bool)
    known[:, :7] = False
    points = grid(SOME)
    found = scores(image, cells, known, {"fill": fill}, points)
    brute = [slow_mean_iou(autolabel(image, {"fill": fill, **point}) > 0, cells, known) for point in points]
    assert np.allclose(found, brute, rtol=1e-12)
    assert len(set(found)) > 10, "points differ"


def test_what_is_neither_there_nor_found_has_no_say():
    nothing, known = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    assert mean_iou(nothing, nothing, known) == 1
    assert mean_iou(~nothing, ~nothing, known) == 1
    assert mean_iou(~nothing, nothing, known) == 0
    half = nothing.copy()
    half[:, :2] = True
    assert mean_iou(half, ~half, known) == 0
    assert mean_iou(half, ~nothing, half) == 1, "unknown pixels count"


def test_leaving_an_image_out_scores_it_by_the_choice_of_the_others():
    random = np.random.default_rng(3)
    scored = random.random((5, 7)).round(1)
    points = [{"offset": float(number)} for number in range(7)]
    found = choose(points, scored)
    left_out = []
    for image in range(5):
        others = [sum(scored[other][point] for other in range(5) if other != image) for point in range(7)]
        left_out.append(scored[image][others.index(max(others))])
    means = scored.mean(axis=0)
    assert found.point == points[list(means).index(means.max())]
    assert found.score == pytest.approx(means.max())
    assert found.left_out == pytest.approx(np.mean(left_out))
    assert found.left_out < found.score
    assert (found.images, found.tried) == (5, 7)


def test_of_equal_points_the_first_is_taken_and_one_image_has_no_estimate():
    points = [{"offset": 0.1}, {"offset": 0.2}, {"offset": 0.3}]
    found = choose(points, np.array([[0.5, 0.9, 0.9]]))
    assert found.point == {"offset": 0.2}
    assert found.left_out is None
    assert "nothing says how much that flatters" in sentence("rbc", found._asdict())
    assert "0.900" in sentence("rbc", choose(points, np.array([[0.5, 0.9, 0.9]] * 2))._asdict())


def test_a_best_value_at_the_end_of_what_was_tried_is_told():
    points = grid(dict.fromkeys(GRID) | {"offset": [0.2, 0.1, 0.3], "window": [0.4, 0.2, 3], "gaussian": [True, False]})
    scored = np.zeros((2, len(points)))
    scored[:, points.index({"gaussian": False, "window": 3, "offset": 0.2})] = 1
    found = choose(points, scored)
    assert found.ends == ("window",), "0.2 lies between 0.1 and 0.3"
    assert sentence("", found._asdict()).endswith("; at the end of what was tried: window.")
    assert choose(points[:1], scored[:, :1]).ends == (), "one value has no end"


def test_the_grid_holds_every_combination_in_order_and_null_takes_a_setting_out():
    assert grid(True) == [dict(zip(GRID, point, strict=True)) for point in itertools.product(*GRID.values())]
    few = grid(dict.fromkeys(GRID) | {"window": [3], "fill": [False, True]})
    assert few == [{"window": 3, "fill": False}, {"window": 3, "fill": True}]


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("offset", "search 'offset'; give true, or values to try"),
        ({"ofset": [0.1]}, "unknown key 'ofset'; did you mean 'offset'?"),
        ({"offset": 0.1}, r"search offset 0.1; give a list of values, such as \[0.1, 0.2\]"),
        ({"offset": []}, "give a list of values"),
        ({"offset": ["a"]}, "offset 'a' is no number"),
        ({"gaussian": ["yes"]}, "gaussian 'yes'; give true or false"),
        ({"morphology": ["rbc"]}, "morphology 'rbc'; give true, false or a list of kinds"),
    ],
)
def test_values_that_cannot_be_tried_are_refused(search, sentence):
    with pytest.raises(InputError, match=sentence):
        grid(search)
