"""Everything that the steps wrote of one experiment, read for its page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.samples import Samples
from hemoseg.figures.panels import Shown
from hemoseg.figures.style import palette
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.labelled import SPLIT_TEXTS, read_samples
from hemoseg.steps.predicted import Predicted, read_predicted
from hemoseg.steps.run_names import folder_of_run

TEXTS = dict.fromkeys(("sample", "frame", "group", "class_name", "row", "class", "column", "label", "header"), str)
RUN = ("model", "split", "seed")


@dataclass(frozen=True)
class Results:
    """Results of one experiment.

    Attributes:
        settings: the experiment, complete, as the rule handed it over.
        root: folder of all results.
        published_path: the papers' numbers, None where no paper printed the table.

    A thing is read when it is first asked for.
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

    @property
    def label_makers(self) -> list[str]:
        """Rows whose method made the labels that all are compared with."""
        models = self.settings["models"]
        return [key for key in models if models[key]["network"] == "autolabel"] if self.auto_labelled else []

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
    def statistics(self) -> dict[str, Any]:
        """What the step `statistics` did, as sentences."""
        return read_json(self.root / "tables" / f"{self.settings['experiment']}.statistics.json", needs=("units",))

    def beside_table(self, name: str) -> pd.DataFrame:
        """What `tabulate` wrote besides (``other_rule``, ``confusion``, ``roc``), or another step (``panel``, ...)."""
        path = self.root / "tables" / f"{self.settings['experiment']}.{name}.csv"
        return read_table(path, dtype=TEXTS | dict.fromkeys(("true", "predicted", "unit", "family"), str))

    @cached_property
    def published(self) -> pd.DataFrame:
        """The papers' table with class ids made names: row, class, column, value, sd, source."""
        if self.published_path is None:
            return pd.DataFrame(columns=["row", "class", "column", "value", "sd", "source"])
        return self._with_names(read_table(self.published_path, dtype=TEXTS | {"source": str}))

    @cached_property
    def claims(self) -> pd.DataFrame:
        """What the text beside the papers' table claims: row, class, column, claim, against, value, source."""
        path = self.published_path and self.published_path.with_name("claims.csv")
        if path is None or not path.exists():
            return pd.DataFrame(columns=["row", "class", "column", "claim", "against", "value", "source"])
        claims = read_table(path, dtype=TEXTS | {"table": str})
        return self._with_names(claims[claims["table"] == self.published_path.stem])

    def _with_names(self, table: pd.DataFrame) -> pd.DataFrame:
        """A published table with class ids made names."""
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
        """A file of one run, in the folder where the run lies (`folder_of_run`)."""
        return folder_of_run(self.settings, self.root, stage, run) / file

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
        """Losses and validation scores of all trainings; no row of methods that are not trained by steps.

        A row that predicts with another row's weights has that row's training.
        """
        return self._of_all_runs("train", "history.csv")

    @property
    def own_history(self) -> pd.DataFrame:
        """`history` with each training once, under the row that was trained."""
        lent = [key for key, model in self.settings["models"].items() if model.get("weights_from")]
        return self.history[~self.history["model"].isin(lent)]

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
            predicted |= {"flops": seen.get("flops", np.nan), "flops_image": seen.get("flops_image")}
            rows.append(dict(zip(RUN, run, strict=True)) | facts | predicted)
        return pd.DataFrame(rows)

    @cached_property
    def autolabel_quality(self) -> pd.DataFrame | None:
        """Auto-labels against truth, where the experiment made them as a stage."""
        path = self.folder / "autolabels.csv"
        return read_table(path, dtype={"sample": str, "kind": str}) if path.exists() else None

    @cached_property
    def autolabel_choice(self) -> dict[str, Any] | None:
        """Settings that made the auto-labels, and what a search for them found, where a stage made them."""
        path = self.folder / "autolabels.json"
        return read_json(path, needs=("settings", "search")) if path.exists() else None

    def stage_seconds(self) -> dict[str, float]:
        """Seconds of the stages that run once for the experiment, as the engine measured them."""
        seconds = {}
        for path in sorted((self.folder / "seconds").rglob("*.tsv")):
            table = read_table(path, sep="\t")
            if "s" in table:
                stage = path.relative_to(self.folder / "seconds").parts[0].removesuffix(".tsv")
                seconds[stage] = seconds.get(stage, 0) + float(table["s"].mean())
        return seconds

    def predicted(self, model: str, chosen: Iterable[str]) -> dict[str, Predicted]:
        """What a model's first seed said of the chosen samples; of several splits that test one the last counts."""
        wanted, found = set(chosen), {}
        seed = self.settings["models"][model]["seeds"][0]
        for split, rows in self.splits[self.splits["role"] == "test"].groupby("split", sort=False):
            if wanted & set(rows["sample"]):
                maps = read_predicted(self.path("predict", (model, str(split), seed), "predictions.npz"))
                found |= {name: maps[name] for name in wanted & set(maps)}
        return found

    def shown(
        self, notes: Mapping[str, str], models: Iterable[str], dice: pd.DataFrame, marks: Mapping[str, pd.DataFrame]
    ) -> list[Shown]:
        """Samples as the page shows them.

        Args:
            notes: what to say of each sample, by id, in order.
            models: keys of the models to show.
            dice: per model and sample (`figures.scores.of_images`).
            marks: cells to box, of each model's first seed (`figures.cell_marks.errors`).
        """
        said = {model: self.predicted(model, notes) for model in models}
        scores = {(row.model, row.sample): row.dice for row in dice.itertuples()}
        samples, found = self.samples, []
        for name, position in zip(notes, samples.index(list(notes)), strict=True):
            by_model = {model: maps[name] for model, maps in said.items() if name in maps}
            one = Shown(
                name,
                samples.image(position),
                samples.classes[position],
                predictions={model: maps.classes for model, maps in by_model.items()},
                note=notes[name],
                instances=samples.instances[position] if samples.has_instances else None,
                pred_instances={model: maps.instances for model, maps in by_model.items()},
                boxes={model: maps.boxes for model, maps in by_model.items() if maps.boxes is not None},
                marks={model: rows[rows["sample"] == name] for model, rows in marks.items() if model in by_model},
                dice={model: scores[model, name] for model in by_model if (model, name) in scores},
                compared_with="auto-labels" if self.auto_labelled else "truth",
                colours=palette(samples.class_names, self.settings.get("report", {}).get("colours")),
            )
            found.append(one)
        return found

    def cells_of(self, model: str) -> pd.DataFrame:
        """Facts of cells by a model's first seed; of several splits that test a sample the last counts."""
        cells = self.cells
        rows = cells[(cells["model"] == model) & (cells["seed"] == self.settings["models"][model]["seeds"][0])]
        return rows[rows["split"] == rows.groupby("sample")["split"].transform("last")]

    def _of_all_runs(self, stage: str, file: str) -> pd.DataFrame:
        tables = []
        for run in self.runs():
            table = read_table(self.path(stage, run, file), dtype=TEXTS | {"class": int})
            tables.append(table.assign(**dict(zip(RUN, run, strict=True))))
        known = [table for table in tables if len(table)] or tables[:1]
        return pd.concat(known, ignore_index=True)
