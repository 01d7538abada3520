"""Which measured cells count, and in which units.

A border cuts cells, so a rule is needed (`RULES`). ``counting_frame`` counts a cell that the upper or left border cuts
and not one that the lower or right border cuts, so that neighbouring fields would count every cell once: the number
per area is unbiased whatever the size of cells (Gundersen 1977, J Microsc 111:219,
DOI 10.1111/j.1365-2818.1977.tb00062.x, without his guard area, which matters at two corners only). ``all`` counts too
many and ``inside`` too few, the more so the larger the cells. Shape is of whole cells only, which no border cuts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.errors import InputError

RULES = {
    "counting_frame": ("no", "upper_left"),
    "all": ("no", "upper_left", "lower_right"),
    "inside": ("no",),
}
SHAPES = ("area", "perimeter", "eccentricity", "form_factor")
DEFAULTS: dict[str, Any] = {"border": "counting_frame", "min_area_share": 0.1, "level": 0.95}
EVERY = "all"  # stands for cells of all classes, and for all patients
SQUARE_UM_PER_MM2 = 1e6


@dataclass(frozen=True)
class Counted:
    """Cells and frames in the units of the tables.

    Attributes:
        cells: a row per cell that is one: side, frame, group, class_name, `SHAPES`, ``counts``, ``whole``, ``hosted``.
        frames: a row per frame: frame, group, ``field`` (mm2, or 10^6 px).
        length: ``um`` or ``px``.
        classes: names of the classes.
        min_area: cells below it are dust.
        level: of the intervals.
        ignored: of each side the cells that were left out since their ground is ignored.
    """

    cells: pd.DataFrame
    frames: pd.DataFrame
    length: str
    classes: list[str]
    min_area: float
    level: float
    ignored: dict[str, int]

    @property
    def has_truth(self) -> bool:
        return bool(self.frames["truth"].all())


def counted(
    cells: pd.DataFrame, frames: pd.DataFrame, classes: list[str], settings: Mapping[str, Any] | None = None
) -> Counted:
    """Decide which cells count and put them into micrometres where the side of a pixel is known.

    Args:
        cells: cells.csv of the step measure.
        frames: frames.csv of it.
        classes: names of classes 1..K.
        settings: see `DEFAULTS`.

    Raises:
        InputError: a setting is unknown or makes no sense.
    """
    settings = checked(settings or {})
    pixel = frames["pixel_size_um"].iloc[0] if len(frames) else np.nan
    known = bool(pd.notna(pixel))
    side = float(pixel) if known else 1.0
    left_out = cells["side"][cells["ignored"].astype(bool)].value_counts().to_dict()
    cells = cells[~cells["ignored"].astype(bool)]
    cells = cells.assign(area=cells["area"] * side**2, perimeter=cells["perimeter"] * side)
    whole = cells["border"] == "no"
    judged = cells[whole & (cells["side"] == ("gt" if frames["truth"].all() else "pred"))]
    least = settings["min_area_share"] * judged["area"].median() if len(judged) else 0.0
    cells = cells.assign(counts=cells["border"].isin(RULES[settings["border"]]), whole=whole)
    frames = frames.assign(field=frames["field"] * side**2 / SQUARE_UM_PER_MM2)
    return Counted(
        cells=cells[cells["area"] >= least],
        frames=frames,
        length="um" if known else "px",
        classes=list(classes),
        min_area=float(least),
        level=settings["level"],
        ignored={side: int(left_out.get(side, 0)) for side in ("pred", "gt")},
    )


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: a setting is unknown or makes no sense.
    """
    if unknown := sorted(set(settings) - set(DEFAULTS)):
        raise InputError(f"clinic settings: unknown key {unknown[0]!r}; the keys are {', '.join(DEFAULTS)}")
    whole = DEFAULTS | dict(settings)
    if whole["border"] not in RULES:
        raise InputError(f"clinic settings: border {whole['border']!r} is none of {', '.join(RULES)}; choose one")
    for name in ("min_area_share", "level"):
        if type(whole[name]) not in (int, float):
            raise InputError(f"clinic settings: {name} {whole[name]!r} is no number; give a share such as 0.1")
    if not whole["min_area_share"] >= 0:
        raise InputError(f"clinic settings: min_area_share {whole['min_area_share']!r}; give a share, 0 or more")
    if not 0 < whole["level"] < 1:
        raise InputError(f"clinic settings: level {whole['level']!r}; give a share such as 0.95")
    return whole
