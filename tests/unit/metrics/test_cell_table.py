import numpy as np
import pytest
from shapely import MultiPolygon, box
from skimage.measure import label, perimeter_crofton, regionprops

from hemoseg.metrics.cell_table import columns, measure_cells

NAMES = ["background", "round", "sickle"]


def drawn(seed, share=0.5, size=(40, 50)):
    """Blobs of all forms, with holes, one pixel wide and touching; two classes, and an image of three channels."""
    random = np.random.default_rng(seed)
    instances = label(random.random(size) < share, connectivity=1)
    classes = np.where(instances > 0, random.integers(1, 3, size), 0).astype(np.uint8)
    return instances, classes, random.integers(0, 256, (3, *size), np.uint8)


def measured(instances, classes, image, **others):
    return measure_cells(instances, classes, image, class_names=NAMES, **others)


@pytest.mark.parametrize("seed", range(3))
def test_every_number_is_what_one_cell_alone_gives(seed):
    instances, classes, image = drawn(seed)
    found = measured(instances, classes, image)
    grey = np.tensordot([0.299, 0.587, 0.114], image / 255, 1)
    for i, one in enumerate(regionprops(instances)):
        mask = instances == one.label
        assert found["id"][i] == one.label
        assert found["area_px"][i] == one.area
        assert (found["row"][i], found["column"][i]) == pytest.approx(one.centroid)
        assert found["perimeter_px"][i] == pytest.approx(perimeter_crofton(np.pad(mask, 1), directions=4))
        assert found["form_factor"][i] == pytest.approx(4 * np.pi * one.area / found["perimeter_px"][i] ** 2)
        # A pixel's extent adds a twelfth to the second moments of points, which are scikit-image's.
        for name in ("major", "minor"):
            axis = np.sqrt(getattr(one, f"axis_{name}_length") ** 2 + 16 / 12)
            assert found[f"{name}_axis_px"][i] == pytest.approx(axis)
        assert found["class"][i] == np.bincount(classes[mask]).argmax()
        assert found["class_name"][i] == NAMES[found["class"][i]]
        assert found["mean_intensity"][i] == pytest.approx(grey[mask].mean())
        assert found["mean_intensity_2"][i] == pytest.approx(image[2][mask].mean() / 255)
        at_border = bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())
        assert found["touches_border"][i] == at_border
    assert np.isnan(found["probability"]).all()


@pytest.mark.parametrize("seed", range(3))
def test_solidity_is_by_the_hull_of_squares(seed):
    instances, classes, image = drawn(seed, 0.55)
    found = measured(instances, classes, image)["solidity"]
    for i, one in enumerate(regionprops(instances)):
        squares = MultiPolygon([box(column, row, column + 1, row + 1) for row, column in one.coords])
        assert found[i] == pytest.approx(one.area / squares.convex_hull.area)
        assert found[i] <= one.solidity + 1e-9


def test_a_disc_is_as_solid_as_scikit_image_says_it_is():
    rows, columns_ = np.indices((101, 101)) - 50
    disc = (rows**2 + columns_**2 <= 40**2).astype(int)
    found = measured(disc, disc.astype(np.uint8), np.zeros((1, 101, 101), np.uint8))
    assert found["solidity"][0] == pytest.approx(regionprops(disc)[0].solidity, abs=0.02)
    assert found["major_axis_px"][0] == pytest.approx(80, rel=0.01) == found["minor_axis_px"][0]


def test_a_window_says_of_its_cells_what_the_frame_says():
    instances, classes, image = drawn(4)
    probability = np.random.default_rng(4).random((3, *instances.shape)).astype(np.float32)
    whole = measured(instances, classes, image, probability=probability, pixel_size=0.5)
    inside = np.setdiff1d(np.unique(instances[5:35, 8:]), np.unique([*instances[4], *instances[35]]))
    inside = np.setdiff1d(inside, instances[:, 7])
    window = np.where(np.isin(instances, inside), instances, 0)
    parts = [array[..., 5:35, 8:] for array in (window, classes, image)]
    found = measured(
        *parts,
        probability=probability[:, 5:35, 8:], pixel_size=0.5, offset=(5, 8), frame_size=instances.shape,
    )  # fmt: skip
    at = np.searchsorted(whole["id"], found["id"])
    assert list(found["id"]) == list(inside[inside > 0])
    assert len(at) > 5
    assert found["touches_border"].any()
    for name, values in found.items():
        assert (values == whole[name][at]).all() or values == pytest.approx(whole[name][at], rel=1e-12), name


def test_probability_is_that_of_the_cells_own_class():
    instances, classes, image = drawn(5)
    probability = np.random.default_rng(5).integers(0, 256, (3, *instances.shape), np.uint8)
    found = measured(instances, classes, image, probability=probability)
    for cell, kind, value in zip(found["id"], found["class"], found["probability"], strict=True):
        assert value == pytest.approx(probability[kind][instances == cell].mean() / 255)


def test_intensities_are_shares_of_full_light_whatever_the_type():
    instances, classes, image = drawn(9)
    found = measured(instances, classes, image)["mean_intensity"]
    for same in (image.astype(np.uint16) * 257, image.astype(np.float32) / 255):
        assert measured(instances, classes, same)["mean_intensity"] == pytest.approx(found, rel=1e-5)


def test_huge_ids_and_an_unknown_class_are_no_obstacle():
    instances, classes, image = drawn(6)
    plain = measured(instances, classes, image)
    huge = np.where(instances > 0, instances.astype(np.int64) * 10**12, 0)
    found = measured(huge, np.where(classes == 2, 255, classes).astype(np.uint8), image)
    assert (found["id"] == plain["id"] * 10**12).all()
    assert found["perimeter_px"] == pytest.approx(plain["perimeter_px"])
    assert set(found["class_name"][found["class"] == 255]) == {""}


def test_columns_are_the_same_for_no_cell_and_micrometres_scale():
    instances, classes, image = drawn(7)
    found = measured(instances, classes, image, pixel_size=0.25)
    none = measured(np.zeros_like(instances), classes, image, pixel_size=0.25)
    assert list(none) == list(found) == [name for name in columns(3, True) if name not in ("image", "group")]
    assert all(len(values) == 0 for values in none.values())
    assert found["area_um2"] == pytest.approx(found["area_px"] / 16)
    assert found["major_axis_um"] == pytest.approx(found["major_axis_px"] / 4)
    assert found["row_um"] == pytest.approx(found["row"] / 4)


def test_arrays_of_another_size_are_refused():
    instances, classes, image = drawn(8)
    with pytest.raises(ValueError, match="image"):
        measured(instances, classes, image[:, 1:])
