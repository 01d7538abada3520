import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.data.acquisition import ranked, suggest


def drawn(seed, n=9, m=3, groups=3):
    rng = np.random.default_rng(seed)
    names = [f"g{i}" for i in rng.integers(0, groups, n)]
    return rng.random(n), rng.random((n, 4)), names, rng.random((m, 4)), [f"g{i}" for i in rng.integers(0, groups, m)]


def by_brute_force(uncertainty, features, groups, known, known_groups):
    """The definition, one candidate and one distance at a time."""
    everything = np.concatenate([features, known])
    spread = everything.std(axis=0)
    chosen, order, most = [], [], None
    for _ in range(len(features)):
        left = [i for i in range(len(features)) if i not in chosen]
        near = {}
        for i in left:
            others = [features[j] for j in chosen] + list(known)
            near[i] = min((np.linalg.norm((features[i] - other) / spread) for other in others), default=None)
        most = most or max((one for one in near.values() if one is not None), default=None)
        gains = {}
        for i in left:
            lower = sum(u < uncertainty[i] for u in uncertainty)
            equal = sum(u == uncertainty[i] for u in uncertainty)
            certain = (lower + (equal + 1) / 2) / len(uncertainty)
            novel = near[i] / most if most else 1.0
            before = sum(groups[j] == groups[i] for j in chosen) + sum(name == groups[i] for name in known_groups)
            gains[i] = certain * novel / (1 + before)
        best = max(left, key=lambda i: (round(gains[i], 12), -i))
        chosen.append(best)
        order.append((best, gains[best]))
    return order


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), m=st.integers(0, 3))
def test_the_list_is_that_of_the_definition(seed, m):
    uncertainty, features, groups, known, known_groups = drawn(seed, m=m)
    found = suggest(uncertainty, features, groups, labelled=known, labelled_groups=known_groups)
    wanted = by_brute_force(uncertainty, features, groups, known, known_groups)
    assert [one.position for one in found] == [position for position, _ in wanted]
    np.testing.assert_allclose([one.gain for one in found], [gain for _, gain in wanted], atol=1e-12)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 12))
def test_a_shorter_list_is_the_beginning_of_a_longer_one(seed, count):
    uncertainty, features, groups, known, known_groups = drawn(seed)
    told = {"labelled": known, "labelled_groups": known_groups}
    everything = suggest(uncertainty, features, groups, **told)
    assert suggest(uncertainty, features, groups, **told, count=count) == everything[:count]
    assert sorted(one.position for one in everything) == list(range(len(features)))
    for one in everything:
        assert one.gain == pytest.approx(one.uncertainty * one.novelty * one.coverage)
        assert 0 <= one.novelty <= 1
        assert 0 < one.uncertainty <= 1


@given(seed=st.integers(0, 10_000))
def test_units_of_features_and_of_uncertainty_do_not_matter(seed):
    uncertainty, features, groups, known, _ = drawn(seed)
    plain = suggest(uncertainty, features, groups, labelled=known)
    scale = np.array([1e-3, 1.0, 7.0, 1e4])
    other = suggest(np.exp(5 * uncertainty), features * scale + 3, groups, labelled=known * scale + 3)
    assert [one.position for one in plain] == [one.position for one in other]


def test_a_copy_of_a_labelled_image_comes_last_however_uncertain():
    uncertainty, features, *_ = drawn(0)
    features[4] = 0.5
    uncertainty[4] = 2.0
    found = suggest(uncertainty, features, labelled=features[4:5])
    assert found[-1].position == 4
    assert found[-1].gain == 0


def test_groups_without_a_labelled_image_come_first_among_equals():
    features = np.eye(4)  # all equally far apart
    found = suggest(np.ones(4), features, ["a", "a", "b", "c"], labelled_groups=["a", "a"])
    assert [one.position for one in found] == [2, 3, 0, 1]


def test_without_labels_and_groups_the_first_is_the_most_uncertain():
    uncertainty, features, *_ = drawn(1)
    assert suggest(uncertainty, features)[0].position == uncertainty.argmax()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(value):
    uncertainty, features, *_ = drawn(2)
    uncertainty[1] = value
    with pytest.raises(ValueError, match="finite"):
        suggest(uncertainty, features)


def test_no_candidates_give_no_list():
    assert suggest(np.zeros(0), np.zeros((0, 3))) == []


def test_ranks_of_equal_values_are_shared():
    assert ranked(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [0.875, 0.25, 0.875, 0.5]
