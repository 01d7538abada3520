"""The truth of one image, against which any number of predictions are counted."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Truth:
    """True cells, int ``(H, W)``, the class map, and bool ``valid``, False where a pixel is ignored.

    Without instances (None) only what needs no cells can be counted.
    """

    instances: np.ndarray | None
    classes: np.ndarray
    valid: np.ndarray
    _known: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, what: Hashable, count: Callable[[], Any]) -> Any:
        """What ``count()`` gives, called for the first prediction only: a fact of the truth alone.

        Args:
            what: names the fact with all that it rests on besides the truth.
            count: makes it.
        """
        if what not in self._known:
            self._known[what] = count()
        return self._known[what]
