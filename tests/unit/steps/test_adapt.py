"""Adapting a network writes a new model that opens like any other, and leaves the old one as it was."""

import json
import shutil
from html import escape
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from hemoseg.__main__ import main as hemoseg
from hemoseg.errors import InputError
from hemoseg.figures import adaptation, markup
from hemoseg.nn.unet import UNet
from hemoseg.steps import adapt
from hemoseg.steps.adapted import Adapted
from hemoseg.steps.adapted_frames import matching_scale, read_frames
from hemoseg.steps.files import read_json, write_json, write_table
from hemoseg.steps.opened import open_model
from hemoseg.steps.weights import read_model, sha256, write_weights

NOTEBOOK = Path("reports/notebooks/adapt.ipynb").resolve()
HOSTILE = "<script>alert(1)</script>"
RADIUS = 6
NETWORK = {"width": 4, "levels": 2, "head": "conv1x1"}


def frame(seed, size=(64, 80), radius=RADIUS):
    """Dark discs on bright ground, uint8 ``(3, H, W)``."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    places = [
        (r, c)
        for r in range(2 * radius, size[0] - radius, 3 * radius)
        for c in range(2 * radius, size[1] - radius, 3 * radius)
    ]
    mask = np.any([(rows - r) ** 2 + (columns - c) ** 2 <= radius**2 for r, c in places], axis=0)
    return np.clip(np.where(mask, 90, 210) + rng.normal(0, 4, (3, *size)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A model folder with evidence, and frames of twice the size of its cells, one of them of another size."""
    folder = tmp_path_factory.mktemp("lab")
    torch.manual_seed(0)
    write_weights(folder / "model/model.safetensors", UNet(3, 2, **NETWORK).state_dict())
    description = {
        "model": "mine", "network": "unet", "in_channels": 3, "classes": ["background", "cell"],
        "settings": {"network_settings": NETWORK, "train": {"normalise": "training_set"}}, "input_size": [32, 40],
        "median_cell_area": np.pi * RADIUS**2, "weights_sha256": sha256(folder / "model/model.safetensors"),
        "normalisation": {"white": 255.0, "mean": [0.5] * 3, "sd": [0.2] * 3},
    }  # fmt: skip
    write_json(folder / "model/model.json", description)
    write_json(folder / "model/evidence.json", {"data": {"name": "theirs"}, "errors": {"frames": []}})
    (folder / "frames").mkdir()
    for seed, size in enumerate([(128, 160), (128, 160), (112, 176)]):
        image = np.moveaxis(frame(seed, size, 2 * RADIUS), 0, -1)
        cv2.imwrite(str(folder / f"frames/{seed}.png"), image)
    return folder


def run(lab, out, *more):
    adapt.main([str(lab / "model"), str(lab / "frames"), "--out", str(out), "--steps", "3", "--no-page", *more])
    return out


@pytest.fixture(scope="module")
def new(lab):
    return run(lab, lab / "new")


def test_the_new_model_opens_and_says_where_it_comes_from(lab, new):
    weights, description = read_model(new)
    old, before = read_model(lab / "model")
    assert description["adapted"]["origin_sha256"] == before["weights_sha256"]
    assert before["normalisation"] != description["normalisation"]
    assert description["weights_sha256"] != before["weights_sha256"]
    assert any(not torch.equal(weights[name], old[name]) for name in old if name.endswith("running_mean"))
    opened = open_model(new, torch.device("cpu"))
    assert opened.probability(torch.zeros(1, 3, 32, 40)).shape == (1, 2, 32, 40)


def test_only_evidence_that_is_still_true_is_kept(new):
    evidence = read_json(new / "evidence.json")
    assert evidence["data"] == {"name": "theirs"}
    assert "errors" not in evidence
    assert evidence["scale"]["factor"] == pytest.approx(0.5, rel=0.05)
    assert read_json(new / "adapt.json")["lost_evidence"] == ["errors"]


def test_the_same_call_writes_the_same_weights_and_replaces_its_own_folder(lab, new):
    before = (new / "model.safetensors").read_bytes()
    run(lab, new)
    assert (new / "model.safetensors").read_bytes() == before


def test_no_steps_change_no_weight_but_the_statistics(lab, tmp_path):
    weights, _ = read_model(run(lab, tmp_path / "new", "--steps", "0"))
    old, _ = read_model(lab / "model")
    changed = {name.rsplit(".", 1)[1] for name in old if not torch.equal(weights[name], old[name])}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}
    assert read_json(tmp_path / "new/adapt.json")["teaching"] == []


def test_the_page_has_a_row_per_frame_and_what_it_shows(new):
    found = Adapted(new)
    assert sorted(found.table["frame"]) == ["0", "1", "2"]
    shown = found.shown()
    assert [one.name.split(":")[0] for one in shown] == ["before", "after"] * 3
    assert all(one.image.shape[1:] == one.label.shape == one.found.shape for one in shown)
    assert len(adaptation.lines(found.table)) == 3
    assert f"Round 1: 3 steps on {found.told['teaching'][0]} of 3 frames" in " ".join(adaptation.how(found.told))


