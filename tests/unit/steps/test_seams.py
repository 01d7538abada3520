"""The step `seams` on a network that was never trained, and what a page makes of it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from hemoseg.__main__ import main
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.errors import InputError
from hemoseg.figures import markup, seams, sizes
from hemoseg.models import deconvnet
from hemoseg.steps import seamed
from hemoseg.steps.files import read_arrays, read_table, write_arrays, write_json
from hemoseg.steps.weights import sha256, write_weights

SIZES = {"train": (32, 32), "small": (30, 40), "row": (35, 70), "large": (100, 131)}
WINDOWS = {"window": [32, 32], "overlap": 0.5}


def samples():
    """Images of blobs some 10 px wide, one smaller than two windows."""
    random, images = np.random.default_rng(0), []
    for size in SIZES.values():
        coarse = random.integers(0, 255, (3, size[0] // 10 + 1, size[1] // 10 + 1))
        images.append(coarse.repeat(10, axis=1).repeat(10, axis=2)[:, : size[0], : size[1]].astype(np.uint8))
    classes = [(image[0] > 128).astype(np.uint8) for image in images]
    names, blank, shapes = list(SIZES), [""] * len(SIZES), np.array(list(SIZES.values()))
    boxes = np.hstack([np.zeros_like(shapes), shapes])
    return Samples(images, classes, [], names, names, blank, blank, boxes, shapes, ["background", "cell"], 255.0)


@pytest.fixture
def lab(tmp_path):
    """A folder with samples, a split that tests all but the first, and a network that sees over its window's border."""
    write_arrays(tmp_path / "samples.npz", **to_arrays(samples()))
    rows = [f"f,{name},{name},,{'train' if name == 'train' else 'test'}" for name in SIZES] + ["g,small,small,,test"]
    (tmp_path / "splits.csv").write_text("split,sample,frame,group,role\n" + "\n".join(rows) + "\n")
    torch.manual_seed(0)
    network = deconvnet.build(3, 2, width=4)
    write_weights(tmp_path / "model/model.safetensors", network.state_dict())
    facts = {"network": "deconvnet", "in_channels": 3, "classes": ["background", "cell"]}
    facts |= {"settings": {"network_settings": {"width": 4}}, "median_cell_area": 9.0}
    facts |= {"weights_sha256": sha256(tmp_path / "model/model.safetensors")}
    write_json(
        tmp_path / "model/model.json", facts | {"normalisation": {"white": 255.0, "mean": [0.5] * 3, "sd": [0.3] * 3}}
    )
    return tmp_path


def run(lab, split="f", **settings):
    words = [f"--{name}={lab / name}.{end}" for name, end in (("samples", "npz"), ("splits", "csv"))]
    words += [f"--model={lab / 'model'}", f"--table={lab}/seams/seams.csv", f"--maps={lab}/seams/maps.npz"]
    return main(["seams", "--settings", json.dumps(WINDOWS | settings), "--split", split, "--device", "cpu", *words])


def test_images_of_several_windows_are_measured_by_three_ways_on_the_part_that_tiles_fill(lab):
    assert run(lab) == 0
    table = read_table(lab / "seams/seams.csv")
    sizes = table.groupby(["sample", "way"])[["height", "width"]].first()
    assert {(*key, *size) for key, size in zip(sizes.index, sizes.to_numpy().tolist(), strict=True)} == {
        (sample, way, *size)
        for sample, size in {"row": (32, 64), "large": (96, 128)}.items()
        for way in ("tiles", "windows", "whole")
    }
    large = table[table["sample"] == "large"].groupby("way")
    pairs = 96 * 127 + 95 * 128
    assert large["pairs"].sum().to_dict() == {"tiles": pairs, "windows": pairs, "whole": pairs}
    assert table.loc[table["way"] == "tiles", "offset"].abs().max() == 31  # the line before the outermost pixels
    assert table.loc[table["way"] == "windows", "offset"].abs().max() == 15
    row = table[(table["sample"] == "row") & (table["way"] == "tiles")]
    assert row.loc[row["offset"] == 0, "pairs"].item() == 32  # one border between two columns, none between rows


def test_the_maps_are_of_the_largest_image_and_those_of_predict(lab):
    run(lab)
    maps = read_arrays(lab / "seams/maps.npz")
    assert str(maps["id"]) == "large"
    assert maps["probability"].shape == (3, 96, 128)
    assert maps["tiles_rows"].tolist() == [32, 64]
    assert maps["windows_columns"].tolist() == list(range(16, 128, 16))
    cut = samples()
    cut.images[3] = cut.images[3][:, :96, :128].copy()
    cut.classes[3] = cut.classes[3][:96, :128]
    write_arrays(lab / "samples.npz", **to_arrays(cut))
    files = [f"--samples={lab}/samples.npz", f"--splits={lab}/splits.csv", f"--model={lab}/model", f"--out={lab}/p.npz"]
    for way, settings in enumerate([{"overlap": 0.0}, {}, {"window": None}]):
        main(["predict", "--settings", json.dumps(WINDOWS | settings), "--split", "f", "--device", "cpu", *files])
        said = read_arrays(lab / "p.npz")["probabilities_values"][-2 * 96 * 128 :].reshape(2, 96, 128)
        assert np.abs(said[1] - maps["probability"][way]).max() < 2e-3


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"window": None}, "no overlapping windows; give window and overlap"),
        ({"overlap": 0.0}, "no overlapping windows"),
        ({"window": [64, 128]}, "no test image holds two windows of 64 x 128 px; take `seams` out"),
    ],
)
def test_windows_that_leave_nothing_to_look_at_are_refused(lab, capsys, settings, sentence):
    assert run(lab, **settings) == 2
    assert sentence in capsys.readouterr().err
    assert not (lab / "seams").exists()


