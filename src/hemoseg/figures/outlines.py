"""Cells outlined on the image they were found in, as a picture of moderate size."""

from collections.abc import Callable, Sequence

import numpy as np

from hemoseg.data.resampling import Resampled, Rows
from hemoseg.data.resize import nearest

LONGEST = 2000  # pixels of the picture's longer side
FINE = 1000  # likewise: up to here outlines are one pixel wide, beyond two, since a screen shows such pictures smaller
BRIGHTEST = 99.8  # percentile of a deep image that is drawn white: few cameras fill 16 bits
# Okabe and Ito's colours, those first that stand out on pink and on grey; the colour-blind tell them apart.
COLOURS = ("#e69f00", "#0072b2", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#56b4e9", "#000000")


def outlined(
    image: Rows,
    labels: Callable[[int, int], np.ndarray],
    size: tuple[int, int],
    kinds: np.ndarray,
    longest: int = LONGEST,
) -> np.ndarray:
    """The picture, uint8 ``(h, w, 3)``; a larger image is averaged down to ``longest``.

    Args:
        image: its rows, uint8 or uint16; of more than three channels the first three are shown.
        labels: cells of rows ``first`` to before ``last``, ``(n, W)``.
        size: rows and columns of both.
        kinds: class of each cell 1..n, ``(n,)``.
        longest: pixels of the longer side.
    """
    share = min(1.0, longest / max(size))
    target = tuple(max(1, round(side * share)) for side in size)
    picture = _picture(image, size, target)
    down, across = (nearest(one, other) for one, other in zip(size, target, strict=True))
    small = labels(0, size[0]) if target == size else np.stack([labels(r, r + 1)[0][across] for r in down.tolist()])
    colours = np.array([[0, 0, 0], *map(_rgb, COLOURS)], np.uint8)
    of_cell = colours[np.concatenate([[0], (np.asarray(kinds, int) - 1) % len(COLOURS) + 1])]
    edge = _edges(small)
    if max(target) > FINE:
        wide = np.pad(edge, 1)
        edge |= (small > 0) & (wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:])
    picture[edge] = of_cell[small[edge]]
    return picture


def legend(class_names: Sequence[str]) -> dict[str, str]:
    """Colour of each class but the background."""
    return {name: COLOURS[position % len(COLOURS)] for position, name in enumerate(class_names[1:])}


def _picture(image: Rows, size: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """The image at another size in 8 bits, ``(h, w, 3)``."""
    rows = image if target == size else Resampled(image, size, target).rows
    step = max(1, 2**24 * target[0] // (size[0] * size[1]))
    parts = [rows(first, min(first + step, target[0])) for first in range(0, target[0], step)]
    values = np.moveaxis(np.concatenate(parts, axis=1), 0, -1)
    values = values[..., :3] if values.shape[2] > 2 else np.repeat(values[..., :1], 3, axis=2)
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    white = max(float(np.percentile(values, BRIGHTEST)), 1.0)
    return np.clip(values * (255 / white), 0, 255).round().astype(np.uint8)


def _edges(labels: np.ndarray) -> np.ndarray:
    """Pixels of cells above, below or beside which something else lies, bool ``(h, w)``."""
    edge = np.zeros(labels.shape, bool)
    down, across = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    return edge & (labels > 0)


def _rgb(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
