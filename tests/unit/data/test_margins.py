import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from hemoseg.data.margins import find_margins
from hemoseg.steps.images import read_image

NEAR = 2  # px


def smear(rows=240, columns=420, seed=0, noise=2.0, empty=0):
    """A field of dark discs on a bright, unevenly lit background; nothing in its outer ``empty`` columns."""
    random = np.random.default_rng(seed)
    light = 215 + 15 * np.sin(np.linspace(0, 2, columns)) + np.linspace(-12, 12, rows)[:, None]
    field = np.stack([light, light * 0.97, light * 0.99]).astype(np.float32)
    for _ in range(45):
        radius = int(random.integers(10, 16))
        reach = empty + radius + 2 if empty else 0
        centre = (int(random.integers(reach, columns - reach)), int(random.integers(0, rows)))
        for plane, depth in zip(field, (30, 80, 60), strict=True):
            disc = np.zeros((rows, columns), np.float32)
            cv2.circle(disc, centre, radius, 1, -1)
            plane -= depth * cv2.GaussianBlur(disc, (0, 0), 1.5)
    return as_bytes(field + random.normal(0, noise, field.shape))


def as_bytes(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def padded(image, left, right, value, noise=0.0, seed=1):
    """The image between blank margins of one value."""
    random = np.random.default_rng(seed)
    channels, rows, columns = image.shape
    frame = value + random.normal(0, noise, (channels, rows, left + columns + right)) * (noise > 0)
    frame[:, :, left : left + columns] = image
    return as_bytes(frame)


@pytest.mark.parametrize("value", [0, 12, 128, 250, 255])
@pytest.mark.parametrize("noise", [0.0, 2.0, 6.0])
@pytest.mark.parametrize(("left", "right"), [(37, 90), (5, 0), (0, 61), (150, 160)])
def test_margins_of_any_brightness_and_width_are_found(value, noise, left, right):
    found = find_margins(padded(smear(), left, right, value, noise), 255)
    assert np.abs(np.subtract(found, (left, right))).max() <= NEAR


def test_margins_of_16_bit_frames_are_found_on_their_own_scale():
    frame = padded(smear(), 40, 30, 5).astype(np.uint16) * 64
    assert find_margins(frame, 16383) == (40, 30)


def test_a_blurred_edge_is_found():
    frame = padded(smear(), 40, 52, 3)
    blurred = np.stack([cv2.GaussianBlur(plane, (0, 0), 1.2) for plane in frame])
    assert np.abs(np.subtract(find_margins(blurred, 255), (40, 52))).max() <= NEAR


def test_margins_that_share_the_light_of_the_field_are_found():
    frame = padded(smear(), 40, 52, 140).astype(float)
    light = 0.5 + 0.5 * np.cos(np.linspace(-1.3, 1.3, frame.shape[1]))
    lit = frame * light[None, :, None]
    assert np.ptp(lit[0, :, 5]) > 40
    assert np.abs(np.subtract(find_margins(as_bytes(lit), 255), (40, 52))).max() <= NEAR


def test_dust_and_dead_pixels_on_a_margin_do_not_end_it():
    frame = padded(smear(), 60, 50, 250, noise=1)
    for row, column in np.random.default_rng(3).integers((0, 0), (240, 60), (12, 2)):
        frame[:, row : row + 2, column : column + 2] = 0
    assert np.abs(np.subtract(find_margins(frame, 255), (60, 50))).max() <= NEAR


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_a_frame_without_margins_loses_nothing(seed, noise):
    assert find_margins(smear(seed=seed, noise=noise), 255) == (0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_empty_background_at_the_border_is_no_margin(seed):
    assert find_margins(smear(seed=seed, empty=90), 255) == (0, 0)
    assert find_margins(smear(seed=seed, empty=90, noise=0), 255) == (0, 0)


@pytest.mark.parametrize("reach", [30, 120, 200])
def test_content_that_fades_towards_the_border_is_no_margin(reach):
    image = smear()
    distance = np.minimum(np.arange(420), np.arange(420)[::-1])
    for power in (1, 2):
        faded = as_bytes(image * np.clip(distance / reach, 0, 1) ** power)
        assert find_margins(faded, 255) == (0, 0)


def test_a_straight_edge_over_a_third_of_the_rows_ends_no_margin():
    image = np.full((3, 240, 420), 220, np.uint8)
    image[:, 80:160, 60:300] = 90
    assert find_margins(image, 255) == (0, 0)


def test_a_border_with_structure_is_content_though_a_straight_edge_ends_it():
    image = padded(smear(), 50, 50, 40)
    image[:, 100:150, :50] = 75
    image[:, 190:200, :50] = 10
    assert find_margins(image, 255) == (0, 50)


def test_a_step_fainter_than_the_contrast_is_none():
    image = np.full((1, 240, 420), 9000, np.uint16)
    image[:, :, 50:] = 9120
    image[:, 120:180, 360:] = 0  # a quarter of the right border is content
    assert find_margins(image, 16383) == (0, 0)
    assert find_margins(image, 16383, contrast=0.005) == (50, 0)


@pytest.mark.parametrize("image", [np.zeros((3, 50, 60), np.uint8), np.full((1, 4, 300), 9, np.uint8)])
def test_a_blank_frame_has_no_margin(image):
    assert find_margins(image, 255) == (0, 0)


def real_frames(name):
    folders = [Path(root) / name for root in (os.environ.get("HEMOSEG_REAL_DATA"), "data") if root]
    found = next((folder for folder in folders if (folder / "images").is_dir()), None)
    if found is None:
        pytest.skip(f"no real set {name}: set HEMOSEG_REAL_DATA or link it to data/{name}")
    return [read_image(file).values for file in sorted((found / "images").iterdir())]


@pytest.mark.real_data
def test_padded_real_frames_come_back_to_within_two_pixels():
    random = np.random.default_rng(0)
    for number, image in enumerate(real_frames("smear_frames")):
        assert find_margins(image, 255) == (0, 0)
        for value, noise in ((0, 0), (6, 2), (250, 1.5), (255, 0)):
            left, right = (int(width) for width in random.integers(3, 220, 2))
            found = find_margins(padded(image, left, right, value, noise), 255)
            assert np.abs(np.subtract(found, (left, right))).max() <= NEAR, (number, value, left, right, found)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["smear", "nuclei", "points"])
def test_real_images_without_margins_lose_nothing(name):
    lost = [find_margins(image, 255) for image in real_frames(name)[:40]]
    assert set(lost) == {(0, 0)}
