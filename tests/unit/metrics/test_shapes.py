import numpy as np
import pytest
from scipy.special import ellipe
from skimage.measure import label, perimeter, perimeter_crofton, regionprops

from hemoseg.metrics.shapes import cell_shapes, cut_sides, perimeters

GRIDS = [(1.0, 1.0), (2.11, 3.75), (3.0, 1.0)]  # the second: quadrants of 960x540 at 256x256


def ellipse(major, minor, turn, spacing, shift):
    """A filled ellipse of half axes in the unit of the spacing; its centre lies ``shift`` pixels off a pixel's."""
    rows, columns = (
        (np.arange(-n, n + 1) + s) * side
        for n, s, side in zip((int(major / h) + 3 for h in spacing), shift, spacing, strict=True)
    )
    rows, columns = np.meshgrid(rows, columns, indexing="ij")
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    return ((along / major) ** 2 + (across / minor) ** 2 <= 1).astype(int)


def many(major, minor, spacing, number=24):
    """Shapes of one ellipse at many places and angles, as means."""
    random = np.random.default_rng(0)
    size = np.sqrt(np.prod(spacing))
    drawn = [
        ellipse(major * size, minor * size, random.uniform(0, np.pi), spacing, random.uniform(-0.5, 0.5, 2))
        for _ in range(number)
    ]
    found = [{name: value[0] for name, value in cell_shapes(one, spacing).items()} for one in drawn]
    return {name: np.mean([one[name] for one in found]) for name in found[0]}, size


@pytest.mark.parametrize("spacing", GRIDS)
@pytest.mark.parametrize("radius", [4, 8, 20])
def test_a_disc_is_a_disc_on_every_grid(radius, spacing):
    mean, size = many(radius, radius, spacing)
    assert mean["area"] == pytest.approx(np.pi * (radius * size) ** 2, rel=0.012)
    assert mean["perimeter"] == pytest.approx(2 * np.pi * radius * size, rel=0.012)
    assert mean["form_factor"] == pytest.approx(1, abs=0.025)


@pytest.mark.parametrize("spacing", GRIDS)
@pytest.mark.parametrize(("major", "minor"), [(10, 5), (20, 10), (24, 8)])
def test_an_ellipse_has_its_own_form(major, minor, spacing):
    mean, size = many(major, minor, spacing)
    eccentricity = np.sqrt(1 - (minor / major) ** 2)
    around = 4 * major * size * ellipe(eccentricity**2)
    assert mean["perimeter"] == pytest.approx(around, rel=0.02)
    assert mean["eccentricity"] == pytest.approx(eccentricity, abs=0.01)
    form = 4 * np.pi * np.pi * major * minor * size**2 / around**2
    assert mean["form_factor"] == pytest.approx(form, rel=0.03)


def test_the_chosen_perimeter_is_less_biased_than_the_other():
    found = []
    for shift in np.random.default_rng(0).uniform(-0.5, 0.5, (20, 2)):
        disc = ellipse(20, 20, 0, (1, 1), shift)
        found.append([perimeters(disc)[0], perimeter(disc)])
    ours, other = np.mean(found, axis=0) / (2 * np.pi * 20) - 1
    assert abs(ours) < 0.003 < 0.03 < abs(other)


def blobs():
    random = np.random.default_rng(3)
    return label(random.random((40, 50)) < 0.45, connectivity=1)


def test_with_square_pixels_it_is_scikit_images():
    labels = blobs()
    found = cell_shapes(labels)
    for i, one in enumerate(regionprops(labels)):
        alone = np.pad(labels == one.label, 1)
        assert found["perimeter"][i] == pytest.approx(perimeter_crofton(alone, directions=4))
        assert found["area"][i] == one.area
        assert (found["row"][i], found["column"][i]) == pytest.approx(one.centroid)


def test_a_turned_grid_gives_the_same_shape():
    labels = blobs()
    found, turned = cell_shapes(labels, (2.0, 3.0)), cell_shapes(label_order(labels.T), (3.0, 2.0))
    for name in ("area", "perimeter", "eccentricity", "form_factor"):
        assert np.sort(found[name]) == pytest.approx(np.sort(turned[name]))


def label_order(labels):
    """The same cells on an array of its own."""
    return np.ascontiguousarray(labels)


@pytest.mark.parametrize(("labels", "spacing"), [([[1]], (2, 2)), ([[1, 1, 1]], (3, 1)), ([[1], [1]], (1, 2))])
def test_few_pixels_that_make_a_square_are_one_and_never_a_line(labels, spacing):
    found = cell_shapes(np.array(labels), spacing)
    assert found["eccentricity"][0] == pytest.approx(0, abs=1e-6)
    assert found["area"][0] == max(spacing) ** 2


def test_sides_are_those_of_the_field_and_not_of_the_array():
    field = np.zeros((8, 10), bool)
    field[1:7, 2:9] = True
    field[1:4, 6:9] = False  # a part that no sample shows
    labels = np.zeros((8, 10), int)
    labels[1, 3] = labels[5, 2] = labels[3, 5] = labels[6, 4] = labels[4, 8] = labels[3, 3] = labels[4, 6] = 1
    labels[labels > 0] = np.arange(1, 8)
    at = {int(labels[place]): place for place in zip(*np.nonzero(labels), strict=True)}
    upper_left, lower_right = cut_sides(labels, field)
    first = {at[i + 1] for i in np.flatnonzero(upper_left)}
    second = {at[i + 1] for i in np.flatnonzero(lower_right)}
    assert first == {(1, 3), (5, 2), (4, 8), (4, 6)}
    assert second == {(3, 5), (6, 4), (4, 8)}
