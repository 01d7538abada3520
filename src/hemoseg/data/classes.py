"""The classes of a dataset, merged into those of an experiment."""

from typing import Any

import numpy as np

from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError

ALL = "all"


class Merging:
    """How the classes of a dataset become those of an experiment.

    Args:
        names: the dataset's class names by value, 1..254.
        classes: None or {} to keep them; or ``{"new name": ["old name", ...], ...}``; or ``{"cell": "all"}``.
            An entry "background" takes the classes that count as background.
        ignore: old names that neither train nor count.

    With "all", a cell whose class is not known (255 where an instance is) is a cell all the same;
    in every other case it stays ignored.

    Raises:
        InputError: a name that the dataset has not, a class that is nowhere, or one that is in two places.
    """

    def __init__(self, names: dict[int, str], classes: dict[str, Any] | None, ignore: list[str]):
        cells = list(names.values())
        value_of = {name: value for value, name in names.items()}
        wanted = {name: [name] for name in cells if name not in ignore} if not classes else dict(classes)
        self.everything = ALL in wanted.values()
        wanted = {
            new: [name for name in cells if name not in ignore] if old == ALL else list(old)
            for new, old in wanted.items()
        }
        _check(cells, wanted, ignore)
        self.names = ["background", *(name for name in wanted if name != "background")]
        self.lut = np.zeros(256, np.uint8)
        self.lut[IGNORE] = IGNORE
        for new, old in wanted.items():
            for name in old:
                self.lut[value_of[name]] = self.names.index(new)
        for name in ignore:
            self.lut[value_of[name]] = IGNORE

    def apply(self, classes: np.ndarray, instances: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Class map and instances with the new classes; cells that became background are no instances."""
        merged = self.lut[classes]
        if instances is None:
            return merged, None
        if self.everything:
            merged = np.where((classes == IGNORE) & (instances > 0), np.uint8(1), merged)
        return merged, np.where(merged > 0, instances, 0)


def _check(cells: list[str], wanted: dict[str, list[str]], ignore: list[str]) -> None:
    placed = [name for old in wanted.values() for name in old] + list(ignore)
    known = f"the dataset has {', '.join(cells)}"
    if unknown := [name for name in placed if name not in cells]:
        raise InputError(f"settings classes: there is no class {unknown[0]!r} ({known}); correct the name")
    if double := [name for name in cells if placed.count(name) > 1]:
        raise InputError(f"settings classes: {double[0]!r} is named twice; leave it in one place")
    if missing := [name for name in cells if name not in placed]:
        raise InputError(
            f"settings classes: {missing[0]!r} belongs to no class; add it to one, to 'background' or to `ignore`"
        )


def classes_of_instances(classes: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Class of each cell: the one most of its pixels have, the lower one of two that are even.

    Args:
        classes: class map ``(H, W)``, values 0..255.
        instances: labels 1..n ``(H, W)``, as `relabel` gives them.

    Returns:
        uint8 ``(n + 1,)``, indexed by label; 0 for the background and for labels that no pixel has.
    """
    count = int(instances.max(initial=0)) + 1
    votes = np.bincount(instances.ravel().astype(np.int64) * 256 + classes.ravel(), minlength=count * 256)
    result = votes.reshape(count, 256).argmax(axis=1).astype(np.uint8)
    result[0] = 0
    return result


def relabel(instances: np.ndarray) -> np.ndarray:
    """Labels renumbered 1..n in their order, int32 ``(H, W)``; 0 stays 0."""
    if instances.max(initial=0) > 4 * instances.size:  # numbers from elsewhere: a table by number would be too long
        found, where = np.unique(instances, return_inverse=True)
        return (where.reshape(instances.shape) + (found[0] != 0)).astype(np.int32)
    present = np.bincount(instances.ravel()) > 0
    present[:1] = False
    return (np.cumsum(present, dtype=np.int32) * present)[instances]
