"""What an image of labels holds, a mask, a class map or numbered cells, and what it says beside others.

Anyone's programs write all three as one number per pixel; which it is can be told from the numbers nearly always.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from skimage.measure import label

from hemoseg.data.samples import IGNORE

MASK, INSTANCES, CLASSES = "mask", "instances", "classes"
MOST_CLASSES = 20  # ours: numbers above it are of cells, where nothing is said
PIECES = 1.5  # ours: pieces per number from which numbers are classes; a cell is one piece
FEW = 4  # ours: as many numbers may be the same in every image and be classes; as many cells hardly are


@dataclass(frozen=True)
class Seen:
    """What was seen of one image: rows and columns, its numbers but 0 and the ignored one, and their 8-connected parts.

    ``pieces`` is 0 where they were not counted.
    """

    shape: tuple[int, int]
    numbers: np.ndarray
    pieces: int = 0

    @property
    def two_valued(self) -> bool:
        """Whether it may be a mask: nothing but 0, and 1 or 255."""
        return len(self.numbers) < 2 and set(self.numbers.tolist()) <= {1, IGNORE}

    @property
    def classes(self) -> np.ndarray:
        """The numbers if they are classes, of which 255 is none."""
        return self.numbers[self.numbers != IGNORE]


def seen(labels: np.ndarray, ignore: int | None = None) -> Seen:
    """Look at one image of labels ``(H, W)``; pieces are counted where that may tell what it holds."""
    numbers = present(labels)
    if ignore is not None:
        numbers = numbers[numbers != ignore]
    one = Seen(labels.shape, numbers)
    if one.two_valued or one.classes.max(initial=0) > MOST_CLASSES:
        return one
    kept = np.where(labels <= MOST_CLASSES, labels, 0)
    return Seen(labels.shape, numbers, int(label(kept, connectivity=2).max()))


def present(labels: np.ndarray) -> np.ndarray:
    """Numbers of an image of labels but 0, rising."""
    if labels.max(initial=0) > 4 * labels.size:  # a few huge numbers: a table over all would not fit
        return np.setdiff1d(labels, [0])
    return np.flatnonzero(np.bincount(labels.ravel(), minlength=1)[1:]) + 1


def kind_of(images: Sequence[Seen]) -> str:
    """``mask``, ``classes`` or ``instances``, from the numbers of all images of a folder.

    A mask has 0, and 1 or 255. Numbers are classes where none but 255 is above `MOST_CLASSES` and they come in many
    pieces each, or are the same `FEW` in all of at least three images, or each image has one, not always the same. What
    is left are cells: a cell is one piece, and images do not all have the same few.
    """
    if all(one.two_valued for one in images):
        return MASK
    several = [one.classes for one in images if len(one.classes)]
    if max((int(numbers.max()) for numbers in several), default=0) > MOST_CLASSES:
        return INSTANCES
    pieces = sum(one.pieces for one in images)
    counted = sum(len(one.classes) for one in images if one.pieces)
    alike = len(several) > 2 and len({tuple(numbers) for numbers in several}) == 1 and len(several[0]) <= FEW
    alone = len(several) > 2 and all(len(numbers) == 1 for numbers in several)
    return CLASSES if pieces > PIECES * counted or alike or alone else INSTANCES


def foreground(numbers: np.ndarray, ignore: int | None = None) -> np.ndarray:
    """Class map of one class, uint8 ``(H, W)``: what is not 0 is 1, what is ``ignore`` is `IGNORE`."""
    found = (numbers > 0).astype(np.uint8)
    if ignore is not None:
        found[numbers == ignore] = IGNORE
    return found


def class_map(numbers: np.ndarray, ignore: int | None = None) -> np.ndarray:
    """Classes below 255 as a class map, uint8 ``(H, W)``; what is ``ignore`` becomes `IGNORE`."""
    return (numbers if ignore is None else np.where(numbers == ignore, IGNORE, numbers)).astype(np.uint8)
