"""Execute a report notebook and render it as one page that opens offline."""

import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbconvert.exporters import HTMLExporter

from hemoseg.errors import InputError
from hemoseg.steps import arguments
from hemoseg.steps.files import write_text

# What a page may not load; addresses that a reader follows (a DOI) are links, not loads.
LOADS = re.compile(r"<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//", re.IGNORECASE)


def main(argv: list[str]) -> None:
    """Parse the arguments, execute, render."""
    parser = arguments.parser("report", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="the experiment, complete")
    parser.add_argument("--results", required=True, help="folder of all results")
    parser.add_argument("--notebook", type=Path, required=True, help="template; it only shows")
    parser.add_argument("--template", type=Path, required=True, help="nbconvert template of the page")
    parser.add_argument("--executed", type=Path, required=True, help="the executed notebook; kept when a cell fails")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    args.executed.parent.mkdir(parents=True, exist_ok=True)
    execute(args.notebook, args.executed, {"settings": args.settings, "results": args.results})
    page = render(args.executed, args.template, title=args.settings["title"])
    write_text(args.out, page)


def execute(notebook: Path, executed: Path, parameters: dict[str, Any]) -> None:
    """Run the notebook with papermill.

    Raises:
        InputError: there is no such notebook, or one of its cells fails.
    """
    if not notebook.is_file():
        raise InputError(f"{notebook}: no such notebook; mend report.notebook, or add the template")
    try:
        papermill.execute_notebook(notebook, executed, parameters, kernel_name="python3", progress_bar=False)
    except papermill.PapermillExecutionError as error:
        raise InputError(
            f"{notebook}: cell {error.exec_count} failed with {error.ename}: {error.evalue}; "
            f"{executed} holds the traceback"
        ) from None


def render(executed: Path, template: Path, *, title: str) -> str:
    """The executed notebook as HTML without code, complete in itself.

    Raises:
        InputError: the page would load something from a network.
    """
    notebook = nbformat.read(executed, as_version=4)
    exporter = HTMLExporter(
        template_name=template.parent.name,
        extra_template_basedirs=[str(template.parent.parent)],
        extra_template_paths=[str(template.parent.parent)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    if found := LOADS.search(page):
        raise InputError(f"{executed}: the page would load {found.group(0)!r} from a network; keep it in the page")
    return page
