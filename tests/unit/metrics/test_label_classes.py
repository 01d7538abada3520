import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.metrics.label_classes import confident_joint, of_classes, suspicion, thresholds


@st.composite
def judged(draw):
    """Probabilities (n, K) and labels of some cells."""
    rng, n, n_classes = (
        np.random.default_rng(draw(st.integers(0, 999))),
        draw(st.integers(1, 12)),
        draw(st.integers(1, 4)),
    )
    return rng.dirichlet(np.ones(n_classes), n), rng.integers(1, n_classes + 1, n)


@given(judged())
def test_a_label_is_as_suspect_as_its_class_is_improbable(cells):
    probability, label = cells
    score, other = suspicion(probability, label)
    for row, own, found, against in zip(probability, label, score, other, strict=True):
        assert found == pytest.approx(1 - row[own - 1])
        rest = {number: p for number, p in enumerate(row, 1) if number != own}
        assert against == (max(rest, key=rest.get) if rest else own)


@given(judged(), st.randoms(use_true_random=False))
def test_names_of_classes_do_not_matter(cells, random):
    probability, label = cells
    order = list(range(probability.shape[1]))
    random.shuffle(order)
    place = np.argsort(order)
    turned = probability[:, order], place[label - 1] + 1
    assert suspicion(*turned)[0] == pytest.approx(suspicion(probability, label)[0])
    assert np.array_equal(confident_joint(*turned), confident_joint(probability, label)[np.ix_(order, order)])


@given(judged())
def test_the_confident_joint_as_counted_by_hand(cells):
    probability, label = cells
    n_classes = probability.shape[1]
    own = [[row[k] for row, one in zip(probability, label, strict=True) if one == k + 1] for k in range(n_classes)]
    everywhere = np.mean([row[one - 1] for row, one in zip(probability, label, strict=True)])
    least = [np.mean(of_class) if of_class else everywhere for of_class in own]
    assert thresholds(probability, label) == pytest.approx(least)
    expected = np.zeros((n_classes, n_classes), int)
    for row, one in zip(probability, label, strict=True):
        reached = {k: row[k] for k in range(n_classes) if row[k] >= thresholds(probability, label)[k]}
        if reached:
            expected[one - 1, max(reached, key=reached.get)] += 1
    assert np.array_equal(confident_joint(probability, label), expected)


def test_swapped_labels_stand_off_the_diagonal_and_come_first():
    rng = np.random.default_rng(0)
    true = rng.integers(1, 4, 200)
    probability = of_classes(np.c_[np.full(200, 0.1), 0.1 + 0.6 * np.eye(3)[true - 1] + rng.uniform(0, 0.1, (200, 3))])
    label, swapped = true.copy(), np.arange(6)
    label[swapped] = true[swapped] % 3 + 1
    joint = confident_joint(probability, label)
    assert 0 < joint.sum() - np.trace(joint) <= 6, "of the swapped ones those that the model is sure of, and no other"
    score, other = suspicion(probability, label)
    assert set(np.argsort(-score)[:6]) == set(swapped)
    assert (other[swapped] == true[swapped]).all()


def test_no_cells_and_classes_given_the_background():
    assert confident_joint(np.zeros((0, 2)), np.zeros(0, int)).sum() == 0
    assert suspicion(np.zeros((0, 2)), np.zeros(0, int))[0].shape == (0,)
    assert of_classes(np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])) == pytest.approx(np.array([[0.6, 0.4], [0, 0]]))
