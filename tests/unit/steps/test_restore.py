import json

import numpy as np
import pytest
from PIL import Image

from hemoseg.__main__ import main
from hemoseg.data import predictions as predictions_format
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import from_arrays
from hemoseg.steps.files import read_arrays, write_arrays
from hemoseg.steps.images import read_labels


@pytest.fixture
def lab(tmp_path):
    """Two frames with margins and square cells."""
    folder = tmp_path / "lab"
    random = np.random.default_rng(1)
    for name in ("images", "instances"):
        (folder / name).mkdir(parents=True)
    for name in ("a", "b"):
        image = random.integers(120, 220, (96, 150, 3)).astype(np.uint8)
        image[:, :10] = image[:, 138:] = 0
        labels = np.zeros((96, 150), np.uint16)
        for n, (row, column) in enumerate([(5, 20), (5, 70), (40, 45), (70, 100), (60, 15)]):
            labels[row : row + 14, column : column + 16] = n + 1
        Image.fromarray(image).save(folder / f"images/{name}.png")
        Image.fromarray(labels).save(folder / f"instances/{name}.png")
    return folder


def restored(lab, tmp_path, settings, keep=None):
    """Truth as a prediction, put back by the command."""
    paths = {name: str(tmp_path / name) for name in ("samples.npz", "predictions.npz", "full")}
    main(["prepare", "--settings", json.dumps(settings), "--data", str(lab), "--out", paths["samples.npz"]])
    samples = from_arrays(read_arrays(paths["samples.npz"]))
    samples = samples.take(list(range(len(samples)))[:keep])
    truth = Predictions(samples.ids, [], samples.classes, samples.instances)
    write_arrays(paths["predictions.npz"], **predictions_format.to_arrays(truth))
    argv = ["--samples", paths["samples.npz"], "--predictions", paths["predictions.npz"], "--out", paths["full"]]
    assert main(["restore", *argv]) == 0
    return tmp_path / "full"


def same_cells(a, b):
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return pairs.shape[1] == np.unique(a).size == np.unique(b).size


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"margin_crop": True},
        {"margin_crop": True, "layout": "tiles", "tile": [48, 64], "overlap": 20},
    ],
)
def test_truth_put_back_is_the_truth_when_nothing_was_resized(lab, tmp_path, settings):
    full = restored(lab, tmp_path, settings)
    for name in ("a", "b"):
        truth = read_labels(lab / f"instances/{name}.png")
        assert same_cells(read_labels(full / f"instances/{name}.png"), truth)
        assert np.array_equal(read_labels(full / f"classes/{name}.png"), truth > 0)


def test_a_cell_that_a_cut_divided_is_whole_again(lab, tmp_path):
    full = restored(lab, tmp_path, {"layout": "quadrants"})
    for name in ("a", "b"):
        assert same_cells(read_labels(full / f"instances/{name}.png"), read_labels(lab / f"instances/{name}.png"))


def test_truth_put_back_from_a_smaller_size_differs_along_borders_only(lab, tmp_path):
    full = restored(lab, tmp_path, {"margin_crop": True, "layout": "quadrants", "size": [32, 32]})
    truth = read_labels(lab / "instances/a.png") > 0
    found = read_labels(full / "classes/a.png")
    assert found.shape == (96, 150)
    assert ((found == 1) != truth).mean() < 0.03


def test_what_no_sample_shows_is_ignored_ground_and_margins_are_background(lab, tmp_path):
    full = restored(lab, tmp_path, {"margin_crop": True, "layout": "quadrants"}, keep=3)
    found = read_labels(full / "classes/a.png")
    assert (found[:, :10] == 0).all()
    assert (found[48:, 74:138] == 255).all()
    assert (found[:48, 10:138] < 255).all()
    assert not (full / "classes/b.png").exists()


def test_predictions_of_other_samples_are_refused(lab, tmp_path, capsys):
    restored(lab, tmp_path, {})
    other = Predictions(["x"], [], [np.zeros((4, 4), np.uint8)], [np.zeros((4, 4), np.int32)])
    write_arrays(tmp_path / "predictions.npz", **predictions_format.to_arrays(other))
    argv = ["--samples", str(tmp_path / "samples.npz"), "--predictions", str(tmp_path / "predictions.npz")]
    assert main(["restore", *argv, "--out", str(tmp_path / "new")]) == 2
    assert "x is no sample of" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_only_an_earlier_restoration_is_replaced(lab, tmp_path, capsys):
    full = restored(lab, tmp_path, {})
    assert restored(lab, tmp_path, {}) == full
    argv = ["--samples", str(tmp_path / "samples.npz"), "--predictions", str(tmp_path / "predictions.npz")]
    assert main(["restore", *argv, "--out", str(lab)]) == 2
    assert "lab: exists and was not written by this step; choose another --out" in capsys.readouterr().err
    assert (lab / "images/a.png").exists()
