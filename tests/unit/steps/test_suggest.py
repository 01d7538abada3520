"""Images in the order in which labelling them is worth most, from the command to its page."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from hemoseg import models
from hemoseg.__main__ import main
from hemoseg.steps.files import write_json
from hemoseg.steps.suggested import Suggested
from hemoseg.steps.weights import sha256, write_weights

SIZE = (24, 32)
NOTEBOOK = Path("reports/notebooks/suggest.ipynb").resolve()
HOSTILE = "<script>alert(1)<|script>"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder such as `train` leaves, of a U-Net as drawn."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    settings = {"width": 4, "levels": 1}
    weights = models.load("unet").build(3, 2, **settings).state_dict()
    *_, last = weights
    weights[last] *= 20  # as drawn, all is an even guess
    write_weights(folder / "model.safetensors", weights)
    write_json(
        folder / "model.json",
        {
            "model": "my_unet", "network": "unet", "settings": {"network_settings": settings}, "in_channels": 3,
            "classes": ["background", "cell"], "input_size": list(SIZE), "median_cell_area": 20.0,
            "weights_sha256": sha256(folder / "model.safetensors"),
            "normalisation": {"white": 255.0, "mean": [0.5] * 3, "sd": [0.2] * 3},
        },
    )  # fmt: skip
    return folder


@pytest.fixture
def frames(tmp_path):
    """Five frames of two sizes, one of 16 bits, one with a name that a page must not run."""
    folder = tmp_path / "frames"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(5):
        size = SIZE if number % 2 else (40, 36)
        image = rng.integers(0, 50 * (number + 1), (*size, 3)).astype(np.uint8)
        name = HOSTILE if number == 3 else str(number)
        cv2.imwrite(str(folder / f"{name}.png"), image.astype(np.uint16) * 257 if number == 4 else image)
    return folder


def run(*words):
    return main(["suggest", *map(str, words), "--device", "cpu", "--threads", "1"])


def test_every_image_is_listed_once_in_the_order_of_the_gains(model, frames, tmp_path):
    assert run(model, frames, "--out", tmp_path / "out", "--count", 2, "--no-page") == 0
    table = pd.read_csv(tmp_path / "out/suggested.csv", dtype={"image": str})
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert table["file"].is_unique
    assert sorted(Path(name).name for name in table["file"]) == sorted(file.name for file in frames.iterdir())
    np.testing.assert_allclose(table["gain"], table["uncertainty"] * table["novelty"] * table["coverage"], rtol=1e-6)
    again = tmp_path / "again"
    run(model, frames, "--out", again, "--count", 2, "--no-page")
    assert (again / "suggested.csv").read_bytes() == (tmp_path / "out/suggested.csv").read_bytes()


def test_eight_and_sixteen_bits_of_the_same_image_are_looked_at_alike(model, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    for bits, values in ((8, image), (16, image.astype(np.uint16) * 257)):
        cv2.imwrite(str(tmp_path / f"{bits}.png"), values)
    run(model, tmp_path / "8.png", tmp_path / "16.png", "--out", tmp_path / "out", "--no-page")
    table = pd.read_csv(tmp_path / "out/suggested.csv")
    assert table["entropy"][0] == pytest.approx(table["entropy"][1], abs=1e-6)


def test_light_is_counted_from_what_full_light_is_told_to_be(model, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "8.png"), image)
    cv2.imwrite(str(tmp_path / "12.png"), image.astype(np.uint16) * 16)
    run(model, tmp_path / "8.png", "--out", tmp_path / "8", "--no-page")
    run(model, tmp_path / "12.png", "--out", tmp_path / "12", "--no-page", "--white", "4080")
    run(model, tmp_path / "12.png", "--out", tmp_path / "16", "--no-page")
    found = {bits: pd.read_csv(tmp_path / f"{bits}/suggested.csv")["entropy"][0] for bits in (8, 12, 16)}
    assert found[12] == pytest.approx(found[8], abs=1e-6)
    assert found[16] != pytest.approx(found[8], abs=1e-4)
    told = (tmp_path / "16/suggest.json").read_text()
    assert "say --white 4095" in told


def test_a_finer_image_at_its_scale_is_looked_at_like_the_coarse_one(model, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "coarse.png"), image)
    cv2.imwrite(str(tmp_path / "fine.png"), image.repeat(2, axis=0).repeat(2, axis=1))
    entropies = {}
    for name, scale in (("coarse", 1), ("fine", 0.5), ("fine", 1)):
        run(model, tmp_path / f"{name}.png", "--out", tmp_path / f"{name}{scale}", "--scale", scale, "--no-page")
        entropies[name, scale] = pd.read_csv(tmp_path / f"{name}{scale}/suggested.csv")["entropy"][0]
    assert entropies["fine", 0.5] == pytest.approx(entropies["coarse", 1], abs=1e-6)
    assert entropies["fine", 1] != pytest.approx(entropies["coarse", 1], abs=1e-4)


def test_an_image_like_a_labelled_one_comes_last(model, frames, tmp_path):
    first, *_ = sorted(frames.iterdir())
    run(model, frames, "--out", tmp_path / "out", "--labelled", first, "--no-page")
    table = pd.read_csv(tmp_path / "out/suggested.csv")
    assert Path(table["file"].iloc[-1]).name == first.name
    assert table["novelty"].iloc[-1] == pytest.approx(0)


def test_orders_by_a_part_alone_and_by_chance(model, frames, tmp_path):
    tables = {}
    for by in ("uncertainty", "novelty", "random"):
        run(model, frames, "--out", tmp_path / by, "--by", by, "--no-page")
        tables[by] = pd.read_csv(tmp_path / by / "suggested.csv")
    assert tables["uncertainty"]["entropy"].is_monotonic_decreasing
    assert (np.diff(tables["novelty"]["novelty"]) <= 1e-9).all()
    run(model, frames, "--out", tmp_path / "other", "--by", "random", "--seed", 3, "--no-page")
    other = pd.read_csv(tmp_path / "other/suggested.csv")
    assert other["file"].tolist() != tables["random"]["file"].tolist()


def test_groups_are_spread_over(model, frames, tmp_path):
    names = [file.stem for file in sorted(frames.iterdir())]
    pd.DataFrame({"image": names, "group": ["a"] * 4 + ["b"]}).to_csv(tmp_path / "groups.csv", index=False)
    run(model, frames, "--out", tmp_path / "out", "--groups", tmp_path / "groups.csv", "--no-page")
    table = pd.read_csv(tmp_path / "out/suggested.csv")
    seen = {"a": 0, "b": 0}
    for row in table.itertuples():
        assert row.coverage == pytest.approx(1 / (1 + seen[row.group]))
        seen[row.group] += 1


def test_the_page_shows_the_list_and_runs_no_name(model, frames, tmp_path):
    run(model, frames, "--out", tmp_path / "out", "--count", 2, "--no-page")
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    shown, names = [], {}
    exec("".join(cells[0]["source"]), names)
    names["folder"] = str(tmp_path / "out")
    for cell in cells[1:]:
        exec("".join(cell["source"]), names)
        names["display"] = shown.append
    page = "".join(piece.data for piece in shown)
    assert "<script>" not in page
    assert page.count("<figure>") == 2
    found = Suggested(tmp_path / "out")
    assert f"Label next: {found.table['image'][0].replace('<', '&lt;')}" in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--count", "0"], "--count 0"),
        (["--labelled", "nowhere"], "nowhere"),
        (["--scale", "0"], "--scale 0"),
        (["--out", "."], "choose another --out"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(model, frames, tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(frames)
    assert run(model, frames, "--out", tmp_path / "out", *words) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert told in said[-1]
    assert not (tmp_path / "out").exists()


def test_a_classical_method_is_refused(tmp_path, frames, capsys):
    folder = tmp_path / "otsu"
    write_weights(folder / "model.safetensors", {"x": torch.zeros(1)})
    write_json(
        folder / "model.json",
        {
            "network": "otsu", "settings": {"network_settings": {}}, "in_channels": 3, "input_size": list(SIZE),
            "classes": ["background", "cell"], "median_cell_area": 20.0, "normalisation": None,
            "weights_sha256": sha256(folder / "model.safetensors"),
        },
    )  # fmt: skip
    assert run(folder, frames, "--out", tmp_path / "out") == 2
    assert "name a network" in capsys.readouterr().err
