"""The page of a patient's report: what is read for it, what it is made of, and how it is printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
import pandas as pd

from hemoseg.data.field_quality import flags_of, looked_at
from hemoseg.errors import InputError
from hemoseg.figures.patient import Thumbnail
from hemoseg.figures.patient_sections import sections
from hemoseg.figures.patient_words import name_of
from hemoseg.steps.files import read_json
from hemoseg.steps.folder_page import reports_with
from hemoseg.steps.report import loads
from hemoseg.steps.segmented import Segmented
from hemoseg.tables import atypical
from hemoseg.tables.patient import FEWEST, beside_reference, counts, shapes_of

LEVEL = 0.95
MOST_CELLS, LEAST_CELLS, MOST_FIELDS = 24, 12, 12  # pictures; the tables have all fields
FIELD_SIDE = 420  # pixels of the longer side of a field's picture


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
    reasons: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    odd: list[Thumbnail] = field(default_factory=list)
    odd_side: float = 0.0
    flagged: list[Thumbnail] = field(default_factory=list)


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
    looked, reasons, missing, pictures = look_at_fields(found, images, known)
    images["flags"] = [
        ";".join(dict.fromkeys([*filter(None, words.split(";")), *(word for word, _ in reasons.get(name, ()))]))
        for name, words in zip(images["image"], images["flags"], strict=True)
    ]
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
    report.flagged = [
        Thumbnail(
            pictures[row["image"]], None, [row["image"][:30], row["flags"].replace(";", ", ").replace("_", " ")[:60]]
        )
        for row in images[images["flags"] != ""].to_dict("records")
        if row["image"] in pictures
    ][:MOST_FIELDS]
    if enough:
        report.odd, report.odd_side = _odd_cells(found, report)
    return report


def training_frames(found: Segmented, path: Path | None) -> Mapping[str, Any] | None:
    """Section ``frames`` of the model's evidence; none where it is not to be found.

    Raises:
        InputError: --evidence names a file that is absent or damaged.
    """
    if path is not None:
        return read_json(path, needs=()).get("frames")
    model = Path(str(found.facts["model"].get("path", "")))
    started = found.folder / found.facts.get("started_in", ".")
    for folder in (found.folder, model, started / model):
        if (folder / "evidence.json").is_file():
            return read_json(folder / "evidence.json", needs=()).get("frames")
    return None


def look_at_fields(
    found: Segmented, images: pd.DataFrame, known: Mapping[str, Any] | None
) -> tuple[dict, dict, list[str], dict[str, np.ndarray]]:
    """Features, flags with reasons, names of the images that are missing, and small pictures, by image."""
    looked, reasons, missing, pictures = {}, {}, [], {}
    for row in images.to_dict("records"):
        name = row["image"]
        try:
            found.file(name)
        except InputError:
            missing.append(name)
            continue
        image, cells = found.image(name), found.instances(name)
        parts = looked_at(image, cells, known, float(row.get("scale") or 1.0))
        looked[name] = {key: float(_median([part[key] for part in parts])) for key in parts[0]}
        reasons[name] = flags_of(parts, known)
        pictures[name] = _small(image)
    return looked, reasons, missing, pictures


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def _small(image: np.ndarray) -> np.ndarray:
    """A field made small, float ``(C, h, w)`` in [0, 1]."""
    rows, columns = image.shape[1:]
    factor = min(1.0, FIELD_SIDE / max(rows, columns))
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    light = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in image[:3]]
    return np.stack(light).astype(np.float32) / np.iinfo(image.dtype).max


def _in_micrometres(cells: pd.DataFrame, reference: pd.DataFrame | None) -> bool:
    """Whether every cell on either side has its area in micrometres."""
    tables = [cells] if reference is None else [cells, reference]
    return all("area_um2" in table and table["area_um2"].notna().all() for table in tables)


def _odd_cells(found: Segmented, report: Report) -> tuple[list[Thumbnail], float]:
    """Pictures of the most atypical cells, and how wide they are in the report's unit."""
    odd = atypical.most_atypical(report.cells, MOST_CELLS, LEAST_CELLS)
    odd = odd[~odd["image"].isin(report.missing)]
    side = 2.4 * float(np.sqrt(report.cells["area_px"].median() * 4 / np.pi)) if len(report.cells) else 0.0
    pictures: dict[Any, Thumbnail] = {}
    for name, rows in odd.groupby("image", sort=False):
        image, labels = found.image(name), found.instances(name)
        for place, cell in rows.iterrows():
            pictures[place] = _thumbnail(image, labels, cell, side)
    pixel = np.sqrt(report.cells["area"].median() / report.cells["area_px"].median()) if len(report.cells) else 1.0
    return [pictures[place] for place in odd.index], side * float(pixel)


def _thumbnail(image: np.ndarray, labels: np.ndarray, cell: pd.Series, side: float) -> Thumbnail:
    half = max(side, 1.2 * cell["major_axis_px"]) / 2
    parts = tuple(
        slice(max(0, round(cell[name] - half)), min(length, round(cell[name] + half) + 1))
        for name, length in zip(("row", "column"), labels.shape, strict=True)
    )
    light = image[:3, *parts].astype(np.float32) / np.iinfo(image.dtype).max
    word = f"{atypical.QUANTITIES[cell['by']]} {'high' if cell['higher'] else 'low'}"
    said = [
        f"{str(cell['class_name'])[:18]} {cell['id']}",
        f"{cell['distance'] / cell['limit']:.1f} times: {word}",
        str(cell["image"])[:26],
    ]
    return Thumbnail(light, labels[parts] == cell["id"], said)


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
