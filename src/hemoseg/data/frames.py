"""One field of view with what is known of it."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Frame:
    """A raw frame.

    Attributes:
        id: unique name.
        image: uint8 or uint16 ``(C, H, W)``.
        classes: class map of the dataset, uint8 ``(H, W)``, 255 ignored; None without labels.
        instances: cell labels, int32 ``(H, W)``; None where cells are not told apart.
        group: patient or slide, "" where it is not known.
        kind: what the frame shows where a dataset tells, else "".
        part: what the frame is meant for where a dataset tells (train, val, test), else "".
    """

    id: str
    image: np.ndarray
    classes: np.ndarray | None = None
    instances: np.ndarray | None = None
    group: str = ""
    kind: str = ""
    part: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.shape[1], self.image.shape[2]

    def crop(self, box: tuple[int, int, int, int]) -> "Frame":
        """The part within (row0, col0, row1, col1)."""
        row0, col0, row1, col1 = box
        part = (slice(row0, row1), slice(col0, col1))
        classes, instances = (None if one is None else one[part] for one in (self.classes, self.instances))
        return replace(self, image=self.image[:, *part], classes=classes, instances=instances)
