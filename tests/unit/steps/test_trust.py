"""The steps restore and trust on a folder without labels, where the model says almost what the automatic label says."""

import json

import numpy as np
import pytest
from PIL import Image

from hemoseg.__main__ import main
from hemoseg.data import predictions as predictions_format
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import from_arrays
from hemoseg.steps.files import read_arrays, read_json, read_table, write_arrays
from hemoseg.steps.images import read_labels
from hemoseg.steps.trusted import Trusted

PREPARE = {"labels": "auto", "layout": "quadrants"}  # no fault where there are none


@pytest.fixture
def lab(tmp_path):
    """Three frames with four dark cells each, the first one on the cut between two quadrants; no labels."""
    folder = tmp_path / "lab/images"
    folder.mkdir(parents=True)
    for name in ("a", "b", "c"):
        image = np.full((80, 120), 200, np.uint8) + np.random.default_rng(2).integers(0, 8, (80, 120), np.uint8)
        for row, column in ((10, 52), (8, 10), (50, 10), (50, 90)):
            image[row : row + 16, column : column + 16] = 60
        Image.fromarray(image).save(folder / f"{name}.png")
    return tmp_path


def paths(root):
    return {name: str(root / "exp" / f"{name}.npz") for name in ("samples", "autolabels")}


def labelled(root):
    """Samples and automatic labels by the commands."""
    files = paths(root)
    settings = json.dumps(PREPARE)
    assert main(["prepare", "--settings", settings, "--data", str(root / "lab"), "--out", files["samples"]]) == 0
    assert main(["autolabel", "--samples", files["samples"], "--out", files["autolabels"]]) == 0
    return from_arrays(read_arrays(files["autolabels"]))


def run(root, labels, change=lambda frame, instances: instances):
    """Labels as a prediction in two files, changed; then restore and trust. The table and the folder of masks."""
    instances = [change(frame, one) for frame, one in zip(labels.frames, labels.instances, strict=True)]
    parts = np.array_split(np.arange(len(instances)), 2)
    for number, part in enumerate(parts):
        chosen = [instances[i] for i in part]
        said = Predictions([labels.ids[i] for i in part], [], [(one > 0).astype(np.uint8) for one in chosen], chosen)
        write_arrays(root / f"{number}.npz", **predictions_format.to_arrays(said))
    files, masks, table = paths(root), root / "exp/masks/unet", root / "tables/exp.trust.csv"
    predictions = [str(root / f"{number}.npz") for number in range(2)]
    restore = ["--samples", files["samples"], "--predictions", *predictions, "--out", str(masks)]
    assert main(["restore", *restore]) == 0
    trust = ["--samples", files["samples"], "--autolabels", files["autolabels"], "--masks", str(masks)]
    assert main(["trust", *trust, "--out", str(table)]) == 0
    return read_table(table, dtype={"frame": str}), masks


def without(frame):
    """Everything as it is, but in one frame the model misses what the label has lower down."""

    def change(name, instances):
        return np.where(instances == instances.max(), 0, instances) if name == frame else instances

    return change


def test_a_model_that_says_what_the_label_says_is_trusted_fully(lab):
    table, _ = run(lab, labelled(lab))
    assert list(table["frame"]) == ["a", "b", "c"]
    assert (table[["dice", "best_of_worse"]] == 1).all(axis=None)
    assert (table[["disputed", "difference"]] == 0).all(axis=None)
    assert list(table["cells"]) == [4, 4, 4]  # the cell on the cut counts once


def test_counts_are_those_of_the_masks_in_the_frames_own_size(lab):
    _, masks = run(lab, labelled(lab), without("b"))
    counts = read_table(masks / "counts.csv", dtype={"frame": str}).set_index("frame")["cells"]
    assert list(counts.index) == ["a", "b", "c"]
    for frame, number in counts.items():
        cells = read_labels(masks / f"instances/{frame}.png")
        assert cells.shape == (80, 120)
        assert len(np.unique(cells)) - 1 == cells.max() == number
        assert np.array_equal(read_labels(masks / f"classes/{frame}.png") > 0, cells > 0)
    assert counts["a"] == 4 > counts["b"]


def test_the_frame_in_which_the_model_misses_cells_comes_first(lab):
    table, _ = run(lab, labelled(lab), without("b"))
    first = table.iloc[0]
    assert first["frame"] == "b"
    assert first["difference"] == first["cells"] - 4 < 0
    assert first["disputed"] == pytest.approx(1 - 2 * first["cells"] / (first["cells"] + 4))
    assert first["dice"] < 1 == table["dice"][1]


