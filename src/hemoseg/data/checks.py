"""What labels must hold before anything is made of them; every fault names its file."""

from pathlib import Path

import numpy as np

from hemoseg.data.classes import classes_of_instances, relabel
from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError


def same_size(labels: np.ndarray, size: tuple[int, int], file: Path) -> np.ndarray:
    """The labels themselves, if they have the size of their image.

    Raises:
        InputError: they have not.
    """
    if labels.shape != tuple(size):
        raise InputError(
            f"{file}: {labels.shape[0]} x {labels.shape[1]} pixels where its image has {size[0]} x {size[1]}; "
            "export the labels at the image's size"
        )
    return labels


def known_classes(classes: np.ndarray, names: dict[int, str], file: Path) -> np.ndarray:
    """The class map as uint8, if every value is 0, 255 or a declared class.

    Raises:
        InputError: another value is there.
    """
    values = set(np.flatnonzero(np.bincount(classes.ravel())).tolist()) if classes.max() < 2**16 else {classes.max()}
    if unknown := sorted(values - {0, IGNORE} - set(names)):
        few = ", ".join(str(value) for value in unknown[:5])
        declared = ", ".join(f"{value} {name}" for value, name in names.items())
        raise InputError(f"{file}: unknown values {few}; declared are {declared}: correct the file or dataset.yaml")
    return classes.astype(np.uint8)


def two_valued(mask: np.ndarray, file: Path) -> np.ndarray:
    """Foreground of a mask, bool ``(H, W)``: 0 and one other value (1 or 255), or one of them alone.

    Raises:
        InputError: other values are there.
    """
    values = np.unique(mask).tolist()
    if set(values) - {0, 1} and set(values) - {0, 255}:
        few = ", ".join(str(value) for value in values[:5])
        raise InputError(f"{file}: unknown values {few}; a mask has 0 and 255 (or 0 and 1): export it as a mask")
    return mask > 0


def every_cell_has_a_class(classes: np.ndarray, instances: np.ndarray, file: Path) -> None:
    """Check that no instance lies on background.

    Raises:
        InputError: most of a cell is background in the class map ``file``.
    """
    numbers = relabel(instances)
    lost = np.flatnonzero(classes_of_instances(classes, numbers)[1:] == 0) + 1
    if lost.size:
        cell = instances[numbers == lost[0]][0]
        raise InputError(f"{file}: background where instances have cell {cell}; give it a class, or 255 to ignore it")
