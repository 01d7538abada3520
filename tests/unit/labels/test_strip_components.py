"""Components of strips are those of the whole mask."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.labels.components import connected_components
from hemoseg.labels.strip_components import StripComponents
from tests.numbering import numbered


def strips_of(mask, heights):
    """The mask cut into strips of these heights, over and over."""
    first = number = 0
    while first < len(mask):
        last = first + heights[number % len(heights)]
        yield mask[first:last]
        first, number = last, number + 1


masks = st.builds(
    lambda rows, columns, share, seed: np.random.default_rng(seed).random((rows, columns)) < share,
    *(st.integers(1, 40), st.integers(1, 30), st.floats(0.1, 0.9), st.integers(0, 1000)),
)


@settings(max_examples=80, deadline=None)
@given(mask=masks, heights=st.lists(st.integers(1, 7), min_size=1, max_size=4), least=st.sampled_from([0, 2, 5, 9]))
def test_components_of_strips_are_those_of_the_whole(mask, heights, least):
    components = StripComponents(least)
    labels = np.concatenate([components.add(strip) for strip in strips_of(mask, heights)])
    regions = components.regions()
    whole = connected_components(mask, least)
    assert np.array_equal(numbered(regions.of(labels)), whole)
    for number in np.unique(regions.region)[1:]:
        rows, columns = np.nonzero(regions.of(labels) == number)
        box = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert regions.boxes[number].tolist() == box


def test_a_spiral_through_many_strips_is_one_cell():
    mask = np.zeros((21, 21), bool)
    for ring in range(0, 10, 2):
        mask[ring, ring : 21 - ring] = mask[20 - ring, ring : 21 - ring] = True
        mask[ring : 21 - ring, 20 - ring] = mask[ring + 2 : 21 - ring, ring] = True
        mask[ring + 2, ring : ring + 3] = True
    components = StripComponents()
    labels = np.concatenate([components.add(strip) for strip in strips_of(mask, [1])])
    assert len(np.unique(components.regions().of(labels))) == 2
    assert labels.max() > 10  # it was many parts at first
