import os
from pathlib import Path

import nbformat
import pytest

from hemoseg.errors import InputError
from hemoseg.steps import report

TEMPLATE = Path("reports/templates/page/index.html.j2").absolute()


def notebook(folder, *sources):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "template.ipynb"
    nbformat.write(made, path)
    return path


def shown(folder, html):
    """An executed notebook that displays one piece of HTML."""
    output = nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "x"})
    noise = nbformat.v4.new_output("stream", name="stderr", text="a warning of a library")
    cell = nbformat.v4.new_code_cell("code = 'secret'", outputs=[output, noise])
    path = folder / "executed.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("## Heading"), cell]), path)
    return path


def test_a_page_shows_outputs_and_no_code(tmp_path):
    page = report.render(shown(tmp_path, "<p>shown</p>"), TEMPLATE, title="<b>title</b>")
    assert "<p>shown</p>" in page
    assert "<h2" in page
    assert "Heading" in page
    assert "secret" not in page
    assert "a warning of a library" not in page
    assert "<title>&lt;b&gt;title&lt;/b&gt; · hemoseg</title>" in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://example.org/a.png">',
        "<IMG SRC=//example.org/a.png>",
        '<img alt=">" src=https://example.org/a.png>',
        '<img src="a.png">',
        '<img srcset="https://example.org/a.png 2x">',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<script src="https://cdn.example.org/a.js"></script>',
        "<script>alert(1)</script>",
        "<iframe></iframe>",
        "<p onclick=alert(1)>x</p>",
        '<a href="javascript:alert(1)">x</a>',
        "<style>@import 'https://example.org/a.css';</style>",
        "<style>p { background: url( https://example.org/a.png ) }</style>",
        '<p style="background: url(//example.org/a.png)">x</p>',
        '<svg><image href="https://example.org/a.png"/></svg>',
    ],
)
def test_a_page_that_loads_or_runs_something_is_refused(tmp_path, html):
    with pytest.raises(InputError, match="would load or run"):
        report.render(shown(tmp_path, html), TEMPLATE, title="t")


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://doi.org/10.1/x">a paper</a>',
        '<img src="data:image/png;base64,AAAA" alt="&lt;img src=https://example.org&gt;">',
        "<pre>&lt;script src=https://example.org&gt; url(https://example.org)</pre>",
    ],
)
def test_links_and_words_about_addresses_are_no_loads(tmp_path, html):
    assert "example.org" in report.render(shown(tmp_path, f"{html} example.org"), TEMPLATE, title="t")


def test_a_page_links_the_viewer_that_it_is_told_of(tmp_path):
    page = report.render(shown(tmp_path, "<p>shown</p>"), TEMPLATE, title="t", viewer='"<x>_viewer.html')
    assert '<a href="%22%3Cx%3E_viewer.html">Every cell of the test images' in page
    assert "_viewer" not in report.render(shown(tmp_path, "<p>shown</p>"), TEMPLATE, title="t")


def test_the_executed_notebook_is_kept_when_a_cell_fails(tmp_path):
    before = dict(os.environ)
    executed = tmp_path / "executed.ipynb"
    with pytest.raises(InputError, match=r"cell \d+ failed with ZeroDivisionError.*executed.ipynb holds the traceback"):
        report.execute(notebook(tmp_path, "1 + 1", "1 / 0"), executed, {})
    assert "ZeroDivisionError" in executed.read_text(encoding="utf-8")
    assert dict(os.environ) == before


def test_a_missing_notebook_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such notebook; mend report\.notebook"):
        report.execute(tmp_path / "none.ipynb", tmp_path / "executed.ipynb", {})