def test_a_test_set_of_small_images_has_no_seam(lab, capsys):
    assert run(lab, split="g") == 2
    assert "no test image holds two windows of 32 x 32 px" in capsys.readouterr().err


def test_the_page_draws_what_was_measured_and_says_how_large_the_seam_is(lab):
    run(lab)
    assert seamed.read(lab, {"seams": None}, samples()) is None
    found = seamed.read(lab, {"seams": {"model": "deconvnet"}}, samples())
    assert found.maps.image.shape == (3, 96, 128)
    told = seams.seams_of(found.jumps)
    tiles = read_table(lab / "seams/seams.csv").query("way == 'tiles'").assign(border=lambda rows: rows["offset"] == 0)
    tiles = tiles.groupby("border")
    mean = tiles["jumps"].sum() / tiles["pairs"].sum()
    assert told["tiles"].ratio == pytest.approx(mean[True] / mean[False])
    more = {way: "more" if one.ratio > one.highest else "no more" for way, one in told.items()}
    for way, words in {"tiles": "hard tiles", "windows": "the blended windows"}.items():
        assert f"{words}: {told[way].ratio:.2f}, {more[way]} than lines" in seams.answer(found.jumps)
    assert "Over 2 test images" in seams.answer(found.jumps)
    assert "<figure" in markup.picture(seams.draw(found.jumps, found.maps), seams.caption(found.jumps, found.maps))
    rows, columns = seams.torn(found.maps)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (96, 96)


def test_results_of_other_samples_are_refused(lab):
    run(lab)
    others = samples().take([0, 1, 2])
    with pytest.raises(InputError, match="large is none of these\\); run `seams` again"):
        seamed.read(lab, {"seams": {"model": "deconvnet"}}, others)


PIXELS = pd.DataFrame(
    [
        (model, split, 0, sample, c, ["background", "cell"][c], *counts)
        for model in ("a", "b")
        for split in ("fold1", "fold2")
        for sample, by_class in {"small": [(90, 5, 5), (0, 0, 0)], "row": [(80, 0, 20), (48, 1, 1)]}.items()
        for c, counts in enumerate(by_class)
    ],
    columns=["model", "split", "seed", "sample", "class", "class_name", "tp", "fp", "fn"],
)


@pytest.mark.parametrize(("empty", "cell"), [("one", 1.0), ("zero", 0.0), ("skip", np.nan)])
def test_overlaps_of_an_image_are_those_of_its_cells_and_of_the_mean_of_its_classes(empty, cell):
    found = sizes.image_overlaps(PIXELS, samples(), empty=empty)
    one = found[(found["model"] == "a") & (found["split"] == "fold1")].set_index(["sample", "what"])["jaccard"]
    assert one["row", "cell"] == pytest.approx(0.96)
    assert one["row", "mean of the classes"] == pytest.approx((0.8 + 0.96) / 2)
    assert one["small", "cell"] == pytest.approx(cell, nan_ok=True)
    assert one["small", "mean of the classes"] == pytest.approx(np.nanmean([0.9, cell]) if empty != "skip" else 0.9)
    assert found.set_index("sample")["size"].to_dict() == {"small": 30 * 40, "row": 35 * 70}


def test_images_above_a_level_are_counted_in_every_training():
    found = sizes.image_overlaps(PIXELS, samples(), empty="one")
    found.loc[(found["split"] == "fold2") & (found["sample"] == "row"), "jaccard"] = 0.5
    told = sizes.shares_sentence(found, 0.95, {"a": "A", "b": "B"})
    assert "A, cell: 1 of 2 images above 0.95 in every training, the lowest 0.500" in told
    assert sizes.several_sizes(samples(), ["small", "row"])
    assert not sizes.several_sizes(samples(), ["small", "small"])
    drawn = sizes.against_size(found, 0.95, {"a": "A", "b": "B"}, {"a": "#111111", "b": "#222222"})
    caption = sizes.caption(found, 0.95, same_test=True)
    assert "each of 2 test images" in caption
    assert "of 2 trainings, which all meet these images" in caption
    assert "<figure" in markup.picture(drawn, caption, colours=64)
