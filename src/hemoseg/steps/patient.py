"""Write the report of one patient from a folder of segment: counts, shapes beside a reference, odd cells, flags."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.errors import InputError
from hemoseg.steps import arguments, files
from hemoseg.steps.segmented import Segmented, is_segmented, read_segmented

COUNTED_WORDS = ("group", "measure", "target", "class", "unit", "notes")  # columns of patients.csv of `count`
COUNTED = (*COUNTED_WORDS, "fields", "found", "value", "low", "high", "fields_needed")


def main(argv: list[str]) -> None:
    """Parse the arguments, read, write."""
    parser = arguments.parser("patient", __doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that `segment` wrote")
    parser.add_argument("--patient", help="group of the folder; may be left out where there is one")
    parser.add_argument(
        "--reference", nargs="+", default=[], metavar="DIR|GROUP",
        help="what is usual: another folder of `segment`, or groups of this one; all its other groups unless given",
    )  # fmt: skip
    parser.add_argument(
        "--evidence", type=Path, help="a shared model, or its evidence.json; default: the model that segmented"
    )
    parser.add_argument("--counts", type=Path, help="folder that `count` wrote from the same images: corrected counts")
    parser.add_argument("--out", type=Path, required=True, help="page to write, .html")
    parser.add_argument("--pdf", action="store_true", help="write the same as PDF beside it")
    args = parser.parse_args(argv)
    if args.out.suffix != ".html":
        raise InputError(f"--out {args.out}: the page is HTML; end its name in .html")
    found = read_segmented(args.folder)
    patient = chosen_patient(found, args.patient)
    reference = read_reference(found, patient, args.reference)
    counted = read_counts(args.counts, patient) if args.counts else None
    from hemoseg.steps import patient_page  # a second of imports, which bad input does not need

    report = patient_page.made(found, patient, reference, args.evidence)
    report.corrected = counted
    page = patient_page.rendered(report)
    pdf = patient_page.as_pdf(page) if args.pdf else None
    files.write_text(args.out, page)
    print(f"{args.out}: {len(report.images)} fields, {int(report.images['cells'].sum())} cells; research use only")
    if pdf is not None:
        with files.written_whole(args.out.with_suffix(".pdf")) as temporary:
            temporary.write_bytes(pdf)
        print(args.out.with_suffix(".pdf"))


def chosen_patient(found: Segmented, asked: str | None) -> str:
    """The group that the report is of.

    Raises:
        InputError: there is no such group, or there are several and none was named.
    """
    groups = list(dict.fromkeys(found.images["group"]))
    named = ", ".join(repr(group) for group in groups[:8]) + (", ..." if len(groups) > 8 else "")
    if asked is None and len(groups) > 1:
        raise InputError(f"{found.folder}: holds {len(groups)} groups ({named}); choose one with --patient")
    if asked is not None and asked not in groups:
        raise InputError(f"--patient {asked}: {found.folder} has no such group; it has {named}")
    if not groups:
        raise InputError(f"{found.folder}: holds no image; segment some first")
    return groups[0] if asked is None else asked


def read_reference(found: Segmented, patient: str, asked: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Rows of images and cells that say what is usual; none where nothing was named and there is one group only.

    Raises:
        InputError: a name is neither a folder of `segment` nor a group, or its classes are others.
    """
    groups = set(found.images["group"])
    asked = list(asked) or sorted(groups - {patient})
    images, cells = [], []
    for number, name in enumerate(asked):
        if name == patient:
            raise InputError(f"--reference {name}: that is the patient of the report; name others")
        if name in groups:
            source, groups_of = found, [name]
        elif is_segmented(name):
            source, groups_of = read_segmented(name), None
        else:
            raise InputError(f"--reference {name}: neither a folder that `segment` wrote nor a group of {found.folder}")
        if source.class_names != found.class_names:
            raise InputError(f"--reference {name}: has the classes {source.class_names}, not {found.class_names}")
        for kept, table in ((images, source.images), (cells, source.cells)):
            rows = table if groups_of is None else table[table["group"].isin(groups_of)]
            # Groups and images of several folders may bear the same names.
            mark = f"{number}/" if groups_of is None else ""
            kept.append(rows.assign(group=mark + rows["group"], image=mark + rows["image"]))
    return (pd.concat(images, ignore_index=True), pd.concat(cells, ignore_index=True)) if images else None


def read_counts(folder: Path, patient: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows of one patient that `count` wrote, and what it says of them.

    Raises:
        InputError: it is no such folder, is damaged, or has no such patient.
    """
    facts = files.read_json(folder / "facts.json", needs=("images", "level", "evidence", "notes"))
    table = files.read_table(folder / "patients.csv", COUNTED, dtype=dict.fromkeys(COUNTED_WORDS, str))
    rows = table[table["group"].fillna("") == patient]
    if rows.empty:
        raise InputError(f"{folder}: has no patient {patient!r}; run `count` on the folder that this report is of")
    return rows, facts
