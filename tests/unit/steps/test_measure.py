"""The step on frames whose cells are known, cut in every way; then the tables and the page of the clinic."""

import json
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hemoseg.__main__ import main
from hemoseg.data import predictions as predictions_format
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import from_arrays
from hemoseg.steps import report
from hemoseg.steps.clinic import read, read_counted
from hemoseg.steps.files import read_arrays, write_arrays

NOTEBOOK = Path("reports/notebooks/clinic.ipynb")
HOSTILE = "<script>alert(1)</script>"
# Row, column and half axes of ellipses: three whole (the second on the cuts of quadrants), one that the right border
# cuts, and two that nearly touch.
CELLS = [
    *[(40, 60, 20, 30), (90, 160, 24, 24), (150, 90, 25, 25)],
    *[(60, 305, 20, 20), (140, 230, 18, 26), (140, 285, 18, 26)],
]
ROWS, COLUMNS, LEFT = 180, 320, 30


@pytest.fixture
def lab(tmp_path):
    """Two frames of two patients with a margin on the left, and a third without cells; two classes."""
    folder = tmp_path / "lab"
    for part in ("images", "instances", "classes"):
        (folder / part).mkdir(parents=True)
    rows, columns = np.indices((ROWS, COLUMNS)) + 0.5
    noise = np.random.default_rng(0).integers(0, 20, rows.shape, np.uint8)
    for name in ("a", "b", "empty"):
        labels = np.zeros((ROWS, COLUMNS), np.uint16)
        for number, (row, column, high, wide) in enumerate(CELLS if name != "empty" else [], start=1):
            labels[((rows - row) / high) ** 2 + ((columns - column) / wide) ** 2 <= 1] = number
        image = np.where(labels > 0, 90, 200).astype(np.uint8) + noise
        image, labels = np.pad(image, ((0, 0), (LEFT, 0))), np.pad(labels, ((0, 0), (LEFT, 0)))
        Image.fromarray(image).save(folder / f"images/{name}.png")
        Image.fromarray(labels).save(folder / f"instances/{name}.png")
        Image.fromarray(np.where(labels > 2, 2, labels).astype(np.uint8)).save(folder / f"classes/{name}.png")
    lines = ["id,image,group", "a,images/a.png,p1", f"b,images/b.png,{HOSTILE}", "empty,images/empty.png,p1"]
    (folder / "manifest.csv").write_text("\n".join(lines))
    (folder / "dataset.yaml").write_text(f"classes: [round, '{HOSTILE}']\npixel_size_um: 0.2\nsimulated: true\n")
    return folder


def measured(lab, settings, change=lambda predictions: None, parts=1):
    """Truth as a prediction, changed, measured by the command: cells and frames."""
    root = lab.parent
    samples_path = root / "exp/samples.npz"
    main(["prepare", "--settings", json.dumps(settings), "--data", str(lab), "--out", str(samples_path)])
    samples = from_arrays(read_arrays(samples_path))
    out, files = root / "exp/measure/unet", []
    for part in range(parts):
        some = samples.take(list(range(part, len(samples), parts)))
        said = Predictions(
            some.ids, [], [c.copy() for c in read_truth(some)[0]], [i.copy() for i in read_truth(some)[1]]
        )
        change(said)
        files.append(root / f"predictions{part}.npz")
        write_arrays(files[-1], **predictions_format.to_arrays(said))
    outputs = [f"--{name}={out / name}.{end}" for name, end in (("cells", "csv"), ("frames", "csv"), ("facts", "json"))]
    assert main(["measure", "--samples", str(samples_path), "--predictions", *map(str, files), *outputs]) == 0
    return read(out / "cells.csv"), read(out / "frames.csv")


def read_truth(samples):
    if samples.has_instances:
        return samples.classes, samples.instances
    return [(image[0] < 150).astype(np.uint8) for image in samples.images], [
        (image[0] < 150).astype(np.int32) for image in samples.images
    ]


LAYOUTS = {
    "whole": {"margin_crop": True},
    "smaller and not square": {"margin_crop": True, "size": [120, 128]},
    "quadrants": {"margin_crop": True, "layout": "quadrants"},
    "quadrants, smaller and not square": {"margin_crop": True, "layout": "quadrants", "size": [60, 64]},
    "tiles": {"margin_crop": True, "layout": "tiles", "tile": [100, 128], "overlap": 40},
}


@pytest.mark.parametrize("settings", LAYOUTS.values(), ids=LAYOUTS)
def test_cells_have_the_frames_geometry_however_it_was_cut(lab, settings):
    cells, frames = measured(lab, settings)
    assert cells.groupby(["side", "frame"]).size().to_dict() == {(s, f): 6 for s in ("pred", "gt") for f in "ab"}
    assert frames["field"].tolist()[:2] == [ROWS * COLUMNS] * 2
    assert frames["frame"].tolist() == ["a", "b", "empty"]
    one = cells[(cells["frame"] == "a") & (cells["side"] == "pred")]
    for row, column, high, wide in CELLS[:3]:
        distance = np.hypot(one["row"] + 0.5 - row, one["column"] + 0.5 - LEFT - column)
        found = one.loc[distance.idxmin()]
        assert distance.min() < 1
        assert found["area"] == pytest.approx(np.pi * high * wide, rel=0.03)
        if high == wide:
            assert found["perimeter"] == pytest.approx(2 * np.pi * high, rel=0.05)
            assert found["form_factor"] == pytest.approx(1, abs=0.08)
        else:
            assert found["eccentricity"] == pytest.approx(np.sqrt(1 - (high / wide) ** 2), abs=0.03)
    assert sorted(one["border"]) == ["lower_right", *["no"] * 5]