def test_the_notebook_shows_it_and_names_of_frames_do_no_harm(new, tmp_path, monkeypatch):
    folder = shutil.copytree(new, tmp_path / "new")
    write_table(folder / "adapt.csv", Adapted(new).table.assign(frame=HOSTILE))
    monkeypatch.setattr(markup, "picture", lambda figure, caption, **_: f"<figure>{escape(caption)}</figure>")
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    shown, names = [], {"folder": str(folder)}
    for cell in cells[1:]:
        exec("".join(cell["source"]), names)
        names["display"] = shown.append  # the first of these cells imports the real one and shows nothing
    page = "".join(piece.data for piece in shown)
    assert "mine, adapted without labels" in page
    assert adaptation.WARNING in page
    assert HOSTILE not in page
    assert escape(HOSTILE) in page


@pytest.mark.parametrize(("change", "words"), [(-0.1, "agree more"), (0.1, "agree less"), (0.0, "agree as much")])
def test_the_verdict_says_which_way_it_went(change, words):
    table = pd.DataFrame({"dice_before": [0.9], "dice_after": [0.9], "disputed_before": [0.5]})
    assert words in adaptation.verdict(table.assign(disputed_after=0.5 + change))


def test_light_is_counted_from_what_full_light_is_told_to_be(tmp_path, capsys):
    description = {"in_channels": 3, "normalisation": {"white": 255.0}}
    pixels = np.moveaxis(frame(0), 0, -1)
    (tmp_path / "set" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "set/images/a.png"), pixels.astype(np.uint16) * 16)
    camera = str(tmp_path / "set/images/a.png")
    wanted = frame(0)[::-1]
    assert np.array_equal(read_frames([camera], description, told=4080)[1][0], wanted)
    assert "say --white" not in capsys.readouterr().err
    assert read_frames([camera], description)[1][0].max() < 20
    assert "adapt: 16-bit images end below 4096" in capsys.readouterr().err
    (tmp_path / "set/dataset.yaml").write_text("white_level: 4080\n")
    assert np.array_equal(read_frames([str(tmp_path / "set")], description)[1][0], wanted)


def test_cells_of_any_size_are_brought_to_that_of_the_training():
    frames = [frame(0, (128, 160), 2 * RADIUS), frame(1, (128, 160), 2 * RADIUS)]
    assert matching_scale(frames, np.pi * RADIUS**2) == pytest.approx(0.5, rel=0.05)
    assert matching_scale(frames, np.pi * (4 * RADIUS) ** 2) == pytest.approx(2, rel=0.05)
    with pytest.raises(InputError, match="factor of 20"):
        matching_scale(frames, np.pi * (40 * RADIUS) ** 2)
    with pytest.raises(InputError, match="finds no cell"):
        matching_scale([np.full((3, 64, 64), 200, np.uint8)], 100.0)


@pytest.mark.parametrize(
    ("change", "more", "sentence"),
    [
        ({"network": "otsu"}, [], "otsu learns nothing"),
        ({"network": "mask_rcnn"}, [], "makes its own cells"),
        ({}, ["--scale", "large"], "--scale large: give a factor"),
        ({}, ["--scale", "0"], "--scale 0: give a factor"),
        ({}, ["--scale", "0.05"], "0: 6 x 8 pixels as the network sees it, which needs 8 each way; leave it"),
    ],
)
def test_what_cannot_be_adapted_is_refused_and_nothing_is_written(lab, tmp_path, change, more, sentence):
    other = tmp_path / "model"
    other.mkdir()
    (other / "model.safetensors").write_bytes((lab / "model/model.safetensors").read_bytes())
    write_json(other / "model.json", read_json(lab / "model/model.json") | change)
    with pytest.raises(InputError, match=sentence):
        adapt.main([str(other), str(lab / "frames"), "--out", str(tmp_path / "new"), "--no-page", *more])
    assert not (tmp_path / "new").exists()


def test_weights_that_became_no_numbers_are_not_written(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(adapt, "run", lambda adaptation: next(adaptation.network.parameters()).data.fill_(np.nan))
    with pytest.raises(InputError, match="--learning-rate: with it the weights became no numbers; give a lower one"):
        run(lab, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_segment_flags_what_network_and_threshold_dispute(lab, tmp_path):
    known = {"frames": 20, "dice": {"least": 0.9}, "disputed": {"most": 0.1}, "typical_area": 113.0}
    model = shutil.copytree(lab / "model", tmp_path / "model")
    for name, evidence in (("known", {"agreement": known}), ("unknown", {})):
        write_json(model / "evidence.json", evidence | {"scale": {"factor": 0.5, "pixel_size_um": None}})
        assert hemoseg(["segment", str(model), str(lab / "frames"), "--out", str(tmp_path / name)]) == 0
    flags = {name: pd.read_csv(tmp_path / name / "images.csv")["flags"].fillna("") for name in ("known", "unknown")}
    assert flags["known"].str.contains("disputed").all()  # the network is untrained
    assert not flags["unknown"].str.contains("disputed").any()
