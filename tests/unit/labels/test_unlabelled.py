"""What the labels leave out is found again where it is known, and nothing else is taken."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from hemoseg.labels.unlabelled import unlabelled_cells
from hemoseg.simulation.smear import simulate_frame

FIELD = {"height": 240, "width": 320, "margin": [0, 0], "channels": 3, "shading": 0.2, "artefacts": 0}
FRAME = FIELD | {"diameter": 40, "cells": 12}


def simulated(index):
    """Grey values and true cells of a frame."""
    frame = simulate_frame(FRAME, seed=7, index=index)
    return frame.image.mean(axis=2), frame.instances


def near(mask, pixels):
    return binary_dilation(mask, np.ones((3, 3), bool), iterations=pixels)


def disc(row, column, radius, shape=(80, 80)):
    rows, columns = np.indices(shape)
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def picture(*masks, cell=90.0, ground=200.0):
    grey = np.full((80, 80), ground)
    for mask in masks:
        grey[mask] = cell
    return grey


def found(grey, labelled, grow=3, least=0.1):
    return unlabelled_cells(grey, labelled.astype(np.int32), grow=grow, least=least)


def test_the_neighbours_that_were_erased_from_a_simulated_truth_are_found():
    shares = []
    for index in range(6):
        grey, cells = simulated(index)
        one = cells[cells > 0][0]
        hidden = found(grey, cells == one)
        erased = (cells > 0) & (cells != one)
        shares.append([hidden[erased].mean(), hidden[~near(cells > 0, 3)].mean()])
        assert not hidden[cells == one].any()
    recovered, taken = np.mean(shares, axis=0)
    assert recovered > 0.97
    assert taken < 0.02, "share of the true background farther than 3 px from any cell"


def test_where_every_cell_bears_a_label_almost_nothing_is_left():
    for index in range(4):
        grey, cells = simulated(index)
        assert found(grey, cells).mean() < 0.005


@pytest.mark.parametrize("bright", [False, True])
def test_a_neighbour_and_its_pale_middle_are_taken_whether_cells_are_dark_or_bright(bright):
    labelled, ring, cut = disc(30, 30, 14), disc(60, 58, 13), disc(20, 79, 12)
    pale = disc(60, 58, 6) | disc(20, 79, 5)
    grey = picture(labelled, ring, cut)
    grey[pale] = 200
    hidden = found(255 - grey if bright else grey, labelled)
    assert hidden[ring | cut].all()
    assert not hidden[~near(ring | cut, 3)].any()
    assert not hidden[labelled].any()


def test_the_rim_of_a_labelled_cell_stays_background_and_so_does_dust():
    cell, dust = disc(40, 40, 16), disc(10, 10, 3)
    tight = disc(40, 40, 14)
    assert not found(picture(cell, dust), tight).any()
    assert found(picture(cell, dust), tight, least=0.01)[dust].all()
    assert found(picture(cell, dust), tight, grow=1)[cell & ~near(tight, 1)].all()


def test_a_neighbour_that_touches_is_taken_up_to_the_label():
    labelled, neighbour = disc(40, 28, 14), disc(40, 54, 13) & ~disc(40, 28, 14)
    hidden = found(picture(labelled, neighbour), labelled)
    assert hidden[neighbour].all()
    assert not hidden[labelled].any()


def test_a_hole_in_a_labelled_cell_is_no_neighbour():
    ring = disc(40, 40, 20) & ~disc(40, 40, 10)
    assert not found(picture(ring), ring).any()


def test_without_any_label_all_cells_are_taken_and_a_blank_image_has_none():
    cell = disc(40, 40, 14)
    assert found(picture(cell), np.zeros((80, 80), bool))[cell].all()
    assert not found(np.full((80, 80), 7.0), np.zeros((80, 80), bool)).any()
