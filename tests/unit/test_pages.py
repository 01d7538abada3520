"""The notebook of the segmentation pages on small results of every kind, made by the steps themselves."""

import base64
import json
import re
import zlib
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemoseg.data import offset_sums, seen_features
from hemoseg.data import predictions as prediction_files
from hemoseg.data import samples as sample_files
from hemoseg.data.offset_sums import OffsetSums
from hemoseg.data.predictions import Predictions
from hemoseg.data.protocol import comparison, families
from hemoseg.data.samples import Samples
from hemoseg.data.seen_features import SeenFeatures
from hemoseg.figures import markup
from hemoseg.labels.components import connected_components
from hemoseg.labels.points import centres_of
from hemoseg.labels.watershed import distance_markers, split_at_markers
from hemoseg.steps import evaluate, report, split, statistics, tabulate, times, view_results
from hemoseg.steps import families as families_step
from hemoseg.steps.files import write_arrays, write_json, write_table
from hemoseg.steps.results import Results
from hemoseg.steps.train import HISTORY

NOTEBOOK = Path("reports/notebooks/segmentation.ipynb")
TEMPLATE = Path("reports/templates/page/index.html.j2")
HOSTILE = "<script>alert(1)</script>"
VERSIONS = {"python": "3", HOSTILE: HOSTILE}


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Pictures of few pixels where nobody looks at them: the notebook that a kernel runs draws them in full."""
    for name in ("CHART_DPI", "PHOTO_DPI"):
        monkeypatch.setattr(markup, name, 30)


def cells_of(shape, rng, classes):
    instances = np.zeros(shape, np.int32)
    for number in range(1, 5):
        row, column = rng.integers(6, shape[0] - 6), rng.integers(6, shape[1] - 6)
        rows, columns = np.indices(shape)
        instances[(rows - row) ** 2 + (columns - column) ** 2 <= 25] = number
    return np.where(instances > 0, 1 + instances % (classes - 1), 0).astype(np.uint8), instances


def samples_of(kind):
    """Eight samples of two frames each; sizes differ where ``kind`` says so."""
    rng = np.random.default_rng(0)
    names = ["background", *(f"{HOSTILE} {i}" for i in range(1, kind["classes"]))]
    shapes = [(40, 40 + 8 * (i % 2) * kind["mixed"]) for i in range(8)]
    labels = [cells_of(shape, rng, kind["classes"]) for shape in shapes]
    white = 65535 if kind["channels"] == 4 else 255
    return Samples(
        images=[
            (rng.random((kind["channels"], *s)) * white).astype(np.uint16 if white > 255 else np.uint8) for s in shapes
        ],
        classes=[one for one, _ in labels],
        instances=[one for _, one in labels] if kind["instances"] else [],
        ids=[f"{HOSTILE}${i}_" for i in range(8)],
        frames=[f"frame{i // 2}" for i in range(8)],
        groups=[f"{HOSTILE}{i % 2}" if kind["groups"] else "" for i in range(8)],
        kinds=[""] * 8,
        boxes=np.zeros((8, 4), int),
        frame_sizes=np.zeros((8, 2), int),
        class_names=names,
        white=white,
        info={"simulated": kind["simulated"], "dataset": HOSTILE, "truth": HOSTILE, "notices": [HOSTILE]},
    )


def settings_of(kind):
    models = {
        key: {
            "label": f"{label} {HOSTILE}",
            "network": key,
            "seeds": list(range(kind["seeds"])),
            "settings": {},
            "predict": {"cells": "components"},
        }
        | kind.get("rows", {}).get(key, {})
        for key, label in kind["models"].items()
    }
    columns = {"dice": f"Dice {HOSTILE}", "hausdorff": "HD", "loss": "Loss", "merged": "I", "artefacts": "II"}
    columns |= {"incomplete": "III"} | ({"two_types": "IV", "auc": HOSTILE} if kind["classes"] > 2 else {})
    folds = kind["folds"]
    protocol = {"protocol": "folds", "folds": folds} if folds > 1 else {"protocol": "fixed", "train": 4, "test": 4}
    protocol = {"by": "sample", "leakage": "report", **protocol} | kind.get("split", {})
    return {
        "experiment": "lab", "scale": "demo", "title": HOSTILE, "source": HOSTILE, "dataset": "lab", "models": models,
        "labels": "truth", "split": protocol, "train": {"loss": "cross_entropy"}, "split_names": [*families(protocol)],
        "tabulate": {"columns": columns, "empty": "skip", "hausdorff_missing": "skip", "baseline": "unet"}
        | {"also": kind.get("also", {})},
    }  # fmt: skip


def boxes_of(cells):
    """Boxes ``(n, 5)`` around the cells of an image, and a second one, beside the first, in the first cell."""
    found = []
    for number in np.unique(cells)[1:]:
        rows, columns = np.nonzero(cells == number)
        found.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, 0.9])
    first = found[0]
    return np.array([*found, [first[0], first[1], first[2] - 6, first[3] - 6, 0.6]], np.float32)


def write_run(folder, samples, ids, key, seed, run, model):
    """What `train` and `predict` leave of one run, as far as a page reads it."""
    rng = np.random.default_rng(seed + 10 * len(key))
    part = samples.take(samples.index(ids))
    classes = [np.where(rng.random(m.shape) < 0.05, 0, np.roll(m, 1, axis=0)).astype(np.uint8) for m in part.classes]
    network = "unet" in key
    count = len(part.class_names)
    one_hot = [np.stack([m == c for c in range(count)]) * (1 - 0.01 * count) + 0.01 for m in classes]
    cells, boxes = [connected_components(m > 0) for m in classes], []
    if proposes := model["predict"].get("markers", {}).get("source", model["network"]) in (
        "proposals",
        "instance_unet",
    ):
        boxes = [boxes_of(one) for one in part.instances]
    if model["predict"]["cells"] == "watershed":
        points = [centres_of(one) for one in boxes] if proposes else [distance_markers(m > 0) for m in classes]
        cells = [split_at_markers(m > 0, at) for m, at in zip(classes, points, strict=True)]
    said = Predictions(ids, one_hot if network else [], classes, cells, boxes)
    write_arrays(folder("predict") / "predictions.npz", **prediction_files.to_arrays(said))
    timing = {"images": len(ids), "seconds": 1.0, "device": "cpu", "threads": 1}
    timing |= {"flops": 2_500_000_000, "flops_image": [40, 48]} if network else {}
    write_json(folder("predict") / "timing.json", timing)
    if model.get("weights_from"):
        return  # trains nothing
    facts = {
        "network": model["network"],
        "split": run,
        "labels": "truth",
        "weights": "last",
        "samples_sha256": "a" * 64,
    }
    write_json(folder("train") / "model.json", facts | ({"steps": 4, "step": 4, "parameters": 9} if network else {}))
    extra = {"seconds_per_step": 0.1} | ({"deformable_backend": "kornia"} if "deformable" in key else {})
    extra |= {"imbalance": "none", "pretrained": None}
    if "deformable" in key:
        weights = dict.fromkeys(part.class_names, 0.5)
        begun = {"from": HOSTILE, "sha256": "b" * 64}
        extra |= {"imbalance": "class_weights", "class_weights": weights, "pretrained": begun}
    times = {"device": "cpu", "threads": 1, "versions": VERSIONS, "training_seconds": 1.0}
    write_json(folder("train") / "run.json", times | (extra if network else {}))
    error = 0.3 if model["network"] == "instance_unet" else np.nan
    history = [[s, 1 / s, 1 / s, 0.5, 0.4, error, 1.0] for s in (2, 4)] if network else []
    write_table(folder("train") / "history.csv", pd.DataFrame(history, columns=list(HISTORY)))


def results_of(root, kind, tables=True):
    """Results of an experiment on disk, with or without its tables; returns its settings."""
    settings, samples, base = settings_of(kind), samples_of(kind), root / "lab"
    write_arrays(base / "samples.npz", **sample_files.to_arrays(samples))
    files = ["--samples", str(base / "samples.npz"), "--out", str(base / "splits.csv")]
    split.main(["--settings", json.dumps(settings["split"]), *files, "--notes", str(base / "splits.json")])
    splits = pd.read_csv(base / "splits.csv", dtype=str)
    runs = []
    for key, model in settings["models"].items():
        for name in settings["split_names"]:
            ids = list(splits["sample"][(splits["split"] == name) & (splits["role"] == "test")])
            for seed in model["seeds"]:
                tail = Path(key) / name / f"seed{seed}"
                write_run(lambda stage, tail=tail: base / stage / tail, samples, ids, key, seed, name, model)
                out = base / "evaluate" / tail
                evaluate.main(
                    ["--settings", "{}", "--samples", str(base / "samples.npz"), "--splits", str(base / "splits.csv"),
                     "--predictions", str(base / "predict" / tail / "predictions.npz"), "--split", name,
                     "--pixels", str(out / "pixels.csv"), "--cells", str(out / "cells.csv"),
                     "--histograms", str(out / "histograms.npz")]
                )  # fmt: skip
                runs += ["--run", f"model={key},split={name},seed={seed},folder={out}"]
    if not tables:
        return settings
    rows = {key: model["label"] for key, model in settings["models"].items()}
    told = {"table": "lab", "rows": rows, "families": families(settings["split"]), **settings["tabulate"]}
    told = json.dumps(told)
    outputs = [f"--{name}={root}/tables/lab.{name}" for name in ("markdown", "metrics")]
    tabulate.main(["--settings", told, "--published", "none", *runs, f"--out={root}/tables/lab.csv", *outputs])
    statistics.main(["--settings", told, *runs, f"--out={root}/tables/lab.statistics.json"])
    if kinds := comparison(settings["split"]):
        families_step.main(["--settings", told, "--comparison", kinds, *runs, f"--out={root}/tables/lab.{kinds}.csv"])
    told = json.dumps({"rows": rows, "baseline": "unet"})
    trained = [word.replace("--run", "--trained").replace("/evaluate/", "/train/") for word in runs]
    for key, model in settings["models"].items():  # as the rules do: the training of the row it names
        owner = model.get("weights_from") or key
        trained = [word.replace(f"/train/{key}/", f"/train/{owner}/") for word in trained]
    predicted = [word.replace("--run", "--predicted").replace("/evaluate/", "/predict/") for word in runs]
    ratios = ["--published", "reports/published/ratios.csv", "--out", f"{root}/tables/lab.times.csv"]
    times.main(["--settings", told, *ratios, *trained, *predicted])
    return settings


MANY = {
    "classes": 4, "channels": 4, "mixed": False, "instances": True, "groups": True, "simulated": False, "folds": 2,
    "seeds": 2, "models": {"otsu": "Otsu", "unet": "U-Net", "deformable_unet": "dU-Net"}, "also": {"empty": "one"},
}  # fmt: skip
BINARY = MANY | {"classes": 2, "channels": 3, "seeds": 1, "simulated": True}
KINDS = {
    "grey, no instances, one classical model, mixed sizes, one split": BINARY
    | {"channels": 1, "instances": False, "models": {"otsu": "Otsu"}, "mixed": True, "groups": False, "folds": 1},
    "two seeds and three models of two classes": BINARY | {"seeds": 2, "simulated": False},
    "two channels, one network, origin not told": BINARY
    | {"channels": 2, "models": {"deformable_unet": "dU-Net"}, "simulated": None},
}


def shown_by(settings, root, published=None, notebook=NOTEBOOK):
    """What the notebook shows, its cells run here instead of in a kernel."""
    notebook = json.loads(notebook.read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown, names = [], {}
    exec(cells[0], names)
    names |= {"settings": settings, "results": str(root), "published": published}
    for source in cells[1:]:
        exec(source, names)
        names["display"] = shown.append  # the first cell imports the real one and shows nothing
    return "".join(piece.data for piece in shown)


def explained(root, settings):
    """What `explain` leaves, of a sample of which both networks saw a pixel; the experiment with its section."""
    folder, layers, bins = root / "lab" / "explain", [HOSTILE, "b"], 12
    sample = f"{HOSTILE}$0_"
    rows = [["centre", sample, 9, 9, depth, 9 + shift, 9, 1] for depth in (2, 3) for shift in (-1, 0, 1)]
    columns = ["kind", "sample", "pixel_row", "pixel_column", "depth", "row", "column", "weight"]
    models = list(settings["models"])
    tables = [pd.DataFrame(rows, columns=columns).assign(model=model, seed=0) for model in models]
    write_table(folder / "sampling.csv", pd.concat(tables))
    rng, shape = np.random.default_rng(0), (len(layers), bins, 5)
    own, others, random = (1 + rng.random((8, *many, *shape)) for many in ((), (4,), (3,)))
    maps = [[np.ones((40, 40), np.float32), np.ones((20, 20), np.float32)]]
    one = OffsetSums(
        "deformable_unet", 0, "fixed", ["s"] * 8, [f"f{i}" for i in range(8)], layers, [1, 2], 4.0,
        np.linspace(-1, 2, bins + 1), own, others, random, [sample], maps,
    )  # fmt: skip
    write_arrays(folder / "offsets.npz", **offset_sums.to_arrays([one]))
    maps = [
        SeenFeatures(model, 0, sample, level, HOSTILE, 2, 9, [1, 4], rng.random((2, 20, 20)) - shift)
        for level, shift in (("low", 0.5), ("high", 0.0))
        for model in models
    ]
    write_arrays(folder / "features.npz", **seen_features.to_arrays(maps))
    return settings | {"explain": {"models": models, "per_kind": 1, "path": "skip", "offsets": "interpolated"}}


def test_sampling_locations_are_shown_where_they_were_looked_at(tmp_path):
    kind = BINARY | {"models": {"unet": "U-Net", "deformable_unet": "dU-Net"}, "folds": 1}
    settings = results_of(tmp_path, kind)
    page = shown_by(explained(tmp_path, settings), tmp_path)
    assert "Sampling locations" in page
    assert page.count("<figure") >= 10
    assert "Feature maps over test sample" in page
    assert "follow the shape of cells?" in page
    assert "<script" not in page
    assert report.loads(page) == []


CUT = {"network": "instance_unet", "weights_from": "iu_unet"}
DISTANCE = CUT | {"predict": {"cells": "watershed", "markers": {"source": "distance", "score": 0.5, "overlap": 0.3}}}
PROPOSALS = CUT | {"predict": {"cells": "watershed", "markers": {"source": "proposals", "score": 0.5, "overlap": 0.3}}}
PROPOSING = BINARY | {"folds": 1, "models": {"iu_unet": "IU", "iuw_unet": "IUW", "distance_unet": "D"}}


@pytest.mark.parametrize("cutting", ["both", "distance alone"])
def test_boxes_borrowed_weights_and_watersheds_have_their_page(tmp_path, cutting):
    first = {"network": "instance_unet" if cutting == "both" else "unet"}
    models = {key: label for key, label in PROPOSING["models"].items() if cutting == "both" or key != "iuw_unet"}
    rows = {"iu_unet": first, "iuw_unet": PROPOSALS, "distance_unet": DISTANCE}
    page = shown_by(results_of(tmp_path, PROPOSING | {"models": models, "rows": rows}), tmp_path)
    assert "<script" not in page
    assert report.loads(page) == []
    assert "Touching cells" in page
    assert ("How fast they converge" in page) == (cutting == "both")  # scored while training, each training once
    said = re.findall(r"IUW [^.:]*: of \d+ true cells (\d+) hold one marker, (\d+) none, (\d+) two or more", page)
    assert bool(said) == ("Two markers in one cell" in page) == (cutting == "both")
    if said:
        assert int(said[0][2]) >= 2  # one in each sample at least, unless another cell has its pixels


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_results_has_its_page(tmp_path, kind):
    page = shown_by(results_of(tmp_path, kind), tmp_path)
    assert "<script" not in page
    assert report.loads(page) == []
    # Made of the runs, for every network: what was done about rare classes, and what its weights began with.
    deformable = "deformable_unet" in kind["models"]
    assert ("class imbalance: " in page) == ("class imbalance class weights: " in page) == deformable
    assert (f"started from published weights ({escape(HOSTILE)}, sha256 bbbbbbbbbbbbbbbb)" in page) == deformable
    words = {True: "simulated data", False: "real data", None: "origin of the data not told"}
    assert words[kind["simulated"]] in page
    assert ("deformable back end kornia" in page) == ("deformable_unet" in kind["models"])
    assert ("is trained by steps" in page) == (list(kind["models"]) == ["otsu"])
    assert page.count("<figure") >= 5
    assert "Sampling locations" not in page


@pytest.mark.parametrize("kind", [MANY | {"also": {}}, next(iter(KINDS.values()))], ids=["many", "no instances"])
def test_every_kind_of_results_has_a_page_of_its_counts(tmp_path, kind):
    settings = results_of(tmp_path, kind)
    page = shown_by(settings, tmp_path, notebook=NOTEBOOK.with_name("counts.ipynb"))
    assert "<script" not in page
    assert report.loads(page) == []
    assert "is nearest image by image" in page
    assert ("<td>2.5 GFLOP</td><td>40×48 px</td>" in page) == any("unet" in key for key in kind["models"])
    assert page.count("<figure") >= 3 + len(kind["models"])
    assert page.count("limits of agreement</th>") == 1


def viewed(page):
    """The data of a viewer's page: the head, and a record per image."""
    blocks = re.findall(r'<script type="application/json" id="[^"]+">(.*?)</script>', page, re.DOTALL)
    head, *records = map(json.loads, blocks)
    return head, records


