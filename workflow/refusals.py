"""How the plan says no: one sentence with the place, the fault and the remedy."""

import difflib
from collections.abc import Iterable


class PlanError(Exception):
    """params.yaml, or an overlay, cannot be used: one sentence that says where, why and what to do."""


def did_you_mean(word: object, known: Iterable[str], what: str) -> str:
    """The known name that is nearest to the word, or all of them: ``did you mean unet?``, ``the models are ...``."""
    names = list(known)
    close = difflib.get_close_matches(str(word), names, n=1)
    return f"did you mean {close[0]}?" if close else f"the {what} are {', '.join(names)}"
