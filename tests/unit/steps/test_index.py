import json

import pandas as pd
import pytest

from hemoseg.steps import index
from hemoseg.steps.report import loads
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.table import HEADER

TEMPLATE = "reports/templates/index.html.j2"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def made(tmp_path):
    """An index of a built and an unbuilt experiment, and of a page that the settings do not name."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "build").mkdir()
    lines = [
        ["unet", HOSTILE, "all", "dice", "Dice", k, m, 0.01, None, 2, 1, "", p, None, "paper" if p else None]
        for k, m, p in (("one", 0.5, None), ("average", 0.75, 0.9))
    ]
    lines += [
        ["unet", HOSTILE, "all", "merged", "Error I", "all", 7.0, None, None, 2, 1, "cells", None, None, "unknown: x"],
        ["unet", HOSTILE, "all", "cells", "Cells", "all", 9.0, None, None, 2, 1, "cells", None, None, None],
    ]
    pd.DataFrame(lines, columns=HEADER).to_csv(tmp_path / "tables" / "built.csv", index=False)
    (tmp_path / "build" / "built.html").write_text("<title>x</title>")
    (tmp_path / "build" / "lab.html").write_text("<title>A lab &amp; its &lt;b&gt; · hemoseg</title>")
    for of in ("viewer", "clinic", "trust", "label_audit"):
        (tmp_path / "build" / f"built_{of}.html").write_text("<title>cells</title>")
    experiments = {"later": {"title": "Later", "source": ""}, "built": {"title": HOSTILE, "source": HOSTILE}}
    pages = dict.fromkeys(("viewer", "clinic", "trust", "label_audit"), True)
    experiments = {name: facts | pages for name, facts in experiments.items()}
    settings = json.dumps({"scale": "demo", "experiments": experiments})
    out = tmp_path / "build" / "index.html"
    folders = ["--tables", str(tmp_path / "tables"), "--template", TEMPLATE, "--out", str(out)]
    index.main(["--settings", settings, *folders])
    index.main(["--settings", settings, *folders])  # again: the index does not list itself
    return out.read_text(encoding="utf-8")


def test_the_index_links_every_page_that_exists(made):
    assert 'href="built.html"' in made
    assert 'href="lab.html">A lab &amp; its &lt;b&gt; · hemoseg</a>' in made
    assert 'href="later.html"' not in made
    assert "snakemake reports/build/later.html" in made
    assert 'href="index.html"' not in made
    assert made.index("built.html") < made.index("Later")


def test_a_page_of_every_cell_is_linked_once_by_its_experiment_where_it_is_built(made):
    assert made.count('href="built_viewer.html">Every cell of its test images') == 1
    assert made.count("built_viewer.html") == 1
    assert "later_viewer" not in made


def test_a_clinic_page_is_linked_once_by_its_experiment_where_it_is_built(made):
    assert made.count('href="built_clinic.html">Its cells for the clinic') == 1
    assert made.count("built_clinic.html") == 1
    assert "later_clinic" not in made


def test_a_trust_page_is_linked_once_by_its_experiment_where_it_is_built(made):
    assert made.count('href="built_trust.html">How far to trust it') == 1
    assert made.count("built_trust.html") == 1
    assert "later_trust" not in made


def test_a_page_on_labels_is_linked_once_by_its_experiment_where_it_is_built(made):
    assert made.count('href="built_label_audit.html">Its labels looked at again') == 1
    assert made.count("built_label_audit.html") == 1
    assert "later_label_audit" not in made


def test_the_index_shows_the_average_beside_the_published_number(made):
    assert "0.750 ± 0.010" in made
    assert "0.900" in made
    assert "0.500" not in made
    assert "<td>0.900</td><td>unknown</td><td>–</td>" in made


def test_the_index_escapes_and_loads_nothing(made):
    assert "<script" not in made
    assert "&lt;script&gt;" in made
    assert loads(made) == []


def test_a_card_holds_what_papers_printed_before_what_fits_no_more(tmp_path):
    lines = [
        ["unet", "U-Net", "all", key, f"C{n}", "all", n, None, None, 2, 1, "", 0.5 if n > 9 else None, None, None]
        for n, key in enumerate(list(COLUMNS)[:12])
    ]
    pd.DataFrame(lines, columns=HEADER).to_csv(tmp_path / "wide.csv", index=False)
    card = index._summary(tmp_path / "wide.csv")
    assert card["headers"] == [*(f"C{n}" for n in range(6)), "C10", "C11"]
    assert [len(row["shown"]) for row in card["rows"]] == [8]
