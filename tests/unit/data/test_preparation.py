import numpy as np
import pytest

from hemoseg.data.classes import Merging
from hemoseg.data.frames import Frame
from hemoseg.data.preparation import Cutter, checked, resized
from hemoseg.errors import InputError
from hemoseg.labels.components import connected_components


def frame(rows=60, columns=80, name="a"):
    instances = np.zeros((rows, columns), np.int32)
    instances[10:30, 10:39] = 4
    instances[10:30, 40:70] = 9  # one column between the two
    classes = np.where(instances == 4, 1, np.where(instances == 9, 2, 0)).astype(np.uint8)
    image = np.random.default_rng(0).integers(0, 255, (3, rows, columns)).astype(np.uint8)
    return Frame(name, image, classes, instances, "p1", "rbc")


def cutter(**settings):
    return Cutter(checked(settings), Merging({1: "disc", 2: "oval"}, settings.get("classes"), []), 255.0)


def test_two_cells_one_pixel_apart_stay_two_at_a_quarter_of_the_size():
    small = resized(frame(), (15, 20))
    assert connected_components(small.classes > 0).max() == 1, "the gap dies in the mask: the test can fail"
    assert sorted(np.unique(small.instances)) == [0, 1, 2]
    for label in (1, 2):
        assert np.unique(small.classes[small.instances == label]).tolist() == [label]


def test_a_class_that_varies_within_a_cell_becomes_one():
    mixed = frame()
    mixed.classes[10:12, 10:39] = 2
    assert np.unique(resized(mixed, None).classes[resized(mixed, None).instances == 1]).tolist() == [1]


def test_ignored_ground_outside_of_cells_survives_the_resize():
    part = frame()
    part.classes[40:60] = 255
    assert (resized(part, (30, 40)).classes[20:] == 255).all()


def test_samples_remember_frame_box_and_size():
    cut = cutter(layout="quadrants", size=[32, 32])
    cut.add(frame())
    samples = cut.samples(0.1, {"dataset": "x"})
    assert samples.ids == ["a_0_0", "a_0_40", "a_30_0", "a_30_40"]
    assert samples.boxes.tolist() == [[0, 0, 30, 40], [0, 40, 30, 80], [30, 0, 60, 40], [30, 40, 60, 80]]
    assert samples.frame_sizes.tolist() == [[60, 80]] * 4
    assert samples.frames == ["a"] * 4
    assert samples.groups == ["p1"] * 4
    assert samples.class_names == ["background", "disc", "oval"]
    assert {image.shape for image in samples.images} == {(3, 32, 32)}
    assert samples.images[0].dtype == np.uint8


def test_margins_are_cut_before_the_layout_and_kept():
    wide = frame(rows=120, columns=200)
    wide.image[:, :, :23] = 0
    wide.image[:, :, -31:] = 0
    cut = cutter(margin_crop=True)
    cut.add(wide)
    samples = cut.samples(None, {})
    assert samples.ids == ["a"]
    assert samples.info["margins"] == {"a": (23, 31)}
    assert samples.boxes.tolist() == [[0, 23, 120, 169]]
    assert np.array_equal(samples.images[0], wide.image[:, :, 23:-31])


def test_cells_are_numbered_anew_in_every_tile():
    cut = cutter(layout="tiles", tile=[30, 40], overlap=0)
    cut.add(frame())
    for labels in cut.samples(None, {}).instances:
        assert sorted(np.unique(labels)) == list(range(labels.max() + 1))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"layout": "halves"}, "'halves' is none of whole, quadrants, tiles"),
        ({"layout": "tiles"}, "needs 'tile'"),
        ({"size": 256}, r"give rows and columns, such as \[256, 256\]"),
        ({"margin_crop": {"shares": 1}}, "unknown key 'shares'; did you mean 'share'"),
        ({"labels": "none"}, "neither 'truth' nor 'auto'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        checked(settings)


def test_a_frame_smaller_than_a_tile_is_named():
    with pytest.raises(InputError, match=r"^a: 60 x 80 px hold no tile of 64 x 64; choose a smaller tile"):
        cutter(layout="tiles", tile=[64, 64]).add(frame())


def test_lines_part_touching_cells_at_the_size_of_the_sample():
    touching = frame()
    touching.instances[10:30, 39] = 4  # now the two share an edge
    touching.classes[10:30, 39] = 1
    cut = cutter(size=[30, 40], lines=1)
    cut.add(touching)
    classes, instances = (getattr(cut.samples(0.1, {}), name)[0] for name in ("classes", "instances"))
    parts = connected_components(classes > 0)
    assert parts.max() == 2
    assert np.array_equal(classes > 0, instances > 0)
    assert np.unique(instances).tolist() == [0, 1, 2]
    assert (classes[6] == 0).sum() == 40 - 30 + 2  # a pixel of each, beside what was ground before


@pytest.mark.parametrize("value", [-1, 0.5, True, "1"])
def test_lines_of_no_whole_number_of_pixels_are_refused(value):
    with pytest.raises(InputError, match=r"prepare settings: lines .*; give a whole number of pixels"):
        checked({"lines": value})
