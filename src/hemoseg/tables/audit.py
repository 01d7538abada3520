"""What of a published table follows from the rest of it: its own arithmetic, computed from the printed numbers.

Each finding is a pair: what was found, with both numbers, and what follows of it. The printed numbers are
``reports/published/<table>.csv``, what the text claims beside them is ``reports/published/claims.csv``.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from hemoseg.tables import audit_masks
from hemoseg.tables.column import ALL
from hemoseg.tables.printed import Finding, Printed, in_print
from hemoseg.tables.table import AVERAGE


def audit(printed: Printed) -> list[Finding]:
    """All findings of a table, in the order in which a reader meets the numbers."""
    parts = (_averages, _turned_orders, _without_background, _pooling, _accuracies, _reductions, _areas)
    of_masks = (audit_masks.roots, audit_masks.shares_of_one_number, audit_masks.cuts)
    return [finding for part in (*parts, *of_masks, _unknown) for finding in part(printed)]


def _averaged(printed: Printed) -> Iterator[tuple[str, int, pd.DataFrame, pd.Series]]:
    """Columns that print an average: id, decimals, the classes, the printed averages."""
    for column in dict.fromkeys(printed.table["column"]):
        wide = printed.wide(column)
        if AVERAGE in wide and wide.shape[1] > 2 and column in printed.columns:
            yield column, printed.columns[column]["digits"], wide.drop(columns=AVERAGE), wide[AVERAGE]


def _averages(printed: Printed) -> Iterator[Finding]:
    """Whether the printed averages are the means of the printed classes; both are rounded, so by one last digit."""
    for column, digits, classes, average in _averaged(printed):
        means = classes.mean(axis=1)
        off = (means - average).abs() > 1.01 * 10**-digits
        said = [
            f"{printed.label(row)} ({in_print(means[row], digits)}, printed {in_print(average[row], digits)})"
            for row in means.index[off]
        ]
        name = f"{printed.header(column)}: the mean over the {classes.shape[1]} printed classes, background included,"
        if not said:
            yield Finding(f"{name} is the printed average in every row.", "The average counts the background.")
            continue
        right = printed.listed(average[~off], digits)
        rest = f" It is that of {right}." if right else ""
        yield Finding(
            f"{name} is not the printed average of {', '.join(said)}.{rest}",
            "By what rule the others were made is not said. Ours is the mean of the classes in every row.",
        )


def _turned_orders(printed: Printed) -> Iterator[Finding]:
    """Pairs of rows whose order by the printed average is not that of the means of the printed classes."""
    for column, digits, classes, average in _averaged(printed):
        means = classes.mean(axis=1)
        for pair in combinations(means.index, 2):
            if np.prod([values[pair[0]] - values[pair[1]] for values in (means, average)]) < 0:
                both = (printed.listed(values[[*pair]], digits) for values in (average, means))
                names = " and ".join(map(printed.label, pair))
                yield Finding(
                    f"{printed.header(column)}: the order of {names} turns round between the printed averages "
                    "({}) and the means of the printed classes ({}).".format(*both),
                    "Which of the two is better by this measure cannot be told from the table.",
                )


def _without_background(printed: Printed) -> Iterator[Finding]:
    for column, digits, classes, average in _averaged(printed):
        if printed.background not in classes or printed.columns[column]["better"] != "high":
            continue
        means = classes.drop(columns=printed.background).mean(axis=1)
        same = list(means.sort_values().index) == list(average.sort_values().index)
        yield Finding(
            f"{printed.header(column)} without the background: {printed.listed(means, digits)} (printed with it: "
            f"{printed.listed(average, digits)}).",
            "The background lifts every average by about "
            f"{(classes.mean(axis=1) - means).mean():.2f}; the order of the methods {'stays' if same else 'changes'}.",
        )


def _pooling(printed: Printed) -> Iterator[Finding]:
    """Whether Dice D and Jaccard J can come from pooled pixels, where J = f(D) = D / (2 - D) in every fold.

    f is convex with f'' = 4 / (2 - D)^3 <= 4, so the mean of f over folds lies between f(D) and f(D) + 2 sd^2, D and sd
    those of the folds. A mean over images lies between f(D) and D. Half a unit of the last digit is allowed for each.
    """
    dice, spread, jaccard = printed.wide("dice"), printed.wide("dice", "sd"), printed.wide("jaccard")
    if dice.empty or jaccard.empty:
        return
    dice, spread, jaccard = (table.drop(columns=AVERAGE, errors="ignore").stack() for table in (dice, spread, jaccard))
    last = 10.0 ** -printed.columns["dice"]["digits"] / 2 if "dice" in printed.columns else 0.0005
    most = _of_pooled(dice + last) + 2 * (spread + last) ** 2 + last
    beyond = (jaccard - most)[jaccard > most].sort_values(ascending=False)
    total = len(dice)
    if beyond.empty:
        names = f"{printed.header('dice')} and {printed.header('jaccard')}"
        yield Finding(
            f"{names}: none of the {total} printed pairs is beyond what pooled pixels allow.",
            "They do not tell scores per image from scores of pooled pixels.",
        )
        return
    cell = beyond.index[0]
    where = f"{printed.label(cell[0])}, {cell[1]}"
    yield Finding(
        f"{printed.header('jaccard')}: {len(beyond)} of {total} printed values are higher than pooled pixels allow. "
        f"The farthest is {where}: a Dice of {dice[cell]:.3f} ± {spread[cell]:.3f} allows at most {most[cell]:.3f}, "
        f"printed is {jaccard[cell]:.3f}.",
        "So the scores were made per image and then averaged, as `average: per_image` does.",
    )


def _of_pooled(dice: pd.Series) -> pd.Series:
    """Jaccard of one set of counts with the Dice."""
    return dice / (2 - dice)


def _accuracies(printed: Printed) -> Iterator[Finding]:
    """Whether the printed accuracies are 1 - (sum of the row's errors) / cells, to the last digit."""
    accuracy, cells = printed.wide("accuracy"), printed.wide("cells")
    if accuracy.empty or cells.empty or not printed.errors:
        return
    said, right = [], True
    for row, told in accuracy[ALL].items():
        errors, total = [printed.wide(error)[ALL][row] for error in printed.errors], cells[ALL][row]
        found = 1 - sum(errors) / total
        right &= abs(found - told) <= 0.0005
        terms = " + ".join(f"{error:.0f}" for error in errors)
        said.append(f"{printed.label(row)} 1 - ({terms}) / {total:.0f} = {found:.1%}, printed {told:.1%}")
    names = " + ".join(printed.header(error) for error in printed.errors)
    verdict = "follow" if right else "do not follow"
    yield Finding(
        f"The accuracies {verdict} from 1 - ({names}) / cells: {'; '.join(said)}.",
        "A cell with two errors counts twice; our accuracy is made by the same formula.",
    )


def _reductions(printed: Printed) -> Iterator[Finding]:
    """Whether the errors of cells fall by the shares that the text claims, to the last digit."""
    said, right = [], True
    for claim in printed.claims[printed.claims["claim"] == "reduction"].to_dict("records"):
        values = printed.wide(claim["column"])[claim["class"]]
        before, after = values[claim["against"]], values[claim["row"]]
        found = 1 - after / before
        right &= abs(found - claim["value"]) <= 0.005
        name = printed.header(claim["column"])
        said.append(f"{name} from {before:.1f} to {after:.1f} is {found:.1%}, claimed {claim['value']:.0%}")
    if said:
        verdict, place = ("follow", "this") if right else ("do not follow", "another")
        yield Finding(
            f"The claimed reductions {verdict} from the printed counts: {'; '.join(said)}.",
            f"The printed errors of cells belong to {place} table.",
        )


def _areas(printed: Printed) -> Iterator[Finding]:
    """The claimed gain in area under the curve, read as points and as per cent, against the claimed least area."""
    areas, claims = printed.wide("auc"), printed.claims[printed.claims["column"] == "auc"]
    least = claims["value"][claims["claim"] == "above"]
    for claim in claims[claims["claim"] == "gain"].to_dict("records"):
        if claim["against"] not in areas.index or claim["class"] not in areas or least.empty:
            continue
        before, gain, bound = areas.loc[claim["against"], claim["class"]], claim["value"], least.max()
        points, share = before + gain, before * (1 + gain)
        agrees = "agree" if min(points, share) > bound else "do not agree"
        name = f"Area under the ROC curve, {claim['class']}"
        yield Finding(
            f"{name}: {printed.label(claim['against'])} {before:.2f} and a gain of {gain:.0%} "
            f"give {points:.2f} (in points) or {share:.2f} (in per cent); claimed is above {bound:.1f}.",
            f"The claims {agrees} under both readings.",
        )


def _unknown(printed: Printed) -> Iterator[Finding]:
    lines = printed.table[printed.table["value"].isna()]
    for source, of_source in lines.groupby("source", sort=False):
        names = ", ".join(dict.fromkeys(printed.header(column) for column in of_source["column"]))
        yield Finding(f"{names}: {source}.", "We print unknown there, not the other table's numbers.")
