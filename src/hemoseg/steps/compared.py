"""What `compare` wrote of some folders of masks, and the folders themselves, read for its page."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from hemoseg.figures.bland_altman import counts_of_images
from hemoseg.figures.panels import Shown
from hemoseg.figures.style import model_colours, palette
from hemoseg.steps.comparable import TOLD, Common, Labels, read_rival, read_truth
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.folders import IMAGE_SUFFIXES, files_by_id
from hemoseg.steps.images import read_image
from hemoseg.steps.mask_folders import TRUTH, MaskFolder
from hemoseg.tables.column import Run
from hemoseg.tables.number_columns import numbers_of_images

TEXTS = dict.fromkeys(
    ("sample", "frame", "group", "kind", "class_name", "row", "label", "column", "header", "class", "unit"), str
)
TEXTS |= dict.fromkeys(("side", "hausdorff_case", "true", "predicted", "family", "split", "source"), str)
LONGEST = 640  # pixels of a picture's longer side on the page


class Compared:
    """A comparison: its tables, and the images that the page shows.

    Args:
        folder: that `compare` wrote.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        told = read_json(folder / TOLD, needs=("settings", "facts", "common", "folders"))
        self.told: dict[str, Any] = told
        self.settings: dict[str, Any] = told["settings"]
        self.facts: dict[str, Any] = told["facts"]
        self.labels: dict[str, str] = self.settings["rows"]
        self.colours = model_colours({name: {} for name in self.labels}, list(self.labels))
        self.class_names: list[str] = told["common"]["class_names"]

    @cached_property
    def conventions(self) -> dict[str, Any]:
        """Sentences under the table, and the definition of each column."""
        return read_json(self.folder / "compare.conventions.json")

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """What `statistics` did, and how often images lack a class."""
        return read_json(self.folder / "compare.statistics.json")

    @cached_property
    def table(self) -> pd.DataFrame:
        return read_table(self.folder / "compare.csv", dtype=TEXTS)

    def beside_table(self, name: str) -> pd.DataFrame:
        """A table beside it: ``images``, ``intervals``, ``differences``, ``ranking``, ``panel``, ``confusion``."""
        return read_table(self.folder / f"compare.{name}.csv", dtype=TEXTS)

    @cached_property
    def pixels(self) -> pd.DataFrame:
        """Counts of pixels with ``model``, ``split`` and ``seed``, as pages of experiments have them."""
        return self._of_runs("pixels")

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Facts of cells likewise; no row where the truth does not tell cells apart."""
        return self._of_runs("cells")

    @cached_property
    def numbers(self) -> pd.DataFrame:
        """True and predicted number of cells of each class in every image, as `figures.bland_altman` has them.

        They are connected parts of the classes where the truth does not tell cells apart.
        """
        if not self.told["common"]["with_cells"]:
            return counts_of_images(self.pixels, dict.fromkeys(self.labels, 0))
        runs = [Run(row, "all", 0, of, self.cells_of(row)) for row, of in self.pixels.groupby("model", sort=False)]
        return pd.concat([numbers_of_images(run).assign(model=run.model) for run in runs], ignore_index=True)

    def _of_runs(self, name: str) -> pd.DataFrame:
        table = read_table(self.folder / f"compare.{name}.csv", dtype=TEXTS | {"class": int})
        return table.rename(columns={"row": "model"}).assign(split="all", seed=0)

    @cached_property
    def _common(self) -> Common:
        common = self.told["common"]
        return Common(**common | {"sizes": {name: tuple(size) for name, size in common["sizes"].items()}})

    def _folder(self, name: str) -> MaskFolder:
        one = self.told["folders"][name]
        files = {part: {k: Path(v) for k, v in of.items()} for part, of in one["files"].items()}
        return MaskFolder(Path(one["path"]), name, files)

    @cached_property
    def _raw(self) -> dict[str, Path]:
        return files_by_id(Path(self.facts["raw"]), IMAGE_SUFFIXES) if self.facts["raw"] else {}

    def cells_of(self, model: str) -> pd.DataFrame:
        """Facts of the cells of one folder and of the truth beside it."""
        return self.cells[self.cells["model"] == model]

    def shown(
        self, notes: Mapping[str, str], models: Sequence[str], dice: pd.DataFrame, marks: Mapping[str, pd.DataFrame]
    ) -> list[Shown]:
        """Images as the page shows them, made smaller where they are large.

        Args:
            notes: what to say of each image, by name, in order.
            models: rivals to show.
            dice: per model and sample (`figures.scores.of_images`).
            marks: cells to box of each rival (`figures.cell_marks.errors`).
        """
        scores = {(row.model, row.sample): row.dice for row in dice.itertuples()}
        return [self._shown(name, note, models, scores, marks) for name, note in notes.items()]

    def _shown(self, name: str, note: str, models: Sequence[str], scores: Mapping, marks: Mapping) -> Shown:
        true = _small(read_truth(self._folder(TRUTH), name, self._common))
        said = {model: _small(read_rival(self._folder(model), name, self._common)) for model in models}
        return Shown(
            name,
            self._image(name, true.classes.shape),
            true.classes,
            predictions={model: labels.classes for model, labels in said.items()},
            note=note,
            instances=true.instances,
            pred_instances={model: labels.instances for model, labels in said.items()},
            marks={model: rows[rows["sample"] == name] for model, rows in marks.items() if model in models},
            dice={model: scores[model, name] for model in models if (model, name) in scores},
            colours=palette(self.class_names),
        )

    def _image(self, name: str, size: tuple[int, int]) -> np.ndarray:
        """The raw image in [0, 1] at a size, float32 ``(C, H, W)``; grey where there is none."""
        if name not in self._raw:
            return np.full((1, *size), 0.35, np.float32)
        values = read_image(self._raw[name]).values
        scaled = values.astype(np.float32) / np.iinfo(values.dtype).max
        planes = [cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA) for plane in scaled]
        return np.stack(planes)


def _small(labels: Labels) -> Labels:
    """Labels made smaller by leaving out rows and columns, so that the longer side is at most `LONGEST`."""
    step = -(-max(labels.classes.shape) // LONGEST)
    return Labels(*(None if one is None else one[::step, ::step] for one in labels))
