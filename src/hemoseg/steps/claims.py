"""What a file of cells claims, as its reader found it: of each cell the pixels, and its id and class where it has them.

Cells may overlap here, lack an id or bear one twice; `settled` makes a label image of them by stated rules.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hemoseg.data.changes import shared_pixels
from hemoseg.data.painting import painted
from hemoseg.errors import InputError
from hemoseg.labels.pixel_runs import PixelRuns

MOST_ID = 2**31 - 1  # that of label images
OVERLAP = 0.5  # a cell without an id is the one of which it has at least this IoU


@dataclass(frozen=True)
class Claims:
    """Cells of one image as a file has them.

    Attributes:
        runs: pixels of cells 1..n, in the order of the file.
        ids: of each, None where the file tells none.
        kinds: class name of each (or its number), None where the file tells none.
        notices: what the reader left out, a sentence each.
        down: the runs go down the columns, their rows are columns.
    """

    runs: PixelRuns
    ids: list[int | None]
    kinds: list[str | int | None]
    notices: list[str] = field(default_factory=list)
    down: bool = False


@dataclass(frozen=True)
class Cells:
    """Cells of one image, settled.

    Attributes:
        instances: int32 ``(H, W)``, ids of the cells.
        kinds: class name (or number) by id, None where the file told none.
        notices: what was settled, a sentence each.
    """

    instances: np.ndarray
    kinds: dict[int, str | int | None]
    notices: list[str]


def whole_number(value: Any) -> int | None:
    """The id that a file's value is, None where it is none: a whole number from 1 to `MOST_ID`, or its digits."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= MOST_ID:
        return None
    return int(value) if value == int(value) else None


def read_foreign_json(path: Path) -> Any:
    """Content of a JSON file that another tool wrote.

    Raises:
        InputError: it is absent or no JSON.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the name")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # no UTF, no JSON, or brackets within brackets without an end
        raise InputError(f"{path}: not readable as JSON ({error}); export it again") from None


def settled(claims: Claims, size: tuple[int, int], before: np.ndarray | None = None) -> Cells:
    """One cell per pixel and one id per cell.

    A pixel of several cells is the smallest's (`hemoseg.data.painting.painted`). Of cells that bear the same id the
    first keeps it. A cell without one has that of the cell ``before`` of which it has an IoU of at least `OVERLAP` and
    that no other has; else a new one, beyond all that were.

    Args:
        claims: of a reader.
        size: rows and columns.
        before: instances ``(H, W)`` that were corrected, where they are known.
    """
    image, contested = painted(claims.runs, size[::-1] if claims.down else size)
    image = np.ascontiguousarray(image.T) if claims.down else image
    notices = list(claims.notices)
    if contested:
        notices.append(f"{contested} pixels lay in several cells and went to the smallest of them")
    count = len(claims.ids)
    areas = np.bincount(image.ravel(), minlength=count + 1)[1:]
    if gone := int((areas == 0).sum()):
        notices.append(f"{gone} cells were left out: they cover no middle of a pixel that is theirs alone")
    ids = _ids_of(claims.ids, image, areas, before)
    table = np.array([0, *(value or 0 for value in ids)], np.int32)
    kinds = {value: kind for value, kind in zip(ids, claims.kinds, strict=True) if value}
    return Cells(table[image], kinds, notices)


def _ids_of(
    told: Sequence[int | None], image: np.ndarray, areas: np.ndarray, before: np.ndarray | None
) -> list[int | None]:
    """The id of each cell 1..n of the image, None for a cell without pixels."""
    ids: list[int | None] = []
    taken: set[int] = set()
    for value, area in zip(told, areas.tolist(), strict=True):
        ids.append(value if area and value not in taken else None)
        taken |= {value} if area and value else set()
    lacking = np.array([0, *(bool(area and not value) for value, area in zip(ids, areas.tolist(), strict=True))], bool)
    if before is not None and lacking.any():
        for cell, old in likenesses(np.where(lacking[image], image, 0), before):
            if ids[cell - 1] is None and old not in taken:
                ids[cell - 1] = old
                taken.add(old)
    highest = max([int(before.max(initial=0)) if before is not None else 0, *taken])
    for cell in np.flatnonzero(lacking[1:]).tolist():
        if ids[cell] is None:
            highest += 1
            ids[cell] = highest
    return ids


def likenesses(cells: np.ndarray, before: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a cell and one that was there before with an IoU of at least `OVERLAP`, the most alike first."""
    found = shared_pixels(cells, before)
    iou = found.shared / (found.area + found.area_before - found.shared)
    order = np.argsort(-iou, kind="stable")
    return [(int(found.cell[i]), int(found.before[i])) for i in order if iou[i] >= OVERLAP]
