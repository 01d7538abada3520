"""Scores under weights against scores of runs whose images are really left out and repeated, for every column."""

import json
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from hemoseg.data import predictions as prediction_files
from hemoseg.data import samples as sample_files
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.steps import evaluate, files
from hemoseg.steps.evaluated import read_run
from hemoseg.tables import table
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import read
from hemoseg.tables.table import AVERAGE, score, weighted_average

N = 7  # test images; the first has no true cell, the second no predicted one, the third neither
RULES = (
    {"average": "per_image", "empty": "one", "hausdorff_missing": "diagonal", "thresholds": {"jaccard_above": 0.3}},
    {"average": "per_image", "empty": "skip", "hausdorff_missing": "skip", "background": "out"},
    {"average": "pooled", "empty": "zero"},
    {"average": "pooled", "empty": "skip", "background": "out"},
)


def image(rng, number):
    """True and predicted cells of three rows of squares, and the pixels that are ignored."""
    gt = np.kron(rng.permutation(16).reshape(4, 4) * (rng.random((4, 4)) < 0.6), np.ones((6, 6), int))
    pred = np.kron(np.arange(1, 9).reshape(2, 4), np.ones((12, 6), int)) * np.roll(gt > 0, 2, (0, 1))
    return gt * (number not in (0, 2)), pred * (number not in (1, 2)), rng.random(gt.shape) < 0.02


@pytest.fixture(scope="module", params=["probabilities", "hard masks"])
def run(request, tmp_path_factory):
    """A run as `evaluate` writes it, of two classes besides the background."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("run")
    gt, pred, ignored = zip(*(image(rng, number) for number in range(N + 1)), strict=True)
    classes = [np.where(out, IGNORE, np.where(cells, cells % 2 + 1, 0)) for cells, out in zip(gt, ignored, strict=True)]
    ids = [f"s{(3 * i) % N}" for i in range(N)] + ["training"]  # in no order
    samples = Samples(
        images=[np.zeros((1, 24, 24), np.uint8)] * (N + 1), classes=[np.uint8(one) for one in classes],
        instances=[np.int32(one) for one in gt], ids=ids, frames=ids, groups=[""] * (N + 1),
        kinds=["one", "two"] * (N // 2 + 1), boxes=np.zeros((N + 1, 4), int), frame_sizes=np.zeros((N + 1, 2), int),
        class_names=["background", "one", "two"], white=255.0,
    )  # fmt: skip
    said = [np.uint8(np.where(cells, rng.integers(1, 3, cells.shape) ** (number % 2), 0)) for number, cells in
            enumerate(pred[:N])]  # fmt: skip
    soft = [rng.dirichlet((1, 1, 1), one.shape).transpose(2, 0, 1) for one in said]
    boxes = [np.array([[1.0, 1.0, 9.0, 9.0], [2.0, 2.0, 8.0, 8.0]])] * N
    planes = soft if request.param == "probabilities" else []
    told = Predictions(ids[:N], planes, said, [np.int32(one) for one in pred[:N]], boxes)
    files.write_arrays(folder / "samples.npz", **sample_files.to_arrays(samples))
    files.write_arrays(folder / "predictions.npz", **prediction_files.to_arrays(told))
    roles = [("fold0", name, "train" if name == "training" else "test") for name in ids]
    files.write_table(folder / "splits.csv", pd.DataFrame(roles, columns=["split", "sample", "role"]))
    argv = ["--settings", json.dumps({"bins": 8}), "--split", "fold0", "--splits", f"{folder}/splits.csv"]
    argv += [f"--{name}={folder}/{name}.npz" for name in ("samples", "predictions", "histograms")]
    evaluate.main([*argv, f"--pixels={folder}/pixels.csv", f"--cells={folder}/cells.csv"])
    return read_run(f"model=unet,split=fold0,seed=0,folder={folder}")


def repeated(run, times):
    """The run in which sample i is there ``times[i]`` times, under other names."""
    copies = [(name, number) for name, count in zip(run.samples, times, strict=True) for number in range(count)]
    pixels, cells = (
        pd.concat([side[side["sample"] == name].assign(sample=f"{name} {number}") for name, number in copies])
        for side in (run.pixels, run.cells)
    )
    if cells.empty:  # not as if the truth had no instances
        cells = run.cells.iloc[:1].assign(counted=False, sample=pixels["sample"].iloc[0])
    places = [run.samples.index(name) for name, _ in copies]
    arrays = {one.name: getattr(run, one.name) for one in fields(run)}
    arrays = {name: value[places] for name, value in arrays.items() if isinstance(value, np.ndarray)}
    return replace(run, pixels=pixels, cells=cells, **arrays)


def shown(run):
    """Every column with every class that it can show."""
    classes = [*run.class_names.values(), AVERAGE]
    return [(column, name) for column in COLUMNS.values() for name in (classes if column.per_class else ["all"])]


@pytest.mark.parametrize(
    ("run", "rules"), [*(("probabilities", rules) for rules in RULES), ("hard masks", RULES[0])], indirect=["run"]
)
def test_weights_of_one_give_the_score_and_whole_ones_that_of_repeated_images(run, rules):
    conventions = read(rules)
    drawn = np.random.default_rng(0).multinomial(N, np.full(N, 1 / N), 1)
    weights = np.concatenate([np.ones((1, N), int), np.eye(N, dtype=int)[:4], drawn])
    runs = [run] + [repeated(run, times) for times in weights[1:]]
    known = set()
    for column, name in shown(run):
        found = weighted_average(column, run, name, conventions, weights.astype(float))
        expected = [score(column, one, name, conventions) for one in runs]
        assert found.shape == (len(weights),)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=f"{column.key}, {name}")
        known |= {column.key} if not np.isnan(expected[0]) else set()
    assert run.image_histograms is None or known == set(COLUMNS)


def test_every_column_can_be_weighted():
    assert [column.key for column in COLUMNS.values() if column.weighted is None] == []


def test_the_scale_of_weights_matters_to_sums_only(run):
    weights = np.random.default_rng(1).random((3, N))
    for column, name in shown(run):
        once, twice = (weighted_average(column, run, name, read({}), w) for w in (weights, 2 * weights))
        factor = 2 if column.unit in ("cells", "images") else 1
        np.testing.assert_allclose(twice, factor * once, rtol=1e-12, err_msg=column.key)


def test_images_alone_are_scored_in_blocks(run, monkeypatch):
    monkeypatch.setattr(table, "BLOCK", 3)
    for key, name in (("dice", AVERAGE), ("f1_50", "all")):
        found = table.of_each_image(COLUMNS[key], run, name, read({}))
        assert np.array_equal(found, weighted_average(COLUMNS[key], run, name, read({}), np.eye(N)), equal_nan=True)


def test_rows_of_an_unknown_sample_are_refused(run):
    with pytest.raises(ValueError, match="unet, fold0, seed 0: rows of a sample without pixels"):
        run.summed(run.cells.assign(sample="elsewhere"), np.ones(len(run.cells)))
