"""What folders of label images have in common, and each image of them as class map and cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hemoseg.data.mask_kinds import CLASSES, INSTANCES, class_map, foreground
from hemoseg.data.samples import IGNORE
from hemoseg.labels.components import connected_components
from hemoseg.steps.images import read_labels
from hemoseg.steps.mask_folders import MaskFolder

TOLD = "compare.json"  # what was compared; tells a folder that `compare` wrote


class Labels(NamedTuple):
    """Class map, uint8 ``(H, W)`` with `IGNORE`, and cells, int32 ``(H, W)``; None where they are not told apart."""

    classes: np.ndarray
    instances: np.ndarray | None


@dataclass(frozen=True)
class Common:
    """What all folders tell.

    Attributes:
        kinds: what the files of each folder hold, by the name of the folder.
        class_names: background first.
        several_classes: whether class maps are compared; else all foreground is one class.
        with_cells: whether the truth tells cells apart.
        ignore: number of the truth that does not count; None where every number does.
        cell_areas: of the true cells in pixels, of all images.
        sizes: rows and columns of each image.
        notices: what was taken for granted, dropped or made.
    """

    kinds: Mapping[str, tuple[str, ...]]
    class_names: Sequence[str]
    several_classes: bool
    with_cells: bool
    ignore: int | None
    cell_areas: np.ndarray = field(default_factory=lambda: np.zeros(0))
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    notices: Sequence[str] = ()


def read_truth(folder: MaskFolder, name: str, common: Common) -> Labels:
    """One image of the truth."""
    labels = _read(folder, name, common, common.ignore)
    if labels.instances is not None or not common.with_cells:
        return labels
    return Labels(labels.classes, connected_components((labels.classes > 0) & (labels.classes != IGNORE)))


def read_rival(folder: MaskFolder, name: str, common: Common) -> Labels:
    """One image of a rival; without cells of its own they are the 8-connected parts of its foreground."""
    if not any(name in files for files in folder.files.values()):  # nothing was found there
        empty = np.zeros(common.sizes[name], np.int32)
        return Labels(empty.astype(np.uint8), empty)
    labels = _read(folder, name, common, None)
    cells = connected_components(labels.classes > 0) if labels.instances is None else labels.instances
    return Labels(labels.classes, cells)


def _read(folder: MaskFolder, name: str, common: Common, ignore: int | None) -> Labels:
    """Class map and cells of one image, as far as the folders have them in common."""
    kinds = common.kinds[folder.name]
    parts = {kind: folder.files.get(kind) or next(iter(folder.files.values())) for kind in kinds}
    read: dict[Path, np.ndarray] = {}
    numbers = {kind: read.setdefault(files[name], read_labels(files[name])) for kind, files in parts.items()}
    cells = numbers.get(INSTANCES)
    if common.several_classes:
        return Labels(class_map(numbers[CLASSES], ignore), cells)
    alone = cells if cells is not None else next(iter(numbers.values()))
    classes = foreground(alone, ignore if cells is None or CLASSES not in numbers else None)
    if cells is not None and CLASSES in numbers and ignore is not None:
        # A cell whose class is not known is a cell all the same.
        classes[(numbers[CLASSES] == ignore) & (cells == 0)] = IGNORE
    return Labels(classes, np.where(classes == IGNORE, 0, cells) if cells is not None else None)
