"""Sentences and small tables on how sure a table is: who differs from whom, what turns, what is not known."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hemoseg.figures.differences import LEVEL, MINUS, is_told
from hemoseg.figures.ranks import THRESHOLDS, way_name
from hemoseg.figures.words import count_of, of_class, ranked
from hemoseg.metrics.turns import turns

# What a figure shows of a table, one of each line where there is one: overlap, cells, distance.
KINDS = (
    ("dice", "jaccard", "mean_iu", "kind_mean_iu", "fw_iou"),
    ("instance_error", "panoptic", "f1_50", "ap_50", "accuracy", "incomplete", "missed", "merged", "count_mae"),
    ("hausdorff_95", "hausdorff", "nsd", "boundary_f1", "count_bias"),
)
MOST = 3  # columns in a figure
NOTHING = "–"


def leading(intervals: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(column, class) that figures show: one of each of `KINDS`, then others; the class that the table shows last.

    Args:
        intervals: of one family, of ``<experiment>.intervals.csv``.
        columns: facts of each column; one without a better side is never shown.
    """
    known = intervals[intervals["mean"].notna()]
    ranked = [key for key in dict.fromkeys(known["column"]) if columns[key]["better"]]
    chosen = [next((key for key in ranked if key in kind), None) for kind in KINDS]
    first = [key for key in chosen if key]
    keys = [*first, *(key for key in ranked if key not in first)][:MOST]
    return [(key, known.loc[known["column"] == key, "class"].iloc[-1]) for key in keys]


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number in print with a minus sign that is one."""
    return NOTHING if pd.isna(value) else f"{value:{'+' if sign else ''}.{digits}f}".replace("-", MINUS)


def p_value(value: float) -> str:
    """``0.016``, ``< 0.001``."""
    return NOTHING if pd.isna(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def answers(
    lines: pd.DataFrame, leader: tuple[str, str], columns: Mapping[str, Mapping[str, Any]], pairs: int
) -> list[str]:
    """For each shown pair of rows: by how much they differ in the leading column, on how many images, how surely.

    ``pairs`` of rows were tested in all.
    """
    facts, told = columns[leader[0]], []
    for line in lines[(lines["column"] == leader[0]) & (lines["class"] == leader[1])].to_dict("records"):
        if pd.isna(line["difference"]):
            continue
        numbers = [number(line[key], facts["digits"], sign=True) for key in ("difference", "low", "high")]
        said = f"{facts['header']}{of_class(leader[1])} of {line['label']} minus {line['other_label']}: {numbers[0]} "
        said += f"(95 % interval {numbers[1]} to {numbers[2]}), better on {line['wins']:.0f}, worse on "
        said += f"{line['losses']:.0f} of {count_of(int(line['n_images']), 'image')}"
        p = p_value(line["p_permutation_holm"])
        said += f"; permutation test p {p if '<' in p else '= ' + p}, {_verdict(line, pairs)}."
        told.append(said)
    return told


def _verdict(line: Mapping[str, Any], pairs: int) -> str:
    if is_told(line):
        return "a difference that these images show"
    if not line["low"] * line["high"] > 0:  # nor where one image gives no interval
        return "no difference is shown"
    least = pairs * 2.0 ** (1 - line["n_units"])  # of both rows exchanged in every unit, adjusted
    if least >= LEVEL:
        return (
            f"the interval lies on one side of 0; with {count_of(int(line['n_units']), line['units'])} and "
            f"{count_of(pairs, 'pair')} of rows the adjusted test cannot go below {least:.2g}"
        )
    return "the interval lies on one side of 0, the adjusted test does not agree"


def lead_sentence(
    table: pd.DataFrame,
    differences: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    label_makers: Sequence[str] = (),
) -> str:
    """Whether the images show the lead that the verdict of a page tells of; empty where no other row was run.

    Args:
        table: of one family, ``<experiment>.csv``.
        differences: of the same family, of all pairs of rows.
        columns: facts of each column.
        label_makers: rows that made the labels which all are compared with; they lead nothing.
    """
    rows = ranked(table[~table["row"].isin(label_makers)], columns).head(2)
    pair = set(rows["row"])
    lines = differences[differences["row"].isin(pair) & differences["other"].isin(pair)]
    lines = lines[lines["column"].isin(rows["column"]) & lines["class"].isin(rows["class"])]
    if len(pair) < 2 or lines.empty or pd.isna(lines["difference"].iloc[0]):
        return ""
    line, digits = lines.iloc[0], columns[rows["column"].iloc[0]]["digits"]
    low, high = (number(value, digits, sign=True) for value in sorted((line["low"], line["high"])))
    names = f"{line['label']} minus {line['other_label']}"
    header = f"{line['header']}{of_class(line['class'])}"
    p = p_value(line["p_permutation_holm"])
    facts = f"{names}, 95 % interval {low} to {high}, permutation test p {p if '<' in p else '= ' + p}, adjusted"
    tested = f"{count_of(int(line['n_images']), 'image')} of {count_of(int(line['n_units']), line['units'])}"
    if is_told(line):
        return f"The lead in {header} is shown by these {tested} ({facts})."
    return f"The lead in {header} is not shown by these {tested}: read the two rows as alike there ({facts})."


def trainings_sentence(intervals: pd.DataFrame) -> str:
    """What the intervals leave out: other seeds, other folds, and whether they were tried."""
    seeds, folds = int(intervals["seeds"].max()), int(intervals["folds"].max())
    if seeds < 2:
        return (
            "Each row was trained with one seed: how much another training of the same network would change is not "
            "known, and no interval or test on this page holds it."
        )
    return (
        f"Every interval and test is over the test images of {count_of(seeds, 'seed')} and {count_of(folds, 'split')}; "
        "the spread over seeds stands apart, and a difference that is smaller than it is not the network's."
    )


def spreads(intervals: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Mean, interval, and the spreads over seeds and over folds apart, a line per row, column and class."""
    lines = []
    for line in intervals[intervals["mean"].notna()].to_dict("records"):
        digits = columns[line["column"]]["digits"]
        told = {key: number(line[key], digits) for key in ("mean", "low", "high", "seed_sd", "fold_sd")}
        name = f"{line['header']}{of_class(line['class'])}"
        lines.append(
            {
                "row": line["label"],
                "measure": name,
                "mean": told["mean"],
                "95 % interval": f"{told['low']} to {told['high']}",
                "sd over seeds": told["seed_sd"],
                "sd over folds": told["fold_sd"],
            }
        )
    return pd.DataFrame(lines)


