"""What `label_audit` wrote of one experiment, read for its page."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from hemoseg.data.mosaic import Mosaic
from hemoseg.figures.label_audit import Doubtful
from hemoseg.steps.against_labels import AgainstLabels
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.predicted import Predicted, read_predicted
from hemoseg.tables.label_audit import HEADER, TEXTS

LEAST = 8  # pixels to either side of a cell that a picture shows


class LabelAudited(AgainstLabels):
    """Doubtful labels of one experiment, by one model."""

    step: ClassVar[str] = "label_audit"

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per label and problem, the surest first."""
        table = read_table(self.table_path, HEADER, dtype=TEXTS)
        return table.fillna(dict.fromkeys(TEXTS, ""))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What was looked at."""
        needs = ("frames", "labels", "of_class", "problems", "expected_wrong_class", "judged_by_class", "same_class")
        return read_json(self.table_path.with_suffix(".json"), needs=needs)

    @cached_property
    def predicted(self) -> dict[str, Predicted]:
        """What the model saw in each sample, of the last family's splits; of a sample in several the last counts."""
        files = [folder / "predictions.npz" for folder in self.runs("predict").values()]
        return {name: one for file in files for name, one in read_predicted(file).items()}

    def doubtful(self, problem: str) -> list[Doubtful]:
        """The first labels with a problem, as the page shows them.

        Raises:
            InputError: the list names a frame that is none of the samples'.
        """
        rows = self.table[self.table["problem"] == problem].head(self.settings["label_audit"]["first"])
        frames = {frame: self._frame(frame) for frame in dict.fromkeys(rows["frame"])}
        return [_cut(*frames[row["frame"]], row) for row in rows.to_dict("records")]

    def _frame(self, frame: str) -> tuple[Mosaic, np.ndarray, np.ndarray, np.ndarray]:
        """Grid, image, labelled cells and predicted cells of a frame."""
        own, mosaic, image = self.of_frame(frame, self.predicted)
        found = [self.predicted[name] for name in own.ids]
        return (
            mosaic,
            image,
            mosaic.place(own.classes, own.instances).instances,
            mosaic.place([one.classes for one in found], [one.instances for one in found]).instances,
        )


def _cut(mosaic: Mosaic, image: np.ndarray, label: np.ndarray, found: np.ndarray, facts: dict[str, Any]) -> Doubtful:
    """The surroundings of a cell, twice its longer side, out of a frame; white where the frame ends."""
    (top, left), (height, width) = mosaic.origin, mosaic.spacing
    middle = (facts["row"] - top + 0.5) / height - 0.5, (facts["column"] - left + 0.5) / width - 0.5
    longer = max(facts["row1"] - facts["row0"], facts["column1"] - facts["column0"], LEAST * height, LEAST * width)
    halves = [int(np.ceil(longer / side)) for side in (height, width)]
    around = [np.arange(-half, half + 1) + round(centre) for centre, half in zip(middle, halves, strict=True)]
    inside = [(places >= 0) & (places < side) for places, side in zip(around, mosaic.size, strict=True)]
    parts = np.ix_(*(np.clip(places, 0, side - 1) for places, side in zip(around, mosaic.size, strict=True)))
    seen = inside[0][:, None] & inside[1]
    cells = [np.where(seen, labels[parts], 0) for labels in (label, found)]
    return Doubtful(np.where(seen, image[:, *parts], 1.0), *cells, facts["cell"], height / width, facts)
