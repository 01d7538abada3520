"""`hemoseg count` from the folder of `segment` to its tables, and what it refuses."""

import json
import zipfile

import pandas as pd
import pytest

from hemoseg import models
from hemoseg.errors import InputError
from hemoseg.steps.count import main
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.weights import sha256, write_weights

CLASSES = ["background", "disc", "sickle"]


@pytest.fixture
def folder(tmp_path):
    """Two images of a patient and one of another."""
    out = tmp_path / "segmented"
    out.mkdir()
    facts = {"format": 1, "model": {"path": "models/unet"}, "classes": CLASSES, "settings": {}, "versions": {}}
    (out / "segment.json").write_text(json.dumps(facts | {"complete": True, "started_in": ".."}))
    images = pd.DataFrame({"image": ["a", "b", "c"], "file": ["a.png", "b.png", "c.png"], "group": ["p", "p", "q"]})
    images = images.assign(page="", rows=100, columns=100, channels=3, pixel_size_um="", scale=1.0, cells=10, flags="")
    images.loc[2, "flags"] = "blurred"
    images.to_csv(out / "images.csv", index=False)
    cells = pd.DataFrame({"image": list("abc") * 10, "id": range(1, 31), "class": [1, 1, 2] * 10})
    cells = cells.assign(row=50.0, column=50.0, area_px=100.0, eccentricity=0.2, touches_border=False, group="")
    cells.assign(class_name=[CLASSES[value] for value in cells["class"]]).to_csv(out / "cells.csv", index=False)
    return out


def evidence(path, **changes):
    frame = {"pixels": 10000, "truth": [40, 20], "found": [[38, 2], [2, 18]], "pieces": [0, 0], "made_up": [0, 1]}
    frames = [frame | {"group": n // 2, "frame": n} for n in range(6)]
    errors = {"format": 1, "classes": CLASSES[1:], "min_area": 5.0, "grouped": True, "frames": frames}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"errors": errors | changes}))
    return path


def tables(out):
    read = {name: pd.read_csv(out / f"{name}.csv", keep_default_na=False) for name in ("patients", "images")}
    return read | {"facts": json.loads((out / "facts.json").read_text())}


def test_the_evidence_beside_the_model_is_found_where_segment_was_started(folder, tmp_path, capsys):
    evidence(tmp_path / "models" / "unet" / "evidence.json")
    main([str(folder), "--out", str(tmp_path / "out")])
    found = tables(tmp_path / "out")
    assert found["facts"]["evidence"] == {"frames": 6, "patients": 3, "cells": {"disc": 240, "sickle": 120}}
    assert list(dict.fromkeys(found["patients"]["group"])) == ["p", "q"]
    assert set(found["images"]["image"]) == {"a", "b", "c"}
    assert not found["patients"]["notes"].str.contains("no_evidence").any()
    printed = capsys.readouterr().out
    assert "sickle" in printed
    assert "patients.csv" in printed
    main([str(folder), "--out", str(tmp_path / "again")])
    for name in ("patients.csv", "images.csv", "facts.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_evidence_of_a_folder_of_a_package_and_of_a_file_is_the_same(folder, tmp_path):
    path, settings = evidence(tmp_path / "shared" / "evidence.json"), {"width": 2, "levels": 1}
    write_weights(path.parent / "model.safetensors", models.load("unet").build(3, 3, **settings).state_dict())
    told = {
        "model": "my_unet", "network": "unet", "settings": {"network_settings": settings}, "in_channels": 3,
        "classes": CLASSES, "input_size": [24, 32], "median_cell_area": 60.0,
        "weights_sha256": sha256(path.parent / "model.safetensors"),
        "normalisation": {"white": 255.0, "mean": [0.5] * 3, "sd": [0.2] * 3},
    }  # fmt: skip
    write_json(path.parent / "model.json", told)
    package = tmp_path / "unet.zip"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in path.parent.iterdir():
            archive.write(file, file.name)
    for number, given in enumerate((path, path.parent, package)):
        main([str(folder), "--evidence", str(given), "--out", str(tmp_path / f"out{number}")])
        found = tables(tmp_path / f"out{number}")
        assert not found["patients"]["notes"].str.contains("no_evidence").any()
        assert found["patients"].equals(tables(tmp_path / "out0")["patients"])
    facts = read_json(folder / "segment.json")
    write_json(folder / "segment.json", facts | {"model": {"path": "unet.zip"}})
    main([str(folder), "--out", str(tmp_path / "beside")])
    assert tables(tmp_path / "beside")["patients"].equals(found["patients"])


def test_without_evidence_it_counts_and_says_so(folder, tmp_path):
    main([str(folder), "--out", str(tmp_path / "out")])
    found = tables(tmp_path / "out")
    assert found["facts"]["evidence"] is None
    assert found["patients"]["notes"].str.contains("no_evidence").any()


def test_flagged_images_can_be_left_out_and_patients_named_anew(folder, tmp_path):
    groups = tmp_path / "groups.csv"
    groups.write_text("image,group\na.png,x\nb.png,y\nc.png,y\n")
    main([str(folder), "--out", str(tmp_path / "out"), "--unflagged", "--groups", str(groups)])
    found = tables(tmp_path / "out")
    assert list(dict.fromkeys(found["patients"]["group"])) == ["x", "y"]
    assert found["facts"]["left_out"] == 1
    assert "c" not in set(found["images"]["image"])


def test_evidence_of_other_classes_or_without_errors_is_refused_and_nothing_written(folder, tmp_path):
    path = evidence(tmp_path / "other.json", classes=["cell", "dust"])
    with pytest.raises(InputError, match="cell, dust"):
        main([str(folder), "--out", str(tmp_path / "out"), "--evidence", str(path)])
    path = evidence(tmp_path / "old.json", frames=[])
    with pytest.raises(InputError, match="nothing of errors"):
        main([str(folder), "--out", str(tmp_path / "out"), "--evidence", str(path)])
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_kind_is_left_as_it_is(folder, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="was not written by this step"):
        main([str(folder), "--out", str(mine)])
    images = pd.read_csv(folder / "images.csv").assign(flags="dark")
    images.to_csv(folder / "images.csv", index=False)
    with pytest.raises(InputError, match="every image is flagged"):
        main([str(folder), "--out", str(tmp_path / "out"), "--unflagged"])
