"""What `trust` and `restore` wrote of one experiment, read for its page."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from hemoseg.data.mosaic import Mosaic
from hemoseg.data.resize import resize_labels
from hemoseg.data.samples import Samples
from hemoseg.figures.trust import Disputed
from hemoseg.steps.against_labels import AgainstLabels
from hemoseg.steps.evaluated import read_run
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.labelled import read_samples
from hemoseg.steps.trust import read_masks
from hemoseg.tables.trust import HEADER, held_against_truth


class Trusted(AgainstLabels):
    """Agreement of one model with the automatic labels, its masks and its trainings."""

    step: ClassVar[str] = "trust"

    @property
    def masks(self) -> Path:
        return self.folder / "masks" / self.model

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

    @cached_property
    def trainings(self) -> list[tuple[Path, dict[str, Any]]]:
        """Folder and description of the trained model that saw each split's test frames."""
        folders = self.runs("train").values()
        return [(folder, read_json(folder / "model.json", needs=("training_samples",))) for folder in folders]

    def held(self) -> pd.DataFrame | None:
        """The table with what was wrong, where the experiment compares with labels that the model did not see."""
        if self.settings["labels"] == "auto":
            return None
        seed, key = self.settings["models"][self.model]["seeds"][0], self.model
        runs = [
            read_run(f"model={key},split={split},seed={seed},folder={folder}")
            for split, folder in self.runs("evaluate").items()
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
        own, mosaic, image = self.of_frame(frame)
        label = mosaic.place(own.classes, own.instances)
        found = read_masks(self.masks, frame).instances[_part(mosaic)]
        return Disputed(frame, image, label.instances, resize_labels(found, mosaic.size), facts)


def _part(mosaic: Mosaic) -> tuple[slice, slice]:
    """Where the samples lie in their frame."""
    ends = [round(first + n * side) for first, n, side in zip(mosaic.origin, mosaic.size, mosaic.spacing, strict=True)]
    return slice(mosaic.origin[0], ends[0]), slice(mosaic.origin[1], ends[1])
