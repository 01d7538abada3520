from dataclasses import replace

import numpy as np
import pytest

from hemoseg.__main__ import main
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.errors import InputError
from hemoseg.steps.files import write_arrays
from hemoseg.steps.labelled import (
    median_cell_area,
    read_predictions,
    read_samples,
    read_split,
    require_labels,
    role_samples,
)


@pytest.fixture
def samples():
    """Three frames of two classes; cells of 4, 6 and 9 pixels, and one of 16 in the third."""
    classes = np.zeros((3, 10, 10), np.uint8)
    classes[0, :2, :2], classes[0, 5:7, 5:8], classes[1, 1:4, 1:4], classes[2, :4, :4] = 1, 2, 1, 2
    instances = np.where(classes[0] == 2, 2, classes[0]), classes[1], classes[2] > 0
    names = ["a", "b", "10"]
    return Samples(
        [np.full((1, 10, 10), 7, np.uint8)] * 3, list(classes), [i.astype(np.int32) for i in instances],
        names, names, [""] * 3, [""] * 3, np.tile([0, 0, 10, 10], (3, 1)), np.tile([10, 10], (3, 1)),
        ["background", "x", "y"], 255.0,
    )  # fmt: skip


def written(samples, path):
    write_arrays(path, **to_arrays(samples))
    return path


def split_file(tmp_path):
    rows = ["fold0,a,a,,train", "fold0,10,10,,val", "fold0,b,b,,test", "fold1,b,b,,train"]
    (tmp_path / "splits.csv").write_text("split,sample,frame,group,role\n" + "\n".join(rows) + "\n")
    return tmp_path / "splits.csv"


def test_samples_come_back(samples, tmp_path):
    read = read_samples(written(samples, tmp_path / "samples.npz"))
    assert read.ids == samples.ids
    assert all(np.array_equal(a, b) for a, b in zip(read.classes, samples.classes, strict=True))


def test_automatic_labels_take_the_place_of_the_true_ones(samples, tmp_path):
    auto = replace(
        samples, images=[], classes=[np.ones((10, 10), np.uint8)] * 3, class_names=["background", "cell"]
    )  # fmt: skip
    read = read_samples(written(samples, tmp_path / "s.npz"), written(auto, tmp_path / "auto.npz"))
    assert np.array_equal(read.images[1], samples.images[1])
    assert read.classes[2].min() == 1
    assert read.class_names == ["background", "cell"]


def test_automatic_labels_of_other_samples_are_refused(samples, tmp_path):
    other = written(samples.take([0, 1]), tmp_path / "auto.npz")
    with pytest.raises(InputError, match=r"auto\.npz: made for other samples than .*s\.npz; run `autolabel` again"):
        read_samples(written(samples, tmp_path / "s.npz"), other)


def test_a_file_of_another_kind_is_refused(tmp_path):
    write_arrays(tmp_path / "predictions.npz", ids=np.array(["a"]))
    with pytest.raises(InputError, match=r"predictions\.npz: holds no samples \('images_values' is missing\)"):
        read_samples(tmp_path / "predictions.npz")


def test_a_split_is_read_by_role_and_numbers_stay_names(tmp_path):
    assert read_split(split_file(tmp_path), "fold0") == {"train": ["a"], "val": ["10"], "test": ["b"]}


def test_an_unknown_split_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"no split 'fold7'; the splits are fold0, fold1"):
        read_split(split_file(tmp_path), "fold7")


def test_a_table_of_splits_that_was_cut_off_is_refused(tmp_path):
    path = split_file(tmp_path)
    path.write_text(path.read_text()[:-2])
    with pytest.raises(InputError, match=r"splits\.csv: its last line is cut off; delete it and run its step again"):
        read_split(path, "fold0")


def test_a_table_that_is_no_split_is_refused(tmp_path):
    (tmp_path / "pixels.csv").write_text("split,dice\nfold0,0.5\n")
    with pytest.raises(InputError, match=r"pixels\.csv: no column 'role'; pass the file that `split` wrote"):
        read_split(tmp_path / "pixels.csv", "fold0")


def test_a_role_has_its_samples_in_the_order_of_the_file(samples):
    assert role_samples(samples, {"test": ["10", "a"]}, "test").ids == ["10", "a"]
    assert len(role_samples(samples, {"test": ["a"]}, "val")) == 0


def test_a_split_of_other_samples_is_refused(samples):
    with pytest.raises(InputError, match="the split names zz, which is none of the samples; run `split` again"):
        role_samples(samples, {"test": ["a", "zz"]}, "test")


def test_samples_without_labels_are_refused(samples):
    assert require_labels(samples, "s.npz") is samples
    with pytest.raises(InputError, match=r"s\.npz: the dataset has no labels; set `labels: auto`"):
        require_labels(replace(samples, classes=[], instances=[]), "s.npz")


def test_typical_cell_is_the_median_with_and_without_instances(samples):
    assert median_cell_area(samples) == np.median([4, 6, 9, 16])
    assert median_cell_area(replace(samples, instances=[])) == np.median([4, 6, 9, 16])


def test_touching_cells_are_two_by_their_instances_and_one_by_their_class(samples):
    classes = np.zeros((10, 10), np.uint8)
    classes[0, :6] = 1
    instances = np.zeros((10, 10), np.int32)
    instances[0, :2], instances[0, 2:6] = 5, 9
    one = replace(samples.take([0]), classes=[classes], instances=[instances])
    assert median_cell_area(one) == 3.0
    assert median_cell_area(replace(one, instances=[])) == 6.0


def test_ignored_pixels_are_no_part_of_a_cell(samples):
    samples.classes[1][1] = 255  # a row of the cell of nine
    for instances in (samples.instances, []):
        assert median_cell_area(replace(samples, instances=instances).take([1])) == 6.0


def test_without_a_cell_the_typical_one_has_no_area(samples):
    for one in samples.classes:
        one[:] = 0
    assert median_cell_area(replace(samples, instances=[])) == 0.0


@pytest.mark.parametrize("step", ["split", "restore", "autolabel"])
def test_every_step_names_a_file_of_another_kind(tmp_path, capsys, step):
    write_arrays(tmp_path / "x.npz", ids=np.array(["a"]))
    more = ["--predictions", str(tmp_path / "x.npz")] if step == "restore" else []
    assert main([step, "--samples", str(tmp_path / "x.npz"), *more, "--out", str(tmp_path / "out")]) == 2
    assert "x.npz: holds no samples ('images_values' is missing)" in capsys.readouterr().err


def test_samples_are_no_predictions_and_labels_no_samples(samples, tmp_path):
    with pytest.raises(InputError, match=r"s\.npz: holds no predictions \('probabilities_values' is missing\)"):
        read_predictions(written(samples, tmp_path / "s.npz"))
    with pytest.raises(InputError, match=r"a\.npz: holds labels without images; pass the file that `prepare` wrote"):
        read_samples(written(replace(samples, images=[]), tmp_path / "a.npz"))
