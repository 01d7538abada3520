"""The table of an image's cells, measured block by block, so that a large image need not be in memory."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from hemoseg.data.resampling import Rows
from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps.found import Found

BLOCK = 2**24  # pixels that are measured together
COARSE = 2**26  # pixels of a block above which a cell is measured on every k-th pixel: so large a thing is no cell
# How a coarser grid changes columns: by its factor, or the factor's square.
LENGTHS = ("perimeter_px", "major_axis_px", "minor_axis_px")


def cells_of(found: Found, class_names: Sequence[str], pixel_size: float | None) -> pd.DataFrame:
    """A row per cell 1..n, with the columns of `hemoseg.metrics.cell_table` but image and group."""
    tables = [pd.DataFrame(_measured(found, *block, class_names, pixel_size)) for block in _blocks(found)]
    if not tables:
        tables = [pd.DataFrame(_measured(found, np.zeros(0, int), 0, 1, class_names, pixel_size))]
    joined = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    return joined.sort_values("id", kind="stable", ignore_index=True)


def _blocks(found: Found) -> Iterator[tuple[np.ndarray, int, int]]:
    """Cells and the rows that hold them all; a tall cell alone."""
    height = max(1, BLOCK // found.size[1])
    tall = found.last - found.first >= height
    for number in np.flatnonzero(tall):
        yield np.array([number]), int(found.first[number]), int(found.last[number]) + 1
    low = np.flatnonzero(~tall)
    bands = found.first[low] // height
    for band in np.unique(bands):
        cells = low[bands == band]
        yield cells, int(found.first[cells].min()), int(found.last[cells].max()) + 1


def _measured(
    found: Found, cells: np.ndarray, first: int, last: int, class_names: Sequence[str], pixel_size: float | None
) -> dict[str, np.ndarray]:
    """What is measured of some cells (positions from 0), in the rows that hold them."""
    step = int(np.ceil(np.sqrt((last - first) * found.size[1] / COARSE)))
    if step > 1:
        return _roughly(found, cells, first, last, step, class_names, pixel_size)
    labels = found.labels(first, last)
    wanted = np.zeros(len(found) + 1, bool)
    wanted[cells + 1] = True
    if len(cells) < len(found):
        labels = np.where(wanted[labels], labels, 0)
    return measure_cells(
        labels, found.classes(first, last), found.image(first, last), class_names=class_names,
        probability=found.probability(first, last), pixel_size=pixel_size, offset=(first, 0), frame_size=found.size,
    )  # fmt: skip


def _roughly(
    found: Found,
    cells: np.ndarray,
    first: int,
    last: int,
    step: int,
    class_names: Sequence[str],
    pixel_size: float | None,
) -> dict[str, np.ndarray]:
    """The same of one cell on every ``step``-th row and column, for what covers much of a huge image."""
    rows = range(first, last, step)

    def thinned(read: Rows) -> np.ndarray:
        return np.stack([read(row, row + 1)[..., 0, ::step] for row in rows], axis=-2)

    number = int(cells[0]) + 1
    edges = np.arange(0, found.size[1], step)
    # Any pixel of the cell counts, so that a thin one is there, too.
    there = [np.logical_or.reduceat((found.labels(r, min(r + step, last)) == number).any(axis=0), edges) for r in rows]
    labels = np.stack(there) * np.int32(number)
    probability = None if found.stores.probability is None else thinned(found.probability)
    made = measure_cells(
        labels, thinned(found.classes), thinned(found.image), class_names=class_names, probability=probability,
        pixel_size=None if pixel_size is None else pixel_size * step, offset=(0, 0),
    )  # fmt: skip
    made |= {name: made[name] * step for name in LENGTHS} | {"area_px": made["area_px"] * step**2}
    made |= {"row": made["row"] * step + first, "column": made["column"] * step}
    made |= {"touches_border": np.ones_like(made["touches_border"])}
    if pixel_size is not None:
        made |= {"row_um": made["row"] * pixel_size, "column_um": made["column"] * pixel_size}
    return made
