"""Execute a report notebook and render it as one page that opens offline."""

import os
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from hemoseg.errors import InputError
from hemoseg.steps import arguments
from hemoseg.steps.files import write_text

KERNEL_SECONDS = 600  # for the kernel to answer; papermill's 60 do not do where every core is busy


def main(argv: list[str]) -> None:
    """Parse the arguments, execute, render."""
    parser = arguments.parser("report", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="the experiment, complete")
    parser.add_argument("--results", required=True, help="folder of all results")
    parser.add_argument("--published", default="none", help="CSV with the papers' numbers, or none")
    parser.add_argument("--notebook", type=Path, required=True, help="template; it only shows")
    parser.add_argument("--template", type=Path, required=True, help="nbconvert template of the page")
    parser.add_argument("--viewer", type=Path, help="page of every cell, beside this one; no link unless given")
    parser.add_argument("--executed", type=Path, required=True, help="the executed notebook; kept when a cell fails")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    args.executed.parent.mkdir(parents=True, exist_ok=True)
    published = None if args.published == "none" else args.published
    given = {"settings": args.settings, "results": args.results, "published": published}
    execute(args.notebook, args.executed, given)
    viewer = args.viewer.name if args.viewer else ""
    page = render(args.executed, args.template, title=args.settings["title"], viewer=viewer)
    write_text(args.out, page)


def execute(notebook: Path, executed: Path, parameters: dict[str, Any]) -> None:
    """Run the notebook with papermill, in a kernel that no other user can reach and no profile changes.

    Raises:
        InputError: there is no such notebook, or one of its cells fails.
    """
    if not notebook.is_file():
        raise InputError(f"{notebook}: no such notebook; mend report.notebook, or add the template")
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="hemoseg-") as folder:
        # The kernel's sockets and IPython's profile: in a folder of our own, with a path short enough for a socket.
        os.environ |= {"JUPYTER_RUNTIME_DIR": folder, "IPYTHONDIR": folder, "PYTHONWARNINGS": "ignore"}
        try:
            papermill.execute_notebook(
                notebook,
                executed,
                parameters,
                kernel_name="python3",
                progress_bar=False,
                start_timeout=KERNEL_SECONDS,
                config=Config({"KernelManager": {"transport": "ipc"}}),
            )
        except papermill.PapermillExecutionError as error:
            raise InputError(
                f"{notebook}: cell {error.exec_count} failed with {error.ename}: {error.evalue}; "
                f"{executed} holds the traceback"
            ) from None
        finally:
            os.environ.clear()
            os.environ |= before


def render(executed: Path, template: Path, *, title: str, home: str = "index.html", viewer: str = "") -> str:
    """The executed notebook as HTML without code, complete in itself; it links ``home`` and ``viewer`` unless empty.

    Raises:
        InputError: the page would load something from a network, or run a script.
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
    page, _ = exporter.from_notebook_node(
        notebook, resources={"metadata": {"name": title, "home": home, "viewer": viewer}}
    )
    if found := loads(page):
        raise InputError(f"{executed}: the page would load or run {found[0]!r}; keep pictures and styles in the page")
    return page


def loads(page: str) -> list[str]:
    """What a browser would fetch or run when it opens the page; addresses that a reader follows are none."""
    looked = _Loads()
    looked.feed(page)
    looked.close()
    return looked.found


class _Loads(HTMLParser):
    """Collects what loads: addresses outside the page, addresses in styles, scripts and handlers of events."""

    FETCHING = ("src", "srcset", "data", "poster", "background", "action", "formaction")
    LINKING = ("a", "area")  # whose href a reader follows

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.in_style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.in_style = tag == "style"
        if tag in ("script", "iframe", "object", "embed", "base"):
            self.found.append(f"<{tag}>")
        for name, value in attributes:
            value = (value or "").strip()
            fetched = name in self.FETCHING or (name in ("href", "xlink:href") and tag not in self.LINKING)
            if fetched and not value.startswith(("data:image/", "#")):
                self.found.append(f"<{tag} {name}={value[:60]}>")
            if name.startswith("on") or value.lower().startswith("javascript:"):
                self.found.append(f"<{tag} {name}>")
            if name == "style":
                self._look_at_style(value)

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False

    def handle_data(self, text: str) -> None:
        if self.in_style:
            self._look_at_style(text)

    def _look_at_style(self, text: str) -> None:
        lowered = "".join(text.lower().split())
        self.found += [word for word in ("@import", "url(http", "url(//", 'url("http', "url('http") if word in lowered]