def test_a_cell_has_the_class_of_most_of_its_pixels_and_of_the_lower_of_two(lab):
    def change(said):
        cells, classes = said.instances[0], said.classes[0]
        rows, columns = np.nonzero(cells == 1)
        half = len(rows) // 2
        classes[rows, columns] = np.where(np.arange(len(rows)) < half, 2, 1)
        rows, columns = np.nonzero(cells == 2)
        classes[rows, columns] = np.where(np.arange(len(rows)) <= 0.7 * len(rows), 2, 1)
        classes[cells == 3] = 0

    cells, _ = measured(lab, {}, change)
    found = cells[(cells["frame"] == "a") & (cells["side"] == "pred")].sort_values("area", kind="stable")
    at = {round(row["column"] - LEFT + 0.5): int(row["class"]) for row in found.to_dict("records")}
    assert (at[60], at[160], at[90]) == (1, 2, 0)


def test_a_merged_pair_hosts_two_and_is_told(lab):
    def change(said):
        for cells in said.instances:
            cells[cells == 6] = 5
            bridge = cells[138:142, LEFT + 250 : LEFT + 262]
            bridge[bridge == 0] = 5 if cells.any() else 0

    cells, _ = measured(lab, {}, change)
    found = cells[(cells["side"] == "pred") & (cells["frame"] == "a")]
    assert sorted(found["hosted"]) == [1, 1, 1, 1, 2]
    assert cells.loc[cells["side"] == "gt", "hosted"].isna().all()


def test_a_cell_that_grazes_another_hosts_its_own_only(lab):
    def change(said):
        for cells in said.instances:
            cells[:, : LEFT + 282][cells[:, : LEFT + 282] == 6] = 5  # less than half of the sixth

    cells, _ = measured(lab, {}, change)
    found = cells[(cells["side"] == "pred") & (cells["frame"] == "a")]
    assert sorted(found["hosted"]) == [1] * 6


def test_cells_on_ignored_ground_are_marked(lab):
    classes = np.array(Image.open(lab / "classes/a.png"))
    classes[np.array(Image.open(lab / "instances/a.png")) == 2] = 255
    Image.fromarray(classes).save(lab / "classes/a.png")

    def change(said):
        said.classes[0][said.classes[0] == 255] = 1

    cells, _ = measured(lab, {}, change)
    assert cells[cells["ignored"].astype(bool)].groupby(["side", "frame"]).size().to_dict() == {
        ("gt", "a"): 1, ("pred", "a"): 1,
    }  # fmt: skip


def test_frames_that_are_ignored_whole_count_nowhere(lab, capsys):
    def ignore(*names):
        for name in names:
            Image.fromarray(np.full((ROWS, COLUMNS + LEFT), 255, np.uint8)).save(lab / f"classes/{name}.png")
            Image.fromarray(np.zeros((ROWS, COLUMNS + LEFT), np.uint16)).save(lab / f"instances/{name}.png")

    ignore("b")
    _, frames = measured(lab, {})
    assert frames["frame"].tolist() == ["a", "empty"]
    ignore("a", "empty")
    (lab.parent / "exp/measure/unet/cells.csv").unlink()
    with pytest.raises(AssertionError):
        measured(lab, {})
    assert "nothing that was predicted counts, all is ignored; mend" in capsys.readouterr().err
    assert not (lab.parent / "exp/measure/unet/cells.csv").exists()


def test_each_frame_is_measured_where_it_was_tested_and_parts_join(lab):
    settings = {"margin_crop": True, "layout": "quadrants"}
    whole, _ = measured(lab, settings)
    parts, frames = measured(lab, settings, parts=2)
    assert parts.equals(whole)
    assert frames["samples"].tolist() == [4, 4, 4]


def test_predictions_of_other_samples_are_refused(lab, capsys):
    measured(lab, {})
    measured_files = sorted(path.name for path in lab.parent.glob("exp/measure/unet/*"))
    other = Predictions(["x"], [], [np.zeros((4, 4), np.uint8)], [np.zeros((4, 4), np.int32)])
    write_arrays(lab.parent / "other.npz", **predictions_format.to_arrays(other))
    out = [f"--{name}={lab.parent / 'new'}" for name in ("cells", "frames", "facts")]
    samples = str(lab.parent / "exp/samples.npz")
    assert main(["measure", "--samples", samples, "--predictions", str(lab.parent / "other.npz"), *out]) == 2
    assert "x is no such sample of this experiment; run predict again" in capsys.readouterr().err
    assert not (lab.parent / "new").exists()
    assert measured_files == ["cells.csv", "facts.json", "frames.csv"]


