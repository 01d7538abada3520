"""What of the published table of touching nuclei follows from the rest of it: errors of masks and of instances."""

from collections.abc import Iterator
from math import sqrt

import numpy as np
import pandas as pd

from hemoseg.tables.column import ALL
from hemoseg.tables.printed import Finding, Printed, in_print

NEAR = 0.05  # of a share that the text gives in words
MOST = 2000  # cells of a test set: with many more, every share to four digits is one of whole numbers


def roots(printed: Printed) -> Iterator[Finding]:
    """Whether the printed RMSE is the root of the printed pixel error, as far as both are rounded."""
    errors, rmse = _column(printed, "pixel_error"), _column(printed, "rmse")
    both = errors.index.intersection(rmse.index)
    if not len(both):
        return
    last = 10.0 ** -printed.columns["rmse"]["digits"] / 2 if "rmse" in printed.columns else 0.00005
    least, most = np.sqrt(errors[both] - last) - last, np.sqrt(errors[both] + last) + last
    holds = (rmse[both] > least) & (rmse[both] < most)
    example = both[0]
    yield Finding(
        f"RMSE is the root of the pixel error within rounding in {holds.sum()} of {len(both)} rows "
        f"({printed.label(example)}: root of {errors[example]:.4f} = {sqrt(errors[example]):.4f}, printed "
        f"{rmse[example]:.4f}).",
        "So it was taken on hard masks over pooled pixels and says nothing beside the pixel error; so is ours."
        if holds.all()
        else "How it was taken in the others is not said.",
    )


def shares_of_one_number(printed: Printed) -> Iterator[Finding]:
    """The least number of cells of which every printed instance error is a share, as far as they are rounded."""
    errors = _column(printed, "instance_error")
    if len(errors) < 2:
        return
    totals = [total for total in range(1, MOST + 1) if (_off(errors, total) < 0.00005).all()]
    if not totals:
        yield Finding(
            f"The instance errors are shares of no one number of cells up to {MOST}.",
            "They were not all counted on the same cells.",
        )
        return
    total = totals[0]
    counts = ", ".join(f"{printed.label(row)} {round(error * total)}" for row, error in errors.items())
    yield Finding(
        f"All {len(errors)} instance errors are whole numbers of {total} cells ({counts}).",
        "So few cells make two rows that lie near each other hard to tell apart: a cell is "
        f"{in_print(1 / total, 4)} of the error.",
    )


def cuts(printed: Printed) -> Iterator[Finding]:
    """The shares by which errors fall from one row to another, beside the share that the text claims."""
    claims = printed.claims[printed.claims["claim"] == "cut"]
    for (column, claimed), of_column in claims.groupby(["column", "value"], sort=False):
        errors = _column(printed, column)
        said = {claim.row: 1 - errors[claim.row] / errors[claim.against] for claim in of_column.itertuples()}
        told = ", ".join(
            f"{printed.label(claim.row)} from {printed.label(claim.against)} {said[claim.row]:.0%}"
            for claim in of_column.itertuples()
        )
        near = [printed.label(row) for row, share in said.items() if abs(share - claimed) <= NEAR]
        yield Finding(
            f"{printed.header(column)}: claimed is a cut of about {claimed:.0%}; the printed numbers give {told}.",
            f"That is about the cut of {' and '.join(near) or 'no row'}"
            f"{', not of the others' if 0 < len(near) < len(said) else ''}.",
        )


def _column(printed: Printed, name: str) -> pd.Series:
    wide = printed.wide(name)
    return wide[ALL].dropna() if ALL in wide else pd.Series(dtype=float)


def _off(errors: pd.Series, total: int) -> pd.Series:
    """How far each error is from the nearest share of ``total`` cells."""
    return (errors - (errors * total).round() / total).abs()
