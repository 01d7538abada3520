"""Make one page of what `segment` wrote, to look at every cell: zoom, overlays, a list of cells; it opens offline."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hemoseg.errors import InputError
from hemoseg.figures.viewer import Layer, Shown, ids_in
from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps import arguments
from hemoseg.steps.segmented import Segmented, read_segmented
from hemoseg.steps.viewer_page import COLUMNS, MOST_MB, MOST_SIDE, Page, Wanted, write


def main(argv: list[str]) -> None:
    """Parse the arguments, read and write."""
    parser = arguments.parser("view", __doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that `hemoseg segment` wrote")
    parser.add_argument("--out", type=Path, help="page to write; viewer.html in the folder, unless given")
    parser.add_argument("--images", nargs="+", metavar="ID", help="images to show, as images.csv names them; all")
    parser.add_argument("--truth", type=Path, help="folder dataset whose labels are shown and compared")
    parser.add_argument("--side", type=_positive, default=MOST_SIDE, help="most pixels along a picture's longer side")
    parser.add_argument("--most-mb", type=_positive, default=MOST_MB, help="of the page; images beyond are left out")
    args = parser.parse_args(argv)
    segmented = read_segmented(args.folder)
    names = list(segmented.images["image"])
    for name in args.images or ():
        segmented.row(name)  # refuses what is not there
    chosen = [name for name in names if not args.images or name in args.images]
    truth = _truth(args.truth, segmented) if args.truth else None
    out = args.out or args.folder / "viewer.html"
    images = [Wanted(name, _note(segmented, name), _reader(segmented, name, truth)) for name in chosen]
    shown, left_out = write(out, _page(segmented, len(chosen)), images, most_side=args.side, most_mb=args.most_mb)
    print(f"{out}: {shown} images" + (f"; left out, for want of room: {', '.join(left_out)}" if left_out else ""))


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from 1")
    return int(text)


def _page(segmented: Segmented, images: int) -> Page:
    model, cells = segmented.facts["model"], int(segmented.images["cells"].sum())
    counted = f"{images} {'image' if images == 1 else 'images'}, {cells:,} cells"
    return Page(
        title=f"{segmented.folder.resolve().name}, segmented by {model.get('name', 'a model')}",
        subtitle=f"{counted} · network {model.get('network', 'unknown')} · research use only",
        class_names=segmented.class_names,
        missing="its file is not where it was when `hemoseg segment` read it.",
        notes=[
            "Outlines follow the pixels of the label images. Larger pictures are JPEG, and all are stretched where an "
            "image uses little of its range; every number was measured on the image itself."
        ],
    )


def _note(segmented: Segmented, name: str) -> str:
    row = segmented.row(name)
    return " · ".join(text for text in (row["group"], row["flags"].replace(";", ", ")) if text)


def _reader(segmented: Segmented, name: str, truth: Callable[[str], Layer | None] | None) -> Callable[[], Shown]:
    """What reads one image when its turn comes."""

    def read() -> Shown:
        row = segmented.row(name)
        layers = [_prediction(segmented, name)]
        if truth and (known := truth(name)):
            layers.insert(0, known)
        image, why = None, {}
        try:
            image = segmented.image(name)
        except InputError as error:
            why = {"Picture": str(error)}
        facts = {"File": row["file"], "Patient or slide": row["group"], "Flags": row["flags"].replace(";", ", ")}
        return Shown(
            name=name,
            size=(int(row["rows"]), int(row["columns"])),
            image=image,
            white=float(np.iinfo(image.dtype).max) if image is not None else 1.0,
            layers=layers,
            facts={key: text for key, text in (facts | why).items() if text},
            pixel_size=float(row.get("pixel_size_um", np.nan)),
        )

    return read


def _prediction(segmented: Segmented, name: str) -> Layer:
    instances, cells = segmented.instances(name), segmented.cells_of(name)
    if not np.array_equal(cells["id"], ids_in(instances)):
        raise InputError(
            f"{segmented.folder}: cells.csv and instances/{name}.tif hold different cells; segment it again"
        )
    columns = {key: cells[key].to_numpy() for key in ("class", *COLUMNS) if key in cells}
    return Layer(
        str(segmented.facts["model"].get("name", "a model")), "prediction", instances, segmented.classes(name), columns
    )


def _truth(path: Path, segmented: Segmented) -> Callable[[str], Layer | None]:
    """What gives the labels of an image, matched by the name of its file; None where there are none.

    Raises:
        InputError: the folder is no labelled folder dataset, or names other classes.
    """
    from hemoseg.steps.folders import open_folder, read_frames

    dataset = open_folder(path, partial=True)
    if not dataset.labels:
        raise InputError(f"{path}: holds no labels; put them into instances/ or classes/, or leave --truth out")
    names = ["background", *dataset.description.classes.values()]
    if names != segmented.class_names:
        raise InputError(f"{path}: has the classes {names[1:]}, the model {segmented.class_names[1:]}; rename them")
    entries = {entry.id: entry for entry in dataset.entries if entry.id not in dataset.unlabelled}

    def labels(name: str) -> Layer | None:
        row = segmented.row(name)
        entry = entries.get(Path(row["file"]).stem) or entries.get(name)
        if entry is None:
            return None
        frame = next(read_frames(dataclasses.replace(dataset, entries=[entry], notices={})))
        if frame.classes.shape != (row["rows"], row["columns"]):
            raise InputError(f"{path}: the labels of {entry.id} have another size than the image; give the frame's own")
        if frame.instances is None:
            raise InputError(f"{path}: {entry.id} has classes without cells; put numbered cells into instances/")
        size = None if np.isnan(row["pixel_size_um"]) else float(row["pixel_size_um"])
        measured = measure_cells(
            frame.instances, frame.classes, frame.image, class_names=segmented.class_names, pixel_size=size
        )
        columns = {key: values for key, values in measured.items() if key in COLUMNS and key != "probability"}
        return Layer("Truth", "truth", frame.instances, frame.classes, {"class": measured["class"]} | columns)

    return labels
