"""One model of an experiment held against the experiment's labels: what a step wrote of it, read for its page."""

from collections.abc import Container, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hemoseg.data.mosaic import Mosaic, mosaic_of
from hemoseg.data.protocol import last_splits
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.steps.labelled import read_samples
from hemoseg.steps.run_names import folder_of_run


class AgainstLabels:
    """What the pages of all such steps show; each reader adds what its step wrote.

    Args:
        settings: the experiment, complete.
        results: folder of all results.
    """

    step: ClassVar[str]  # the name of its section too, and of its table

    def __init__(self, settings: Mapping[str, Any], results: Path):
        self.settings, self.results = settings, results
        self.model: str = settings[self.step]["model"]
        self.folder = results / settings["experiment"]

    @property
    def table_path(self) -> Path:
        return self.results / "tables" / f"{self.settings['experiment']}.{self.step}.csv"

    @cached_property
    def samples(self) -> Samples:
        """The samples with the labels that the model is held against."""
        return read_samples(self.folder / "samples.npz")

    def runs(self, stage: str) -> dict[str, Path]:
        """Folder of the model's first seed on each split of the last family; of a training, its owner's."""
        seed = self.settings["models"][self.model]["seeds"][0]
        return {
            split: folder_of_run(self.settings, self.results, stage, (self.model, split, seed))
            for split in last_splits(self.settings["families"])
        }

    def of_frame(self, frame: str, known: Container[str] | None = None) -> tuple[Samples, Mosaic, np.ndarray]:
        """Samples of a frame, of those that are ``known`` by their ids; their grid; the image on it ``(C, H, W)``.

        Raises:
            InputError: it is no frame of these samples.
        """
        samples = self.samples
        here = [i for i, name in enumerate(samples.frames) if name == frame]
        here = [i for i in here if known is None or samples.ids[i] in known]
        if not here:
            raise InputError(f"{self.table_path}: {frame} is no frame of these samples; run `{self.step}` again")
        own = samples.take(here)
        mosaic = mosaic_of(own.boxes, [image.shape[1:] for image in own.images])
        return own, mosaic, mosaic.picture([own.image(i) for i in range(len(own))])
