"""Everything that the steps wrote of one experiment, read for its page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.samples import Samples, unpack
from hemoseg.errors import InputError
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.labelled import SPLIT_TEXTS, read_samples

TEXTS = dict.fromkeys(("sample", "frame", "group", "class_name", "row", "class", "column", "label", "header"), str)
RUN = ("model", "split", "seed")


@dataclass(frozen=True)
class Results:
    """Results of one experiment.

    Attributes:
        settings: the experiment, complete, as the rule handed it over.
        root: folder of all results.
        published_path: the papers' numbers, None where no paper printed the table.
    """

    settings: dict[str, Any]
    root: Path
    published_path: Path | None = None

    @property
    def folder(self) -> Path:
        return self.root / self.settings["experiment"]

    @cached_property
    def labels(self) -> dict[str, str]:
        """What the page calls each model, by key, in the order of the table."""
        return {key: str(model["label"]) for key, model in self.settings["models"].items()}

    @cached_property
    def auto_labelled(self) -> bool:
        """Whether nothing but auto-labels is there to compare with."""
        return not read_samples(self.folder / "samples.npz").has_labels

    @cached_property
    def samples(self) -> Samples:
        """The samples with their true labels, or with the auto-labels where there are no others."""
        return read_samples(self.folder / "samples.npz", self.folder / "autolabels.npz" if self.auto_labelled else None)

    @cached_property
    def splits(self) -> pd.DataFrame:
        return read_table(self.folder / "splits.csv", dtype=SPLIT_TEXTS).fillna({"group": ""})

    @cached_property
    def split_notes(self) -> dict[str, Any]:
        return read_json(self.folder / "splits.json")

    @cached_property
    def table(self) -> pd.DataFrame:
        return read_table(self.root / "tables" / f"{self.settings['experiment']}.csv", dtype=TEXTS)

    @cached_property
    def conventions(self) -> dict[str, Any]:
        """Sentences under the table, and the definition of each column."""
        return read_json(self.root / "tables" / f"{self.settings['experiment']}.conventions.json")

    @cached_property
    def published(self) -> pd.DataFrame:
        """The papers' table with class ids made names: row, class, column, value, sd, source."""
        if self.published_path is None:
            return pd.DataFrame(columns=["row", "class", "column", "value", "sd", "source"])
        table = read_table(self.published_path, dtype=TEXTS | {"source": str})
        names = {str(number): name for number, name in enumerate(self.samples.class_names)}
        return table.assign(**{"class": table["class"].map(lambda name: names.get(name, name))})

    def runs(self) -> list[tuple[str, str, int]]:
        """Model, split and seed of every run."""
        settings = self.settings
        return [
            (key, split, seed)
            for key, model in settings["models"].items()
            for split in settings["split_names"]
            for seed in model["seeds"]
        ]

    def path(self, stage: str, run: tuple[str, str, int], file: str) -> Path:
        """A file of one run."""
        model, split, seed = run
        return self.folder / stage / model / split / f"seed{seed}" / file

    @cached_property
    def pixels(self) -> pd.DataFrame:
        """Counts of pixels of all runs, a row per run, sample and class."""
        return self._of_all_runs("evaluate", "pixels.csv")

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Facts of cells of all runs; no row where the truth has no instances."""
        return self._of_all_runs("evaluate", "cells.csv")

    @cached_property
    def history(self) -> pd.DataFrame:
        """Losses and validation scores of all trainings; no row of methods that are not trained by steps."""
        return self._of_all_runs("train", "history.csv")

    @cached_property
    def trainings(self) -> pd.DataFrame:
        """A row per run: what was trained, for how long, on what."""
        rows = []
        for run in self.runs():
            # A row that predicts with another row's weights was not trained itself, but its folder says so.
            facts = read_json(self.path("train", run, "model.json")) | read_json(self.path("train", run, "run.json"))
            timing = self.path("predict", run, "timing.json")
            seen = read_json(timing) if timing.exists() else {"images": np.nan, "seconds": np.nan}
            predicted = {"predict_images": seen["images"], "predict_seconds": seen["seconds"]}
            rows.append(dict(zip(RUN, run, strict=True)) | facts | predicted)
        return pd.DataFrame(rows)

    @cached_property
    def autolabel_quality(self) -> pd.DataFrame | None:
        """Auto-labels against truth, where the experiment made them as a stage."""
        path = self.folder / "autolabels.csv"
        return read_table(path, dtype={"sample": str, "kind": str}) if path.exists() else None

    def stage_seconds(self) -> dict[str, float]:
        """Seconds of the stages that run once for the experiment, as the engine measured them."""
        seconds = {}
        for path in sorted((self.folder / "seconds").rglob("*.tsv")):
            table = read_table(path, sep="\t")
            if "s" in table:
                stage = path.relative_to(self.folder / "seconds").parts[0].removesuffix(".tsv")
                seconds[stage] = seconds.get(stage, 0) + float(table["s"].mean())
        return seconds

    def class_maps(self, model: str, chosen: Iterable[str]) -> dict[str, np.ndarray]:
        """Predicted class maps of the chosen samples by a model's first seed; of several splits the last one counts."""
        wanted, found = set(chosen), {}
        seed = self.settings["models"][model]["seeds"][0]
        for split, rows in self.splits[self.splits["role"] == "test"].groupby("split", sort=False):
            if wanted & set(rows["sample"]):
                maps = read_class_maps(self.path("predict", (model, str(split), seed), "predictions.npz"))
                found |= {name: maps[name] for name in wanted & set(maps)}
        return found

    def _of_all_runs(self, stage: str, file: str) -> pd.DataFrame:
        tables = []
        for run in self.runs():
            table = read_table(self.path(stage, run, file), dtype=TEXTS | {"class": int})
            tables.append(table.assign(**dict(zip(RUN, run, strict=True))))
        known = [table for table in tables if len(table)] or tables[:1]
        return pd.concat(known, ignore_index=True)


def read_class_maps(path: str | Path) -> Mapping[str, np.ndarray]:
    """Predicted class maps by sample, without the probabilities, which are a hundred times larger.

    Raises:
        InputError: the file is absent or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            ids = [str(name) for name in archive["ids"]]
            return dict(zip(ids, unpack(archive["classes_values"], archive["classes_shapes"]), strict=True))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the step that writes it first") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own words for a damaged archive
        raise InputError(f"{path}: damaged or no .npz file ({error}); delete it and run its step again") from None
