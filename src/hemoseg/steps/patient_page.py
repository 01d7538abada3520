"""The page of a patient's report: what is read for it, what it is made of, and how it is printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from hemoseg.errors import InputError
from hemoseg.figures.patient import Thumbnail
from hemoseg.figures.patient_sections import sections
from hemoseg.figures.patient_words import name_of
from hemoseg.metrics.reference import FEWEST
from hemoseg.steps.folder_page import reports_with
from hemoseg.steps.patient_fields import (
    flagged_fields,
    look_at_fields,
    odd_cells,
    reasons_of_segment,
    training_frames,
)
from hemoseg.steps.report import loads
from hemoseg.steps.segmented import Segmented
from hemoseg.tables import atypical
from hemoseg.tables.patient import beside_reference, counts, shapes_of

LEVEL = 0.95


@dataclass
class Report:
    """All that the page shows.

    Attributes:
        patient: group.
        model: its name.
        images: the patient's rows of images.csv, ``flags`` with what was found again for the report.
        counts: of `tables.patient.counts`, of the fields without flags, or of all where every field has one.
        counts_of_all: of all fields.
        counts_of_reference: of the reference, or none.
        cells: whole cells of the counted fields, of `shapes_of`; with distances where there is a reference.
        reference: likewise, or none.
        compared: of `beside_reference`, or none.
        unit: px or µm.
        known: what the model's evidence says of its training frames, or none.
        features: of `field_features` per image that was at hand.
        reasons: flags with reasons per image.
        missing: images whose files are not where they were.
        odd: pictures of the most atypical cells; ``odd_side`` of them in ``unit``.
        flagged: pictures of fields with flags.
        corrected: the patient's rows that `count` wrote with what it says of them, or none.
        facts: segment.json.
    """

    patient: str
    model: str
    images: pd.DataFrame
    counts: pd.DataFrame
    counts_of_all: pd.DataFrame
    counts_of_reference: pd.DataFrame | None
    cells: pd.DataFrame
    reference: pd.DataFrame | None
    compared: pd.DataFrame | None
    unit: str
    known: Mapping[str, Any] | None
    facts: Mapping[str, Any]
    features: dict[str, dict[str, float]] = field(default_factory=dict)
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    odd: list[Thumbnail] = field(default_factory=list)
    odd_side: float = 0.0
    flagged: list[Thumbnail] = field(default_factory=list)
    corrected: tuple[pd.DataFrame, Mapping[str, Any]] | None = None


def made(
    found: Segmented,
    patient: str,
    reference: tuple[pd.DataFrame, pd.DataFrame] | None,
    evidence: Path | None,
) -> Report:
    """Read and count what the page of one patient shows.

    Args:
        found: folder of `segment`.
        patient: one of its groups.
        reference: rows of images and of cells.
        evidence: evidence.json, or none for that beside the model.

    Raises:
        InputError: a file of the folder is damaged, or --evidence is no such file.
    """
    known = training_frames(found, evidence)
    images = found.images[found.images["group"] == patient].reset_index(drop=True)
    looked, flags, missing, pictures = look_at_fields(found, images, known)
    reasons = {name: flags.get(name, {}) | told for name, told in reasons_of_segment(found, images).items()}
    images["flags"] = [";".join(reasons[name]) for name in images["image"]]
    names = found.class_names[1:]
    counted = images[images["flags"] == ""]
    counted = counted if len(counted) else images
    every = found.images if reference is None else pd.concat([found.images, reference[0]])
    in_um = _in_micrometres(found.cells, None if reference is None else reference[1])
    cells = shapes_of(found.cells[found.cells["image"].isin(counted["image"])], in_um)
    theirs = None if reference is None else shapes_of(reference[1], in_um)
    enough = theirs is not None and len(theirs) >= FEWEST
    report = Report(
        patient=patient, model=str(found.facts["model"].get("name", "the model")), images=images,
        counts=counts(counted, names, every, LEVEL), counts_of_all=counts(images, names, every, LEVEL),
        counts_of_reference=counts(reference[0], names, every, LEVEL) if reference is not None else None,
        cells=atypical.judged(cells, theirs) if enough else cells, reference=theirs,
        compared=beside_reference(cells, theirs, LEVEL) if enough and len(cells) else None,
        unit="µm" if in_um else "px", known=known, facts=found.facts, features=looked, reasons=reasons,
        missing=missing,
    )  # fmt: skip
    report.flagged = flagged_fields(images, pictures)
    if enough:
        report.odd, report.odd_side = odd_cells(found, report.cells, missing)
    return report


def _in_micrometres(cells: pd.DataFrame, reference: pd.DataFrame | None) -> bool:
    """Whether every cell on either side has its area in micrometres."""
    tables = [cells] if reference is None else [cells, reference]
    return all("area_um2" in table and table["area_um2"].notna().all() for table in tables)


def rendered(report: Report) -> str:
    """The page as HTML, complete in itself.

    Raises:
        InputError: it would load something, which only a fault in this program can bring about.
    """
    folder = reports_with("templates/patient/index.html.j2") / "templates"
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=True)
    page = environment.get_template("patient/index.html.j2").render(
        title=f"{name_of(report.patient)} · research use only", sections=sections(report)
    )
    if found := loads(page):
        raise InputError(f"the page would load or run {found[0]!r}; report this as a fault of hemoseg")
    return page


def as_pdf(page: str) -> bytes:
    """The page as PDF.

    Raises:
        InputError: WeasyPrint or the libraries that it needs are not installed.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:  # OSError: pango is missing
        cause = " ".join(str(error).split())[:120]
        raise InputError(
            f"--pdf: WeasyPrint cannot be used ({cause}); install hemoseg[pdf] and pango, or print the page"
        ) from None
    # Pictures lie in the page: nothing else is fetched, from a disk or a network.
    return HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=["data"])).write_pdf()
