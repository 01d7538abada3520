"""Where the cells lie: singles apart from each other, pairs and clumps that touch or overlap, and the truth of it."""

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from hemoseg.simulation.cells import connected
from hemoseg.simulation.exact import Draws

LEAST_IN_FIELD = 0.4  # share of a cell that the field's border must leave
LEAST_VISIBLE = 0.6  # share of a cell's part in the field that other cells must leave
TRIES = 40
CLUMPS = {2: 0.62, 3: 0.26, 4: 0.12}  # size of a clump of red cells to how often it comes


class Outlined(Protocol):
    """What a scene holds: a mask, bool ``(P, P)``, on a patch of its own, P odd, its middle at the patch's middle."""

    mask: np.ndarray


@dataclass
class Scene:
    """The cells placed so far.

    Attributes:
        owner: int32 ``(H, W)``; 0 background, i for the i-th placed cell where it is on top.
        left: first column of the field.
        right: first column behind it.
        cells: cells with the row and column of their patch's corner in the frame.
        areas: pixels of each cell in the field, hidden ones included.
        touching: numbers of the cells that were placed against another one.
    """

    owner: np.ndarray
    left: int
    right: int
    cells: list[tuple[Outlined, int, int]] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)
    touching: set[int] = field(default_factory=set)

    def window(self, shape: tuple[int, int], row: int, column: int) -> tuple[tuple, tuple] | None:
        """Slices of the frame and of a patch whose corner is put at (row, column), cut at the field's border."""
        top, bottom = max(row, 0), min(row + shape[0], self.owner.shape[0])
        first, last = max(column, self.left), min(column + shape[1], self.right)
        if top >= bottom or first >= last:
            return None
        inner = (slice(top - row, bottom - row), slice(first - column, last - column))
        return (slice(top, bottom), slice(first, last)), inner

    def place_alone(self, cell: Outlined, gap: int, draws: Draws) -> bool:
        """Put a cell where it stays ``gap`` px away from every other; False when there is no room."""
        size = 2 * gap + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        around = cv2.dilate(cell.mask.astype(np.uint8), kernel) > 0
        height, width = self.owner.shape[0], self.right - self.left
        for _ in range(TRIES):
            row = draws.whole(0, height - 1) - cell.mask.shape[0] // 2
            column = self.left + draws.whole(0, width - 1) - cell.mask.shape[1] // 2
            frame, inner = self.window(cell.mask.shape, row, column)
            if self.owner[frame][around[inner]].any():
                continue
            if self._add(cell, row, column, above=True):
                return True
        return False

    def place_against(self, cell: Outlined, number: int, hidden: float, gap: int, draws: Draws) -> bool:
        """Push a cell against cell ``number`` until ``hidden`` of the smaller one's area is shared; False without room.

        With ``hidden`` 0 the two touch: between 0 and ``gap`` px of background lie between them.
        """
        anchor, anchor_row, anchor_column = self.cells[number - 1]
        middle_row = anchor_row + anchor.mask.shape[0] // 2 - cell.mask.shape[0] // 2
        middle_column = anchor_column + anchor.mask.shape[1] // 2 - cell.mask.shape[1] // 2
        allowed = int(hidden * min(int(anchor.mask.sum()), int(cell.mask.sum())))
        for _ in range(TRIES // 2):
            cosine, sine = draws.direction()
            near, far = 0.0, float(anchor.mask.shape[0] // 2 + cell.mask.shape[0] // 2)
            while far - near > 0.5:
                distance = (near + far) / 2
                offset = (middle_row + int(distance * sine), middle_column + int(distance * cosine))
                if shared(anchor.mask, anchor_row, anchor_column, cell.mask, *offset) > allowed:
                    near = distance
                else:
                    far = distance
            far += 0 if hidden else draws.whole(0, gap)
            row, column = middle_row + int(far * sine), middle_column + int(far * cosine)
            window = self.window(cell.mask.shape, row, column)
            if window is None:
                continue
            met = self.owner[window[0]][cell.mask[window[1]]]
            if ((met > 0) & (met != number)).any():
                continue
            if self._add(cell, row, column, above=draws.chance(0.5)):
                self.touching |= {number, len(self.cells)}
                return True
        return False

    def _add(self, cell: Outlined, row: int, column: int, above: bool) -> bool:
        """Paint a cell above or below those it meets, unless it or they would be left in parts or too small."""
        window = self.window(cell.mask.shape, row, column)
        if window is None:
            return False
        frame, inner = window
        mask = cell.mask[inner]
        area = int(mask.sum())
        if area < LEAST_IN_FIELD * int(cell.mask.sum()):
            return False
        before = self.owner[frame].copy()
        number = len(self.cells) + 1
        self.owner[frame][mask if above else mask & (before == 0)] = number
        met = sorted(set(before[mask].tolist()) - {0})
        self.cells.append((cell, row, column))
        self.areas.append(area)
        if all(self._whole(other) for other in [*met, number]):
            return True
        self.owner[frame] = before
        self.cells.pop()
        self.areas.pop()
        return False

    def _whole(self, number: int) -> bool:
        cell, row, column = self.cells[number - 1]
        frame, _ = self.window(cell.mask.shape, row, column)
        seen = self.owner[frame] == number
        return int(seen.sum()) >= LEAST_VISIBLE * self.areas[number - 1] and connected(seen)


def shared(a: np.ndarray, a_row: int, a_column: int, b: np.ndarray, b_row: int, b_column: int) -> int:
    """Pixels that two bool patches have in common when their corners lie at the given places."""
    top, bottom = max(a_row, b_row), min(a_row + a.shape[0], b_row + b.shape[0])
    first, last = max(a_column, b_column), min(a_column + a.shape[1], b_column + b.shape[1])
    if top >= bottom or first >= last:
        return 0
    of_a = a[top - a_row : bottom - a_row, first - a_column : last - a_column]
    of_b = b[top - b_row : bottom - b_row, first - b_column : last - b_column]
    return int(np.count_nonzero(of_a & of_b))


def group_sizes(cells: int, touching: float, draws: Draws, clumps: dict[int, float] = CLUMPS) -> list[int]:
    """Sizes of the groups that ``cells`` cells come in: 1 for a single, more for cells that touch.

    Args:
        cells: how many.
        touching: share of them that stand in groups.
        draws: where the sizes come from.
        clumps: size of a group to how often it comes.
    """
    share = touching * cells
    left = min(cells, int(share) + draws.chance(share - int(share)))
    sizes = []
    while left >= 2:
        size = min(left, list(clumps)[draws.pick(list(clumps.values()))])
        size = left if left - size == 1 and left <= max(clumps) else size
        sizes.append(size)
        left -= size
    in_groups = 0
    for size in sizes:
        in_groups += size
    return sizes + [1] * (cells - in_groups)
