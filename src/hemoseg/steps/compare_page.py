"""The page of `compare`: its notebook, executed on the tables that were written, and rendered."""

import shutil
import sys
import tempfile
from pathlib import Path

from hemoseg.errors import InputError
from hemoseg.steps import files, report


def write(out: Path, title: str) -> None:
    """Execute the notebook on what was written and render it; where a cell fails, the traceback stays in a folder."""
    here = _sources()
    kept = Path(tempfile.mkdtemp(prefix="hemoseg-compare-"))
    report.execute(here / "notebooks/compare.ipynb", kept / "compare.ipynb", {"folder": str(out.resolve())})
    page = report.render(kept / "compare.ipynb", here / "templates/page/index.html.j2", title=title, home="")
    files.write_text(out / "compare.html", page)
    shutil.rmtree(kept)


def _sources() -> Path:
    """Folder of notebooks and templates: that of the repository, or what an install put beside the interpreter.

    Raises:
        InputError: neither is there.
    """
    for folder in (Path(__file__).parents[3] / "reports", Path(sys.prefix) / "share/hemoseg/reports"):
        if (folder / "notebooks/compare.ipynb").is_file():
            return folder
    raise InputError("the page's notebook is not installed; install hemoseg from its repository, or pass --no-page")