def tests_table(lines: pd.DataFrame, shown: Sequence[tuple[str, str]], columns: Mapping[str, Mapping[str, Any]]):
    """Every test of the shown pairs and columns, p adjusted by Holm's method."""
    rows = []
    for line in lines.to_dict("records"):
        if (line["column"], line["class"]) not in shown or pd.isna(line["difference"]):
            continue
        digits = columns[line["column"]]["digits"]
        low, mean, high = (number(line[key], digits, sign=True) for key in ("low", "difference", "high"))
        rows.append(
            {
                "rows": f"{line['label']} {MINUS} {line['other_label']}",
                "measure": f"{line['header']}{of_class(line['class'])}",
                "difference": f"{mean} ({low} to {high})",
                "better : worse : alike": f"{line['wins']:.0f} : {line['losses']:.0f} : {line['ties']:.0f}",
                "p permutation": p_value(line["p_permutation_holm"]),
                "p Wilcoxon": p_value(line["p_wilcoxon_holm"]),
                "p over folds": p_value(line["p_fold_t_holm"]),
                "rank-biserial": number(line["effect"], 2, sign=True),
                "difference / sd": number(line["standardised"], 2, sign=True),
            }
        )
    return pd.DataFrame(rows)


def bearing(panel: pd.DataFrame, shown: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(column, class) of what conventions bear on: two columns at most, and one that thresholds of cell errors do.

    Columns that are shown, else others of the table, of which the class that the table shows last stands for the
    column.
    """
    lines = panel[~panel["choice"].isin(["own", "matching"])]
    by_threshold = lines["choice"].isin(THRESHOLDS)
    parts = [_leading(lines[~by_threshold], shown)[:2], _leading(lines[by_threshold], shown)[:1]]
    return list(dict.fromkeys(key for part in parts for key in part))


def _leading(lines: pd.DataFrame, shown: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    known = list(dict.fromkeys(zip(lines["column"], lines["class"], strict=True)))
    last = {column: (column, name) for column, name in known}
    chosen = {key[0]: key for key in shown if key in known}
    return list({**chosen, **{column: key for column, key in last.items() if column not in chosen}}.values())


def turned_sentences(panel: pd.DataFrame, shown: Sequence[tuple[str, str]]) -> list[str]:
    """For each shown column: under which conventions rows change places, and which rows."""
    told = []
    for column, name in (*shown, ("matching", "all")):
        lines = panel[(panel["column"] == column) & (panel["class"] == name)]
        ways = dict(list(lines.groupby(["choice", "value"], sort=False)))
        if len(ways) < 2:
            continue
        own, *others = ways.items()
        before, labels = own[1].set_index("row")["rank"], dict(zip(lines["row"], lines["label"], strict=True))
        changes = [(way, turns(before, rows.set_index("row")["rank"])) for way, rows in others]
        said = [f"{way_name(*way)} ({_pairs(pairs, labels)})" for way, pairs in changes if pairs]
        header = f"{lines['header'].iloc[0]}{of_class(name)}"
        kept = f"the order is that of the table under {count_of(len(others), 'other convention')}"
        told.append(f"{header}: {'rows change places under ' + '; '.join(said) if said else kept}.")
    return told


def _pairs(pairs: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> str:
    named = " / ".join(f"{labels[worse]} before {labels[better]}" for better, worse in pairs[:2])
    return named if len(pairs) < 3 else f"{named} / {count_of(len(pairs) - 2, 'more pair')}"


def absences_table(absences: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Images with a class on one side or on none, where any is; no row otherwise."""
    some = absences[absences[["neither", "missed", "spurious"]].sum(axis=1) > 0]
    counts = {key: some[key].map("{:g}".format) for key in ("images", "neither", "missed", "spurious")}
    heads = ("images", "on neither side", "missed", "made up")
    named = dict(zip(heads, counts.values(), strict=True))
    return pd.DataFrame({"row": some["row"].map(labels), "class": some["class"], **named})
