import cv2
import numpy as np
import pytest

from hemoseg.labels.autolabel import autolabel, grey_bytes


def discs(dark=True, pallor=False, noise=0.01, light=0.0, seed=0):
    """Nine discs of radius 11 on a ground whose light may change from left to right."""
    random = np.random.default_rng(seed)
    ground = np.broadcast_to(0.75 + np.linspace(-light, light, 150), (150, 150)).astype(np.float32).copy()
    truth = np.zeros((150, 150), np.int32)
    for n in range(9):
        centre = (25 + 50 * (n % 3), 25 + 50 * (n // 3))
        disc = cv2.circle(np.zeros((150, 150), np.uint8), centre, 11, 1, -1)
        truth[disc > 0] = n + 1
        ground[disc > 0] -= 0.3
        if pallor:
            ground[cv2.circle(np.zeros((150, 150), np.uint8), centre, 4, 1, -1) > 0] += 0.3
    image = np.stack([ground] * 3) + random.normal(0, noise, (3, 150, 150))
    return np.clip(image if dark else 1 - image, 0, 1).astype(np.float32), truth


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("light", [0.0, 0.2])
@pytest.mark.parametrize("pallor", [True, False])
def test_discs_are_found_filled_and_told_apart(dark, light, pallor):
    image, truth = discs(dark, pallor, light=light)
    labels = autolabel(image, {})
    assert labels.dtype == np.int32
    assert labels.max() == 9
    assert dice(labels > 0, truth > 0) > 0.93
    for n in range(1, 10):
        assert np.unique(labels[(truth == n) & (labels > 0)]).size == 1


def test_without_filling_the_pallor_stays_open():
    image, _ = discs(pallor=True)
    filled, open_ = autolabel(image, {}), autolabel(image, {"fill": False})
    assert filled[25, 25] > 0
    assert open_[25, 25] == 0


def test_small_areas_are_removed_and_a_whole_number_is_pixels():
    image, _ = discs()
    image[:, 48:51, 48:51] = 0.2
    assert autolabel(image, {"min_area": 1}).max() == 10
    assert autolabel(image, {"min_area": 30}).max() == 9


def test_morphology_parts_cells_that_touch_in_few_pixels():
    image, _ = discs()
    image[:, 24:26, 36:64] = 0.4
    assert autolabel(image, {}).max() == 8
    assert autolabel(image, {"morphology": True, "min_area": 60}).max() == 9


def test_the_window_of_the_paper_finds_edges_only():
    image, truth = discs(noise=0)
    labels = autolabel(image, {"window": 3, "offset": 0.02, "fill": False, "min_area": 1})
    assert labels[truth > 0].astype(bool).mean() < 0.5


def test_the_threshold_does_not_depend_on_brightness_and_contrast():
    image, _ = discs(noise=0)
    assert np.abs(grey_bytes(image).astype(int) - grey_bytes(image * 0.1 + 0.3)).max() <= 1
    assert np.array_equal(autolabel(image, {}) > 0, autolabel(image * 0.5 + 0.2, {}) > 0)


def test_a_constant_image_has_no_cells():
    assert autolabel(np.full((3, 40, 50), 0.4, np.float32), {}).max() == 0
