"""The report of one patient from small folders of every kind."""

import json
import sys
from html import escape

import numpy as np
import pandas as pd
import pytest

from hemoseg.__main__ import main as command_line
from hemoseg.data.field_quality import features, reference
from hemoseg.errors import InputError
from hemoseg.figures import markup, patient_counts
from hemoseg.figures import patient as figures
from hemoseg.metrics.reference import FEWEST, SHAPES
from hemoseg.steps import patient, patient_page
from hemoseg.steps.files import write_json, write_table
from hemoseg.steps.report import loads
from hemoseg.steps.segmented import read_segmented
from tests.unit.steps.segmented_folder import CLASSES, discs, write_folder

HOSTILE = "<script>alert(1)</script>"
REAL_DISTRIBUTIONS = figures.distributions  # the fixture `quick` takes it away
GROUPS = ["p1", "p1", "p2", "p2", "p2", "p3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("segmented") / "seg", GROUPS)


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """Pictures cost seconds: where a test does not ask for them there are none."""
    if "drawn" not in request.fixturenames:
        for name in ("shares", "distributions", "gallery"):
            monkeypatch.setattr(figures, name, lambda *_, **__: None)
        monkeypatch.setattr(markup, "picture", lambda figure, caption, **_: f"<figure>{escape(caption)}</figure>")


@pytest.fixture
def drawn():
    """Ask for pictures."""


def page_of(tmp_path, folder, *more):
    patient.main([str(folder), "--out", str(tmp_path / "report.html"), *more])
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_report_says_what_was_counted_and_that_it_is_for_research(tmp_path, folder):
    page = page_of(tmp_path, folder, "--patient", "p1")
    assert loads(page) == []
    assert page.index("research use only") < page.index("Counts and shares")
    assert 'content: "Research use only. Not a medical device."' in page  # of each printed page
    assert "18 cells in 2 fields; no field has a flag." in page
    assert "this patient" in page
    assert "The most atypical cells" in page


def test_fields_with_flags_do_not_count_and_say_why(tmp_path, folder):
    rows = [features(*discs(seed)[:2]) for seed in range(12)]
    far = [row | {"light": 0.3 * row["light"]} for row in rows]  # training frames that were darker
    evidence = tmp_path / "evidence.json"
    evidence.write_text(json.dumps({"frames": reference(far)}))
    page = page_of(tmp_path, folder, "--patient", "p2", "--evidence", str(evidence))
    assert "every field has a flag" in page
    assert "0, bright: the ground has" not in page  # image 0 is another patient's
    assert "2, bright: the ground has" in page
    evidence.write_text(json.dumps({"frames": reference(rows)}))
    assert "no field has a flag" in page_of(tmp_path, folder, "--patient", "p2", "--evidence", str(evidence))


def test_the_numbers_leave_flagged_fields_out_and_say_how_many_cells_those_have(tmp_path):
    folder = write_folder(tmp_path / "seg", ["p", "p", "p"])
    images = (folder / "images.csv").read_text().splitlines()
    (folder / "images.csv").write_text("\n".join([*images[:3], images[3] + "blurred"]) + "\n")
    page = page_of(tmp_path, folder)
    assert "27 cells in 3 fields; 1 of them has a flag that speaks against counting." in page
    assert "other 2\u2009fields, 18\u2009cells" in page or "other 2 fields, 18 cells" in page
    assert '<th scope="row">all cells</th><td>18</td><td>9.00</td><td>–</td><td>27</td>' in page


def test_flags_of_segment_are_kept_where_the_images_are_gone(tmp_path):
    folder = write_folder(tmp_path / "seg", ["p", "p"], flags="blurred;disagreement")
    for file in folder.glob("raw*.png"):
        file.unlink()
    (folder / "flags.csv").write_text("image,flag,reason\n0,blurred,edges are wide\n7,blurred,of no image here\n")
    page = page_of(tmp_path, folder)
    assert "0, blurred: edges are wide." in page
    assert "1, blurred: out of focus" in page
    assert "of no image here" not in page
    assert "1, disagreement: flagged by" in page
    assert "The files of 2 images are not where they were" in page


def test_names_of_every_kind_do_no_harm(tmp_path, drawn):
    classes = ["background", HOSTILE, "$x_1$\n`code`"]
    groups = [HOSTILE, HOSTILE, "'\"><img src=x onerror=alert(1)>", "=cmd()"]
    folder = write_folder(tmp_path / "seg", groups, classes=classes, name="<b>{} &amp;", flags=HOSTILE)
    facts = json.loads((folder / "segment.json").read_text())
    facts["model"]["name"] = HOSTILE
    (folder / "segment.json").write_text(json.dumps(facts))
    page = page_of(tmp_path, folder, "--patient", HOSTILE)
    assert loads(page) == []
    assert escape(HOSTILE) in page
    assert "<script" not in page
    assert "<b>0" not in page


@pytest.mark.parametrize(
    ("groups", "changed", "said"),
    [
        (["p"], {}, "There is no reference group"),
        ([""], {}, "no patient named"),
        (["p", "q"], {"number": 0}, "too few to say what is usual"),
        (["p", *["q"] * 5], {"pixel_size": None}, "area, px²"),
    ],
)
def test_a_report_is_made_of_little(tmp_path, groups, changed, said):
    folder = write_folder(tmp_path / "seg", groups, **changed)
    page = page_of(tmp_path, folder, "--patient", groups[0])
    assert loads(page) == []
    assert said in page


def counted_folder(folder, patient, fields=2):
    """As `count` writes it."""
    folder.mkdir()
    row = {"group": patient, "image": "", "fields": fields, "target": "patient", "unit": "", "notes": "no_evidence"}
    rows = [
        row | {"measure": "count", "target": "these fields", "class": "all", "found": 18, "value": 19.2},
        row | {"measure": "share", "class": HOSTILE, "found": 2, "value": 0.123, "low": 0.05, "high": 0.25},
        row | {"measure": "density", "class": "all", "found": 18, "value": 12, "unit": "cells per mm2"},
        row | {"measure": "sickling_index", "class": "all", "found": 3, "value": 0.2, "low": 0.1, "high": 0.4},
    ]
    table = pd.DataFrame(rows).assign(fields_needed=[None, 7, None, None])
    write_table(folder / "patients.csv", table)
    facts = {"images": 2, "left_out": 1, "level": 0.95, "evidence": None, "notes": {"no_evidence": "Not known."}}
    write_json(folder / "facts.json", facts)
    return str(folder)


def test_corrected_counts_are_those_of_count(tmp_path, folder):
    page = page_of(tmp_path, folder, "--patient", "p1", "--counts", counted_folder(tmp_path / "counted", "p1", 5))
    assert loads(page) == []
    assert '<th scope="row">all cells</th><td>18</td><td>19.2</td><td>–</td><td>12.0</td><td>–</td>' in page
    assert "<td>–</td><td>–</td><td>12.3 % [5.0, 25.0]</td><td>–</td><td>7</td>" in page
    assert "density, cells per mm²" in page
    assert "twice as long as wide): 20.0 % [10.0, 40.0]." in page
    assert "<li>Not known.</li>" in page
    assert "2 images of all patients, 1 left out" in page
    assert "These numbers are of 5 fields of this patient, the others of 2." in page
    rows, facts = patient.read_counts(tmp_path / "counted", "p1")
    assert "the others of" not in " ".join(patient_counts.notes(rows, facts, fields=5))
    with pytest.raises(InputError, match="has no patient 'p2'"):
        patient.read_counts(tmp_path / "counted", "p2")


@pytest.mark.parametrize("number", [0, 1, 9])
def test_shapes_of_few_cells_are_drawn(number):
    shapes = pd.DataFrame(dict.fromkeys(SHAPES, np.linspace(0.4, 0.6, number)))
    alike = pd.DataFrame(dict.fromkeys(SHAPES, np.full(FEWEST, 0.5)))
    for reference_cells in (None, alike, shapes):
        drawn = REAL_DISTRIBUTIONS(shapes, reference_cells, "px")
        assert len(drawn.axes) == len(SHAPES)


def test_a_reference_is_another_folder_or_named_groups(tmp_path, folder):
    other = write_folder(tmp_path / "other", ["p1", "x", "x", "x"])
    found = read_segmented(folder)
    images, cells = patient.read_reference(found, "p1", [str(other)])
    assert len(images) == 4
    assert set(cells["group"]) == {"0/p1", "0/x"}  # the same name is another patient there
    images, _ = patient.read_reference(found, "p1", ["p3"])
    assert list(images["group"]) == ["p3"]
    images, _ = patient.read_reference(found, "p1", [])
    assert set(images["group"]) == {"p2", "p3"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "holds 3 groups ('p1', 'p2', 'p3'); choose one with --patient"),
        (("--patient", "p9"), "has no such group; it has 'p1', 'p2', 'p3'"),
        (("--patient", "p1", "--reference", "p1"), "that is the patient of the report"),
        (("--patient", "p1", "--reference", "nowhere"), "neither a folder that `segment` wrote nor a group"),
        (("--patient", "p1", "--evidence", "none.json"), "none.json: no such file"),
        (("--patient", "p1", "--out", "report.pdf"), "the page is HTML"),
    ],
)
def test_what_cannot_be_reported_is_refused_and_leaves_nothing(tmp_path, monkeypatch, capsys, folder, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert command_line(["patient", str(folder), "--out", "report.html", *arguments]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_reference_with_other_classes_is_refused(tmp_path, folder):
    other = write_folder(tmp_path / "other", ["x"], classes=[*CLASSES[:2], "platelet"])
    with pytest.raises(InputError, match="has the classes"):
        patient.read_reference(read_segmented(folder), "p1", [str(other)])


def test_a_pdf_holds_the_page_and_loads_nothing():
    pytest.importorskip("weasyprint", reason="WeasyPrint or pango is not installed", exc_type=(ImportError, OSError))
    body = '<p>Research</p><img src="file:///etc/hostname"><img src="http://127.0.0.1:9/x.png">'
    assert patient_page.as_pdf(body).startswith(b"%PDF-")


def test_without_weasyprint_a_pdf_is_refused_and_nothing_is_written(tmp_path, monkeypatch, capsys, folder):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    out = tmp_path / "report.html"
    assert command_line(["patient", str(folder), "--patient", "p1", "--out", str(out), "--pdf"]) == 2
    assert "install hemoseg[pdf] and pango, or print the page" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(("needed", "said"), [(12.0, "12"), (np.inf, "out of reach")])
def test_a_width_that_no_number_of_fields_reaches_is_said_in_words(needed, said):
    row = {"class": "cell", "measure": "share", "target": "patient", "unit": "", "found": 3, "value": 0.5, "low": 0.2,
           "high": 0.8, "fields_needed": needed}  # fmt: skip
    assert patient_counts.table(pd.DataFrame([row]))["fields for the width asked"].tolist()[-1] == said
