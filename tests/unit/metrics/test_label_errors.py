import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from hemoseg.metrics.label_errors import Labelled, cell_probabilities, found_cells, labelled_cells, nearest_cell

SHAPE = (9, 12)
label_images = arrays(np.int32, SHAPE, elements=st.integers(0, 4))
grounds = arrays(np.float32, SHAPE, elements=st.floats(0, 1, width=32))


def labelled(instances, valid=None):
    instances = np.asarray(instances, np.int32)
    return Labelled(instances > 0, instances, np.ones(instances.shape, bool) if valid is None else valid)


def of_ground(ground):
    """Probabilities of background and of one class."""
    return np.stack([ground, 1 - ground])


def disc(*centres, radius=6, shape=(40, 60)):
    rows, columns = np.indices(shape)
    found = np.zeros(shape, np.int32)
    for number, (row, column) in enumerate(centres, 1):
        found[np.hypot(rows - row, columns - column) <= radius] = number
    return found


def sure(cells, by=0.9):
    return of_ground(np.where(cells > 0, 1 - by, by).astype(np.float32))


def test_a_model_that_draws_the_labels_doubts_none():
    cells = disc((10, 10), (10, 40), (28, 25))
    facts = labelled_cells(labelled(cells), cells, sure(cells))
    assert (facts["outline"] == 0).all()
    assert (facts["merged"] == 0).all()
    found = found_cells(labelled(cells), cells, sure(cells))
    assert not found["unknown"].any()
    assert (found["split"] == 0).all()
    assert found["probability"] == pytest.approx(np.tile([0.1, 0.9], (3, 1)))


def test_a_cell_that_no_label_has_is_unknown_and_blurs_no_outline():
    there, label = disc((10, 10), (10, 40)), disc((10, 10))
    assert list(found_cells(labelled(label), there, sure(there))["unknown"]) == [False, True]
    assert labelled_cells(labelled(label), there, sure(there))["outline"] == pytest.approx(0)


@pytest.mark.parametrize("by", [0.6, 0.75, 1.0])
def test_a_shifted_outline_scores_its_wrong_pixels_by_how_sure_they_are(by):
    label, there = disc((20, 20)), disc((20, 24))
    wrong, union = ((label > 0) != (there > 0)).sum(), ((label > 0) | (there > 0)).sum()
    (score,) = labelled_cells(labelled(label), there, sure(there, by))["outline"]
    assert score == pytest.approx((2 * by - 1) * wrong / union, rel=1e-5)


def test_two_found_cells_in_one_label_and_two_labels_in_one_found_cell():
    several = disc((20, 14), (20, 30), radius=7)
    whole = disc((20, 22), radius=18)
    assert labelled_cells(labelled(whole), several, sure(several))["merged"] == pytest.approx([0.9])
    assert list(found_cells(labelled(several), whole, sure(whole))["split"]) == [0], "this method parts no cells"
    parted = whole.copy()
    parted[:, 50:] = np.where(disc((20, 51), radius=11)[:, 50:] > 0, 2, parted[:, 50:])
    parted[20, 41:50] = 2  # a second cell that touches
    parts = found_cells(labelled(several), parted, sure(parted))
    assert parts["split"][0] == pytest.approx(0.9)
    assert parts["split"][1] == 0


def test_a_speck_beside_a_cell_is_no_second_cell():
    label, found = disc((20, 22), radius=14), disc((20, 22), radius=12)
    found[20, 35] = 2
    assert labelled_cells(labelled(label), found, sure(found))["merged"][0] < 0.01


@given(label_images, label_images, grounds)
def test_scores_are_shares_and_means_are_those_of_the_pixels(label, found, ground):
    facts, theirs = (of(labelled(label), found, of_ground(ground)) for of in (labelled_cells, found_cells))
    for scores in (facts["outline"], facts["merged"], theirs["split"]):
        assert ((scores >= 0) & (scores <= 1 + 1e-6)).all()
    for side, cells in ((facts, label), (theirs, found)):
        assert list(side["cell"]) == list(np.setdiff1d(np.unique(cells), [0]))
        for cell, area, mean in zip(side["cell"], side["area"], side["probability"], strict=True):
            assert area == (cells == cell).sum()
            assert mean[0] == pytest.approx(ground[cells == cell].astype(float).mean(), abs=1e-6)


@given(label_images, label_images, grounds, arrays(bool, SHAPE), label_images, grounds)
def test_what_is_ignored_changes_nothing(label, found, ground, valid, other, other_ground):
    """Labels on ignored ground too, but for the number of the last cell there is."""
    before = labelled(label, valid), found, of_ground(ground)
    after = (
        labelled(np.where(valid, label, other), valid),
        np.where(valid, found, other),
        of_ground(np.where(valid, ground, other_ground)),
    )
    for of in (labelled_cells, found_cells):
        for name, values in of(*before).items():
            assert np.array_equal(values, of(*after)[name]), name


@given(label_images, label_images)
def test_a_cell_is_unknown_as_counted_by_hand(label, found):
    facts = found_cells(labelled(label), found, sure(found))
    for cell, unknown in zip(facts["cell"], facts["unknown"], strict=True):
        own = found == cell
        hosts = any(2 * (own & (label == one)).sum() > (label == one).sum() for one in range(1, 5))
        assert unknown == (not hosts and 2 * (own & (label > 0)).sum() < own.sum())


def test_the_nearest_cell_is_nearly_the_nearest():
    """OpenCV's distance is a chamfer one: a cell a little farther away may win."""
    cells = disc((8, 9), (25, 12), (14, 44), radius=5)
    to_each = np.stack([distance_transform_edt(cells != number) for number in (1, 2, 3)])
    taken = np.take_along_axis(to_each, nearest_cell(cells)[None] - 1, axis=0)[0]
    assert (taken <= to_each.min(axis=0) * 1.03 + 1e-9).all()
    assert not nearest_cell(np.zeros(SHAPE, np.int32)).any()


def test_shapes_that_differ_are_refused():
    cells = disc((10, 10))
    with pytest.raises(ValueError, match="have shapes"):
        labelled_cells(labelled(cells), cells[1:], sure(cells))


def test_labels_that_are_absent_have_no_mean():
    cells = np.array([[0, 2]], np.int32)
    assert np.isnan(cell_probabilities(cells, sure(cells))[1]).all()
