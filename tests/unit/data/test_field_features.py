import cv2
import numpy as np
import pytest

from hemoseg.data.field_features import NAMES, _quantile, features_of

ROWS, COLUMNS = 160, 200
RADIUS = 14


def discs(blur=0.0, noise=0.0, inside=0.4, ground=0.8):
    """Grey discs on a bright ground, blurred as by optics, then with grain; and their labels."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    labels = np.zeros((ROWS, COLUMNS), np.int32)
    for number, (row, column) in enumerate([(r, c) for r in (40, 120) for c in (40, 100, 160)], start=1):
        labels[(y - row) ** 2 + (x - column) ** 2 <= RADIUS**2] = number
    grey = np.where(labels > 0, inside, ground).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), blur) if blur else grey
    grey = grey + noise * np.random.default_rng(1).standard_normal(grey.shape).astype(np.float32)
    return np.clip(grey, 0, 1)[None], labels


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("blur", [1.0, 2.0, 4.0])
def test_the_width_of_edges_is_the_blur_that_they_met(blur, noise):
    assert features_of(*discs(blur, noise))["edge_width"] == pytest.approx(blur, rel=0.15)


def test_grain_alone_has_no_edges():
    grain = 0.6 + 0.05 * np.random.default_rng(0).standard_normal((1, 128, 128))
    assert np.isnan(features_of(grain)["edge_width"])
    assert np.isnan(features_of(np.full((1, 64, 64), 0.5))["edge_width"])


@pytest.mark.parametrize("sd", [0.005, 0.02])
def test_the_grain_that_was_added_is_found_beside_cells(sd):
    assert features_of(*discs(noise=sd))["noise"] == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize("with_cells", [True, False])
@pytest.mark.parametrize("fall", [0.1, 0.4])
def test_the_fall_of_the_light_towards_a_corner_is_told_whatever_lies_in_the_field(fall, with_cells):
    image, labels = discs(noise=0.01)
    lamp = np.add.outer(np.linspace(0, 0.5, ROWS), np.linspace(0, 0.5, COLUMNS))  # 0 and 1 in opposite corners
    found = features_of(image * (1 - fall * lamp), labels if with_cells else None)
    # The middle of the first and the last block lie 1/24 of the way inside; the last sees the darkest corner.
    assert found["uneven"] == pytest.approx(fall, abs=0.04)


def test_a_lamp_that_falls_to_all_sides_is_told():
    y, x = np.meshgrid(np.linspace(-1, 1, ROWS), np.linspace(-1, 1, COLUMNS), indexing="ij")
    image, labels = discs(noise=0.01)
    found = features_of(image * (1 - 0.4 * (x**2 + y**2) / 2), labels)
    assert found["uneven"] == pytest.approx(0.4 * (11 / 12) ** 2, abs=0.03)  # at the middle of the corners' blocks


@pytest.mark.parametrize("bright", [True, False])
def test_cells_that_were_not_found_are_not_taken_for_a_fall_of_the_light(bright):
    image, y, x = np.full((1, 160, 200), 0.8), *np.mgrid[:160, :200]
    labels = np.zeros((160, 200), np.int32)
    for row, column in ((r, c) for r in range(8, 160, 9) for c in range(8, 90, 9)):  # in the left half only
        here = (y - row) ** 2 + (x - column) ** 2 <= 16
        image[0][here] = 0.4
        labels[here] = column == 8
    assert features_of(image if bright else 1.1 - image, labels)["uneven"] < 0.02


def test_the_light_is_looked_at_where_there_is_ground_enough():
    image, labels = np.full((1, 160, 200), 0.8), np.zeros((160, 200), np.int32)
    labels[:, np.arange(200) % 16 < 8] = 1  # a quarter of each block is ground, some pixels away from the cells
    image[0][:, np.isin(np.arange(200) % 16, (8, 9, 14, 15))] = 0.6  # blurred edges
    found = features_of(image, labels)
    assert (found["uneven"], found["light"]) == pytest.approx((0, 0.8), abs=1e-6)
    labels[:, :100] = 1
    labels[2:9, 2:9] = labels[2:9, 52:59] = 0  # gaps in cells, dark from all sides
    image[0, 2:9, :100] = 0.4
    assert features_of(image, labels)["uneven"] == pytest.approx(0, abs=1e-6)
    image[:], labels[:] = 0.8, 1
    labels[14:, 190:] = 0  # eleven blocks of ground tell no surface
    assert np.isnan(features_of(image, labels)["uneven"])


def test_contrast_and_colour_are_optical_densities():
    image, labels = discs(inside=0.4, ground=0.8)
    stained = np.concatenate([image, image**2, image])
    found = features_of(stained, labels)
    assert found["red"] == pytest.approx(np.log(2) - 2 * np.log(2), abs=1e-4)
    assert found["blue"] == found["red"]
    assert found["ground_red"] == pytest.approx(np.log(0.8 / 0.64), abs=1e-4)
    assert features_of(image, labels)["contrast"] == pytest.approx(np.log(2), abs=1e-4)
    assert np.isnan(features_of(image, labels)["red"])


def test_saturated_pixels_are_counted_in_any_channel():
    image = np.full((3, 50, 50), 100, np.uint8)
    image[0, :10] = 255
    image[2, 5:15] = 255
    assert features_of(image)["saturated"] == pytest.approx(0.3)


def test_16_bits_tell_what_8_bits_tell():
    image, labels = discs(noise=0.02)
    eight = np.repeat(np.rint(image * 255).astype(np.uint8), 3, axis=0)
    first, second = features_of(eight, labels), features_of(eight.astype(np.uint16) * 257, labels)
    assert first == pytest.approx(second, nan_ok=True, rel=1e-4, abs=1e-6)


def test_crowding_counts_cells_that_meet():
    labels = np.zeros((20, 30), np.int32)
    labels[2:6, 2:6], labels[2:6, 6:10] = 1, 2  # meet along a side
    labels[10:14, 2:6], labels[14:18, 6:10] = 3, 4  # meet at a corner only
    labels[10:14, 20:24] = 9  # ids may leave gaps
    found = features_of(np.full((1, 20, 30), 0.5), labels)
    assert found["cells"] == pytest.approx(5e6 / 600)
    assert found["covered"] == pytest.approx(80 / 600)
    assert found["touching"] == pytest.approx(2 / 5)
    assert found["cell_area"] == pytest.approx(np.log(16))
    assert found["outline"] == pytest.approx(0)  # all are squares
    labels[10:14, 2:6] = [[3, 0, 3, 0]] * 4
    labels[14:18, 6:10] = labels[10:14, 20:24] = 0
    assert features_of(np.full((1, 20, 30), 0.5), labels)["outline"] == pytest.approx(0)
    labels[2:6] = 0
    assert features_of(np.full((1, 20, 30), 0.5), labels)["outline"] == pytest.approx(np.log(20**2 / (16 * 8)))


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 40), (4, 9, 7), (2, 64, 64)])
@pytest.mark.parametrize("value", [0, 255])
def test_a_field_of_any_shape_with_nothing_in_it_is_told_of_without_a_warning(shape, value):
    found = features_of(np.full(shape, value, np.uint8), np.zeros(shape[1:], np.int32))
    assert set(found) == set(NAMES)
    assert found["cells"] == 0
    assert found["saturated"] == (value == 255)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.75, 1.0])
@pytest.mark.parametrize("n", [1, 2, 3, 100])
def test_the_quick_quantile_is_numpys(n, share):
    values = np.random.default_rng(n).random(n).astype(np.float32)
    assert _quantile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-6)


def test_the_quick_quantile_is_numpys_whatever_the_order():
    values = np.append(np.arange(500), np.arange(500)[::-1]).astype(np.float32)
    shares = (np.arange(999) + 0.5) / 999
    assert [_quantile(values, share) for share in shares] == pytest.approx(np.quantile(values, shares), rel=1e-5)
