"""Simulated frames with exact truth: one module per kind of specimen, named by ``kind`` in the settings.

A kind is a module of this room with

* ``check(settings) -> dict``: the settings with defaults filled in, or an `InputError`;
* ``simulate_frame(settings, *, seed, index)``: one frame, a function of these three alone;
* ``CLASS_NAMES``, ``TRUTH``, ``dataset(settings) -> dict``: what ``dataset.yaml`` says about it.

A further kind is a further file; nothing else is edited.
"""

import difflib
import importlib
import pkgutil
from types import ModuleType

from hemoseg.errors import InputError


def generator(kind: str) -> ModuleType:
    """The module that simulates ``kind``.

    Raises:
        InputError: there is no such kind.
    """
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    if kind in names:
        module = importlib.import_module(f"{__name__}.{kind}")
        if hasattr(module, "simulate_frame"):
            return module
    kinds = [name for name in names if hasattr(importlib.import_module(f"{__name__}.{name}"), "simulate_frame")]
    close = difflib.get_close_matches(str(kind), kinds, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the kinds are {', '.join(kinds)}."
    raise InputError(f"simulate: kind: there is no kind {kind!r}; {hint}")
