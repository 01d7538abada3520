"""Sets that tell less than all: cells without a label of their own, and cells that are not told apart."""

from dataclasses import replace
from typing import Any

import numpy as np

from hemoseg.data.classes import relabel
from hemoseg.data.frames import Frame
from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError
from hemoseg.labels.components import connected_components
from hemoseg.labels.unlabelled import unlabelled_cells
from hemoseg.settings import with_defaults

UNLABELLED: dict[str, Any] = {
    "ignore": "none",  # or "foreground": what looks like a cell and bears no label neither trains nor counts
    "grow": 3,  # frame pixels
    "least": 0.1,  # share of the median labelled cell below which a part is dust
}


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of `prepare` with those of this module complete.

    Raises:
        InputError: an unknown key, or a value that is none.
    """
    if settings["instances"] not in ("files", "components"):
        raise InputError(
            f"prepare settings: instances {settings['instances']!r} is neither 'files' nor 'components'; choose one"
        )
    told = with_defaults(settings["unlabelled"], UNLABELLED, "prepare settings unlabelled")
    if told["ignore"] not in ("none", "foreground"):
        raise InputError(
            f"prepare settings unlabelled: ignore {told['ignore']!r} is neither 'none' nor 'foreground'; choose one"
        )
    return settings | {"unlabelled": told}


def cells_of_classes(frame: Frame) -> Frame:
    """The frame with each 8-connected part of a class as a cell, where no file tells cells apart."""
    if frame.instances is not None:
        return frame
    instances = np.zeros(frame.classes.shape, np.int32)
    for known in np.setdiff1d(np.unique(frame.classes), (0, IGNORE)):
        parts = connected_components(frame.classes == known)
        instances[parts > 0] = parts[parts > 0] + instances.max()
    return replace(frame, instances=instances)


def without_unlabelled(frame: Frame, content: tuple[int, int, int, int], *, grow: int, least: float) -> Frame:
    """The frame with the cells that bear no label ignored; only background becomes 255, no other pixel changes.

    Args:
        frame: with its class map.
        content: (row0, col0, row1, col1) of what is no margin; nothing outside of it is touched.
        grow: see `labels.unlabelled.unlabelled_cells`, as is ``least``.
    """
    row0, col0, row1, col1 = content
    part = (slice(row0, row1), slice(col0, col1))
    cells = cells_of_classes(frame).instances[part]
    inner = frame.classes[part]
    known = np.where((inner > 0) & (inner != IGNORE), np.maximum(cells, 1), 0)
    hidden = unlabelled_cells(frame.image[:, *part].mean(axis=0), relabel(known), grow=grow, least=least)
    classes = frame.classes.copy()
    classes[part] = np.where(hidden & (inner == 0), np.uint8(IGNORE), inner)
    return replace(frame, classes=classes)
