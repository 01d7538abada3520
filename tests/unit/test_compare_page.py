"""The notebook of `hemoseg compare` on small comparisons of every kind, its cells run here instead of in a kernel."""

import json
import shutil
from html import escape
from pathlib import Path

import cv2
import numpy as np
import pytest

from hemoseg.errors import InputError
from hemoseg.steps import compare, folder_page, report

NOTEBOOK = Path("reports/notebooks/compare.ipynb").resolve()
HOSTILE = "<script>alert(1)<|script>"  # no / in the name of a file
N = 6
CELLS = np.kron(np.arange(1, 31).reshape(5, 6), np.pad(np.ones((4, 4), int), 1)).astype(np.uint8)


def images(rng, kind):
    """Label images of a folder that misses, makes up and merges some cells; of ``mask`` and ``empty`` no cells."""
    for _ in range(N):
        kept = np.where(rng.random(31) < 0.8, np.arange(31), 0)
        kept[[0, 3]] = 0, kept[2]
        labels = kept[CELLS].astype(np.uint8)
        yield {"cells": labels, "mask": np.uint8(labels > 0), "classes": np.where(labels > 0, labels % 3 + 1, 0)}.get(
            kind, 0 * labels
        ).astype(np.uint8)


def written(folder, kind, seed, name="{}"):
    folder.mkdir()
    for number, labels in enumerate(images(np.random.default_rng(seed), kind)):
        cv2.imwrite(str(folder / f"{name.format(number)}.png"), labels)
    return str(folder)


SIZE, FEW = ("--pixel-size", "0.5"), ("--columns", "dice,mean_iu")
# kind of the truth and of the rivals, further arguments
COMPARISONS = {
    "cells": (("cells", "cells", "mask"), ("--columns", "dice,f1_50,missed", "--tolerance-um", "1", *SIZE)),
    "classes with groups and images": (("classes", "classes"), ("--groups", "groups.csv", "--images", "t", *FEW)),
    "nothing anywhere": (("empty", "empty"), ("--cells-from-parts", "--convention", "published")),
}


def shown_by(folder):
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    shown, names = [], {}
    exec("".join(cells[0]["source"]), names)
    names["folder"] = str(folder)
    for cell in cells[1:]:
        exec("".join(cell["source"]), names)
        names["display"] = shown.append  # the first cell imports the real one and shows nothing
    return "".join(piece.data for piece in shown)


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_has_a_page(tmp_path, monkeypatch, name, capsys):
    monkeypatch.chdir(tmp_path)
    (truth, *rivals), arguments = COMPARISONS[name]
    named = f"{HOSTILE}{{}}"
    folders = [written(Path("t"), truth, 0, named)]
    folders += [written(Path(f"r{i}"), kind, i + 1, named) for i, kind in enumerate(rivals)]
    lines = [f"{HOSTILE}{i},{HOSTILE} {i % 6}" for i in range(N)]
    Path("groups.csv").write_text("\n".join(["id,group", *lines]))
    names = [f"$a_{HOSTILE}{i}" for i in range(len(rivals))]
    compare.main([*folders, "--names", *names, *arguments, "--out", "out", "--no-page"])
    page = shown_by("out")
    assert not report.loads(page)
    assert HOSTILE not in page
    assert escape(names[0]) in page
    assert str(tmp_path) not in page
    assert page.count("<figcaption>") >= 1
    said = capsys.readouterr().out
    assert all(one in page for one in (escape(line) for line in said.splitlines() if " minus " in line))
    assert ("Nothing tells which images are of one patient" in page) == ("--groups" not in arguments)


def test_the_page_has_no_way_back_to_experiments_and_is_refused_where_it_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "execute", lambda notebook, executed, given: shutil.copy(notebook, executed))
    folder_page.write("compare", tmp_path, "A beside the truth")
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert "<title>A beside the truth · hemoseg</title>" in page
    assert "index.html" not in page
    monkeypatch.setattr(folder_page, "__file__", str(tmp_path / "a/b/c/d.py"))
    with pytest.raises(InputError, match="is not installed"):
        folder_page.write("compare", tmp_path, "A beside the truth")
