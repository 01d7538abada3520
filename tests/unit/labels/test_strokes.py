import numpy as np
import pytest

from hemoseg.labels.strokes import draw_strokes, thinned

PEN = {"strokes": 3, "length": 12, "width": 3}


def classes(seed=0, size=(50, 60)):
    random = np.random.default_rng(seed)
    made = np.zeros(size, np.uint8)
    for number in (1, 2, 255):
        r, c = random.integers(0, [35, 45])
        made[r : r + 15, c : c + 15] = number
    return made


def drawn(made, seed=0, **pen):
    return draw_strokes(made, **(PEN | pen), generator=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_strokes_keep_to_their_class_and_off_the_ignored(seed):
    made = classes(seed)
    marked = drawn(made, seed)
    assert marked.dtype == np.uint8
    assert np.array_equal(marked[marked > 0] - 1, made[marked > 0])
    assert set(np.unique(marked)) - {0} == set(np.unique(made[made != 255]) + 1)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_a_stroke_is_no_longer_and_no_wider_than_said(width):
    marked = drawn(np.zeros((200, 200), np.uint8), strokes=1, length=40, width=width)
    rows, columns = np.nonzero(marked)
    assert np.hypot(np.ptp(rows), np.ptp(columns)) <= 40 + 2 * width
    assert marked.astype(bool).sum() <= 40 * (width + 2)
    assert marked.any()


def test_strokes_repeat_themselves_with_their_seed_only():
    made = classes()
    assert np.array_equal(drawn(made, 4), drawn(made, 4))
    assert not np.array_equal(drawn(made, 4), drawn(made, 5))


def test_a_budget_is_kept_the_same_for_every_class_and_takes_no_pixel_elsewhere():
    marked = [drawn(classes(seed), seed, strokes=20) for seed in range(3)]
    less = thinned(marked, 90, np.random.default_rng(0))
    assert np.bincount(np.concatenate([each.ravel() for each in less]))[1:].tolist() == [30, 30, 30]
    for before, after in zip(marked, less, strict=True):
        assert after.shape == before.shape
        assert np.array_equal(after[after > 0], before[after > 0])
    whole = thinned(marked, 10**6, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(whole, marked, strict=True))


def test_an_image_that_is_all_ignored_gets_none():
    assert not drawn(np.full((9, 9), 255, np.uint8)).any()
