"""What a patient's report takes from the images: what fields are like, why they have flags, pictures of cells."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from hemoseg.data.field_quality import flags_of, looked_at
from hemoseg.errors import InputError
from hemoseg.figures.patient import Thumbnail
from hemoseg.steps.files import read_table
from hemoseg.steps.model_evidence import beside_model, evidence_of
from hemoseg.steps.segmented import Segmented
from hemoseg.tables import atypical

FLAGS = ("image", "flag", "reason")  # columns of flags.csv
MOST_CELLS, LEAST_CELLS, MOST_FIELDS = 24, 12, 12  # pictures; the tables have all fields
FIELD_SIDE = 420  # pixels of the longer side of a field's picture
FIELD_OF_VIEW = 2.4  # sides of a cell's picture in diameters of the median cell


def training_frames(found: Segmented, path: Path | None) -> Mapping[str, Any] | None:
    """Section ``frames`` of the model's evidence; none where it is not to be found.

    Raises:
        InputError: --evidence names a file that is absent or damaged.
    """
    path = path or beside_model(found)
    return evidence_of(path).get("frames") if path else None


def look_at_fields(
    found: Segmented, images: pd.DataFrame, known: Mapping[str, Any] | None
) -> tuple[dict, dict, list[str], dict[str, np.ndarray]]:
    """Features, flags with reasons, names of the images that are missing, and small pictures, by image."""
    looked, flags, missing, pictures = {}, {}, [], {}
    white = found.facts["settings"].get("white")
    for row in images.to_dict("records"):
        name = row["image"]
        try:
            found.file(name)
        except InputError:
            missing.append(name)
            continue
        image, cells = found.image(name), found.instances(name)
        parts = looked_at(image, cells, known, float(row.get("scale") or 1.0), white)
        looked[name] = {key: float(_median([part[key] for part in parts])) for key in parts[0]}
        flags[name] = dict(flags_of(parts, known))
        pictures[name] = _small(image, white)
    return looked, flags, missing, pictures


def reasons_of_segment(found: Segmented, images: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Of each image the words that `segment` flagged it with, and the reasons that it wrote down.

    Raises:
        InputError: flags.csv is damaged.
    """
    words = {name: filter(None, said.split(";")) for name, said in zip(images["image"], images["flags"], strict=True)}
    reasons = {name: dict.fromkeys(of, "") for name, of in words.items()}
    if (path := found.folder / "flags.csv").is_file():
        told = read_table(path, FLAGS, dtype=dict.fromkeys(FLAGS, str)).fillna("")
        for name, word, reason in told[list(FLAGS)].itertuples(index=False):
            if word in reasons.get(name, ()):
                reasons[name][word] = reason
    return reasons


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def _small(image: np.ndarray, white: float | None) -> np.ndarray:
    """A field made small, float ``(C, h, w)`` in [0, 1]."""
    rows, columns = image.shape[1:]
    factor = min(1.0, FIELD_SIDE / max(rows, columns))
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    light = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in image[:3]]
    return _in_light(np.stack(light), white)


def _in_light(values: np.ndarray, white: float | None) -> np.ndarray:
    """Shares of full light, float32 in [0, 1]."""
    return np.minimum(values.astype(np.float32) / (white or np.iinfo(values.dtype).max), 1)


def flagged_fields(images: pd.DataFrame, pictures: Mapping[str, np.ndarray]) -> list[Thumbnail]:
    """Pictures of fields with flags."""
    return [
        Thumbnail(pictures[name], None, [name[:30], words.replace(";", ", ").replace("_", " ")[:60]])
        for name, words in zip(images["image"], images["flags"], strict=True)
        if words and name in pictures
    ][:MOST_FIELDS]


def odd_cells(found: Segmented, cells: pd.DataFrame, missing: Sequence[str]) -> tuple[list[Thumbnail], float]:
    """Pictures of the most atypical cells, and how wide they are in the unit of the cells' areas.

    Args:
        found: the folder that holds them.
        cells: of `tables.atypical.judged`.
        missing: images that are not at hand.
    """
    odd = atypical.most_atypical(cells, MOST_CELLS, LEAST_CELLS)
    odd = odd[~odd["image"].isin(missing)]
    if odd.empty:
        return [], 0.0
    side = FIELD_OF_VIEW * float(np.sqrt(cells["area_px"].median() * 4 / np.pi))
    pictures: dict[Any, Thumbnail] = {}
    for name, rows in odd.groupby("image", sort=False):
        image, labels = found.image(name), found.instances(name)
        for place, cell in rows.iterrows():
            pictures[place] = _thumbnail(image, labels, cell, side, found.facts["settings"].get("white"))
    pixel = float(np.sqrt(cells["area"].median() / cells["area_px"].median()))
    return [pictures[place] for place in odd.index], side * pixel


def _thumbnail(image: np.ndarray, labels: np.ndarray, cell: pd.Series, side: float, white: float | None) -> Thumbnail:
    half = max(side, 1.2 * cell["major_axis_px"]) / 2
    parts = tuple(
        slice(max(0, round(cell[name] - half)), min(length, round(cell[name] + half) + 1))
        for name, length in zip(("row", "column"), labels.shape, strict=True)
    )
    word = f"{atypical.QUANTITIES[cell['by']]} {'high' if cell['higher'] else 'low'}"
    said = [
        f"{str(cell['class_name'])[:18]} {cell['id']}",
        f"{cell['distance'] / cell['limit']:.1f} times: {word}",
        str(cell["image"])[:26],
    ]
    return Thumbnail(_in_light(image[:3, *parts], white), labels[parts] == cell["id"], said)
