import numpy as np
import pytest

from hemoseg.errors import InputError
from hemoseg.models import region_growing


def smear(size=(96, 120), cell=0.3, ground=0.8, sd=0.02, channels=3, seed=0):
    random = np.random.default_rng(seed)
    rows, columns = np.indices(size)
    mask = np.zeros(size, bool)
    for r, c in ((25, 30), (30, 90), (70, 60)):
        mask |= (rows - r) ** 2 + (columns - c) ** 2 < 12**2
    image = np.where(mask, cell, ground) + sd * random.standard_normal((channels, *size))
    return image.astype(np.float32), mask


def dice(said, mask):
    return 2 * (said & mask).sum() / (said.sum() + mask.sum())


def found(image, **settings):
    region_growing.fit([], [], [], **settings)
    return region_growing.predict(image, {}, **settings).classes > 0


@pytest.mark.parametrize(("cell", "ground"), [(0.3, 0.8), (0.8, 0.3)])
@pytest.mark.parametrize("shading", [0.0, 0.4])
def test_cells_are_found_dark_or_bright_under_a_slope_of_light(cell, ground, shading):
    image, mask = smear(cell=cell, ground=ground)
    image += np.linspace(0, shading, 120, dtype=np.float32)
    assert dice(found(image), mask) > 0.9


def test_a_pale_centre_is_cell_where_holes_are_filled():
    image, mask = smear()
    rows, columns = np.indices(mask.shape)
    image[:, (rows - 25) ** 2 + (columns - 30) ** 2 < 5**2] = 0.8
    assert dice(found(image), mask) > 0.9
    assert not found(image, fill=False)[25, 30]


@pytest.mark.parametrize("smoothing", [0.0, 0.005, 0.02])
def test_noise_alone_holds_no_cell_and_faint_cells_are_found(smoothing):
    empty = 0.5 + 0.05 * np.random.default_rng(1).standard_normal((1, 100, 130)).astype(np.float32)
    assert not found(empty, smoothing=smoothing).any()
    assert found(empty, smoothing=smoothing, contrast=0).any()
    image, mask = smear(cell=0.45, ground=0.55, sd=0.01)
    assert dice(found(image, smoothing=smoothing), mask) > 0.85


def test_the_unit_of_the_grey_values_does_not_matter():
    image, _ = smear()
    assert np.array_equal(found(image), found(image / 16))  # 12 bits in 16


def test_a_narrow_tolerance_takes_less():
    image, _ = smear(sd=0.05)
    narrow, wide = found(image, tolerance=0.05, fill=False), found(image, fill=False)
    assert narrow.sum() < wide.sum()
    assert not (narrow & ~wide).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 3)])
def test_the_smallest_images_are_labelled(size):
    assert found(np.random.default_rng(0).random((1, *size), dtype=np.float32)).shape == size


def test_an_image_full_of_cells_is_labelled():
    image = np.full((3, 60, 60), 0.3, np.float32) + 0.01 * np.random.default_rng(0).random((3, 60, 60), np.float32)
    image[:, ::20] = image[:, :, ::20] = 0.8
    cells = found(image, polarity="dark", light=0.0, fill=False)
    assert dice(cells, image[0] < 0.5) > 0.9


def test_the_noise_of_a_smooth_image_is_measured():
    rows, columns = np.indices((200, 200))
    noisy = rows / 100 + columns / 50 + 0.03 * np.random.default_rng(0).standard_normal((200, 200))
    assert region_growing.noise(noisy) == pytest.approx(0.03, rel=0.05)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tolerence": 1}, "did you mean 'tolerance'"),
        ({"tolerance": 0}, "above 0"),
        ({"smoothing": -1}, "smoothing -1"),
        ({"contrast": True}, "contrast True"),
        ({"polarity": "darker"}, "choose auto, dark or bright"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        region_growing.fit([], [], [], **settings)
