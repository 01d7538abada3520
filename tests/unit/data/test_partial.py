from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hemoseg.data.classes import Merging
from hemoseg.data.frames import Frame
from hemoseg.data.partial import cells_of_classes, without_unlabelled
from hemoseg.data.preparation import Cutter, checked
from hemoseg.errors import InputError

CLASSES = npst.arrays(np.uint8, (9, 11), elements=st.sampled_from([0, 0, 1, 2, 255]))
IMAGES = npst.arrays(np.uint8, (3, 9, 11))


def tile(image=None):
    """A labelled cell in the middle and a neighbour without a label."""
    classes = np.zeros((40, 60), np.uint8)
    classes[12:28, 20:36] = 2
    if image is None:
        image = np.full((3, 40, 60), 210, np.uint8)
        image[:, classes > 0] = 90
        image[:, 14:30, 42:56] = 90
    return Frame("a", image, classes)


@given(IMAGES, CLASSES, st.integers(0, 3), st.floats(0, 1))
def test_only_background_becomes_ignored_and_a_second_time_nothing_does(image, classes, grow, least):
    frame = Frame("a", image, classes)
    whole = (0, 0, 9, 11)
    once = without_unlabelled(frame, whole, grow=grow, least=least)
    changed = once.classes != classes
    assert (classes[changed] == 0).all()
    assert (once.classes[changed] == 255).all()
    assert np.array_equal(without_unlabelled(once, whole, grow=grow, least=least).classes, once.classes)
    assert once.instances is None


def test_a_margin_is_left_as_it_is():
    frame = tile()
    frame.image[:, :, :6] = 0
    ignored = without_unlabelled(frame, (0, 6, 40, 60), grow=3, least=0.1).classes == 255
    assert not ignored[:, :6].any()
    assert ignored[14:30, 42:56].all()
    assert not ignored[:, :39].any()


@given(CLASSES)
def test_each_part_of_a_class_is_a_cell_of_that_class(classes):
    cells = cells_of_classes(Frame("a", np.zeros((3, 9, 11), np.uint8), classes)).instances
    assert np.array_equal(cells > 0, (classes > 0) & (classes < 255))
    for cell in range(1, cells.max() + 1):
        assert len(np.unique(classes[cells == cell])) == 1
    right = (classes[:, 1:] == classes[:, :-1]) & (cells[:, 1:] > 0)
    assert (cells[:, 1:] == cells[:, :-1])[right].all()


def test_cells_that_a_file_tells_apart_stay_as_they_are():
    frame = replace(tile(), instances=np.eye(40, 60, dtype=np.int32) * 7)
    assert cells_of_classes(frame) is frame


def test_prepare_ignores_the_neighbour_and_makes_the_labelled_cell_an_instance():
    settings = checked({"instances": "components", "unlabelled": {"ignore": "foreground"}, "size": [20, 30]})
    cutter = Cutter(settings, Merging({1: "round", 2: "long"}, {"long": ["long"], "round": ["round"]}, []), 255.0)
    cutter.add(tile())
    samples = cutter.samples(None, {})
    assert np.unique(samples.classes[0]).tolist() == [0, 1, 255], "long is class 1 of the experiment"
    assert (samples.classes[0][7:15, 21:28] == 255).all()
    assert np.array_equal(samples.instances[0] == 1, samples.classes[0] == 1)


def test_by_default_what_bears_no_label_is_background():
    cutter = Cutter(checked({}), Merging({1: "round", 2: "long"}, None, []), 255.0)
    cutter.add(tile())
    samples = cutter.samples(None, {})
    assert np.array_equal(samples.classes[0], tile().classes)
    assert not samples.has_instances


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"instances": "parts"}, "'parts' is neither 'files' nor 'components'; choose one"),
        ({"unlabelled": {"ignore": "cells"}}, "'cells' is neither 'none' nor 'foreground'; choose one"),
        ({"unlabelled": {"grew": 2}}, "unknown key 'grew'; did you mean 'grow'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(settings)
