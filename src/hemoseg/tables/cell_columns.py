"""Columns made from cells: what was missed, made up, merged, cut short or given the wrong type.

All are summed over the images of a run. Where the truth has no instances they are NaN: blank, not guessed.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.errors import InputError
from hemoseg.metrics import cell_errors
from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.weighting import Total, of_totals, ratio

_DOI_2018, _DOI_2020 = "doi:10.1007/978-3-030-00937-3_79", "doi:10.1109/JBHI.2020.3000484"


def _number(run: Run, rows: pd.DataFrame, verdicts: np.ndarray, total: Total) -> ArrayLike:
    return total(rows, verdicts) if run.knows_cells else np.nan


def _is_missed(run: Run, conventions: Conventions) -> np.ndarray:
    return cell_errors.is_missed(_ints(run.gt, "covered"), _ints(run.gt, "area"), conventions.found)


def _is_of_two_types(run: Run, conventions: Conventions) -> np.ndarray:
    two = cell_errors.is_of_two_types(run.as_class, _ints(run.gt, "area"), conventions.two_types)
    return two & ~_is_missed(run, conventions)


@of_totals
def cells(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """|T|, the true cells that count."""
    return _number(run, run.gt, np.ones(len(run.gt)), total)


@of_totals
def missed(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """True cells that were not found (FN)."""
    return _number(run, run.gt, _is_missed(run, conventions), total)


@of_totals
def spurious(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Predicted cells that are none (FP)."""
    facts = [_ints(run.pred, name) for name in ("on_truth", "area", "on_ignored")]
    return _number(run, run.pred, cell_errors.is_spurious(*facts, conventions.artefact), total)


@of_totals
def merged(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Predicted cells that merge two or more true cells."""
    return _number(run, run.pred, cell_errors.is_merging(_ints(run.pred, "hosted")), total)


@of_totals
def merged_cells(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """True cells in the predicted cells that merge."""
    hosted = _ints(run.pred, "hosted")
    return _number(run, run.pred, np.where(cell_errors.is_merging(hosted), hosted, 0), total)


@of_totals
def incomplete(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """True cells that are covered too little, the missed ones included."""
    return _number(run, run.gt, _is_incomplete(run, conventions), total)


@of_totals
def incomplete_missed(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The incomplete cells that were missed."""
    return _number(run, run.gt, _is_incomplete(run, conventions) & _is_missed(run, conventions), total)


@of_totals
def two_types(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Found cells that carry two types."""
    return _number(run, run.gt, _is_of_two_types(run, conventions), total)


@of_totals
def wrong_type(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Found cells of one type, and it is the wrong one."""
    wrong = cell_errors.majority(run.as_class) != _ints(run.gt, "class")
    wrong &= ~_is_missed(run, conventions) & ~_is_of_two_types(run, conventions)
    return _number(run, run.gt, wrong, total)


@of_totals
def touching(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """True cells that touch another one."""
    return _number(run, run.gt, _touches(run, conventions), total)


@of_totals
def instance_error(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Share of the touching cells that are not separated; NaN where none touches."""
    touches = _touches(run, conventions)
    return ratio(total(run.gt, _is_unseparated(run, conventions)), total(run.gt, touches))


@of_totals
def accuracy(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """1 - (sum of the errors) / |T|; at most 1, may be negative; NaN without true cells."""
    errors = sum(_ERRORS[name].definition(run, 0, conventions, total) for name in conventions.accuracy)
    return 1 - ratio(errors, total(run.gt, np.ones(len(run.gt))))


def _is_incomplete(run: Run, conventions: Conventions) -> np.ndarray:
    return cell_errors.below(_ints(run.gt, "covered"), _ints(run.gt, "area"), conventions.incomplete)


def _is_unseparated(run: Run, conventions: Conventions) -> np.ndarray:
    """Whether each true cell touches another one and is not separated from it."""
    cells = np.concatenate([_ints(run.gt, "host"), _ints(run.pred, "cell")])
    image = pd.factorize(pd.concat([run.gt["sample"], run.pred["sample"]]))[0]
    # Numbers of predicted cells that tell those of two images apart.
    hosts, cells = np.split(image * (cells.max(initial=0) + 1) + cells, [len(run.gt)])
    gt = {"gap": run.gt["gap"].to_numpy(float), "iou": run.gt["iou"].to_numpy(float), "host": hosts}
    pred = {"cell": cells, "hosted": _ints(run.pred, "hosted")}
    return cell_errors.unseparated(gt, pred, conventions.touching)


def _touches(run: Run, conventions: Conventions) -> np.ndarray:
    """Whether each true cell touches another.

    Raises:
        InputError: `evaluate` did not look for gaps as large as the touching distance.
    """
    looked_for = run.gt["gap_cap"].min()
    if looked_for < conventions.touching:
        raise InputError(
            f"--settings: touching is {conventions.touching:g} px, but evaluate looked for gaps up to {looked_for:g} px"
            " only; raise its gap_cap"
        )
    return run.gt["gap"].to_numpy(float) <= conventions.touching


def _ints(cells_of_side: pd.DataFrame, name: str) -> np.ndarray:
    return cells_of_side[name].to_numpy().astype(np.int64)


def _cells(key: str, score, definition: str, source: str) -> Column:
    return Column(key, score, False, "cells", 1, "low", definition, source)


_MISSED = "true cells of which less than {found} of the area is covered by predicted cells"
_SPURIOUS = (
    "predicted cells of which less than {artefact} of the area lies on true foreground, and not more on ignored pixels "
    "than on others"
)
COLUMNS = (
    Column("cells", cells, False, "cells", 1, "", "true cells that count", ""),
    _cells("missed", missed, _MISSED, _DOI_2018),
    _cells("spurious", spurious, _SPURIOUS, _DOI_2018),
    _cells("artefacts", spurious, _SPURIOUS, _DOI_2020),
    _cells(
        "merged",
        merged,
        "predicted cells that hold two or more true cells with more than half the area each",
        _DOI_2020,
    ),
    _cells("merged_cells", merged_cells, "true cells that lie in predicted cells that merge", _DOI_2020),
    _cells(
        "incomplete",
        incomplete,
        "true cells of which less than {incomplete} of the area is covered by predicted cells, missed cells included",
        _DOI_2020,
    ),
    _cells("incomplete_missed", incomplete_missed, "the missed cells among the incomplete ones", _DOI_2020),
    _cells(
        "two_types",
        two_types,
        "found cells of which at least {two_types} of the total area carries another type than the commonest one",
        f"{_DOI_2018}, {_DOI_2020}",
    ),
    _cells(
        "wrong_type",
        wrong_type,
        "found cells, not of two types, whose commonest type (ties: the lowest id) is not the true one",
        _DOI_2018,
    ),
    Column("touching", touching, False, "cells", 1, "", "true cells at most {touching} px from another true cell", ""),
    Column(
        "instance_error",
        instance_error,
        False,
        "",
        4,
        "low",
        "share of the touching cells without a predicted cell that has IoU > 0.5 with it, holds more than half of it, "
        "and holds no other true cell with more than half its area",
        "",
    ),
    Column("accuracy", accuracy, False, "", 3, "high", "1 - ({accuracy}) / true cells; may be negative", _DOI_2018),
)
_ERRORS = {column.key: column.score for column in COLUMNS}
