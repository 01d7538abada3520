import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.data.classes import Merging, classes_of_instances, relabel
from hemoseg.errors import InputError

NAMES = {1: "disc", 2: "oval", 3: "sickle", 7: "platelet"}


def test_without_a_mapping_classes_are_numbered_in_their_order():
    merging = Merging(NAMES, None, [])
    assert merging.names == ["background", "disc", "oval", "sickle", "platelet"]
    merged, _ = merging.apply(np.array([[0, 1, 3, 7, 255]], np.uint8), None)
    assert merged.tolist() == [[0, 1, 3, 4, 255]]


def test_classes_merge_are_ignored_or_become_background():
    merging = Merging(NAMES, {"round": ["disc", "oval"], "background": ["platelet"]}, ["sickle"])
    classes = np.array([[0, 1, 2, 3, 7, 255]], np.uint8)
    merged, instances = merging.apply(classes, np.array([[0, 1, 2, 3, 4, 5]], np.int32))
    assert merging.names == ["background", "round"]
    assert merged.tolist() == [[0, 1, 1, 255, 0, 255]]
    assert instances.tolist() == [[0, 1, 2, 3, 0, 5]], "a platelet that is background is no cell"


def test_all_takes_cells_of_unknown_class_but_no_ignored_ground():
    merging = Merging(NAMES, {"cell": "all"}, ["platelet"])
    classes = np.array([[0, 2, 7, 255, 255]], np.uint8)
    merged, _ = merging.apply(classes, np.array([[0, 1, 2, 3, 0]], np.int32))
    assert merged.tolist() == [[0, 1, 255, 1, 255]]


@pytest.mark.parametrize(
    ("classes", "ignore", "sentence"),
    [
        ({"cell": ["disk"]}, [], "no class 'disk'"),
        ({"cell": ["disc", "oval"], "other": ["oval", "sickle", "platelet"]}, [], "'oval' is named twice"),
        ({"cell": ["disc", "oval", "sickle"]}, [], "'platelet' belongs to no class"),
        (None, ["thrombocyte"], "no class 'thrombocyte'"),
    ],
)
def test_a_mapping_that_is_not_complete_is_refused(classes, ignore, sentence):
    with pytest.raises(InputError, match=sentence):
        Merging(NAMES, classes, ignore)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_cell_has_the_class_of_most_of_its_pixels(seed, count):
    random = np.random.default_rng(seed)
    instances = relabel(random.integers(0, count + 1, (6, 7)).astype(np.int32))
    classes = random.choice([0, 1, 2, 255], (6, 7)).astype(np.uint8)
    found = classes_of_instances(classes, instances)
    assert found[0] == 0
    for label in range(1, instances.max() + 1):
        values, votes = np.unique(classes[instances == label], return_counts=True)
        assert found[label] == values[votes.argmax()]


@settings(deadline=None)
@given(st.lists(st.sampled_from([0, 0, 1, 5, 77, 2**31 - 1]), min_size=1, max_size=30))
def test_relabelling_keeps_cells_apart_and_leaves_no_gap(values):
    labels = np.array([values], np.int32)
    numbered = relabel(labels)
    assert np.array_equal(numbered == 0, labels == 0)
    pairs = set(zip(labels.ravel().tolist(), numbered.ravel().tolist(), strict=True))
    assert len(pairs) == len(set(values))
    assert sorted({new for _, new in pairs} | {0}) == list(range(len(set(values) | {0})))


def test_no_classes_are_those_of_the_dataset():
    names = {1: "disc", 2: "sickle", 4: "dirt"}
    kept, none = (Merging(names, classes, ["dirt"]) for classes in ({}, None))
    assert kept.names == none.names == ["background", "disc", "sickle"]
    assert np.array_equal(kept.lut, none.lut)
