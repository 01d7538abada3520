"""`hemoseg simulate` writes a folder data set whole."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from hemoseg.__main__ import main
from hemoseg.simulation import nuclei, smear
from hemoseg.steps.prepare import prepare

SMALL = {"name": "tiny", "frames": 3, "height": 120, "width": 200, "diameter": 30.0, "margin": [8, 20], "cells": 5.0}


def run(tmp_path, settings, *more):
    return main(["simulate", "--settings", json.dumps(settings), "--seed", "4", "--out", str(tmp_path / "d"), *more])


@pytest.mark.parametrize(("channels", "bit_depth"), [(3, 8), (4, 8), (3, 16), (4, 16)])
def test_files_hold_the_frames(tmp_path, channels, bit_depth):
    settings = SMALL | {"channels": channels, "bit_depth": bit_depth}
    assert run(tmp_path, settings) == 0
    folder = tmp_path / "d"
    manifest = pd.read_csv(folder / "manifest.csv")
    assert manifest["id"].tolist() == ["frame_0000", "frame_0001", "frame_0002"]
    drawn = {key: value for key, value in settings.items() if key != "name"}
    for index, row in manifest.iterrows():
        frame = smear.simulate_frame(drawn, seed=4, index=index)
        image = cv2.imread(str(folder / row["image"]), cv2.IMREAD_UNCHANGED)
        assert image.dtype == frame.image.dtype
        assert np.array_equal(image[..., [2, 1, 0, 3][:channels]], frame.image)
        instances = cv2.imread(str(folder / "instances" / f"{row['id']}.png"), cv2.IMREAD_UNCHANGED)
        assert instances.dtype == np.uint16
        assert np.array_equal(instances, frame.instances)
        classes = cv2.imread(str(folder / "classes" / f"{row['id']}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(classes, frame.classes)
        assert (row["group"], row["margin_left"], row["margin_right"]) == (frame.patient, *frame.margins)
        assert (row["kind"], row["height"], row["width"], row["seed"]) == ("smear", 120, 200, 4)
        assert row["cells"] == frame.instances.max()


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_grey_frames_are_grey_files_that_prepare_reads_as_they_are(tmp_path, bit_depth):
    settings = {"kind": "nuclei", "frames": 2, "height": 64, "width": 96, "bit_depth": bit_depth}
    assert run(tmp_path, settings) == 0
    folder = tmp_path / "d"
    manifest = pd.read_csv(folder / "manifest.csv")
    frames = [nuclei.simulate_frame(settings, seed=4, index=index) for index in range(2)]
    for row, frame in zip(manifest.itertuples(), frames, strict=True):
        image = cv2.imread(str(folder / row.image), cv2.IMREAD_UNCHANGED)
        assert image.dtype == frame.image.dtype
        assert np.array_equal(image, frame.image[..., 0])
        assert (row.kind, row.height, row.width, row.cells) == ("nuclei", 64, 96, frame.instances.max())
        assert (row.margin_left, row.margin_right, row.seed) == (0, 0, 4)
    facts = yaml.safe_load((folder / "dataset.yaml").read_text())
    assert facts["classes"] == ["nucleus"]
    assert facts["pixel_size_um"] == pytest.approx(12 / 29, abs=1e-4)
    samples = prepare(str(folder), {})
    assert samples.info["simulated"] is True
    for position, frame in enumerate(frames):
        assert samples.images[position].dtype == frame.image.dtype
        assert np.array_equal(samples.images[position], frame.image.transpose(2, 0, 1))
        assert np.array_equal(samples.instances[position], frame.instances)
        assert set(np.unique(samples.classes[position])) <= {0, 1}


def test_dataset_says_what_it_is(tmp_path):
    run(tmp_path, SMALL)
    facts = yaml.safe_load((tmp_path / "d" / "dataset.yaml").read_text())
    assert facts["name"] == "tiny"
    assert facts["simulated"] is True
    assert facts["channels"] == 4
    assert facts["classes"] == smear.CLASS_NAMES
    assert facts["licence"] == "CC0-1.0"
    assert facts["pixel_size_um"] == pytest.approx(7.5 / 30)
    assert "overlap" in facts["truth"]
    run(tmp_path, SMALL | {"channels": 3})
    assert "channels" not in yaml.safe_load((tmp_path / "d" / "dataset.yaml").read_text())


def test_threads_change_nothing(tmp_path):
    run(tmp_path, SMALL)
    alone = {path.name: path.read_bytes() for path in (tmp_path / "d").rglob("*.*") if path.is_file()}
    run(tmp_path, SMALL, "--threads", "3")
    assert {path.name: path.read_bytes() for path in (tmp_path / "d").rglob("*.*") if path.is_file()} == alone


def test_bad_settings_leave_nothing(tmp_path, capsys):
    assert run(tmp_path, SMALL | {"chanels": 3}) == 2
    assert "did you mean 'channels'" in capsys.readouterr().err
    assert run(tmp_path, SMALL | {"kind": "smaer"}) == 2
    assert main(["simulate", "--seed", "-1", "--out", str(tmp_path / "d")]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("described", [None, "name: lab\n", "simulated: false\n", "simulated: 'no'\n", "[", "- a\n"])
def test_a_folder_of_something_else_is_not_replaced(tmp_path, capsys, described):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "thesis.txt").write_text("years")
    if described:
        (tmp_path / "d" / "dataset.yaml").write_text(described)
    assert run(tmp_path, SMALL) == 2
    assert "d: exists and was not written by this step; choose another --out" in capsys.readouterr().err
    assert (tmp_path / "d" / "thesis.txt").read_text() == "years"


def test_an_empty_folder_and_an_earlier_simulation_are_replaced(tmp_path):
    (tmp_path / "d").mkdir()
    assert run(tmp_path, SMALL) == 0
    assert run(tmp_path, SMALL | {"frames": 1}) == 0
    assert len(list((tmp_path / "d/images").iterdir())) == 1
