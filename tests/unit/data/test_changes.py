import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.data.changes import changes


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_every_cell_that_is_not_what_it_was_is_told_by_its_definition(seed):
    random = np.random.default_rng(seed)
    before = random.choice([0, 1, 2, 3, 70_000], (4, 6))
    after = np.where(random.random(before.shape) < random.choice([0, 0.2]), random.integers(0, 6, (4, 6)), before)
    was, now = ({int(cell): int(random.integers(1, 3)) for cell in np.unique(one) if cell} for one in (before, after))
    found = {one.id: one for one in changes(before, was, after, now)}
    for cell in {*was, *now}:
        old, new = before == cell, after == cell
        words = ["reshaped"] * bool((old != new).any()) + ["retyped"] * (was.get(cell) != now.get(cell))
        words = ["added"] if cell not in was else ["removed"] if cell not in now else words
        if not words:
            assert cell not in found
            continue
        told = found[cell]
        assert told.change == ";".join(words)
        assert told.iou == (old & new).sum() / (old | new).sum()
        assert (told.class_before, told.class_after) == (was.get(cell), now.get(cell))
        assert (told.area_before, told.area_after) == (old.sum(), new.sum())
        np.testing.assert_allclose((told.row, told.column), np.argwhere(new if cell in now else old).mean(axis=0))
    assert list(found) == sorted(found)
