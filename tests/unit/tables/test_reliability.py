"""What a reliability diagram and precision-recall curves are drawn from, against the pixels that were counted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hemoseg.metrics.calibration import GIVEN, MOST_PROBABLE, calibration
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.metrics.pixels import probability_histograms
from hemoseg.metrics.precision_recall import precision_at
from hemoseg.tables import precision_recall
from hemoseg.tables.cell_calibration_columns import BINS, cell_ece, promises
from hemoseg.tables.column import Run
from hemoseg.tables.conventions import read
from hemoseg.tables.reliability import reliability
from hemoseg.tables.table import plan

NAMES = ["background", "one", "two"]
PLAN = plan({"table": "t", "rows": {"unet": "U-Net", "otsu": "Otsu"}, "columns": {"dice": "Dice"}})


def image(seed):
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(3, 0.5), (12, 15)).transpose(2, 0, 1).astype(np.float32)
    return probability, rng.integers(0, 3, (12, 15))


def run_of(images, split="fold0", seed=0, shift=0):
    """A run that tests the images of the given numbers; ``shift`` makes what it says of them another."""
    said = [(image(number + shift)[0], image(number)[1]) for number in images]
    everywhere = np.ones((12, 15), bool)
    rows = [
        {"sample": f"s{number}", "frame": f"f{number}", "group": "", "class": c, "class_name": name}
        for number in images
        for c, name in enumerate(NAMES)
    ]
    return Run(
        "unet", split, seed, pd.DataFrame(rows), pd.DataFrame(),
        np.stack([probability_histograms(*pair, everywhere, 32) for pair in said]),
        np.stack([calibration(*pair, everywhere, 4).reliability for pair in said]),
    )  # fmt: skip


def test_every_bin_holds_the_pixels_of_all_images_an_image_of_two_seeds_counting_once():
    runs = [run_of([1, 2]), run_of([3], "fold1"), run_of([1, 2], seed=1, shift=50)]
    said = [(1, 0, 0.5), (2, 0, 0.5), (3, 0, 1.0), (1, 50, 0.5), (2, 50, 0.5)]
    found = reliability(PLAN, runs, draws=20)
    for class_id, name in enumerate([*NAMES, MOST_PROBABLE]):
        pixels = []
        for number, shift, weight in said:
            probability, gt = image(number + shift)[0], image(number)[1]
            top = probability.argmax(axis=0)
            value, right = (probability.max(axis=0), top == gt) if name == MOST_PROBABLE else (probability[class_id],
                                                                                    gt == class_id)  # fmt: skip
            pixels.append(pd.DataFrame({"p": value.ravel(), "right": right.ravel(), "weight": weight}))
        pixels = pd.concat(pixels)
        lines = found[found["class"] == name]
        for line in lines.to_dict("records"):
            inside = pixels[(pixels["p"] > line["lower"]) & (pixels["p"] <= line["upper"])]
            assert line["number"] == pytest.approx(inside["weight"].sum())
            for key, value in (("confidence", "p"), ("right", "right")):
                assert line[key] == pytest.approx(np.average(inside[value], weights=inside["weight"]), rel=1e-5)
        assert lines["number"].sum() == pytest.approx(3 * 12 * 15)
    assert set(found["n_images"]) == {3}


def test_the_interval_is_of_the_images_that_were_drawn():
    runs = [run_of(range(12))]
    found = reliability(PLAN, runs)
    assert ((found["low"] <= found["right"]) & (found["right"] <= found["high"])).mean() > 0.9
    assert (found["high"] > found["low"]).all()
    alike = replace(runs[0], image_reliability=np.repeat(runs[0].image_reliability[:1], 12, axis=0))
    same = reliability(PLAN, [alike])
    assert same["low"].to_numpy() == pytest.approx(same["right"].to_numpy())
    assert reliability(PLAN, [run_of([1])])[["low", "high"]].isna().all().all()


def test_methods_without_probabilities_have_no_lines():
    hard = replace(run_of([1]), model="otsu", image_reliability=None, image_histograms=None)
    assert set(reliability(PLAN, [hard, run_of([1])], draws=5)["row"]) == {"unet"}
    assert len(reliability(PLAN, [hard])) == len(precision_recall.curves(PLAN, [hard])) == 0


def run_of_cells(images, split="fold0", seed=0):
    """A run that tests images of rows of 2 x 2 cells, of which some are lost, made up or given another class."""
    run, tables = run_of(images, split, seed), []
    for number in images:
        rng = np.random.default_rng((number, seed))
        cells = np.kron(np.arange(1, 31).reshape(5, 6), [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
        gt, pred = (np.where(np.isin(cells, rng.choice(31, 25)), cells, 0) for _ in range(2))
        types = [np.where(labels > 0, rng.integers(1, 3, 31)[labels], 0) for labels in (gt, pred)]
        soft = rng.dirichlet(np.full(3, 0.5), cells.shape).transpose(2, 0, 1)
        truth, told = Truth(gt, types[0], np.ones(gt.shape, bool)), {"n_classes": 3, "min_area": 1, "gap_cap": 2}
        for side, facts in zip(
            ("gt", "pred"), cell_facts(truth, pred, types[1], **told, probability=soft), strict=True
        ):
            tables.append(pd.DataFrame({"sample": f"s{number}", "side": side, **facts}))
    return replace(run, cells=pd.concat(tables, ignore_index=True))


def test_bins_of_cells_hold_those_of_all_images_an_image_of_two_seeds_counting_once():
    runs = [run_of_cells([1, 2]), run_of_cells([3], "fold1"), run_of_cells([1, 2], seed=1)]
    found = reliability(PLAN, runs, draws=20)
    lines = found[found["of"] == "cells"]
    assert set(lines["class"]) == {GIVEN}
    assert set(lines["n_images"]) == {3}
    made = [promises(run) for run in runs]
    cells = pd.concat(
        pd.DataFrame({"p": one.confidence, "right": one.said == one.true, "weight": weight})
        for one, weight in zip(made, (0.5, 1, 0.5), strict=True)
    )
    for line in lines.to_dict("records"):
        inside = cells[(cells["p"] * BINS).astype(int) == line["bin"]]
        assert line["number"] == pytest.approx(inside["weight"].sum())
        for key, value in (("confidence", "p"), ("right", "right")):
            assert line[key] == pytest.approx(np.average(inside[value], weights=inside["weight"]))
    assert lines["number"].sum() == pytest.approx(cells["weight"].sum())
    assert found[found["of"] == "pixels"].equals(
        reliability(PLAN, [replace(run, cells=run.cells[:0]) for run in runs], 20)
    )


def test_the_curve_of_cells_errs_by_their_calibration_error():
    run = run_of_cells(range(4))
    lines = reliability(PLAN, [run], draws=20)
    lines = lines[lines["of"] == "cells"]
    error = np.average((lines["right"] - lines["confidence"]).abs(), weights=lines["number"])
    assert error == pytest.approx(cell_ece(run, 0, read({})))


def test_a_run_that_found_no_cell_counts_as_one_that_found_none():
    """Half the cells of one seed, as every image counts once, and not all of them."""
    full = run_of_cells([1])
    nothing = replace(full, seed=1, cells=full.cells[full.cells["side"] == "gt"])
    both, alone = (reliability(PLAN, runs, draws=5) for runs in ([full, nothing], [full]))
    numbers = [one.loc[one["of"] == "cells", "number"].sum() for one in (both, alone)]
    assert numbers[0] == pytest.approx(numbers[1] / 2)


def test_curves_are_the_mean_over_folds_with_the_share_that_chance_has():
    runs = [run_of([1, 2]), run_of([3], "fold1")]
    found = precision_recall.curves(PLAN, runs)
    lines = found[found["class"] == "two"]
    of_folds = [precision_at(run.histograms[2], lines["recall"].to_numpy()) for run in runs]
    np.testing.assert_allclose(lines["precision"], np.mean(of_folds, axis=0))
    np.testing.assert_allclose(lines["sd"], np.std(of_folds, axis=0, ddof=1))
    shares = [np.mean([image(number)[1] == 2 for number in part]) for part in ((1, 2), (3,))]
    assert lines["chance"].to_numpy() == pytest.approx(np.mean(shares))
    assert lines["precision"].iloc[-1] >= min(shares)