def test_the_page_sees_label_and_model_on_the_grid_of_the_samples(lab):
    labels = labelled(lab)
    run(lab, labels, without("b"))
    settings = {"experiment": "exp", "trust": {"model": "unet"}}
    (one,) = Trusted(settings, lab).disputed(["b"])
    assert one.image.shape[1:] == one.label.shape == one.found.shape == (80, 120)
    assert one.label.max() == 4
    assert one.image[0, 12, 15] < 0.3 < one.image[0, 40, 60], "dark where the label has a cell"
    assert ((one.found > 0) <= (one.label > 0)).all()
    assert ((one.label > 0) & (one.found == 0)).any()


def test_masks_of_other_frames_are_refused(lab, capsys):
    labels = labelled(lab)
    _, masks = run(lab, labels)
    (masks / "counts.csv").write_text("frame,cells\nzzz,1\n")
    files = paths(lab)
    trust = ["--samples", files["samples"], "--autolabels", files["autolabels"], "--masks", str(masks)]
    assert main(["trust", *trust, "--out", str(lab / "new.csv")]) == 2
    assert "zzz is no frame of these samples; run `restore` again" in capsys.readouterr().err
    (masks / "counts.csv").write_text("frame,cells\na,1\n")
    (masks / "instances/a.png").unlink()
    assert main(["trust", *trust, "--out", str(lab / "new.csv")]) == 2
    assert "holds no mask of a; run `restore` again" in capsys.readouterr().err
    assert not (lab / "new.csv").exists()


def test_of_a_sample_in_two_files_the_last_counts(lab):
    labels = labelled(lab)
    files = paths(lab)
    for number, keep in enumerate((1, 0)):
        instances = [one * keep for one in labels.instances]
        said = Predictions(labels.ids, [], [(one > 0).astype(np.uint8) for one in instances], instances)
        write_arrays(lab / f"{number}.npz", **predictions_format.to_arrays(said))
    out = lab / "full"
    predictions = [str(lab / "0.npz"), str(lab / "1.npz")]
    assert main(["restore", "--samples", files["samples"], "--predictions", *predictions, "--out", str(out)]) == 0
    assert list(read_table(out / "counts.csv", dtype={"frame": str})["cells"]) == [0, 0, 0]
    assert read_json(out / ".hemoseg-restore.json")["predictions"] == predictions


def test_labels_that_were_kept_aside_say_afterwards_what_was_wrong(lab):
    files, data = paths(lab), lab / "lab"
    (data / "instances").mkdir()
    for name in ("a", "b", "c"):
        cells = np.zeros((80, 120), np.uint8)
        for number, (row, column) in enumerate(((10, 52), (8, 10), (50, 10), (50, 90)), start=1):
            cells[row : row + 16, column : column + 16] = number
        Image.fromarray(cells).save(data / f"instances/{name}.png")
    labels = labelled(lab)
    run(lab, labels, without("b"))
    splits = [f"fold{number + 1}" for number in range(2)]
    lines = [f"{split},{name},{role}" for split in splits for name, role in roles(lab, labels, split)]
    (lab / "exp/splits.csv").write_text("\n".join(["split,sample,role", *lines, ""]))
    for number, split in enumerate(splits):
        out = lab / f"exp/evaluate/unet/{split}/seed0"
        where = ["--samples", files["samples"], "--splits", str(lab / "exp/splits.csv"), "--split", split]
        made = [
            word for of in ("pixels.csv", "cells.csv", "histograms.npz") for word in (f"--{of[:-4]}", str(out / of))
        ]
        assert main(["evaluate", "--settings", "{}", *where, "--predictions", str(lab / f"{number}.npz"), *made]) == 0
    settings = {"experiment": "exp", "trust": {"model": "unet"}, "models": {"unet": {"seeds": [0]}}, "labels": "truth"}
    settings |= {"families": dict.fromkeys(splits, "all")}
    held = Trusted(settings, lab).held().set_index("frame")
    assert held["wrong"]["b"] > 0 == held["wrong"]["a"] == held["wrong"]["c"]
    assert held["rank"]["b"] == 1
    assert Trusted(settings | {"labels": "auto"}, lab).held() is None


def roles(root, labels, split):
    """Samples of the file of a split as its test samples, the others as training."""
    tested = np.array_split(np.arange(len(labels.ids)), 2)[int(split[-1]) - 1]
    return [(name, "test" if i in tested else "train") for i, name in enumerate(labels.ids)]


def test_its_runs_lie_where_their_rows_are_at_home(tmp_path):
    rows = {"unet": {"home": "first", "seeds": [4, 5]}, "again": {"home": "exp", "seeds": [3], "weights_from": "unet"}}
    settings = {"experiment": "exp", "trust": {"model": "again"}, "models": rows}
    found = Trusted(settings | {"families": {"n10": "n10", "fold1": "all", "fold2": "all"}}, tmp_path)
    for stage, folder in (("train", "first/train/unet"), ("evaluate", "exp/evaluate/again")):
        assert found.runs(stage) == {split: tmp_path / folder / split / "seed3" for split in ("fold1", "fold2")}
