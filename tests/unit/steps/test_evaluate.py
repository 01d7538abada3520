"""The evaluate step on files: what it writes, on what it refuses, and that nothing half-written stays."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hemoseg.__main__ import run_step
from hemoseg.data import predictions as prediction_files
from hemoseg.data import samples as sample_files
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.errors import InputError
from hemoseg.metrics.pixels import probability_edges
from hemoseg.steps import evaluate, files

LEFT, RIGHT = np.zeros((2, 8, 10), np.int32)
LEFT[1:7, 1:4] = 1
RIGHT[1:7, 1:4] = 1
RIGHT[1:7, 5:9] = 2


def samples_of(instances, *, classes=None, has_instances=True, names=("background", "cell")):
    n = len(instances)
    classes = [np.uint8(labels > 0) for labels in instances] if classes is None else classes
    return Samples(
        images=[np.zeros((1, *labels.shape), np.uint8) for labels in instances],
        classes=classes,
        instances=list(instances) if has_instances else [],
        ids=[f"s{i}" for i in range(n)],
        frames=[f"f{i}" for i in range(n)],
        groups=["p1"] * n,
        kinds=[""] * n,
        boxes=np.zeros((n, 4), int),
        frame_sizes=np.zeros((n, 2), int),
        class_names=list(names),
        white=255.0,
    )


def predicted(ids, instances, probability=True, n_classes=2, boxes=()):
    classes = [np.uint8(labels > 0) for labels in instances]
    planes = [np.stack([np.where(c == k, 0.75, 0.25 / (n_classes - 1)) for k in range(n_classes)]) for c in classes]
    return Predictions(ids, planes if probability else [], classes, list(instances), list(boxes))


@pytest.fixture
def step(tmp_path):
    """Write the inputs, run the step, read its outputs."""

    def run(samples, predictions, *, splits=None, split="fold0", **settings):
        files.write_arrays(tmp_path / "samples.npz", **sample_files.to_arrays(samples))
        files.write_arrays(tmp_path / "predictions.npz", **prediction_files.to_arrays(predictions))
        roles = [("fold0", name, "test" if name in predictions.ids else "train") for name in samples.ids]
        splits = pd.DataFrame(roles, columns=["split", "sample", "role"]) if splits is None else splits
        files.write_table(tmp_path / "splits.csv", splits)
        argv = ["--settings", json.dumps(settings), "--split", split, "--splits", str(tmp_path / "splits.csv")]
        argv += ["--samples", str(tmp_path / "samples.npz"), "--predictions", str(tmp_path / "predictions.npz")]
        for name in ("pixels.csv", "cells.csv", "histograms.npz"):
            argv += [f"--{name.split('.')[0]}", str(tmp_path / "out" / name)]
        evaluate.main(argv)
        out = tmp_path / "out"
        tables = (files.read_table(out / name) for name in ("pixels.csv", "cells.csv"))
        return *tables, files.read_arrays(out / "histograms.npz")

    return run


def test_a_row_per_sample_and_class_holds_the_counts(step):
    pixels, _, histograms = step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]))
    assert list(pixels["class_name"]) == ["background", "cell"]
    assert pixels[["sample", "frame", "group"]].drop_duplicates().values.tolist() == [["s1", "f1", "p1"]]
    cell = pixels.iloc[1]
    assert cell[["pixels", "tp", "fp", "fn", "tn"]].tolist() == [80, 18, 0, 24, 38]
    assert cell[["hausdorff", "hausdorff_case"]].tolist() == [5, "both"]
    assert cell["diagonal"] == pytest.approx(np.hypot(7, 9))
    assert cell["nll"] == pytest.approx(-18 * np.log(0.75) - 24 * np.log(0.25), rel=1e-6)
    assert cell[["gt_count", "pred_count"]].tolist() == [2, 1]
    assert pixels.loc[0, ["gt_count", "pred_count"]].isna().all()
    assert pixels["min_area"].tolist() == pytest.approx([1.8, 1.8])
    assert pixels[["as_class_0", "as_class_1"]].values.tolist() == [[38, 0], [24, 18]]
    assert histograms["counts"].shape == (1, 2, 2, len(probability_edges(256)) - 1)
    assert histograms["counts"].sum(axis=(2, 3)).tolist() == [[80, 80]]
    assert histograms["ids"].tolist() == ["s1"]


def test_a_row_holds_what_lies_between_the_boundaries(step):
    pixels, _, _ = step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]), tolerance_px=3)
    cell = pixels.iloc[1]
    assert cell["tolerance"] == 3
    # The first true cell is found whole, 14 boundary pixels at 0; the second lies 2 to 5 columns beside it.
    assert cell[["boundary_gt", "boundary_pred", "near_gt", "near_pred"]].tolist() == [30, 14, 22, 14]
    assert cell[["surface_gt", "surface_pred"]].tolist() == [6 * 2 + 2 * 3 + 2 * 4 + 6 * 5, 0]
    assert cell["hausdorff_95"] == 5


@pytest.mark.parametrize(
    ("pixel_size", "told", "expected"),
    [
        (0.25, {"tolerance_um": 1.0}, 2.0),  # a sample pixel is 0.5 um: its frame is twice as fine
        (np.nan, {"tolerance_um": 1.0}, 2.0),  # unknown: the default in pixels
        (0.25, {"tolerance_px": 4}, 4.0),
        (0.25, {"tolerance_um": 1.0, "tolerance_px": 4}, 2.0),
        (0.25, {"tolerance_um": 0.0}, 0.0),
    ],
)
def test_the_tolerance_in_micrometres_holds_where_the_size_of_a_pixel_is_known(step, pixel_size, told, expected):
    samples = samples_of([LEFT, RIGHT])
    samples = replace(samples, pixel_size=pixel_size, boxes=np.array([[0, 0, 16, 20], [16, 0, 32, 20]]))
    pixels, _, _ = step(samples, predicted(["s1"], [LEFT]), **told)
    assert pixels["tolerance"].tolist() == pytest.approx([expected] * 2)


def test_squared_errors_and_reliability_are_written_of_what_counts(step):
    classes = [np.uint8(LEFT > 0), np.uint8(RIGHT > 0)]
    classes[1][:, 9:] = IGNORE
    pixels, _, histograms = step(samples_of([LEFT, RIGHT], classes=classes), predicted(["s1"], [LEFT]),
                                 confidence_bins=4)  # fmt: skip
    assert pixels["squared_error"].tolist() == pytest.approx([48 * 0.25**2 + 24 * 0.75**2] * 2)
    assert histograms["reliability"].shape == (1, 3, 3, 4)
    assert histograms["reliability"][0, 2].tolist() == [[0, 0, 72, 0], [0, 0, 48, 0], [0, 0, 54, 0]]


def test_a_row_per_true_and_predicted_cell_holds_the_facts(step):
    _, cells, _ = step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]))
    assert cells["side"].tolist() == ["gt", "gt", "pred"]
    assert cells["covered"].tolist()[:2] == [18, 0]
    assert cells["host"].tolist()[:2] == [1, 0]
    assert cells["gap"].tolist()[:2] == [2, 2]
    assert cells.loc[2, ["hosted", "on_truth"]].tolist() == [1, 18]
    assert cells["min_area"].unique() == pytest.approx([1.8])


def test_facts_of_partners_guests_and_markers_are_written(step):
    boxes = np.array([[1, 1, 4, 7, 0.9], [1, 2, 3, 4, 0.6], [5, 1, 9, 7, 0.8], [4, 0, 5, 1, 0.7]], np.float32)
    for given, markers in ((boxes, [2, 1]), (boxes[:0], [0, 0]), (None, [np.nan, np.nan])):
        told = [] if given is None else [given]
        _, cells, _ = step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT], boxes=told))
        assert cells.loc[:1, ["partner", "shared", "guests"]].values.tolist() == [[1, 18, 1], [0, 0, 0]]
        np.testing.assert_equal(cells["markers"].tolist(), [*markers, np.nan])


def test_the_least_area_is_a_share_of_the_median_training_cell_test_cells_do_not_count(step):
    big = np.ones((8, 10), np.int32)
    _, cells, _ = step(samples_of([LEFT, RIGHT, big]), predicted(["s2"], [big]), min_area_share=0.5)
    assert cells["min_area"].unique() == pytest.approx([9])  # cells of 18, 18 and 24 px


def test_ignored_pixels_of_training_cells_are_not_part_of_their_area(step):
    classes = [np.uint8(LEFT > 0), np.uint8(RIGHT > 0)]
    classes[0][:, 3:] = IGNORE
    _, cells, _ = step(samples_of([LEFT, RIGHT], classes=classes), predicted(["s1"], [LEFT]), min_area_share=0.5)
    assert cells["min_area"].unique() == pytest.approx([6])


def test_validation_samples_belong_to_the_training_set(step):
    splits = pd.DataFrame(
        [("fold0", "s0", "val"), ("fold0", "s1", "test"), ("fold1", "s1", "train")], columns=["split", "sample", "role"]
    )
    _, cells, _ = step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]), splits=splits, min_area_share=1)
    assert cells["min_area"].unique() == pytest.approx([18])


def test_ignored_pixels_leave_every_count(step):
    classes = [np.uint8(LEFT > 0), np.uint8(RIGHT > 0)]
    classes[1][:, 5:] = IGNORE
    pixels, cells, histograms = step(samples_of([LEFT, RIGHT], classes=classes), predicted(["s1"], [RIGHT]))
    assert pixels["pixels"].tolist() == [40, 40]
    assert pixels["fn"].tolist() == pixels["fp"].tolist() == [0, 0]
    assert pixels[["as_class_0", "as_class_1"]].sum().sum() == 40
    assert cells["cell"].tolist() == [1, 1]
    assert histograms["counts"].sum() == 2 * 40


def test_without_true_instances_the_cells_are_a_header_only_and_pixels_still_count(step):
    samples = samples_of([LEFT, RIGHT], has_instances=False)
    pixels, cells, _ = step(samples, predicted(["s1"], [LEFT]), min_area_share=1.1)
    assert len(cells) == 0
    assert {"side", "covered", "as_class_1", "hosted", "on_small"} <= set(cells.columns)
    assert pixels["min_area"].tolist() == pytest.approx([19.8, 19.8])
    assert pixels.loc[1, ["gt_count", "pred_count"]].tolist() == [1, 0]  # least area 19.8 px: the 24 px cell stays


def test_a_method_without_probabilities_has_no_loss_and_empty_histograms(step):
    pixels, _, histograms = step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT], probability=False), bins=8)
    assert pixels[["nll", "squared_error"]].isna().all().all()
    assert histograms["reliability"].shape == (0, 3, 3, 15)
    assert histograms["counts"].shape == (0, 2, 2, len(probability_edges(8)) - 1)
    assert histograms["ids"].shape == (0,)


@pytest.mark.parametrize(("gt", "pred"), [(0, 1), (1, 0), (0, 0), (1, 1)])
def test_images_that_are_empty_or_full_pass(step, gt, pred):
    gt, pred = np.full((2, 8, 10), [[[gt]], [[pred]]], np.int32)
    pixels, cells, _ = step(samples_of([LEFT, gt]), predicted(["s1"], [pred]))
    names = {(True, True): "both", (True, False): "missed", (False, True): "spurious", (False, False): "absent"}
    assert pixels["hausdorff_case"][1] == names[gt.any(), pred.any()]
    assert len(cells) == int(gt.any()) + int(pred.any())


def test_samples_of_several_sizes_and_any_order_of_ids(step):
    small = LEFT[:5, :6]
    samples = samples_of([LEFT, small, RIGHT])
    pixels, cells, _ = step(samples, predicted(["s2", "s1"], [RIGHT, small]))
    assert pixels.groupby("sample")["pixels"].first().to_dict() == {"s1": 30, "s2": 80}
    assert (pixels["fp"] == 0).all()
    assert cells[cells["side"] == "gt"]["iou"].tolist() == [1, 1, 1]


def test_the_same_inputs_give_the_same_bytes(step, tmp_path):
    written = []
    for _ in range(2):
        step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]))
        written.append([path.read_bytes() for path in sorted((tmp_path / "out").iterdir())])
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"min_aera_share": 0.1}, "unknown key 'min_aera_share'"),
        ({"bins": 0}, "confidence_bins >= 1"),
        ({"confidence_bins": 0}, "confidence_bins >= 1"),
        ({"tolerance_px": -1}, "tolerance_um must be >= 0"),
        ({"tolerance_um": -0.1}, "tolerance_um must be >= 0"),
        ({"split": "fold9"}, "no split 'fold9'; the splits are fold0"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(step, change, words):
    with pytest.raises(InputError, match=words):
        step(samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]), **change)


def splits_with(**change):
    rows = {"split": ["fold0", "fold0"], "sample": ["s0", "s1"], "role": ["train", "test"]}
    return pd.DataFrame(rows | change)


@pytest.mark.parametrize(
    ("samples", "predictions", "splits", "words"),
    [
        (samples_of([LEFT, RIGHT]), predicted(["s0"], [LEFT]), splits_with(), "not the test samples"),
        (samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]), splits_with(sample=["s7", "s1"]), "'s7' is none"),
        (samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT]), splits_with().drop(columns="role"), "'role' is missing"),
        (samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT[:4]]), None, "shape"),
        (samples_of([LEFT, RIGHT]), predicted(["s1"], [LEFT], n_classes=3), None, "3 classes were predicted"),
        (samples_of([LEFT, RIGHT], classes=[]), predicted(["s1"], [LEFT]), None, "no labels"),
        (samples_of([LEFT, RIGHT], classes=[np.uint8(RIGHT)] * 2), predicted(["s1"], [LEFT]), None, "holds class 2"),
        (samples_of([LEFT, RIGHT]), predicted(["s1"], [-LEFT]), None, "negative"),
    ],
)
def test_files_that_do_not_belong_together_are_refused_and_nothing_is_written(
    step, tmp_path, samples, predictions, splits, words
):
    with pytest.raises(InputError, match=words):
        step(samples, predictions, splits=splits)
    assert not (tmp_path / "out").exists()


def test_an_absent_or_foreign_file_is_one_sentence_and_status_2(tmp_path, capsys):
    files.write_arrays(tmp_path / "foreign.npz", a=np.zeros(3))
    for name in ("absent.npz", "foreign.npz"):
        argv = ["--settings", "{}", "--split", "fold0", "--splits", "x", "--predictions", "y"]
        argv += ["--pixels", "p", "--cells", "c", "--histograms", "h", "--samples", str(tmp_path / name)]
        assert run_step("evaluate", argv) == 2
        message = capsys.readouterr().err
        assert name in message
        assert "Traceback" not in message
