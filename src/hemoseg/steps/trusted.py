"""What `trust` and `restore` wrote of one experiment, read for its page."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.data.mosaic import Mosaic, mosaic_of
from hemoseg.data.resize import resize_labels
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.figures.trust import Disputed
from hemoseg.steps.evaluated import read_run
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.labelled import read_samples
from hemoseg.steps.trust import read_masks
from hemoseg.tables.trust import HEADER, held_against_truth


class Trusted:
    """Agreement of one model with the automatic labels, its masks and its trainings.

    Args:
        settings: the experiment, complete.
        results: folder of all results.
    """

    def __init__(self, settings: Mapping[str, Any], results: Path):
        self.settings, self.results = settings, results
        self.model: str = settings["trust"]["model"]
        self.folder = results / settings["experiment"]

    @property
    def masks(self) -> Path:
        return self.folder / "masks" / self.model

    @property
    def table_path(self) -> Path:
        return self.results / "tables" / f"{self.settings['experiment']}.trust.csv"

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per frame, those worth correcting first on top."""
        needs = [name for name in HEADER if name != "frame"]
        return read_table(self.table_path, needs, dtype={"frame": str})

    @cached_property
    def samples(self) -> Samples:
        """The samples with their automatic labels."""
        return read_samples(self.folder / "samples.npz", self.folder / "autolabels.npz")

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """Settings that made the automatic labels, and what a search for them found."""
        return read_json(self.folder / "autolabels.json", needs=("settings", "search"))

    @property
    def splits(self) -> list[str]:
        """Those whose test frames have masks: the last family."""
        families = self.settings["families"]
        return [split for split, family in families.items() if family == list(families.values())[-1]]

    @cached_property
    def trainings(self) -> list[tuple[Path, dict[str, Any]]]:
        """Folder and description of the trained model that saw each split's test frames."""
        row = self.settings["models"][self.model]
        owner = row.get("weights_from") or self.model
        folders = [self.folder / "train" / owner / split / f"seed{row['seeds'][0]}" for split in self.splits]
        return [(folder, read_json(folder / "model.json", needs=("training_samples",))) for folder in folders]

    def held(self) -> pd.DataFrame | None:
        """The table with what was wrong, where the experiment compares with labels that the model did not see."""
        if self.settings["labels"] == "auto":
            return None
        seed, key = self.settings["models"][self.model]["seeds"][0], self.model
        runs = [
            read_run(f"model={key},split={split},seed={seed},folder={self.folder}/evaluate/{key}/{split}/seed{seed}")
            for split in self.splits
        ]
        return held_against_truth(self.table, runs) if all(run.knows_cells for run in runs) else None

    def disputed(self, frames: Sequence[str]) -> list[Disputed]:
        """Frames as the page shows them: image, label and model on the samples' own grid.

        Raises:
            InputError: a frame is none of the samples', or has no mask.
        """
        facts = self.table.set_index("frame")
        return [self._shown(frame, facts.loc[frame].to_dict()) for frame in frames]

    def _shown(self, frame: str, facts: dict[str, float]) -> Disputed:
        samples = self.samples
        here = [i for i, name in enumerate(samples.frames) if name == frame]
        if not here:
            raise InputError(f"{self.table_path}: {frame} is no frame of these samples; run `trust` again")
        mosaic = mosaic_of(samples.boxes[here], [samples.images[i].shape[1:] for i in here])
        label = mosaic.place([samples.classes[i] for i in here], [samples.instances[i] for i in here])
        found = read_masks(self.masks, frame).instances[_part(mosaic)]
        image = mosaic.picture([samples.image(i) for i in here])
        return Disputed(frame, image, label.instances, resize_labels(found, mosaic.size), facts)


def _part(mosaic: Mosaic) -> tuple[slice, slice]:
    """Where the samples lie in their frame."""
    ends = [round(first + n * side) for first, n, side in zip(mosaic.origin, mosaic.size, mosaic.spacing, strict=True)]
    return slice(mosaic.origin[0], ends[0]), slice(mosaic.origin[1], ends[1])
