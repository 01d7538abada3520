import numpy as np
import pytest
from scipy import ndimage

from hemoseg.labels.holes import without_holes
from hemoseg.labels.thresholded import threshold_cells, touching_parted, typical_area

RADIUS = 9


def discs(centres, size=(96, 128), radius=RADIUS):
    """Mask of discs."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.any([(rows - r) ** 2 + (columns - c) ** 2 <= radius**2 for r, c in centres], axis=0)


APART = [(15, 20), (15, 60), (15, 100), (50, 30), (50, 75), (80, 20), (78, 105)]
TOUCHING = [*APART, (50, 92)]  # touches (50, 75) by a neck of a few pixels


@pytest.mark.parametrize("most", [0, 1, 5, 40, 10**6])
def test_holes_are_filled_up_to_their_size_and_nothing_else(most):
    mask = np.random.default_rng(most).random((40, 50)) < 0.62
    parts, count = ndimage.label(~mask)
    expected = mask.copy()
    for number in range(1, count + 1):
        own = parts == number
        on_border = own[0].any() or own[-1].any() or own[:, 0].any() or own[:, -1].any()
        if own.sum() <= most and not on_border:
            expected |= own
    assert np.array_equal(without_holes(mask, most), expected)


@pytest.mark.parametrize(("ground", "cell"), [(230, 90), (140, 120), (20, 200)])
@pytest.mark.parametrize("centres", [APART, TOUCHING])
def test_each_disc_is_one_cell_whatever_the_light(ground, cell, centres):
    mask = discs(centres)
    noise = np.random.default_rng(0).normal(0, 2, (3, *mask.shape))
    cells = threshold_cells(np.where(mask, cell, ground) + noise)
    assert len(np.unique(cells)) - 1 == len(centres)
    assert len({cells[r, c] for r, c in centres} - {0}) == len(centres)
    assert (cells > 0)[~mask].mean() < 0.01


def test_a_pale_middle_belongs_to_its_cell_and_the_gap_within_a_ring_of_cells_does_not():
    ring = [(48 + 30 * np.sin(a), 64 + 30 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 11)[:-1]]
    mask = discs(ring) & ~discs(ring, radius=4)
    cells = touching_parted(mask)
    assert len({cells[round(r), round(c)] for r, c in ring} - {0}) == len(ring)
    assert cells[48, 64] == 0


def test_the_typical_area_is_a_cell_s_and_grows_with_the_pixels():
    one = discs([(48, 64)]).sum()
    assert typical_area(discs(TOUCHING)) == pytest.approx(one, rel=0.1)
    dusty = discs(APART) | (np.random.default_rng(1).random((96, 128)) < 0.01)
    assert typical_area(dusty) == pytest.approx(one, rel=0.15)
    larger = np.kron(discs(TOUCHING), np.ones((3, 3), bool))
    assert typical_area(larger) == pytest.approx(9 * typical_area(discs(TOUCHING)), rel=0.05)
    assert typical_area(np.zeros((20, 20), bool)) == 0


@pytest.mark.parametrize("mask", [np.zeros((24, 32), bool), np.ones((24, 32), bool)])
def test_a_mask_of_nothing_or_everything_has_none_or_one_cell(mask):
    assert touching_parted(mask).max() == mask.any()


def test_large_bumpy_cells_are_whole_and_a_clump_that_stays_one_weighs_little():
    rows, columns = np.mgrid[:300, :400]
    mask, area = np.zeros((300, 400), bool), []
    for turn, (row, column) in enumerate([(60, 60), (60, 180), (60, 300), (180, 110), (190, 250)]):
        angle, radius = np.arctan2(rows - row, columns - column), np.hypot(rows - row, columns - column)
        own = radius < 40 * (1 + 0.1 * np.sin(9 * angle + turn)) * (1 + 0.35 * np.cos(2 * angle + turn))
        area.append(own.sum())
        mask |= own
    assert typical_area(mask) == pytest.approx(np.median(area), rel=0.05)
    clumped = discs(APART)
    clumped[68:92, 45:85] = True  # nearly four cells, without a waist
    assert typical_area(clumped) == pytest.approx(discs([(48, 64)]).sum(), rel=0.1)
