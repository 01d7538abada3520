"""The page of a folder that a command wrote: a notebook, executed on what lies there, and rendered."""

import shutil
import sys
import tempfile
from pathlib import Path

from hemoseg.errors import InputError
from hemoseg.steps import files, report


def write(name: str, out: Path, title: str) -> None:
    """Write ``<name>.html`` into a folder; where a cell of the notebook fails, the traceback stays in another.

    Args:
        name: of the notebook in ``reports/notebooks``; its one parameter is ``folder``.
        out: the folder.
        title: of the page.
    """
    here = reports_with(f"notebooks/{name}.ipynb")
    kept = Path(tempfile.mkdtemp(prefix=f"hemoseg-{name}-"))
    report.execute(here / f"notebooks/{name}.ipynb", kept / f"{name}.ipynb", {"folder": str(out.resolve())})
    page = report.render(kept / f"{name}.ipynb", here / "templates/page/index.html.j2", title=title, home="")
    files.write_text(out / f"{name}.html", page)
    shutil.rmtree(kept)


def reports_with(file: str) -> Path:
    """Folder of notebooks and templates: that of the repository, or what an install put beside the interpreter.

    Args:
        file: that it must hold, such as ``notebooks/compare.ipynb``.

    Raises:
        InputError: neither holds it.
    """
    for folder in (Path(__file__).parents[3] / "reports", Path(sys.prefix) / "share/hemoseg/reports"):
        if (folder / file).is_file():
            return folder
    raise InputError(f"{file} of the page is not installed; install hemoseg from its repository, or pass --no-page")