def decoded(layer, key, grid):
    """Labels as the viewer's script decodes them."""
    bits = 8 if key == "classes" else layer["bits"]
    lines = np.frombuffer(zlib.decompress(base64.b64decode(layer[key])), f"<u{bits // 8}").reshape(grid)
    return np.bitwise_xor.accumulate(lines, axis=0)


@pytest.mark.parametrize("kind", [MANY, next(iter(KINDS.values()))], ids=["many", "no instances"])
def test_every_kind_of_results_has_its_viewer(tmp_path, kind):
    settings = results_of(tmp_path, kind, tables=False) | {"report": {"viewer": 3}}
    out = tmp_path / "lab_viewer.html"
    view_results.main(["--settings", json.dumps(settings), "--results", str(tmp_path), "--out", str(out)])
    page = out.read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert page.count("<script") == 2 + len(viewed(page)[1])
    assert {True: "simulated data", False: "real data"}[kind["simulated"]] in page
    head, records = viewed(page)
    dice = [float(image["note"].removeprefix("Dice ")) for image in head["images"]]
    assert dice == sorted(dice)
    assert len(dice) == 3
    samples, results = samples_of(kind), Results(settings, tmp_path)
    for record in records:
        (at,) = samples.index([record["name"]])
        truth, *said = record["layers"]
        assert (decoded(truth, "classes", record["grid"]) == samples.classes[at]).all()
        if kind["instances"]:
            assert (
                np.array([0, *truth["ids"]])[decoded(truth, "instances", record["grid"])] == samples.instances[at]
            ).all()
        assert [layer["name"] for layer in said] == list(results.labels.values())
        for key, layer in zip(results.labels, said, strict=True):
            own = results.predicted(key, [record["name"]])[record["name"]]
            assert (np.array([0, *layer["ids"]])[decoded(layer, "instances", record["grid"])] == own.instances).all()
            assert (decoded(layer, "classes", record["grid"]) == own.classes).all()
            assert layer["columns"]["area_px"] == np.bincount(own.instances.ravel())[layer["ids"]].tolist()
            if "unet" in key and kind["instances"]:  # the stand-in gives each pixel's own class all but 0.01 a class
                pairs = zip(layer["ids"], layer["columns"]["class"], strict=True)
                shares = np.array([(own.classes[own.instances == cell] == value).mean() for cell, value in pairs])
                expected = 0.01 + (1 - 0.01 * kind["classes"]) * shares
                assert layer["columns"]["probability"] == pytest.approx(expected, abs=0.001)


