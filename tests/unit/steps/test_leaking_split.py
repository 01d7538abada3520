"""A leaking division made with the simulator: frames of which some are copies of others, from folder to refusal."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from benchmarks.leakage.planted import COPIES, frames
from hemoseg.__main__ import main
from hemoseg.figures import words
from hemoseg.steps.files import read_json

PLANTED = {"c0": (1, "mirrored"), "c1": (4, "JPEG, quality 50"), "c2": (7, "same pixels"), "c3": (2, "turned by 90")}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Twelve simulated frames and four copies of some, without labels; ``prepare`` resizes them all."""
    root, rng = tmp_path_factory.mktemp("leak"), np.random.default_rng(0)
    images = {f"f{number:02d}": image for number, image in enumerate(frames(12))}
    images |= {name: COPIES[kind](images[f"f{of:02d}"], rng) for name, (of, kind) in PLANTED.items()}
    (root / "data/images").mkdir(parents=True)
    for name, image in images.items():
        grey = image.mean(axis=0) if image.shape[0] == 3 else image[0]
        cv2.imwrite(str(root / f"data/images/{name}.png"), np.rint(grey).astype(np.uint8))
    # Copies and their frames get one group, so that whole groups have nothing to share.
    group_of = {name: f"f{PLANTED[name][0]:02d}" if name in PLANTED else name for name in images}
    pd.DataFrame({"id": list(images), "group": [group_of[name] for name in images]}).to_csv(
        root / "data/manifest.csv", index=False
    )
    prepare = {"labels": "auto", "size": [96, 128], "classes": {"cell": "all"}}
    argv = ["--data", str(root / "data"), "--out", str(root / "samples.npz")]
    assert main(["prepare", "--settings", json.dumps(prepare), *argv]) == 0
    return root / "samples.npz"


def split(samples, folder, **settings):
    argv = ["--settings", json.dumps({"folds": 4, **settings}), "--samples", str(samples)]
    return main(["split", *argv, "--out", str(folder / "splits.csv"), "--notes", str(folder / "splits.json")])


def test_the_planted_copies_are_refused_in_one_sentence(samples, tmp_path, capsys):
    assert split(samples, tmp_path, by="frame", leakage=["groups"]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hemoseg ")]
    assert len(said) == 1
    assert "test samples are copies of training samples, such as" in said[0]
    assert "remove one of each two, or give both one `group` in manifest.csv and divide `by: group`" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_told_to_go_on_the_notes_name_each_planted_copy_and_the_page_says_it(samples, tmp_path):
    assert split(samples, tmp_path, by="frame", leakage="report") == 0
    notes = read_json(tmp_path / "splits.json")
    sides = pd.read_csv(tmp_path / "splits.csv", dtype=str)
    tested = sides[sides["role"] == "test"].set_index("sample")["split"]
    torn = {
        frozenset((name, f"f{of:02d}")) for name, (of, _) in PLANTED.items() if tested[name] != tested[f"f{of:02d}"]
    }
    assert torn
    assert {frozenset((copy["test"], copy["train"])) for copy in notes["leakage"]["copies"]} == torn
    for copy in notes["leakage"]["copies"]:
        roles = sides[sides["split"] == copy["split"]].set_index("sample")["role"]
        assert (roles[copy["test"]], roles[copy["train"]] in ("train", "val")) == ("test", True)
    told = words.straddle_sentence(notes)
    assert "copies of images (" in told
    assert f"{notes['leakage']['copied_test_samples']} of 16 test samples" in told
    assert "By how much is not measured here, as `by: [frame, group]` would." in told


def test_one_group_for_both_keeps_copies_together(samples, tmp_path):
    assert split(samples, tmp_path, by="group") == 0
    assert set(read_json(tmp_path / "splits.json")["leakage"]["counts"].values()) == {0}
