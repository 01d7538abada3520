"""The conventions of a table: every rule by which counts become numbers, named and checked."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from hemoseg.errors import InputError
from hemoseg.metrics.cell_errors import share

CHOICES = {
    "average": ("per_image", "pooled"),
    "empty": ("one", "zero", "skip"),
    "background": ("in", "out"),
    "hausdorff_missing": ("skip", "diagonal"),
}
# `published` is what the table's own rules say: those of its paper, as far as the paper tells. `strict` is ours, the
# same for every table: nothing is gained where nothing is, a missed or made up class costs the worst there is, and the
# easy background is in no average (doi:10.1038/s41592-023-02151-z).
NAMED = {
    "published": {},
    "strict": {"average": "per_image", "empty": "skip", "background": "out", "hausdorff_missing": "diagonal"},
}
ALSO = ("convention", "average", "empty", "hausdorff_missing")  # what a second table may choose otherwise
THRESHOLDS = {"found": "0.5", "artefact": "0.5", "incomplete": "0.8", "two_types": "1/3", "touching": 3}
THRESHOLDS |= {"jaccard_above": "0.95"}
ERRORS = ("missed", "spurious", "artefacts", "merged", "merged_cells", "incomplete", "two_types", "wrong_type")


@dataclass(frozen=True)
class Conventions:
    """How counts become scores; `read` makes one from the settings of a table, `named` one of `NAMED`.

    Attributes:
        convention: ``published``, the rules of the table's paper, or ``strict``, ours (`NAMED`).
        average: ``per_image``, scores per image and then their mean, or ``pooled``, counts summed first.
        empty: score where nothing is there and nothing found: ``one``, ``zero`` or ``skip`` (left out of the mean).
        background: whether the average over classes takes the background ``in`` or leaves it ``out``.
        hausdorff_missing: an image where one side is empty is left out (``skip``) or costs the image ``diagonal``.
        found: share of a true cell that must be covered for it to be found.
        artefact: share of a predicted cell that must lie on true foreground for it to be no artefact.
        incomplete: share of a true cell that must be covered for it to be complete.
        two_types: share of a found cell's area with another type that makes it a cell of two types.
        touching: largest distance between pixel centres, in pixels, at which two cells touch.
        jaccard_above: Jaccard that an image must be above to count in ``jaccard_above``.
        accuracy: the errors that are subtracted in ``accuracy``.
    """

    convention: str = "published"
    average: str = "per_image"
    empty: str = "skip"
    background: str = "in"
    hausdorff_missing: str = "skip"
    found: Fraction = Fraction(1, 2)
    artefact: Fraction = Fraction(1, 2)
    incomplete: Fraction = Fraction(4, 5)
    two_types: Fraction = Fraction(1, 3)
    touching: float = 3
    jaccard_above: Fraction = Fraction(19, 20)
    accuracy: tuple[str, ...] = ("missed", "spurious")

    def words(self) -> dict[str, str]:
        """Values as a reader wants them, for the sentences under a table."""
        values = {name: str(value) for name, value in vars(self).items()}
        values["accuracy"] = ", ".join(self.accuracy)
        rules = {name: choice[getattr(self, name)] for name, choice in _RULES.items()}
        return values | {f"{name.removesuffix('_missing')}_rule": rule for name, rule in rules.items()}


def read(settings: Mapping[str, Any]) -> Conventions:
    """Conventions named in the settings of a table; what is not named keeps its default.

    What ``convention: strict`` fixes holds whatever the settings name for it.

    Raises:
        InputError: a value is none of its choices, a threshold is unknown or out of range.
    """
    chosen = {name: settings[name] for name in ("convention", *CHOICES) if name in settings}
    for name, value in chosen.items():
        known = CHOICES.get(name, NAMED)
        if value not in known:
            raise InputError(f"--settings: {name} is {value!r}; it must be one of {', '.join(known)}")
    chosen |= NAMED[chosen.get("convention", Conventions.convention)]
    thresholds = dict(settings.get("thresholds", {}))
    require_known("thresholds", thresholds, THRESHOLDS)
    for name, value in thresholds.items():
        try:
            thresholds[name] = float(value) if name == "touching" else share(value)
        except (ValueError, TypeError, ZeroDivisionError):
            raise InputError(f"--settings: threshold {name} is {value!r}; write a number such as 0.5") from None
        if name != "touching" and not 0 < thresholds[name] <= 1:
            raise InputError(f"--settings: threshold {name} is {value!r}; a share lies between 0 and 1")
    accuracy = tuple(settings.get("accuracy", Conventions.accuracy))
    require_known("accuracy", accuracy, ERRORS)
    return Conventions(**chosen, **thresholds, accuracy=accuracy)


def named(conventions: Conventions, name: str) -> Conventions:
    """Conventions with the rules that one of `NAMED` fixes in place of theirs."""
    return replace(conventions, convention=name, **NAMED[name])


def read_also(settings: Mapping[str, Any]) -> Conventions | None:
    """Conventions of the second table: the first one's, with what ``also`` names in their place; None without it.

    Raises:
        InputError: ``also`` names what is no rule for images that lack a class, or a value is none of its choices.
    """
    if not (also := settings.get("also")):
        return None
    require_known("also", also, ALSO)
    if "convention" in also:
        return read({**settings, **also})
    # A rule that is named stands against what the first table's convention fixes.
    fixed = NAMED[settings.get("convention", Conventions.convention)]
    return read({**settings, **fixed, **also, "convention": "published"})


def require_known(where: str, names: Any, known: Any) -> None:
    """Refuse a name that is not known, with the nearest one that is.

    Raises:
        InputError: naming the unknown name and the known ones.
    """
    words = [str(word) for word in known]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(str(name), words, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(words)}"
            raise InputError(f"--settings: {where} has no {name!r}; {hint}")


_RULES = {
    "convention": {
        "published": "published: the rules of the table's source, or what it leaves open chosen for it",
        "strict": "strict: ours, the same for every table (a class that is on one side only costs the worst there is, "
        "what is on neither side gives nothing)",
    },
    "empty": {
        "one": "an image where the class neither is nor was found scores 1",
        "zero": "an image where the class neither is nor was found scores 0",
        "skip": "an image where the class neither is nor was found is left out",
    },
    "average": {
        "per_image": "scored per image, then averaged over the images of a test fold",
        "pooled": "pixels of all images of a test fold are counted together, then scored",
    },
    "hausdorff_missing": {
        "skip": "where it is on one side only the image is left out too",
        "diagonal": "where it is on one side only the image counts with its diagonal",
    },
    "background": {
        "in": "the average is the mean over all classes with a value, background included",
        "out": "the average is the mean over all classes with a value, without the background",
    },
}
