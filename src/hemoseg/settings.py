"""Settings with their defaults, and no key that nobody reads."""

import difflib
from typing import Any

from hemoseg.errors import InputError


def with_defaults(settings: dict[str, Any], defaults: dict[str, Any], where: str) -> dict[str, Any]:
    """``defaults`` overlaid with ``settings``.

    Raises:
        InputError: ``settings`` has a key that ``defaults`` has not.
    """
    for key in settings:
        if key not in defaults:
            close = difflib.get_close_matches(str(key), defaults, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(defaults) or 'none'}."
            raise InputError(f"{where}: unknown key {key!r}; {hint}")
    return defaults | settings
