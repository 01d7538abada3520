"""Settings of the automatic labels by the kind of an image: what differs from kind to kind, and its cells' class."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hemoseg.errors import InputError
from hemoseg.labels import autolabel, autolabel_search
from hemoseg.labels.autolabel_search import Found
from hemoseg.settings import with_defaults

# `morphology` may also be the list of kinds that go through it (PAPERS: autocsc, macrophages).
DEFAULTS: dict[str, Any] = autolabel.DEFAULTS | {
    "class_of_kind": {},  # class (name or number) of the cells of a kind; else the class of the kind's name, else 1
    "kinds": {},  # settings of the chain that a kind has otherwise
    "search": False,  # settings are searched where labels are: true, or for each setting the values to try
}


class LabelledImage(NamedTuple):
    """An image float32 ``(C, H, W)`` of a kind with its cells and the pixels that are not ignored, bool ``(H, W)``."""

    kind: str
    image: np.ndarray
    cells: np.ndarray
    known: np.ndarray


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key or value.
    """
    settings = with_defaults(dict(settings), DEFAULTS, "autolabel settings")
    for key, words in (("class_of_kind", "a class for each kind, such as {rbc: cell}"), ("kinds", "settings by kind")):
        if not isinstance(settings[key], dict):
            raise InputError(f"autolabel settings: {key} needs {words}")
    for kind, own in settings["kinds"].items():
        if not isinstance(own, dict):
            raise InputError(f"autolabel settings: kinds {kind!r} needs settings, such as {{morphology: true}}")
        with_defaults(own, autolabel.DEFAULTS, f"autolabel settings of kind {kind!r}")
    for kind in ("", *settings["kinds"]):
        autolabel.checked(of_kind(settings, kind))
    if settings["search"] is not False:
        autolabel_search.grid(settings["search"])
    return settings


def of_kind(settings: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Settings of the chain for an image of a kind ("" where it is not known), from complete settings."""
    chosen = {key: settings[key] for key in autolabel.DEFAULTS} | settings["kinds"].get(kind, {})
    if isinstance(chosen["morphology"], list):
        chosen["morphology"] = kind in chosen["morphology"]
    return chosen


def searched(settings: Mapping[str, Any], images: Iterable[LabelledImage]) -> tuple[dict[str, Any], dict[str, Found]]:
    """The settings with those in place that fit labelled images best, and what was found, by kind.

    Each kind gets the point of the grid that its own images choose; a kind that none of them shows, the one that all of
    them choose together, below what ``kinds`` says of it.

    Args:
        settings: complete, with a search.
        images: one or more with a known pixel.
    """
    points = autolabel_search.grid(settings["search"])
    scored: dict[str, list[np.ndarray]] = {}
    for one in images:
        base = of_kind(settings, one.kind)
        scored.setdefault(one.kind, []).append(autolabel_search.scores(one.image, one.cells, one.known, base, points))
    together = autolabel_search.choose(points, np.array([row for rows in scored.values() for row in rows]))
    found = {kind: autolabel_search.choose(points, np.array(rows)) for kind, rows in scored.items()}
    kinds = {kind: settings["kinds"].get(kind, {}) | one.point for kind, one in found.items()}
    return {**settings, **together.point, "kinds": settings["kinds"] | kinds, "search": False}, found


def class_values(settings: Mapping[str, Any], class_names: Sequence[str]) -> dict[str, int]:
    """Class of the cells of each kind that has one of its own; cells of any other kind are of class 1.

    Args:
        settings: complete.
        class_names: of class 0, 1, ..., background first.

    Raises:
        InputError: ``class_of_kind`` names a class that is not there.
    """
    known = list(class_names)
    values = {name: value for value, name in enumerate(known) if value}
    for kind, one in settings["class_of_kind"].items():
        value = known.index(one) if one in known else one
        if value not in range(1, len(known)):
            raise InputError(
                f"autolabel settings: class_of_kind {kind!r}: there is no class {value!r}; "
                f"the classes are {', '.join(known[1:])}: correct it"
            )
        values[kind] = value
    return values
