"""Make a folder dataset of cells that were corrected by hand, ids kept, with a list of what was changed."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from hemoseg.data.changes import Change, changes
from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError
from hemoseg.steps import arguments
from hemoseg.steps.claims import Cells, settled
from hemoseg.steps.corrected import WHAT, Correction, find_corrections
from hemoseg.steps.files import folder_written_whole, has_marker, write_json, write_table, write_text
from hemoseg.steps.images import label_name, write_labels
from hemoseg.steps.originals import Originals, open_originals
from hemoseg.steps.progress import tracked

MARKER = "import.json"
COLUMNS = ["image", *Change._fields]
TRUTH = "corrected by hand; diff.csv lists what was changed"


def main(argv: list[str]) -> None:
    """Parse the arguments and import."""
    args = _parser().parse_args(argv)
    originals = open_originals(args.of, args.images)
    if originals.classes and args.classes:
        raise InputError(f"--classes: {args.of} names the classes already; use --rename for other names")
    classes = Classes(originals.classes or dict(enumerate(args.classes, 1)), args.rename, args.default_class)
    corrections = find_corrections(args.corrected, originals.names)
    with folder_written_whole(args.out, has_marker(MARKER)) as folder:
        rows, table, notices = _write(folder, originals, corrections, classes, args.link, args.all)
        write_table(folder / "manifest.csv", pd.DataFrame(rows))
        write_table(folder / "diff.csv", table)
        about = {"name": args.out.resolve().name, "classes": classes.names, "channels": originals.channels}
        about |= {"pixel_size_um": originals.pixel_size, "truth": TRUTH}
        known = {name: value for name, value in about.items() if value is not None}
        write_text(folder / "dataset.yaml", yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=120))
        write_json(folder / MARKER, {"format": 1, "corrected": list(corrections), "notices": notices})
    _tell(args.out, rows, table, notices)


def _parser() -> ArgumentParser:
    parser = arguments.parser("import", __doc__)
    add = parser.add_argument
    add("corrected", nargs="+", type=Path, metavar="CORRECTED", help=f"files or folders: {WHAT}")
    what = "what was corrected: a folder of `segment`, a folder dataset, or a folder of images"
    add("--of", type=Path, required=True, metavar="FOLDER", help=what)
    add("--out", type=Path, required=True, help="folder dataset to write")
    add("--images", type=Path, help="where the images of a folder of `segment` lie now")
    add("--link", action="store_true", help="link the images instead of copying them")
    add("--all", action="store_true", help="take images that nobody corrected, too, as they were")
    add("--classes", nargs="+", default=[], metavar="NAME", help="where --of names no classes")
    what = "class name there: ours, or null for cells that shall neither train nor count"
    add("--rename", type=_renamed, default={}, metavar="JSON", help=what)
    add("--default-class", metavar="NAME", help="of new cells that bear none")
    return parser


def _renamed(text: str) -> dict[str, Any]:
    try:
        return arguments.settings(text)
    except InputError:
        raise InputError('--rename: no JSON object; pass such as \'{"Sickle cell": "sickle"}\'') from None


class Classes:
    """Which value a class's name or number is.

    Args:
        names: by value; one class called cell where there is none.
        rename: names that the files have to ours, or to None: cells that shall neither train nor count.
        default: name of the class of cells that bear none, None to refuse them unless there is only one class.

    Raises:
        InputError: a name that is none.
    """

    def __init__(self, names: Mapping[int, str], rename: Mapping[str, str | None], default: str | None):
        self.names = dict(names) or {1: "cell"}
        self._value = {name: value for value, name in self.names.items()}
        self._value |= {old: IGNORE if new is None else self._ours(new, "--rename") for old, new in rename.items()}
        self._default = self._ours(default, "--default-class") if default else None
        if self._default is None and len(self.names) == 1:
            self._default = next(iter(self.names))

    def _ours(self, name: str, option: str) -> int:
        if name not in self._value:
            raise InputError(f"{option}: there is no class {name!r}; the classes are {self._listed()}")
        return self._value[name]

    def _listed(self) -> str:
        return ", ".join(map(repr, self.names.values()))

    def value(self, told: str | int | None, before: int | None, where: str) -> int:
        """Value of a cell's class; that of before where the file tells none.

        Raises:
            InputError: a name or number that is none, or nothing tells it.
        """
        if told is None:
            told = before or self._default
        if told is None:
            raise InputError(f"{where} bears no class; give it one, or say --default-class NAME")
        if isinstance(told, str) and told in self._value:
            return self._value[told]
        if isinstance(told, str) or (told not in self.names and told != IGNORE):
            raise InputError(
                f"{where} has the class {told!r}, the classes are {self._listed()}; correct it, "
                f'or say --rename \'{{"{told}": "{next(iter(self.names.values()))}"}}\''
            )
        return told


def _write(
    folder: Path,
    originals: Originals,
    corrections: Mapping[str, Correction],
    classes: Classes,
    link: bool,
    everything: bool,
) -> tuple[list[dict[str, Any]], pd.DataFrame, dict[str, list[str]]]:
    """Write images and labels; rows of the manifest, the table of changes, and notices by image."""
    for part in ("images", "instances", "classes"):
        (folder / part).mkdir()
    rows, tables, notices = [], [pd.DataFrame(columns=COLUMNS)], {}
    names = originals.names if everything else list(corrections)
    for name in tracked(names, len(names), "import", "image"):
        size, before = originals.size(name), originals.before(name)
        old, kinds_before = before or (np.zeros(size, np.int32), {})
        if name in corrections:
            cells = _settled(corrections[name], name, size, old if before else None)
            where = f"{corrections[name].path}: image {name!r}: cell"
        else:
            cells, where = Cells(old, dict.fromkeys(kinds_before), []), f"{name}: cell"
        kinds = {
            cell: classes.value(told, kinds_before.get(cell), f"{where} {cell}") for cell, told in cells.kinds.items()
        }
        _write_labels(folder, name, cells.instances, kinds)
        changed = changes(old, kinds_before, cells.instances, kinds) if before else []
        tables += [pd.DataFrame(changed, columns=COLUMNS[1:]).assign(image=name)] if changed else []
        if cells.notices:
            notices[name] = cells.notices
        rows.append({"id": name, "image": f"images/{originals.place(name, folder / 'images', link)}",
                     "group": originals.group(name), "cells": len(kinds), "changed": len(changed)})  # fmt: skip
    return rows, pd.concat(tables[1:] or tables, ignore_index=True)[COLUMNS], notices


def _settled(correction: Correction, name: str, size: tuple[int, int], before: np.ndarray | None) -> Cells:
    try:
        return settled(correction.read(size), size, before)
    except ValueError as error:
        raise InputError(f"{correction.path}: image {name!r} has {error}; export it again") from None


def _write_labels(folder: Path, name: str, instances: np.ndarray, kinds: Mapping[int, int]) -> None:
    """Instances, and a class map in which each cell is of one class."""
    write_labels(folder / "instances" / label_name(name, instances), instances)
    ids = np.array([0, *sorted(kinds)])
    values = np.array([0, *(kinds[cell] for cell in sorted(kinds))], np.uint8)
    write_labels(folder / "classes" / f"{name}.png", values[np.searchsorted(ids, instances)])


def _tell(out: Path, rows: Sequence[Mapping[str, Any]], table: pd.DataFrame, notices: Mapping[str, list[str]]) -> None:
    for name, sentences in notices.items():
        print(f"{name}: {'; '.join(sentences)}")
    words = Counter(word for change in table["change"] for word in change.split(";"))
    told = ", ".join(f"{words[word]} {word}" for word in ("added", "removed", "reshaped", "retyped") if words[word])
    print(f"{out}: {sum(row['cells'] for row in rows)} cells in {len(rows)} images; {told or 'nothing was changed'}")
