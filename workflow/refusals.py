"""How the plan says no: one sentence with the place, the fault and the remedy."""

import difflib
from collections.abc import Container, Iterable, Mapping
from typing import Any


class PlanError(Exception):
    """params.yaml, or an overlay, cannot be used: one sentence that says where, why and what to do."""


def did_you_mean(word: object, known: Iterable[str], what: str) -> str:
    """The known name that is nearest to the word, or all of them: ``did you mean unet?``, ``the models are ...``."""
    names = list(known)
    close = difflib.get_close_matches(str(word), names, n=1)
    return f"did you mean {close[0]}?" if close else f"the {what} are {', '.join(names)}"


def require_model(place: str, key: str, models: Mapping[str, Any]) -> None:
    """See that a row which is named in the settings is one of the experiment.

    Raises:
        PlanError: it is not.
    """
    if key not in models:
        hint = did_you_mean(key, models, "models")
        raise PlanError(f"{place}: there is no model {key!r} in this experiment; {hint}")


def require_free_page(place: str, page: str, experiments: Container[str]) -> None:
    """See that no experiment has a name that takes the place of another one's second page.

    Raises:
        PlanError: one has.
    """
    if page in experiments:
        raise PlanError(f"{place}: its page would be that of the experiment {page}; rename one of the two")
