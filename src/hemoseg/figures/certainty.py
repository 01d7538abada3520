"""The section "How sure is this" of a page, from the tables that the step `statistics` wrote."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from hemoseg.figures import cells_by_size, choices, differences, markup, paired_images, ranks
from hemoseg.figures import certainty_words as say

MOST_ANSWERS = 8  # sentences on pairs of rows; the others are in the table that opens
COLOURS = 64
BELOW = (
    "Below a number: its 95 % interval over draws of the test images; \N{PLUS-MINUS SIGN} is the spread over the "
    "splits, which is no interval. The section on how sure this is tells what both leave out."
)


def section(
    read: Callable[[str], pd.DataFrame],
    told: Mapping[str, Any],
    columns: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, str],
    colours: Mapping[str, str],
    baseline: str | None,
    *,
    trained: bool = True,
) -> str:
    """The section as HTML, without its heading.

    Args:
        read: gives a table of the experiment by name: intervals, differences, ranking, images, panel, absences.
        told: what `statistics` says it did.
        columns: facts of each column.
        labels: label of each row, in order.
        colours: of each row.
        baseline: row that the others are compared with, if there is one.
        trained: whether the rows are trainings, whose other seeds and folds the intervals leave out.
    """
    tables = {name: choices.one_family(read(name)) for name in ("intervals", "differences", "ranking", "images")}
    shown = say.leading(tables["intervals"], columns)
    if not shown:
        return markup.paragraph("The table holds no number that could be compared.", "note")
    family = tables["intervals"]["family"].iloc[0]
    others = [name for name in told["units"] if name != family]
    alone = f"Shown: the splits of the family {family}; {', '.join(others)}: in the tables." if others else ""
    parts = [
        markup.paragraph(f"{told['units'][family]} {alone}".strip(), "note"),
        markup.paragraph(say.trainings_sentence(tables["intervals"]), "note") if trained else "",
        _differences(tables, shown, columns, labels, colours, baseline),
        _order(tables, shown),
        _conventions(read, shown, labels),
        markup.details(
            "Intervals, and the spreads over seeds and over folds",
            markup.frame(say.spreads(tables["intervals"], columns)),
        ),
        markup.details("How intervals and tests were made", markup.bullets(told["sentences"], "note")),
    ]
    return "".join(parts)


def _differences(
    tables: Mapping[str, pd.DataFrame],
    shown: list[tuple[str, str]],
    columns: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, str],
    colours: Mapping[str, str],
    baseline: str | None,
) -> str:
    """Who differs from whom: sentences, intervals, every image, every test."""
    run = set(tables["intervals"].loc[tables["intervals"]["mean"].notna(), "row"])
    pairs = choices.pairs([row for row in labels if row in run], baseline)
    lines = differences.of_pairs(tables["differences"], pairs)
    parts = []
    if lines["difference"].notna().any():
        tested = len(tables["differences"].drop_duplicates(["row", "other"]))
        answers = say.answers(lines, shown[0], columns, tested)
        parts.append(markup.bullets(answers[:MOST_ANSWERS]))
        drawn = differences.draw(lines, shown, columns)
        parts.append(markup.picture(drawn, differences.caption(lines, tested), colours=COLOURS))
        tests = markup.frame(say.tests_table(lines, shown, columns))
        parts.append(markup.details("Every test of these pairs, adjusted by Holm's method", tests))
    for number, (column, name) in enumerate(shown):
        values = tables["images"]
        values = values[(values["column"] == column) & (values["class"] == name)]
        if len(values):
            drawn = paired_images.draw(values, pairs, columns[column], labels, colours)
            made = markup.picture(drawn, paired_images.caption(values, columns[column]), colours=2 * COLOURS)
            title = f"Every image: {columns[column]['header']}"
            parts.append(markup.details(title, made) if number else made)
    return "".join(parts)


def _order(tables: Mapping[str, pd.DataFrame], shown: list[tuple[str, str]]) -> str:
    ranking = tables["ranking"]
    if ranking["row"].nunique() < 2:
        return ""
    units = tables["intervals"]["units"].iloc[0]
    drawn = ranks.shares(ranking, shown)
    return markup.subheading("The order of the rows") + markup.picture(
        drawn, ranks.shares_caption(ranking, units), colours=COLOURS
    )


def _conventions(read: Callable[[str], pd.DataFrame], shown: list[tuple[str, str]], labels: Mapping[str, str]) -> str:
    """What other conventions would turn, and how often images lack a class."""
    panel, absences = (choices.one_family(read(name)) for name in ("panel", "absences"))
    parts = [markup.subheading("Under other conventions")]
    borne = say.bearing(panel, shown)
    told = say.turned_sentences(panel, borne)
    if panel["row"].nunique() > 1 and told:
        parts.append(markup.bullets(told))
        parts.append(markup.picture(ranks.conventions(panel, borne), ranks.CONVENTIONS, colours=COLOURS))
    else:
        parts.append(markup.paragraph("No convention bears on the order of these rows.", "note"))
    lacking = say.absences_table(absences, labels)
    title = "Images without a class on one side or on both"
    parts.append(markup.details(title, markup.frame(lacking) if len(lacking) else ""))
    return "".join(parts)


def crowding(cells: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> str:
    """Cells by size and crowding as HTML; empty where the truth does not tell cells apart."""
    true = cells_by_size.true_cells(cells)
    if len(true) < cells_by_size.FEWEST:
        return ""
    drawn = cells_by_size.draw(true, labels, colours)
    return markup.subheading("By size and crowding of the cells") + markup.picture(
        drawn, cells_by_size.caption(true), colours=2 * COLOURS
    )