def test_a_viewer_without_cells_known_takes_parts_of_classes(tmp_path):
    classes = np.zeros((9, 9), np.uint8)
    classes[1:4, 1:4], classes[4, 4], classes[6:8, 1:3], classes[4:8, 5:8] = 1, 1, 1, 2
    found = view_results.parts(classes, 3)
    assert found.max() == 3  # corners join
    assert [set(classes[found == number]) for number in (1, 2, 3)] == [{1}, {1}, {2}]
    assert ((found > 0) == (classes > 0)).all()


def test_images_of_a_viewer_are_spread_from_the_worst_to_the_best():
    values = pd.Series({f"i{n}": n / 10 for n in (5, 3, 9, 1, 7)} | {"unknown": np.nan})
    assert view_results.spread(values, 9) == ["i1", "i3", "i5", "i7", "i9", "unknown"]
    assert view_results.spread(values.dropna(), 3) == ["i1", "i5", "i9"]
    assert view_results.spread(values, 1) == ["i1"]


FAMILIES = {
    "data_size": ({"protocol": "sizes", "sizes": [2, 4], "test": 4}, ["To equal U-Net", "n4", "4 test images"]),
    "patients": ({"by": ["frame", "group"]}, ["Optimism of random folds", "grouped", "2 patients", "3 different ways"]),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families_of_splits_have_pages_of_their_own(tmp_path, name):
    settings = results_of(tmp_path, MANY | {"split": FAMILIES[name][0]})
    page = shown_by(settings, tmp_path, notebook=NOTEBOOK.with_name(f"{name}.ipynb"))
    assert "<script" not in page
    assert report.loads(page) == []
    assert [words for words in FAMILIES[name][1] if words not in page] == []


PARTS = {"threshold_contours": (False, False), "gaussian": (True, False), "all": (True, True)}


@pytest.mark.parametrize("instances", [True, False])
def test_the_parts_of_the_automatic_labels_have_a_page(tmp_path, instances):
    kind = BINARY | {"models": dict.fromkeys((*PARTS, "searched"), "Row"), "instances": instances, "folds": 1}
    settings = results_of(tmp_path, kind)
    for key, model in settings["models"].items():
        smooth, opened = PARTS.get(key, (True, False))
        own = {"search": True} if key == "searched" else {"gaussian": smooth, "morphology": opened}
        model |= {"network": "autolabel", "settings": own | {"min_area": 4}}
    run = tmp_path / "lab" / "train" / "searched" / "fixed" / "seed0" / "run.json"
    found = {"point": {"offset": 0.1}, "score": 0.912, "left_out": 0.904, "images": 3, "tried": 3}
    write_json(run, json.loads(run.read_text()) | {"autolabel_search": {HOSTILE: found}})
    page = shown_by(settings, tmp_path, notebook=NOTEBOOK.with_name("autolabel.ipynb"))
    assert "<script" not in page
    assert report.loads(page) == []
    assert [
        words for words in ("0.912", "0.904", "searched on 3 labelled images", "points more") if words not in page
    ] == []
    assert page.count("<figure") >= 6
    assert ("are parted: " in page) == instances


def test_labels_by_nobody_are_told(tmp_path):
    settings = results_of(tmp_path, BINARY | {"models": {"unet": "U-Net"}, "folds": 1})
    base = tmp_path / "lab"
    arrays = sample_files.to_arrays(samples_of(BINARY))
    write_arrays(base / "autolabels.npz", **arrays)
    for name in ("classes", "instances"):
        arrays |= {f"{name}_values": np.zeros(0, np.uint8), f"{name}_shapes": np.zeros((0, 0), int)}
    write_arrays(base / "samples.npz", **arrays)
    found = {"point": {"offset": 0.1}, "score": 0.912, "left_out": None, "images": 1, "tried": 3}
    write_json(base / "autolabels.json", {"settings": {}, "search": {"samples": ["a"], "kinds": {HOSTILE: found}}})
    page = shown_by(settings | {"labels": "auto"}, tmp_path)
    assert "This dataset has no labels by people" in page
    assert "searched on 1 labelled image" in page
    assert "0.912" in page
    assert "<script" not in page
    assert "labels: auto-labels" in page


def test_methods_of_the_paper_and_its_wrong_averages_are_told(tmp_path):
    settings = results_of(tmp_path, MANY | {"models": {"unet": "U-Net"}, "seeds": 1, "folds": 1})
    lines = [("ilastik", c, "dice", v) for c, v in (("0", 0.9), ("1", 0.8), ("average", 0.5))]
    published = pd.DataFrame(lines, columns=["row", "class", "column", "value"]).assign(sd=0.1, source=HOSTILE)
    published.to_csv(tmp_path / "published.csv", index=False)
    page = shown_by(settings, tmp_path, str(tmp_path / "published.csv"))
    assert "ilastik" in page
    assert "0.850, printed 0.500" in page
    assert "<script" not in page


def test_the_whole_page_of_many_classes_is_safe_small_and_complete(tmp_path):
    settings = results_of(tmp_path, MANY | {"models": {"unet": "U-Net", "deformable_unet": "dU-Net"}, "folds": 1})
    out, executed = tmp_path / "lab.html", tmp_path / "executed.ipynb"
    report.main(
        ["--settings", json.dumps(settings), "--results", str(tmp_path), "--notebook", str(NOTEBOOK),
         "--template", str(TEMPLATE), "--executed", str(executed), "--out", str(out)]
    )  # fmt: skip
    page = out.read_text(encoding="utf-8")
    assert "<script" not in page
    assert escape(HOSTILE) in page
    assert out.stat().st_size < 6e6
    headings = re.findall(r"<h2[^>]*>([^<]+)", page)
    assert headings == [
        "The table", "Every image", "How sure is this", "Learning curves", "ROC curves", "Precision and recall",
        "Calibration", "Confusion of classes", "Pictures", "Cases", "Worst cases", "The data and its labels",
        "What was run",
    ]  # fmt: skip
    assert "Under another rule for images without a class" in page
    assert all('alt="' in picture for picture in re.findall(r"<img[^>]{0,9000}", page))
    assert "find_spec" not in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize("path", sorted(NOTEBOOK.parent.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_notebook_only_shows_and_is_stripped(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    source = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert "def " not in source
    assert "lambda" not in source
    assert "torch" not in source
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