def page_of(lab, **facts):
    """The page's HTML, its cells run here instead of in a kernel."""
    root = lab.parent
    folder, tables = root / "exp/measure/unet", [root / f"tables/exp.clinic_{of}.csv" for of in ("frames", "patients")]
    files = ["--frames", str(tables[0]), "--patients", str(tables[1])]
    assert main(["clinic", "--settings", "{}", "--measured", str(folder), *files]) == 0
    settings = {
        "experiment": "exp", "title": HOSTILE, "source": HOSTILE, "dataset": "lab", "scale": "demo", "labels": "truth",
        "split": {"by": "frame"}, "families": {"fixed": ""}, "clinic": {"model": "unet"}, "report": {"colours": {}},
        "prepare": {"classes": {"a": [HOSTILE]}}, "models": {"unet": {"label": HOSTILE, "seeds": [0]}},
    } | facts  # fmt: skip
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown, names = [], {}
    exec(cells[0], names)
    names |= {"settings": settings, "results": str(root)}
    for source in cells[1:]:
        exec(source, names)
        names["display"] = shown.append  # the first cell imports the real one and shows nothing
    return "".join(piece.data for piece in shown)


def test_the_page_tells_counts_bias_and_limits_and_runs_nothing(lab):
    def change(said):
        for cells in said.instances:
            cells[cells == 6] = 5

    measured(lab, {"margin_crop": True}, change)
    page = page_of(lab)
    assert "<script" not in page
    assert escape(HOSTILE) in page
    assert report.loads(page) == []
    assert "not a medical device" in page
    assert "The frames are simulated" in page
    assert "2 of 8 counted cells are several in truth and hide 2 true cells" in page
    assert page.count("<figure") == 3
    assert "found no cell of" not in page
    assert "0.2 µm wide" in page


def test_a_class_that_is_never_found_is_told(lab):
    def change(said):
        for classes in said.classes:
            classes[classes == 2] = 1

    measured(lab, {"margin_crop": True}, change)
    page = page_of(lab)
    assert f"The model found no cell of {escape(HOSTILE)} (80 % of the true cells)" in page
    assert "off the truth: do not" not in page


def test_a_folder_without_labels_patients_or_pixel_size_has_its_page(lab):
    for part in ("instances", "classes"):
        for path in (lab / part).iterdir():
            path.unlink()
        (lab / part).rmdir()
    (lab / "manifest.csv").unlink()
    (lab / "dataset.yaml").unlink()
    cells, _ = measured(lab, {"labels": "auto"})
    assert set(cells["side"]) == {"pred"}
    found = read_counted(lab.parent / "exp/measure/unet", {})
    assert not found.has_truth
    page = page_of(lab, labels="auto")
    assert "no truth: bias unknown" in page
    assert "all frames" in page
    assert "gives no <code>pixel_size_um</code>" in page
    assert "One class only" in page
    assert "truth (bias)" not in page


def test_frames_without_a_single_cell_have_their_page(lab):
    def change(said):
        for cells in said.instances:
            cells[:] = 0

    measured(lab, {}, change)
    page = page_of(lab)
    assert "counted 0 cells in 3 frames of 2 patients" in page
    assert "off the truth" in page


DAMAGES = {
    "cells.csv": [
        (lambda text: "a,b\n1,2\n", "cells.csv: column 'side' is missing"),
        (lambda text: text[:-7], "cells.csv: its last line is cut off"),
        (lambda text: text.replace("form_factor", "other"), "cells.csv: column 'form_factor' is missing"),
        (lambda text: text.replace("False", "x"), "cells.csv: column 'ignored' holds what is no number"),
    ],
    "frames.csv": [
        (lambda text: text.replace("truth", "other"), "frames.csv: column 'truth' is missing"),
        (lambda text: text.splitlines()[0] + "\n", "frames.csv: names no frame; run `measure` again"),
    ],
    "facts.json": [(lambda text: "[1]", "facts.json: says nothing of 'classes'")],
}


def test_damaged_measures_are_refused_by_the_name_of_the_file(lab, capsys):
    measured(lab, {})
    folder, out = lab.parent / "exp/measure/unet", lab.parent / "tables"
    argv = ["clinic", "--measured", str(folder), "--frames", str(out / "f.csv"), "--patients", str(out / "p.csv")]
    for file, damages in DAMAGES.items():
        kept = (folder / file).read_text()
        for change, words in damages:
            (folder / file).write_text(change(kept))
            assert main([*argv, "--settings", "{}"]) == 2
            assert words in capsys.readouterr().err
        (folder / file).write_text(kept)
    for settings in ('{"level": "x"}', '{"min_area_share": null}'):
        assert main([*argv, "--settings", settings]) == 2
        assert "is no number; give a share such as 0.1" in capsys.readouterr().err
    assert not out.exists()
