"""Cutting cells at markers: laws on random masks, the failures that it is meant to have, scipy and loops beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from hemoseg.labels.components import connected_components
from hemoseg.labels.watershed import depth_map, distance_markers, split_at_markers

masks = npst.arrays(bool, (9, 11), elements=st.sampled_from([True, True, False]))
marker_lists = st.lists(st.tuples(st.floats(-2, 11), st.floats(-2, 13)), max_size=12)
NEIGHBOURS = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column]


def points(markers):
    return np.array(markers, float).reshape(-1, 2)


def discs(*circles, size=(40, 60)):
    rows, columns = np.indices(size)
    return np.any([np.hypot(rows - row, columns - column) <= radius for row, column, radius in circles], axis=0)


def pixels_of(markers, mask):
    """Pixels of the mask that hold a marker."""
    rounded = [(int(np.floor(row + 0.5)), int(np.floor(column + 0.5))) for row, column in markers]
    return {p for p in rounded if 0 <= p[0] < mask.shape[0] and 0 <= p[1] < mask.shape[1] and mask[p]}


def groups_of(markers, mask):
    """Those pixels in groups of 8-neighbours, by loops."""
    left, groups = pixels_of(markers, mask), []
    while left:
        group, edge = set(), {left.pop()}
        while edge:
            group |= edge
            edge = {(row + down, column + right) for row, column in edge for down, right in NEIGHBOURS} & left
            left -= edge
        groups.append(group)
    return groups


def numbers_in(labels, where):
    return set(labels[where].tolist()) - {0}


def touching(labels):
    """Pairs of different cells with pixels that are 8-neighbours, by loops."""
    padded = np.pad(labels, 1)
    pairs = set()
    for row, column in np.argwhere(padded > 0):
        for down, right in NEIGHBOURS:
            other = padded[row + down, column + right]
            if other not in (0, padded[row, column]):
                pairs.add(frozenset((int(padded[row, column]), int(other))))
    return pairs


@settings(deadline=None)
@given(masks, marker_lists)
def test_without_lines_every_component_falls_into_one_cell_per_marker(mask, markers):
    components, cells = connected_components(mask), split_at_markers(mask, points(markers), lines=False)
    assert cells.dtype == np.int32
    assert (mask == (cells > 0)).all()
    marked = groups_of(markers, mask)
    for number in range(1, components.max() + 1):
        inside = [group for group in marked if components[min(group)] == number]
        found = numbers_in(cells, components == number)
        assert len(found) == max(1, len(inside))
        own = [{int(cells[pixel]) for pixel in group} for group in inside]
        assert len(set().union(*own)) == sum(map(len, own)) == len(inside), "each marker has a cell of its own"
        assert not found & numbers_in(cells, components != number), "a cell lies in one component"
    assert all(ndimage.label(cells == n, np.ones((3, 3)))[1] == 1 for n in numbers_in(cells, mask))


@settings(deadline=None)
@given(masks, marker_lists)
def test_lines_part_all_cells_and_run_only_where_several_markers_are(mask, markers):
    whole, cells = (split_at_markers(mask, points(markers), lines=lines) for lines in (False, True))
    assert not touching(cells)
    assert cells.max() == whole.max()
    assert not cells[~mask].any()
    components = connected_components(mask)
    for number in numbers_in(cells, mask):
        assert len(numbers_in(components, cells == number)) == 1, "a cell lies in one component"
    groups = groups_of(markers, mask)
    assert all(cells[pixel] for group in groups for pixel in group), "a marker keeps its cell"
    marked = [int(components[min(group)]) for group in groups]
    cut = np.isin(components, [number for number in marked if marked.count(number) > 1])
    assert not (mask & (cells == 0) & ~cut).any(), "lines run only in components with several markers"


@settings(deadline=None)
@given(masks, marker_lists)
def test_cells_are_numbered_in_reading_order_and_the_order_of_markers_does_not_matter(mask, markers):
    cells = split_at_markers(mask, points(markers))
    there = cells[cells > 0]
    firsts = [int(np.flatnonzero(there == n)[0]) for n in range(1, cells.max() + 1)]
    assert firsts == sorted(firsts)
    np.testing.assert_array_equal(split_at_markers(mask, points(markers[::-1])), cells)


@settings(deadline=None)
@given(masks)
def test_with_one_marker_or_none_each_the_cells_are_the_components(mask):
    components = connected_components(mask)
    np.testing.assert_array_equal(split_at_markers(mask, np.zeros((0, 2))), components)
    one_each = [np.argwhere(components == number)[-1] for number in range(1, components.max() + 1)]
    np.testing.assert_array_equal(split_at_markers(mask, points(one_each)), components)


def test_two_touching_discs_are_cut_at_their_neck():
    mask = discs((20, 18, 12), (20, 38, 12))
    cells = split_at_markers(mask, points([(20, 18), (20, 38)]))
    assert cells.max() == 2
    assert abs(int((cells == 1).sum()) - int((cells == 2).sum())) < 40
    line = np.argwhere(mask & (cells == 0))
    assert np.abs(line[:, 1] - 28).max() <= 1
    assert touching(cells) == set()
    columns = np.indices(mask.shape)[1]
    assert set(cells[mask & (columns < 27)]) == {1}
    assert set(cells[mask & (columns > 29)]) == {2}


def test_the_neck_parts_cells_wherever_in_them_the_markers_lie():
    """Without the distance, floods would meet half-way between the markers: in the right cell."""
    mask = discs((20, 18, 12), (20, 38, 12))
    cells = split_at_markers(mask, points([(20, 22), (20, 42)]))
    line = np.argwhere(mask & (cells == 0))
    assert np.abs(line[:, 1] - 28).max() <= 2


def test_a_marker_nearer_to_the_edge_than_the_neck_is_wide_loses_its_cell_to_the_other_flood():
    mask = discs((20, 18, 12), (20, 38, 12))
    cells = split_at_markers(mask, points([(20, 18), (20, 46)]))
    assert cells.max() == 2
    assert cells[20, 38] == cells[20, 18] != cells[20, 46]


def test_two_markers_in_one_nucleus_cut_it_in_two():
    """The failure that the source names."""
    mask = discs((20, 30, 15))
    cells = split_at_markers(mask, points([(20, 24), (20, 36)]))
    assert cells.max() == 2
    assert min((cells == n).sum() for n in (1, 2)) > 0.3 * mask.sum()


def test_a_component_without_a_marker_stays_a_cell_beside_one_that_is_cut():
    mask = discs((12, 14, 8), (12, 28, 8), (32, 50, 6))
    cells = split_at_markers(mask, points([(12, 14), (12, 28)]))
    assert cells.max() == 3
    assert (cells == 3).sum() == discs((32, 50, 6)).sum()


def test_markers_off_the_mask_or_the_image_or_in_one_pixel_add_nothing():
    mask = discs((12, 14, 8), (12, 28, 8))
    off = [(39, 59), (-1, 14), (12, 60), (40, 3), (float("nan"), 4), (12, float("inf")), (12.2, 13.9), (11.5, 14.4)]
    cells = split_at_markers(mask, points([(12, 14), (12, 28), *off]))
    np.testing.assert_array_equal(cells, split_at_markers(mask, points([(12, 14), (12, 28)])))
    np.testing.assert_array_equal(split_at_markers(mask, points(off)), connected_components(mask))


def test_an_arm_beyond_the_line_keeps_the_number_of_a_cell():
    mask = np.zeros((9, 15), bool)
    mask[4], mask[:4, 7] = True, True  # two marked arms meet at column 7, where a third one leaves
    cells = split_at_markers(mask, points([(4, 0), (4, 14)]))
    assert cells.max() == 2
    assert cells[:3, 7].all()
    assert len(set(cells[:3, 7])) == 1


def test_neighbouring_markers_are_one():
    mask = np.ones((5, 6), bool)
    assert split_at_markers(mask, points([(2, 2), (3, 3)])).max() == 1
    assert split_at_markers(mask, points([(2, 2), (2, 4)])).max() == 2


def test_a_plateau_is_shared_by_distance():
    mask = np.zeros((5, 23), bool)
    mask[1:4, 1:-1] = True
    cells = split_at_markers(mask, points([(2, 3), (2, 19)]), lines=False)
    assert abs(int((cells == 1).sum()) - int((cells == 2).sum())) <= 3


@pytest.mark.parametrize("shape", [(6, 8), (1, 9), (9, 1), (1, 1)])
def test_an_empty_mask_and_one_over_the_whole_frame(shape):
    nothing, all_of_it = np.zeros(shape, bool), np.ones(shape, bool)
    middle = points([(shape[0] // 2, shape[1] // 2)])
    assert not split_at_markers(nothing, middle).any()
    assert (split_at_markers(all_of_it, middle) == 1).all()
    assert distance_markers(nothing).shape == (0, 2)
    assert len(distance_markers(all_of_it)) == 1
    if all_of_it.size > 2:
        ends = points([(0, 0), (shape[0] - 1, shape[1] - 1)])
        assert split_at_markers(all_of_it, ends).max() == 2
    assert not split_at_markers(nothing, np.zeros((0, 2))).any()


def test_markers_of_another_shape_are_refused():
    for wrong in (np.zeros((2, 3)), np.zeros(2), np.zeros((0, 5))):
        with pytest.raises(ValueError, match=r"rows and columns \(n, 2\)"):
            split_at_markers(np.ones((3, 3), bool), wrong)
    with pytest.raises(ValueError, match="must be positive"):
        distance_markers(np.ones((3, 3), bool), 0)


@settings(deadline=None)
@given(masks)
def test_the_depth_is_the_distance_to_what_is_outside(mask):
    theirs = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    np.testing.assert_allclose(depth_map(mask), theirs, rtol=1e-6)


def flooded_by_hand(distance, mask, depth):
    """Maxima of the flooded distance by repeated dilation within it: (pixels of a plateau) sets, float64."""
    level = np.where(mask, distance - depth, -np.inf)
    while True:
        around = np.pad(level, 1, constant_values=-np.inf)
        shifted = [around[1 + r : 1 + r + mask.shape[0], 1 + c : 1 + c + mask.shape[1]] for r, c in NEIGHBOURS]
        risen = np.where(mask, np.minimum(distance, np.maximum(level, np.max(shifted, axis=0))), -np.inf)
        if (risen == level).all():
            break
        level = risen
    plateaus = []
    for value in np.unique(level[mask]):
        parts, count = ndimage.label(mask & (level == value), np.ones((3, 3)))
        for part in (parts == n for n in range(1, count + 1)):
            border = ndimage.binary_dilation(part, np.ones((3, 3))) & ~part & mask
            if not (level[border] > value).any():
                plateaus.append(part)
    return plateaus


@settings(deadline=None)
@given(masks, st.sampled_from([0.25, 0.5, 1.0, 1.5]))
def test_distance_markers_are_the_tops_of_the_flooded_distance(mask, depth):
    distance = depth_map(mask).astype(float)
    plateaus = flooded_by_hand(distance, mask, depth)
    markers = distance_markers(mask, depth)
    assert len(markers) == len(plateaus)
    assert markers.tolist() == sorted(markers.tolist())
    for part in plateaus:
        inside = [m for m in markers.astype(int) if part[tuple(m)]]
        assert len(inside) == 1, "one marker on each top"
        assert distance[tuple(inside[0])] == distance[part].max()
    components = connected_components(mask)
    assert {int(components[tuple(m)]) for m in markers.astype(int)} == set(range(1, components.max() + 1))


def test_distance_markers_part_discs_and_leave_one_whole():
    pair = discs((20, 18, 12), (20, 38, 12))
    assert distance_markers(pair).tolist() == [[20, 18], [20, 38]]
    one = discs((20, 30, 15))
    assert distance_markers(one).tolist() == [[20, 30]]
    assert split_at_markers(one, distance_markers(one)).max() == 1


def test_floods_that_meet_along_many_lines_end_soon():
    """A mask of 64x64 on which scikit-image's own lines take ten seconds and more, since lines meet lines."""
    rows, columns = np.indices((64, 64))
    mask = ((rows + columns) % 7 > 0) | (np.abs(rows - columns) < 9)
    markers = [(row, column) for row in range(1, 64, 3) for column in range(1, 64, 3)]
    cells = split_at_markers(mask, points(markers))
    assert not touching(cells)
    assert cells.max() == split_at_markers(mask, points(markers), lines=False).max()
