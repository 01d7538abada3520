import numpy as np
import pytest
from skimage.filters import threshold_otsu

from hemoseg.labels.otsu import cells_are_dark, otsu_mask, otsu_threshold


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_the_threshold_is_that_of_scikit_image(seed, dtype):
    random = np.random.default_rng(seed)
    grey = np.concatenate([random.normal(70, 15, 900), random.normal(180, 20, 400)]).clip(0, 255).reshape(26, 50)
    grey = grey.astype(dtype)
    counts, edges = np.histogram(grey.ravel(), 256)
    theirs = threshold_otsu(hist=(counts, (edges[:-1] + edges[1:]) / 2))
    assert otsu_threshold(grey) == pytest.approx(theirs)


@pytest.mark.parametrize(("cell", "ground"), [(40, 200), (200, 40)])
def test_cells_are_found_whether_dark_or_bright(cell, ground):
    grey = np.full((30, 30), ground, np.uint8)
    grey[8:20, 9:25] = cell
    assert np.array_equal(otsu_mask(grey), grey == cell)
    assert np.array_equal(otsu_mask(grey, "bright" if cell > ground else "dark"), grey == cell)


def test_a_constant_image_has_no_cells():
    assert not otsu_mask(np.full((5, 6), 7, np.uint8)).any()


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("vignette", [0.0, 0.5])
def test_polarity_is_seen_through_a_vignette(dark, vignette):
    rows, columns = np.mgrid[-1:1:300j, -1:1:400j]
    cells = ((rows * 8) % 2 - 1) ** 2 + ((columns * 8) % 2 - 1) ** 2 < 0.3
    light = 0.6 - vignette * (rows**2 + columns**2) / 2
    grey = light + np.where(cells, -0.15 if dark else 0.15, 0)
    assert cells_are_dark(grey) == dark
