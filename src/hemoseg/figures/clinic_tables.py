"""Tables of the clinic page as text: counts, shares and shapes of each patient or frame, ours and the truth."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from hemoseg.metrics.counting import EVERY, SHAPES

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"
ALL_NAMES = {"patients": "all patients", "frames": "all frames"}
SHAPE_NAMES = {
    "area": "area",
    "perimeter": "perimeter",
    "eccentricity": "eccentricity",
    "form_factor": "form factor",
}


def unit(text: str) -> str:
    """A unit of the tables as people write it."""
    for plain, shown in (("um2", "µm²"), ("um", "µm"), ("mm2", "mm²"), ("px2", "px²"), ("10^6", "10⁶")):
        text = text.replace(plain, shown)
    return text


def name_of(row: Mapping[str, Any]) -> str:
    """What a row of a table is about."""
    if row["frame"]:
        return str(row["frame"])
    if row["group"] == EVERY:
        return ALL_NAMES[row["clusters"]]
    return str(row["group"]) or "no patient named"


def signed(value: float, digits: int) -> str:
    """``+0.3`` or ``−0.3``."""
    return f"{value:+.{digits}f}".replace("-", MINUS)


def counts(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames, cells and density of each patient or frame; and the same of the truth, with the bias of ours."""
    lines = table[table["class"] == EVERY]
    rows, truth = [], []
    for _, part in _units(lines):
        of = part.set_index("measure")
        head = part.iloc[0]
        dense = of.loc["density"]
        heads = {"": name_of(head)} | ({} if head["frame"] else {"frames": str(head["frames"])})
        density = f"density, {unit(dense['unit'])}"
        numbers = {"cells": whole(of.loc["count", "value"])}
        numbers |= {} if head["frame"] else {"cells per frame": _text(of.loc["per_field"], 1)}
        rows.append(heads | numbers | {density: _text(dense, decimals(dense["value"]), interval=True)})
        true = dict.fromkeys(heads, "") | {"": "truth (bias)"}
        true |= {"cells": _against(of.loc["count"], 0)}
        true |= {} if head["frame"] else {"cells per frame": _against(of.loc["per_field"], 1)}
        truth.append(true | {density: _against(dense, decimals(dense["value"]))})
    return pd.DataFrame(rows), _known(truth, lines)


def shares(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Share of each class in per cent with its interval; and of the truth, with the bias in points."""
    lines = table[table["measure"] == "share"]
    rows, truth = [], []
    for _, part in _units(lines):
        head = part.iloc[0]
        rows.append({"": name_of(head), "n": whole(head["n"])})
        truth.append({"": "truth (bias in points)", "n": whole(head["truth_n"])})
        for line in part.to_dict("records"):
            rows[-1][line["class"]] = _text(line, 1, interval=True, scale=100)
            truth[-1][line["class"]] = _against(line, 1, scale=100, relative=False)
    return pd.DataFrame(rows), _known(truth, lines)


def shapes(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Mean and sd of area and shape of whole cells; the intervals of the means; and the truth, with the bias."""
    lines = table[(table["class"] == EVERY) & table["measure"].isin(SHAPES)]
    rows, bounds, truth = [], [], []
    for _, part in _units(lines):
        rows.append({"": name_of(part.iloc[0]), "n": whole(part["n"].iloc[0])})
        bounds.append({"": "interval of the mean", "n": ""})
        truth.append({"": "truth (bias)", "n": whole(part["truth_n"].iloc[0])})
        for line in part.to_dict("records"):
            head = ", ".join(filter(None, [SHAPE_NAMES[line["measure"]], unit(line["unit"])]))
            digits = 3 if not line["unit"] else decimals(line["value"])
            rows[-1][head] = _text(line, digits)
            bounds[-1][head] = _bounds(line, digits)
            truth[-1][head] = _against(line, digits, relative=bool(line["unit"]))
    return pd.DataFrame(rows), pd.DataFrame(bounds), _known(truth, lines)


def _units(lines: pd.DataFrame) -> Iterable[tuple[Any, pd.DataFrame]]:
    """The lines of each patient or frame, in their order."""
    return lines.groupby(["group", "frame"], sort=False)


def _known(truth: list[dict[str, str]], lines: pd.DataFrame) -> pd.DataFrame:
    """The rows of the truth; none where it is not known."""
    return pd.DataFrame(truth if lines["truth_n"].notna().any() else [])


def decimals(value: float) -> int:
    """Decimals that show three or four figures."""
    return 0 if not abs(value) < 100 else 1 if abs(value) >= 10 else 2


def whole(value: float) -> str:
    """``12 345``, or a dash where there is none."""
    return NOTHING if pd.isna(value) else f"{value:,.0f}".replace(",", "\u2009")


def _text(line: Mapping[str, Any], digits: int, *, interval: bool = False, scale: float = 1) -> str:
    """``12.1 ± 2.0 [11.2, 13.0]``: value, spread of cells where there is one, interval; shares in per cent."""
    if pd.isna(line["value"]):
        return NOTHING
    text = f"{line['value'] * scale:.{digits}f}"
    text += "" if pd.isna(line["sd"]) else f" ± {line['sd'] * scale:.{digits}f}"
    text += " %" if scale == 100 else ""
    return f"{text} {_bounds(line, digits, scale=scale)}" if interval and pd.notna(line["low"]) else text


def _bounds(line: Mapping[str, Any], digits: int, *, scale: float = 1) -> str:
    """``[11.2, 13.0]``."""
    if pd.isna(line["low"]):
        return NOTHING
    return f"[{line['low'] * scale:.{digits}f}, {line['high'] * scale:.{digits}f}]"


def _against(line: Mapping[str, Any], digits: int, *, scale: float = 1, relative: bool = True) -> str:
    """``12.0 (+1 %)``: the true value and how far ours is off."""
    if pd.isna(line["truth"]):
        return NOTHING
    text = f"{line['truth'] * scale:.{digits}f}" + (" %" if scale == 100 else "")
    if pd.isna(line["bias"]):
        return text
    if relative:
        return f"{text} ({signed(100 * line['bias'] / line['truth'], 0)} %)" if line["truth"] else text
    return f"{text} ({signed(line['bias'] * scale, digits)})"
