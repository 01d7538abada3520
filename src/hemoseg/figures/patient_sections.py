"""The sections of a patient's report as HTML, from what was counted; text of data is escaped in `figures.markup`."""

from collections.abc import Mapping
from typing import Any

from hemoseg.figures import markup, patient, patient_counts, patient_words
from hemoseg.figures.clinic_words import NOT_A_DEVICE
from hemoseg.figures.words import count_of
from hemoseg.metrics.reference import FEWEST

CHART = 64  # colours of a chart


def sections(report: Any) -> list[str]:
    """HTML of each section in order.

    Args:
        report: of `hemoseg.steps.patient_page`.
    """
    return [
        _top(report),
        _counted(report),
        _fields(report),
        _shapes(report),
        _odd(report),
        _how(report),
    ]


def _top(report: Any) -> str:
    badges = [
        ("research use only", "simulated"), ("not a medical device", "simulated"), (f"model {report.model}", ""),
        (count_of(len(report.images), "field"), ""), (count_of(int(report.images["cells"].sum()), "cell"), ""),
    ]  # fmt: skip
    return "".join([
        markup.title(f"Patient report: {patient_words.name_of(report.patient)}", ""),
        markup.badges(badges),
        markup.paragraph(NOT_A_DEVICE, "warning"),
        markup.paragraph(patient_words.verdict(report.images, report.counts), "verdict"),
        markup.bullets(patient_words.limits(report), "note"),
    ])  # fmt: skip


def _counted(report: Any) -> str:
    table = patient_words.share_table(report.counts, report.counts_of_all, report.counts_of_reference)
    parts = [markup.heading("Counts and shares"), markup.frame(table)]
    if len(report.counts) > 2:  # one class has no shares
        drawn = patient.shares(report.counts, report.counts_of_reference)
        parts.append(markup.picture(drawn, patient_words.SHARES.format(level=0.95), colours=CHART))
    if report.corrected is None:
        return "".join([*parts, markup.paragraph(patient_counts.WITHOUT, "note")])
    rows, facts = report.corrected
    parts.append(markup.subheading("Corrected for the model's errors"))
    parts.append(markup.frame(patient_counts.table(rows)))
    parts.append(markup.paragraph(patient_counts.sickling(rows)))
    flagged = report.images["flags"] != ""
    fields = len(report.images) if flagged.all() else int((~flagged).sum())
    return "".join([*parts, markup.bullets(patient_counts.notes(rows, facts, fields), "note")])


def _fields(report: Any) -> str:
    parts = [
        markup.heading("Fields that should not be counted"),
        markup.bullets(patient_words.reasons(report.images, report.reasons))
        or markup.paragraph("No field has a flag."),
    ]
    if report.flagged:
        drawn = patient.gallery(report.flagged, across=4)
        parts.append(markup.picture(drawn, patient_words.FIELDS))
    table = markup.frame(patient_words.field_table(report.images, report.features, report.known))
    return "".join([*parts, markup.details("Every field", table)])


def _shapes(report: Any) -> str:
    parts = [markup.heading("Size and shape")]
    if report.compared is not None:
        parts.append(markup.paragraph(patient_words.unusual(report.compared)))
        parts.append(markup.frame(patient_words.shape_table(report.compared, report.unit)))
    else:
        parts.append(markup.paragraph(_without(report), "note"))
    if len(report.cells):
        drawn = patient.distributions(report.cells, report.reference, report.unit)
        said = patient_words.OF_REFERENCE if report.compared is not None else ""
        caption = patient_words.DISTRIBUTIONS.format(reference=said)
        parts.append(markup.picture(drawn, caption, colours=CHART))
    return "".join(parts)


def _without(report: Any) -> str:
    """Why nothing is compared."""
    if report.reference is None:
        return patient_words.NO_REFERENCE
    if len(report.reference) < FEWEST:
        return patient_words.TOO_SMALL.format(cells=count_of(len(report.reference), "whole cell"))
    return "No whole cell lies in the fields that count."


def _odd(report: Any) -> str:
    parts = [markup.heading("The most atypical cells")]
    if report.compared is None:
        return "".join([*parts, markup.paragraph(_without(report), "note")])
    beyond = int((report.cells["distance"] > report.cells["limit"]).sum())
    said = (
        f"{count_of(beyond, 'cell')} of {len(report.cells)} ({beyond / len(report.cells):.1%}) are farther from the "
        "reference than 99 % of its own cells are."
    )
    parts.append(markup.paragraph(said))
    if report.odd:
        side = f"{report.odd_side:.3g} {report.unit}"
        caption = patient_words.GALLERY.format(side=side)
        parts.append(markup.picture(patient.gallery(report.odd), caption))
    return "".join(parts)


def _how(report: Any) -> str:
    facts: Mapping[str, Any] = report.facts
    told = [
        "A field with a flag does not count; the table of counts has the cells of all fields besides. Flags are limits "
        "calibrated on the frames that the model was trained on, each held against those of the other patients.",
        "The class of a cell is that of most of its pixels. Shapes are of whole cells, which no border cuts; large "
        "cells are cut more often.",
        "Form factor: 4 pi area / perimeter squared, 1 for a circle. Solidity: area over that of the convex hull. "
        "Eccentricity: of the ellipse with the same second moments, 0 for a circle.",
        "A distance is Mahalanobis' with medians and robust deviations, within the cell's class, in log area, log axis "
        "ratio, log of 1 - solidity, form factor and mean intensity.",
    ]
    kept = {name: facts[name] for name in ("model", "classes", "settings", "versions") if name in facts}
    return "".join([
        markup.heading("How these numbers were made"),
        markup.bullets(told),
        markup.details("Model and settings, complete", markup.settings(kept)),
    ])  # fmt: skip
